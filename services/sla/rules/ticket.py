"""What the clocks see of a ticket: its state, what its policy is chosen by, and who may look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TicketType(StrEnum):
    """What kind of ticket it is."""

    INCIDENT = "incident"
    REQUEST = "request"


class TicketState(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    AWAITING_REQUESTER = "awaiting_requester"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({TicketState.NEW, TicketState.IN_PROGRESS, TicketState.AWAITING_REQUESTER, TicketState.ON_HOLD})
DONE_STATES = frozenset({TicketState.RESOLVED, TicketState.CLOSED})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy is chosen by. priority: 1 to 4, 0 before triage. source: "" for live tickets."""

    priority: int
    type: TicketType
    service: str
    source: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket as one of its events shows it.

    opened_at: where its clocks start. responded_at: the first public reply of a person, None before it.
    """

    name: str
    state: TicketState
    facts: Facts
    requester: str
    unit: str
    team: str
    opened_at: datetime
    responded_at: datetime | None
    importing: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """From `at` on the ticket was in `state`, because of `cause` (an event's id)."""

    at: datetime
    state: TicketState
    cause: str
