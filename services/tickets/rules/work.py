"""The verbs of the work: file, start, hold, resume, resolve, close, reopen, cancel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import access, impact
from services.tickets.rules.events import (
    Decided,
    TicketCancelled,
    TicketClosed,
    TicketHeld,
    TicketOpened,
    TicketReopened,
    TicketResolved,
    TicketResumed,
    TicketStarted,
)
from services.tickets.rules.ticket import (
    OPEN,
    Channel,
    Hold,
    HoldReason,
    Resolution,
    ResolutionCode,
    State,
    Ticket,
    Type,
)
from services.tickets.rules.triage import PriorityMatrix, require_complete

REOPEN_WITHIN = timedelta(days=14)

HOLDS_FROM = frozenset({State.NEW, State.IN_PROGRESS, State.ON_HOLD})
RESUMES_FROM = frozenset({State.ON_HOLD, State.AWAITING_REQUESTER})
ENDED = frozenset({State.RESOLVED, State.CLOSED})


@dataclass(frozen=True, slots=True)
class Filing:
    """What somebody files. requester: "" is the one who files. impact and urgency: both, or 0 for later.

    impact_started_at: when the impact of an incident began, None when that is not known to be earlier.
    """

    type: Type
    title: str
    description: str = ""
    requester: str = ""
    channel: Channel = Channel.API
    service: str = ""
    category: str = ""
    site: str = ""
    impact: int = 0
    urgency: int = 0
    item: str = ""
    impact_started_at: datetime | None = None


def file(filing: Filing, actor: Actor, matrix: PriorityMatrix, now: datetime) -> Decided:
    """A new ticket in the caller's unit. Anybody files for themselves, an agent or lead for anybody.

    Of services only those that watch others file by themselves, for the person whom they name.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, TITLE_REQUIRED, TRIAGE_INCOMPLETE, INCIDENT_REQUIRED,
            IMPACT_START_INVALID.
    """
    if actor.is_system and not (actor.sub in access.FILING_SYSTEMS and filing.requester):
        raise Refusal.forbidden("PERSON_REQUIRED", "Only a person files a ticket; pass on who asked for it.")
    requester = filing.requester or actor.sub
    if requester != actor.sub and not actor.is_system:
        actor.require(*access.WORKERS, to="file for somebody else")
    title = filing.title.strip()
    if not title:
        raise Refusal.invalid("title", "TITLE_REQUIRED", "Say in a few words what this is about.")
    if filing.impact or filing.urgency:
        require_complete(filing.impact, filing.urgency)
    if filing.impact_started_at is not None:
        if not actor.is_system:
            actor.require(*access.WORKERS, to="say when its impact began")
        impact.check(filing.type, filing.impact_started_at, now)
    ticket = Ticket(
        type=filing.type,
        state=State.NEW,
        title=title,
        opened_at=now,
        updated_at=now,
        description=filing.description,
        requester=requester,
        opener=actor.sub if requester != actor.sub else "",
        channel=filing.channel,
        impact=filing.impact,
        urgency=filing.urgency,
        priority=matrix.priority(filing.impact, filing.urgency),
        service=filing.service,
        category=filing.category,
        site=filing.site,
        item=filing.item,
        unit=actor.unit,
        impact_started_at=filing.impact_started_at,
    )
    return ticket, (TicketOpened(ticket),)


def start(ticket: Ticket, actor: Actor, now: datetime) -> Decided:
    """An agent takes up a new ticket that has a team.

    Raises:
        Refusal: ROLE_REQUIRED, TEAM_REQUIRED, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "start this ticket")
    access.require_state(ticket, frozenset({State.NEW}), "start this ticket")
    if not ticket.team:
        raise Refusal.precondition("TEAM_REQUIRED", "Assign it to a team before work starts.", "team")
    started = replace(ticket, state=State.IN_PROGRESS, updated_at=now)
    return started, (TicketStarted(started),)


def hold(ticket: Ticket, actor: Actor, now: datetime, *, reason: HoldReason, note: str, unblocker: str) -> Decided:
    """Something outside blocks it: what, and who can unblock it. Again on hold: the new reason counts from now.

    Raises:
        Refusal: ROLE_REQUIRED, HOLD_INCOMPLETE, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "put this ticket on hold")
    access.require_state(ticket, HOLDS_FROM, "put this ticket on hold")
    if not note.strip() or not unblocker.strip():
        field = "unblocker" if note.strip() else "note"
        raise Refusal.invalid(field, "HOLD_INCOMPLETE", "Say what blocks it and who can unblock it.")
    held = replace(ticket, state=State.ON_HOLD, hold=Hold(reason, note.strip(), unblocker.strip(), now), updated_at=now)
    return held, (TicketHeld(held),)


def resume(ticket: Ticket, actor: Actor, now: datetime) -> Decided:
    """Work goes on: what blocked it is gone, or the question is withdrawn.

    Raises:
        Refusal: ROLE_REQUIRED, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "resume this ticket")
    access.require_state(ticket, RESUMES_FROM, "resume this ticket")
    resumed = replace(ticket, state=State.IN_PROGRESS, hold=None, question=None, updated_at=now)
    return resumed, (TicketResumed(resumed),)


