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


class HoldReason(StrEnum):
    """What a ticket on hold waits for."""

    VENDOR = "vendor"
    PROBLEM = "problem"
    CHANGE = "change"
    EVIDENCE = "evidence"
    OTHER = "other"


OPEN_STATES = frozenset({TicketState.NEW, TicketState.IN_PROGRESS, TicketState.AWAITING_REQUESTER, TicketState.ON_HOLD})
DONE_STATES = frozenset({TicketState.RESOLVED, TicketState.CLOSED})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a policy is chosen by. priority: 1 to 4, 0 before triage. source: "" for live tickets.

    unit: the customer group, as the ticket has it. channel: "portal", "email", ... impact, urgency: 1 to 3, 0 before
    triage. item: "items/<id>", what was ordered or is broken. vip: the requester is one, as the directory said when the
    ticket was first heard of.
    """

    priority: int
    type: TicketType
    service: str
    source: str
    unit: str = ""
    site: str = ""
    category: str = ""
    channel: str = ""
    impact: int = 0
    urgency: int = 0
    item: str = ""
    vip: bool = False

    @property
    def ticket_type(self) -> TicketType:
        """Its type, under the name that conditions have for it: "type" alone is a word of their language."""
        return self.type


@dataclass(frozen=True, slots=True)
class Seen:
    """A ticket as one of its events shows it.

    opened_at: where its clocks start, unless they count from impact_at, the start of the impact, None while it is not
    known. responded_at: the first public reply of a person, None before it. hold: what it waits for, on hold alone.
    updated: this event is a public word of ours.
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
    hold: HoldReason | None = None
    updated: bool = False
    impact_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """From `at` on the ticket was in `state`, on `hold` for that reason and with `team`, because of `cause` (an event's
    id). updated: the event was a public word of ours.
    """

    at: datetime
    state: TicketState
    cause: str
    hold: HoldReason | None = None
    team: str = ""
    updated: bool = False

    def stands_as(self, other: Turn) -> bool:
        """Whether nothing lies between the two that any clock asks about."""
        return (self.state, self.hold, self.team) == (other.state, other.hold, other.team)


@dataclass(frozen=True, slots=True)
class Impact:
    """When the impact began, as far as the ticket says, and by which event it said so."""

    at: datetime
    cause: str
