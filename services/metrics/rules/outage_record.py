"""An outage as it is kept: found, blamed, with whom it hit; opened, amended, closed and taken back visibly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from services.metrics.rules.availability import SLICE
from services.metrics.rules.blame import Share
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.outage import Standing, Stretch
from services.metrics.rules.outage_incident import AGAIN, NONE_AFTER_ALL, Filing, noting, over
from services.metrics.rules.scope import NOBODY_HIT, Scope

NEAR = 30
"""An outage that was found anew is the one that is kept when no more slices than these lie between them."""
MOST_TICKETS = 200
_OWN = "opened by the outage"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,60}")


class State(Enum):
    """Where an outage stands. RETRACTED: late spans showed that it was none, or a part of another."""

    PROVISIONAL = "provisional"
    OPEN = "open"
    CLOSED = "closed"
    RETRACTED = "retracted"


class Origin(Enum):
    """Whose fault it is: its own, another's, or nobody can tell."""

    ROOT = "root"
    SYMPTOMATIC = "symptomatic"
    UNDETERMINED = "undetermined"


class Tier(Enum):
    """How sure it is that a ticket belongs to an outage."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class Hour:
    """Weighted requests of one hour of the outage. number: hours since 1970. expected: as the weeks before had."""

    number: int
    valid: float
    bad: float
    expected: float
    seconds: int


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A span that shows it."""

    trace: str
    span: str
    ended_ms: int
    route: str


@dataclass(frozen=True, slots=True)
class Attributed:
    """A ticket that belongs to the outage, and why."""

    ticket: str
    tier: Tier
    reason: str


@dataclass(frozen=True, slots=True)
class Outage:
    """first, last: bad slices. looked_at: when it was last judged; an older look changes nothing.

    filing: the incident that it opens; of an outage that was just found, the one that it would open.
    """

    service: str
    state: State
    first: int
    last: int
    looked_at: datetime
    origin: Origin = Origin.ROOT
    root: str = ""
    shares: tuple[Share, ...] = ()
    hours: tuple[Hour, ...] = ()
    scope: Scope = NOBODY_HIT
    exemplars: tuple[Exemplar, ...] = ()
    tickets: tuple[Attributed, ...] = ()
    lag_seconds: int | None = None
    planned: bool = False
    affected: tuple[str, ...] = ()
    revision: int = 1
    filing: Filing | None = None

    @property
    def incident(self) -> str:
        """The incident that it has opened, "" for none."""
        return self.filing.ticket if self.filing is not None else ""

    @property
    def start(self) -> datetime:
        """The beginning of its first bad slice."""
        return EPOCH + self.first * SLICE

    @property
    def end(self) -> datetime | None:
        """The end of its last bad slice; None while it lasts."""
        return EPOCH + (self.last + 1) * SLICE if self.state is State.CLOSED else None


@dataclass(frozen=True, slots=True)
class OutageOpened:
    """A service fails its callers."""

    outage: Outage


@dataclass(frozen=True, slots=True)
class OutageAmended:
    """More is known, or other than before."""

    outage: Outage


@dataclass(frozen=True, slots=True)
class OutageClosed:
    """It is over."""

    outage: Outage


@dataclass(frozen=True, slots=True)
class OutageRetracted:
    """It was none."""

    outage: Outage


Told = OutageOpened | OutageAmended | OutageClosed | OutageRetracted
_STATES = {Standing.PROVISIONAL: State.PROVISIONAL, Standing.OPEN: State.OPEN, Standing.CLOSED: State.CLOSED}


def outage_name(service: str, first: int) -> str:
    """The name of an outage that was first seen with this slice; of an odd service name the hash stands in."""
    plain = service if _PLAIN.fullmatch(service) else hashlib.sha256(service.encode()).hexdigest()[:24]
    return f"outages/{plain}.{first * SLICE // timedelta(seconds=1)}"


def state_of(stretch: Stretch) -> State:
    """The state of an outage that was found like this."""
    return _STATES[stretch.standing]


def matched(stretch: Stretch, kept: Sequence[tuple[str, Outage]]) -> tuple[str, Outage] | None:
    """The kept outage that was found again: of those that touch it the one that began first."""
    near = [one for one in kept if one[1].first - NEAR <= stretch.last and stretch.first <= one[1].last + NEAR]
    return min(near, key=lambda one: (one[1].first, one[0]), default=None)


def judged(before: Outage | None, found: Outage) -> tuple[Outage, tuple[Told, ...]]:
    """The outage after another look: told only when something of it has changed."""
    if before is None:
        found = replace(found, filing=_filing(None, found))
        events: tuple[Told, ...] = (OutageOpened(found),)
        return found, (*events, OutageClosed(found)) if found.state is State.CLOSED else events
    if before.looked_at >= found.looked_at:
        return before, ()
    filing = _filing(before, found)
    tickets = _with_own(found.tickets, filing)
    same = replace(found, looked_at=before.looked_at, revision=before.revision, tickets=tickets, filing=filing)
    if same == before:
        return before, ()
    after = replace(same, looked_at=found.looked_at, revision=before.revision + 1)
    if after.state is State.CLOSED and before.state is not State.CLOSED:
        return after, (OutageClosed(after),)
    if before.state is State.RETRACTED:
        return after, (OutageOpened(after),)
    return after, (OutageAmended(after),)


def retracted(before: Outage, at: datetime) -> tuple[Outage, tuple[Told, ...]]:
    """The outage after a look that did not find it any more."""
    if before.state is State.RETRACTED or before.looked_at >= at:
        return before, ()
    filing = noting(before.filing, NONE_AFTER_ALL) if before.filing is not None else None
    after = replace(before, state=State.RETRACTED, looked_at=at, revision=before.revision + 1, filing=filing)
    return after, (OutageRetracted(after),)


def filed(before: Outage, ticket: str) -> tuple[Outage, tuple[Told, ...]]:
    """The outage when its incident has been filed: the ticket belongs to it for certain."""
    if before.filing is None or before.filing.ticket:
        return before, ()
    filing = replace(before.filing, ticket=ticket)
    tickets = _with_own(before.tickets, filing)
    after = replace(before, filing=filing, tickets=tickets, revision=before.revision + 1)
    return after, (OutageAmended(after),)


def noted(before: Outage, count: int) -> tuple[Outage, tuple[Told, ...]]:
    """The outage when its incident has so many of its notes; nothing that a reader sees has changed."""
    if before.filing is None or before.filing.noted >= count:
        return before, ()
    return replace(before, filing=replace(before.filing, noted=count)), ()


def _filing(before: Outage | None, found: Outage) -> Filing | None:
    """The incident of an outage after a look. What was decided to be filed stays as it was decided."""
    filing = before.filing if before is not None else None
    if filing is None:
        # One that ended before anybody wanted an incident opens none afterwards.
        if found.state is State.PROVISIONAL or (before is not None and found.state is State.CLOSED):
            return None
        filing = found.filing
    elif before is not None and before.state in (State.CLOSED, State.RETRACTED) and found.state is State.OPEN:
        filing = noting(filing, AGAIN)
    ends = found.state is State.CLOSED and (before is None or before.state is not State.CLOSED)
    if filing is None or not ends or found.end is None:
        return filing
    return noting(filing, over(found.start, found.end, found.scope.requests))


def _with_own(tickets: tuple[Attributed, ...], filing: Filing | None) -> tuple[Attributed, ...]:
    if filing is None or not filing.ticket:
        return tickets
    others = tuple(one for one in tickets if one.ticket != filing.ticket)
    return (Attributed(filing.ticket, Tier.A, _OWN), *others)[:MOST_TICKETS]