def resolve(
    ticket: Ticket,
    actor: Actor,
    now: datetime,
    *,
    code: ResolutionCode,
    note: str,
    articles: tuple[str, ...] = (),
    closes_after: timedelta | None = None,
) -> Decided:
    """The work is done; says how, and which articles helped.

    closes_after: how long somebody may disagree before it closes by itself; None is for ever.

    Raises:
        Refusal: ROLE_REQUIRED, RESOLUTION_INVALID, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "resolve this ticket")
    access.require_state(ticket, OPEN, "resolve this ticket")
    if code is ResolutionCode.IMPORTED or not note.strip():
        field = "note" if code is not ResolutionCode.IMPORTED else "code"
        raise Refusal.invalid(field, "RESOLUTION_INVALID", "Say how it ended, in a code and a note of your own.")
    resolution = Resolution(code, note.strip(), tuple(dict.fromkeys(articles)))
    closes_at = now + closes_after if closes_after else None
    resolved = replace(resolved_as(ticket, resolution, now), knowledge_used=bool(articles), closes_at=closes_at)
    return resolved, (TicketResolved(resolved),)


def resolved_as(ticket: Ticket, resolution: Resolution, now: datetime) -> Ticket:
    """The ticket when its work is done: nothing blocks it and nothing is asked any more."""
    return replace(
        ticket,
        state=State.RESOLVED,
        hold=None,
        question=None,
        resolution=resolution,
        resolved_at=now,
        closes_at=None,
        closed_at=None,
        updated_at=now,
    )


def close(ticket: Ticket, actor: Actor, now: datetime) -> Decided:
    """The requester, or an agent, agrees that it is over.

    Raises:
        Refusal: NOT_YOURS, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_party_or_worker(actor, ticket, "close this ticket")
    access.require_state(ticket, frozenset({State.RESOLVED}), "close this ticket")
    return _closed(ticket, now)


def close_unopposed(ticket: Ticket, now: datetime) -> Decided:
    """Nobody took the end back in the time for it: its deadline has come, and it closes by itself.

    Raises:
        Refusal: TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_state(ticket, frozenset({State.RESOLVED}), "close this ticket")
    return _closed(ticket, now)


def _closed(ticket: Ticket, now: datetime) -> Decided:
    closed = replace(ticket, state=State.CLOSED, closes_at=None, closed_at=now, updated_at=now)
    return closed, (TicketClosed(closed),)


def reopen(ticket: Ticket, actor: Actor, now: datetime, *, reason: str) -> Decided:
    """It was not over. The requester may say so until 14 days after it closed, an agent at any time.

    Raises:
        Refusal: NOT_YOURS, REASON_REQUIRED, REOPEN_TOO_LATE, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_party_or_worker(actor, ticket, "reopen this ticket")
    access.require_state(ticket, ENDED, "reopen this ticket")
    late = ticket.closed_at is not None and now > ticket.closed_at + REOPEN_WITHIN
    if late and not access.works(actor, ticket):
        raise Refusal.precondition(
            "REOPEN_TOO_LATE", f"It closed more than {REOPEN_WITHIN.days} days ago; file a new one and link it."
        )
    reopened = reopened_from(ticket, now)
    return reopened, (TicketReopened(reopened, _said(reason), ticket.state),)


def reopened_from(ticket: Ticket, now: datetime) -> Ticket:
    """The ticket with its end taken back."""
    return replace(
        ticket,
        state=State.IN_PROGRESS,
        resolution=None,
        resolved_at=None,
        closes_at=None,
        closed_at=None,
        reopens=ticket.reopens + 1,
        updated_at=now,
    )


def cancel(ticket: Ticket, actor: Actor, now: datetime, *, reason: str) -> Decided:
    """It is not wanted any more.

    Raises:
        Refusal: NOT_YOURS, REASON_REQUIRED, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_party_or_worker(actor, ticket, "cancel this ticket")
    access.require_state(ticket, OPEN, "cancel this ticket")
    cancelled = replace(ticket, state=State.CANCELLED, hold=None, question=None, updated_at=now)
    return cancelled, (TicketCancelled(cancelled, _said(reason)),)


def _said(reason: str) -> str:
    said = reason.strip()
    if not said:
        raise Refusal.invalid("reason", "REASON_REQUIRED", "Say why, in a few words.")
    return said
