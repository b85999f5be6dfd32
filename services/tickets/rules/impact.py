"""When the impact of an incident began, before anybody filed it: dated by who works on it, or by what measured it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import access
from services.tickets.rules.events import Decided, ImpactStartSet
from services.tickets.rules.ticket import OPEN, State, Ticket, Type

EARLIEST = timedelta(days=366)
DATES_IN = OPEN | {State.RESOLVED}


def set_start(ticket: Ticket, actor: Actor, now: datetime, *, started_at: datetime | None) -> Decided:
    """Says when the impact began; None takes it back. Until it is closed: what is judged by it is judged anew.

    Raises:
        Refusal: ROLE_REQUIRED, OUTSIDE_YOUR_UNIT, TICKET_IS_<state>, TICKET_IMPORTING, INCIDENT_REQUIRED,
            IMPACT_START_INVALID.
    """
    if not access.has_filed(actor, ticket):
        access.require_worker(actor, ticket, "say when its impact began")
    access.require_state(ticket, DATES_IN, "say when its impact began")
    if started_at is not None:
        check(ticket.type, started_at, ticket.opened_at)
    if started_at == ticket.impact_started_at:
        return ticket, ()
    dated = replace(ticket, impact_started_at=started_at, updated_at=now)
    return dated, (ImpactStartSet(dated, ticket.impact_started_at),)


def check(kind: Type, started_at: datetime, opened_at: datetime) -> None:
    """Refuses a start that no incident can have: later than its opening, and so in the future, or long before it.

    Raises:
        Refusal: INCIDENT_REQUIRED, IMPACT_START_INVALID.
    """
    if kind is not Type.INCIDENT:
        raise Refusal.precondition(
            "INCIDENT_REQUIRED", "A request reports nothing broken: date the impact of an incident alone.", "type"
        )
    if not opened_at - EARLIEST <= started_at <= opened_at:
        raise Refusal.invalid(
            "impact_start_time",
            "IMPACT_START_INVALID",
            f"Give a time up to the opening, {opened_at:%Y-%m-%d %H:%M:%S} UTC, and {EARLIEST.days} days before it at "
            "most.",
        )
