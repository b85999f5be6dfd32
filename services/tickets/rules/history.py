"""The past of a ticket, told by the rows of a log: the same counts and marks as live work, in the log's own time.

The order of the steps given is the truth; a step's time may lie before that of the step before it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import events as told
from services.tickets.rules.access import OPERATOR
from services.tickets.rules.assignment import handed
from services.tickets.rules.ticket import (
    OPEN,
    Channel,
    Hold,
    HoldReason,
    Question,
    Resolution,
    ResolutionCode,
    State,
    Ticket,
    Type,
)
from services.tickets.rules.triage import LEVELS, PriorityMatrix
from services.tickets.rules.work import reopened_from, resolved_as

# A log names what it waited for, not who could end the waiting.
_UNBLOCKERS = {
    HoldReason.VENDOR: "vendor",
    HoldReason.PROBLEM: "problem management",
    HoldReason.CHANGE: "change management",
    HoldReason.EVIDENCE: "requester",
    HoldReason.OTHER: "",
}

_ARRIVED = {State.ON_HOLD: told.TicketHeld, State.AWAITING_REQUESTER: told.RequesterAsked}


@dataclass(frozen=True, slots=True)
class Opening:
    """What a log says of a ticket as a whole. source: names the log; external_id: the ticket's number in it."""

    source: str
    external_id: str
    type: Type
    opened_at: datetime
    title: str = ""
    requester: str = ""
    opener: str = ""
    channel: Channel = Channel.UNSPECIFIED
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What a row says the ticket looked like from `at` on. digest: tells it from another row of the same id.

    impact, urgency: 0 when the row does not say. team, assignee: "" when there was none. category, service, site: ""
    when the row does not say.
    """

    id: str
    at: datetime
    state: State
    hold_reason: HoldReason = HoldReason.OTHER
    impact: int = 0
    urgency: int = 0
    team: str = ""
    assignee: str = ""
    category: str = ""
    service: str = ""
    site: str = ""
    actor: str = ""
    knowledge_used: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Past:
    """A ticket's rows in their order. complete: no further ones will come."""

    opening: Opening
    steps: tuple[Step, ...]
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row. ticket: "" when there is none. applied: it told something; refused: why not, if so."""

    external_id: str
    step_id: str
    ticket: str
    applied: bool
    refused: Refusal | None


def require_operator(actor: Actor) -> None:
    """Refuses ROLE_REQUIRED whoever is no operator: the past is not everybody's to write."""
    actor.require(OPERATOR, to="import histories")


def untakeable(opening: Opening, step: Step, now: datetime) -> Refusal | None:
    """Why a step cannot be taken whatever the ticket looks like (STEP_IN_FUTURE), so that every run says the same."""
    if max(opening.opened_at, step.at) > now:
        return Refusal.invalid("time", "STEP_IN_FUTURE", "A history holds what has happened; this time is yet to come.")
    return None


def open_past(opening: Opening, first: Step, matrix: PriorityMatrix) -> told.Decided:
    """The ticket as it was filed: new, with what its first row says of it. Its team then is no assignment change."""
    ticket = Ticket(
        type=opening.type,
        state=State.NEW,
        title=opening.title or opening.external_id,
        opened_at=opening.opened_at,
        updated_at=opening.opened_at,
        requester=opening.requester,
        opener=opening.opener if opening.opener != opening.requester else "",
        channel=opening.channel,
        unit=opening.unit,
        source=opening.source,
        external_id=opening.external_id,
        importing=True,
    )
    ticket = handed(_described(ticket, first, matrix), first.team, first.assignee, opening.opened_at)
    ticket = replace(ticket, assignment_changes=0)
    return ticket, (told.TicketOpened(ticket),)


def take(ticket: Ticket, step: Step, matrix: PriorityMatrix) -> told.Decided:
    """Brings the ticket to what the row says; no events when it looks so already.

    Raises:
        Refusal: HISTORY_COMPLETE.
    """
    if not ticket.importing:
        raise Refusal.precondition(
            "HISTORY_COMPLETE", "The history of this ticket was completed; from then on it changes by live work alone."
        )
    happened: list[told.TicketEvent] = []
    described = _described(ticket, step, matrix)
    if described is not ticket:
        happened.append(told.TicketTriaged(described, ticket.priority))
        ticket = described
    if (step.team, step.assignee) != (ticket.team, ticket.assignee):
        given = handed(ticket, step.team, step.assignee, step.at)
        happened.append(told.TicketAssigned(given, ticket.team, ticket.assignee))
        ticket = given
    ticket, moves = _moved(ticket, step)
    return ticket, (*happened, *moves)


def complete(ticket: Ticket) -> told.Decided:
    """No further rows will come; a ticket that is still open starts to live."""
    if not ticket.importing:
        return ticket, ()
    alive = replace(ticket, importing=False)
    return alive, (told.TicketImported(alive),)


def _described(ticket: Ticket, step: Step, matrix: PriorityMatrix) -> Ticket:
    impact, urgency = step.impact or ticket.impact, step.urgency or ticket.urgency
    known = impact in LEVELS and urgency in LEVELS
    said = {
        "impact": impact,
        "urgency": urgency,
        "priority": matrix.priority(impact, urgency) if known else ticket.priority,
        "category": step.category or ticket.category,
        "service": step.service or ticket.service,
        "site": step.site or ticket.site,
        "knowledge_used": step.knowledge_used,
    }
    new: dict[str, Any] = {name: value for name, value in said.items() if value != getattr(ticket, name)}
    return replace(ticket, **new, updated_at=step.at) if new else ticket


def _moved(ticket: Ticket, step: Step) -> told.Decided:
    """The ticket in the row's state, and what must have happened for that."""
    same_hold = ticket.hold is None or ticket.hold.reason is step.hold_reason
    if step.state is ticket.state and (step.state is not State.ON_HOLD or same_hold):
        return ticket, ()
    if step.state in (State.RESOLVED, State.CLOSED, State.CANCELLED):
        return _ended(ticket, step)
    happened: list[told.TicketEvent] = []
    if ticket.state not in OPEN:
        reopened = reopened_from(ticket, step.at)
        happened.append(told.TicketReopened(reopened, "", ticket.state))
        ticket = reopened
    if step.state is ticket.state and step.state is not State.ON_HOLD:
        return ticket, tuple(happened)
    came_from = ticket.state
    hold = question = None
    if step.state is State.ON_HOLD:
        hold = Hold(step.hold_reason, "", _UNBLOCKERS[step.hold_reason], step.at)
    if step.state is State.AWAITING_REQUESTER:
        question = Question("", step.actor, step.at)
    ticket = replace(ticket, state=step.state, hold=hold, question=question, updated_at=step.at)
    event = _ARRIVED.get(step.state) or (told.TicketStarted if came_from is State.NEW else told.TicketResumed)
    return ticket, (*happened, event(ticket))


def _ended(ticket: Ticket, step: Step) -> told.Decided:
    if step.state is State.RESOLVED:
        resolved = resolved_as(ticket, Resolution(ResolutionCode.IMPORTED), step.at)
        return resolved, (told.TicketResolved(resolved),)
    closed_at = step.at if step.state is State.CLOSED else None
    ended = replace(ticket, state=step.state, hold=None, question=None, closed_at=closed_at, updated_at=step.at)
    if step.state is State.CLOSED:
        return ended, (told.TicketClosed(ended),)
    return ended, (told.TicketCancelled(ended, ""),)
