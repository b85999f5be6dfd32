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
from services.metrics.rules.scope import NOBODY_HIT, Scope

NEAR = 30
"""An outage that was found anew is the one that is kept when no more slices than these lie between them."""
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
    """first, last: bad slices. looked_at: when it was last judged; an older look changes nothing."""

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
        events: tuple[Told, ...] = (OutageOpened(found),)
        return found, (*events, OutageClosed(found)) if found.state is State.CLOSED else events
    if before.looked_at >= found.looked_at:
        return before, ()
    same = replace(found, looked_at=before.looked_at, revision=before.revision, tickets=found.tickets or before.tickets)
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
    after = replace(before, state=State.RETRACTED, looked_at=at, revision=before.revision + 1)
    return after, (OutageRetracted(after),)
