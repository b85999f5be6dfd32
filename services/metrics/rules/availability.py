"""Weighted counts of requests by service and slice of time, and what share of them was good, with its doubt.

A slice is ten seconds of event time, by the end of the span. Availability = 1 - bad / valid; its interval is Wilson's
on the effective count, and fewer than 30 effective requests are too few to say anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from services.metrics.rules.fact import EPOCH
from services.metrics.rules.period import Period
from services.metrics.rules.statistics import wilson

SLICE = timedelta(seconds=10)
SLICES_AN_HOUR = 360
ENOUGH = 30.0
LEAST_WEIGHT, MOST_WEIGHT = 1.0, 10_000.0
LATE, EARLY = timedelta(minutes=10), timedelta(minutes=1)
"""A span that ended longer ago than LATE, or further ahead than EARLY, counts when it was received."""
MOST_USERS = 2_048
"""Users are told apart by hash, and beyond so many their number is estimated from the smallest ones."""
_ALL = 1 << 56


@dataclass(slots=True)
class Sums:
    """Requests added up. valid, good: weighted. squares: of the weights. n, bad: spans. last_ms: the latest end.

    called: weighted calls that others say they made. begun, begun_weight, begun_squares: bad spans where they started
    and not where they ended; the squares are of the weights of whole traces, because tries of one are no new evidence.
    """

    valid: float = 0.0
    good: float = 0.0
    squares: float = 0.0
    n: int = 0
    bad: int = 0
    last_ms: int = 0
    called: float = 0.0
    begun: int = 0
    begun_weight: float = 0.0
    begun_squares: float = 0.0

    def merge(self, other: Sums) -> Sums:
        """Counts all of another's too."""
        self.valid += other.valid
        self.good += other.good
        self.squares += other.squares
        self.n += other.n
        self.bad += other.bad
        self.last_ms = max(self.last_ms, other.last_ms)
        self.called += other.called
        self.begun += other.begun
        self.begun_weight += other.begun_weight
        self.begun_squares += other.begun_squares
        return self

    @property
    def effective(self) -> float:
        """How many unweighted requests would leave as much doubt (Kish)."""
        return self.valid * self.valid / self.squares if self.squares else 0.0


class Cell(NamedTuple):
    """Where requests are counted. slice: ten seconds, counted from 1970-01-01 UTC."""

    slice: int
    service: str


class Way(NamedTuple):
    """Where calls from one service to another are counted."""

    slice: int
    caller: str
    callee: str


class Lost(NamedTuple):
    """A call that ended without an answer: bad for the callee, unless a server's span turns up under it.

    slice: where it ended; begun: where it started, in the same hour. trace: tries of one trace are no new evidence.
    """

    span: bytes
    slice: int
    callee: str
    weight: float
    ended_ms: int
    begun: int
    trace: bytes


@dataclass(slots=True)
class Hit:
    """Whom bad requests hit: users by the hash of their id with how often, sites with the weight of their requests."""

    users: dict[int, int] = field(default_factory=dict)
    sites: dict[str, float] = field(default_factory=dict)

    def merge(self, other: Hit) -> Hit:
        """Counts all of another's too, of users at most MOST_USERS: those with the smallest hashes."""
        for user, count in other.users.items():
            self.users[user] = self.users.get(user, 0) + count
        for site, weight in other.sites.items():
            self.sites[site] = self.sites.get(site, 0.0) + weight
        if len(self.users) > MOST_USERS:
            self.users = {user: self.users[user] for user in sorted(self.users)[:MOST_USERS]}
        return self


@dataclass(slots=True)
class Export:
    """What one export request says. digest: of its bytes, so that the same one counts once.

    answered: the calls whose server ended badly, slowly or was left alone, so that they are not lost. moved: spans that
    were too late or too early for their own time. hits: whom bad requests hit, where these started. bones: the fields
    of each Bone that failed traces leave.
    """

    digest: bytes
    received_at: datetime
    cells: dict[Cell, Sums] = field(default_factory=dict)
    ways: dict[Way, tuple[int, int]] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    answered: set[bytes] = field(default_factory=set)
    hits: dict[Cell, Hit] = field(default_factory=dict)
    bones: list[tuple[Any, ...]] = field(default_factory=list)
    spans: int = 0
    moved: int = 0


@dataclass(frozen=True, slots=True)
class Availability:
    """What share of a service's valid requests was good. enough: it may be shown; else it means nothing."""

    service: str
    valid: float
    good: float
    share: float
    low: float
    high: float
    enough: bool
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls that one service made to another, as spans seen (not weighted)."""

    caller: str
    callee: str
    calls: int
    last_seen_at: datetime


def weight(tracestate: str) -> float:
    """How many spans one stands for, by its consistent sampling threshold `ot=th`; 1 when it does not say.

    th: up to 14 hexadecimal digits of the rejection threshold T out of 2^56; the weight is 2^56 / (2^56 - T). The older
    `ot=p` says it as a power of two. A caller can write anything there, so weights stay within 1 and 10,000.
    """
    for member in tracestate.split(","):
        key, _, value = member.strip().partition("=")
        if key == "ot":
            return min(max(_weight(value), LEAST_WEIGHT), MOST_WEIGHT)
    return 1.0


def _weight(value: str) -> float:
    for part in value.split(";"):
        key, _, said = part.partition(":")
        try:
            if key == "th" and 1 <= len(said) <= 14:
                return _ALL / (_ALL - int(said.ljust(14, "0"), 16))
            if key == "p":
                return float(2 ** min(int(said), 63))
        except ValueError:
            return 1.0
    return 1.0


def slices_of(period: Period) -> range:
    """The slices that begin in a period."""
    return range(_slices_to(period.start), _slices_to(period.end))


def _slices_to(at: datetime) -> int:
    return -((EPOCH - at) // SLICE)


def unanswered(lost: Iterable[Lost]) -> dict[Cell, Sums]:
    """What lost calls count for their callees: one bad request each."""
    found: dict[Cell, Sums] = {}
    tries: dict[tuple[Cell, bytes], float] = {}
    for one in lost:
        ended, begun = Cell(one.slice, one.callee), Cell(one.begun, one.callee)
        weight = one.weight
        found.setdefault(ended, Sums()).merge(Sums(weight, 0.0, weight * weight, 1, 1, one.ended_ms))
        found.setdefault(begun, Sums()).merge(Sums(begun=1, begun_weight=weight))
        place = (begun, one.trace or one.span)
        tries[place] = tries.get(place, 0.0) + weight
    for (begun, _), weight in tries.items():
        found[begun].begun_squares += weight * weight
    return found


def availability(service: str, sums: Sums) -> Availability:
    """The share of a service's requests that was good; of nothing it is 0 and not enough."""
    effective = sums.effective
    share = sums.good / sums.valid if sums.valid else 0.0
    low, high = wilson(share * effective, effective) if effective else (0.0, 1.0)
    return Availability(
        service,
        round(sums.valid, 6),
        round(sums.good, 6),
        round(share, 9),
        round(low, 9),
        round(high, 9),
        effective >= ENOUGH,
        EPOCH + timedelta(milliseconds=sums.last_ms),
    )
