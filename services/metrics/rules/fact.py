"""One ticket as the metrics see it: its marks, its counts and its judged clocks, from events alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from services.metrics.rules.chase import Urge, chases
from services.metrics.rules.waits import Wait, Waits

SIGNATURE = 2
"""Of the signature of a fault; +1 whenever two occurrences would no longer be told to be one, or the other way."""
_NUMBERS = re.compile(r"\d+")
_WORDS = 120
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Type(StrEnum):
    """What a ticket is about."""

    INCIDENT = "INCIDENT"
    REQUEST = "REQUEST"


class State(StrEnum):
    """Where a ticket stands."""

    NEW = "NEW"
    IN_PROGRESS = "IN_PROGRESS"
    AWAITING_REQUESTER = "AWAITING_REQUESTER"
    ON_HOLD = "ON_HOLD"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"


OPEN = frozenset({State.NEW, State.IN_PROGRESS, State.AWAITING_REQUESTER, State.ON_HOLD})
DONE = frozenset({State.RESOLVED, State.CLOSED})
PENDING = frozenset({State.AWAITING_REQUESTER, State.ON_HOLD})


class Channel(StrEnum):
    """How a ticket came in; UNSPECIFIED where an imported history does not say."""

    UNSPECIFIED = "UNSPECIFIED"
    PORTAL = "PORTAL"
    EMAIL = "EMAIL"
    CHAT = "CHAT"
    PHONE = "PHONE"
    WALK_UP = "WALK_UP"
    API = "API"
    MONITORING = "MONITORING"


IN_PERSON = frozenset({Channel.PHONE, Channel.WALK_UP})


class Exclusion(StrEnum):
    """The named rules by which a fact stays out of numbers: of all of them, or of those that name the rule."""

    NONE = ""
    CANCELLED = "cancelled"
    TEST = "test"
    NO_FAULT = "no_fault"
    DUPLICATE = "duplicate"


OUT_OF_ALL = frozenset({Exclusion.CANCELLED, Exclusion.TEST})


@dataclass(frozen=True, slots=True)
class Judged:
    """A clock as sla last told it. finished_at: when it stopped, met or missed. elapsed: business seconds used then."""

    finished_at: datetime | None = None
    met: bool = False
    elapsed: int = 0
    breached_at: datetime | None = None

    @property
    def is_broken(self) -> bool:
        """Whether it was breached or missed."""
        return self.breached_at is not None or (self.finished_at is not None and not self.met)


@dataclass(frozen=True, slots=True)
class Fact:
    """One ticket. Instants are aware UTC in milliseconds, lengths are whole seconds.

    known: an event of the ticket itself was heard; clocks alone make no ticket.
    item: what was ordered or is broken, as the ticket names it; "" when it names none.
    acked_at: the first act of a person on our side. responded_at: the first public reply of one.
    resolved_at: the latest transition into RESOLVED, kept when the ticket is reopened; first_resolved_at: the first.
    ended_at: when it last left the open states; None while it is open.
    waited, waited_since: time spent waiting for the requester or on hold, and since when it waits now.
    worked, working_since: the same of being worked on. repaired: worked, as it was at the latest resolution.
    waits: what it did while it was open, without what it does now; standing, standing_since: that, and since when.
    teams: those that have had it, the latest last (E06).
    asks: questions to the requester. contacts: public comments of theirs before the first resolution.
    urges: what they said in public while nobody waited for them, with when and whether the ticket stood still.
    problems: those that it is linked to, each with when it was.
    handovers: changes of the person inside one team. by_person: a person resolved it first.
    caused_by: the changes that it is laid to. revision: +1 per change of anything here.
    days: UTC days (since 1970) in which it counts for something. stale: days whose cells do not hold it yet as it is.
    """

    ticket: str
    known: bool = False
    type: Type = Type.INCIDENT
    state: State = State.NEW
    title: str = ""
    importing: bool = False
    impact: int = 0
    urgency: int = 0
    priority: int = 0
    service: str = ""
    category: str = ""
    team: str = ""
    site: str = ""
    unit: str = ""
    channel: Channel = Channel.UNSPECIFIED
    source: str = ""
    item: str = ""
    opened_at: datetime = EPOCH
    acked_at: datetime | None = None
    responded_at: datetime | None = None
    first_resolved_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    ended_at: datetime | None = None
    reopened_at: tuple[datetime, ...] = ()
    waited: int = 0
    waited_since: datetime | None = None
    worked: int = 0
    working_since: datetime | None = None
    repaired: int = 0
    waits: Waits = ()
    standing: Wait | None = None
    standing_since: datetime | None = None
    teams: tuple[str, ...] = ()
    reassignments: int = 0
    assignment_changes: int = 0
    reopens: int = 0
    asks: int = 0
    contacts: int = 0
    urges: tuple[Urge, ...] = ()
    problems: tuple[tuple[str, datetime], ...] = ()
    handovers: int = 0
    by_person: bool = False
    caused_by: tuple[str, ...] = ()
    ping_pong: bool = False
    knowledge_used: bool = False
    exclusion: Exclusion = Exclusion.NONE
    response: Judged = Judged()
    resolution: Judged = Judged()
    updated_at: datetime = EPOCH
    revision: int = 0
    days: tuple[int, ...] = ()
    stale: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """ "facts/INC-000123"."""
        return fact_name(self.ticket)

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to act on the ticket."""
        return self.state in OPEN

    @property
    def is_excluded(self) -> bool:
        """Whether a named rule keeps it out of every number."""
        return self.exclusion in OUT_OF_ALL

    @property
    def is_met(self) -> bool:
        """Whether a clock has finished, and none was missed or breached."""
        judged = (self.response, self.resolution)
        finished = any(one.finished_at is not None for one in judged)
        return finished and all(one.breached_at is None and (one.finished_at is None or one.met) for one in judged)

    @property
    def is_late(self) -> bool:
        """Whether a promise was broken, by a breach that stands or a clock that missed."""
        return self.response.is_broken or self.resolution.is_broken

    @property
    def late_since(self) -> datetime | None:
        """When the first of its promises was broken."""
        missed = (one.breached_at or one.finished_at for one in (self.response, self.resolution) if one.is_broken)
        return min((at for at in missed if at is not None), default=None)

    @property
    def chases(self) -> int:
        """How often the requester spoke up while it stood still or was late (E12-waiting)."""
        return chases(self.urges, self.opened_at, self.late_since)

    @property
    def signature(self) -> str:
        """What failed, how and where: equal for occurrences of one fault (E11); "" when service or category is unknown.

        Version 2: service, category, site, and the title with its numbers taken out. Service and category alone called
        nearly every ticket of a busy desk a recurrence.
        """
        if not self.service or not self.category:
            return ""
        words = " ".join(_NUMBERS.sub("#", self.title.casefold()).split())
        return "|".join((f"v{SIGNATURE}", self.service, self.category, self.site, words[:_WORDS]))


def fact_name(resource: str) -> str:
    """The fact of a ticket, or of a ticket's clocks: "tickets/INC-000123" -> "facts/INC-000123"."""
    return f"facts/{resource.partition('/')[2]}"


def day_of(at: datetime) -> int:
    """The UTC day that holds an instant, counted from 1970-01-01."""
    return (at - EPOCH).days
