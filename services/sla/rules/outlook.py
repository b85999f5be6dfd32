"""When a ticket can be expected to be done, by how long those like it took: half of them by then, nine in ten by then.

Only those count that took longer than this one has so far; of a few nothing is told. Quantiles are by nearest rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.sla.rules.book import Book
from services.sla.rules.clock import Clock, ClockState, reached, remaining
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.target import ClockKind
from services.sla.rules.ticket import TicketType

LEAST = 30
"""How many tickets it takes to say anything."""
LATEST = 1000
"""How many ended tickets are looked at, those that were opened last."""
_HALF, _MOST = 50, 90


@dataclass(frozen=True, slots=True)
class Kind:
    """What tickets have in common that are like each other; business time of two calendars is not compared."""

    type: TicketType
    priority: int
    calendar: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Business time that solved tickets of a kind took, by service."""

    lengths: Sequence[tuple[str, timedelta]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Outlook:
    """like: how many tickets it is told by. half, most: business time left, None when they are too few.

    half_at, most_at: when that is over; None while the clock stands still, or where the calendar ends.
    """

    like: int
    any_service: bool = False
    half: timedelta | None = None
    most: timedelta | None = None
    half_at: datetime | None = None
    most_at: datetime | None = None


def kind_of(clocks: TicketClocks) -> Kind | None:
    """Which tickets this one is like; None when there is nothing to expect of it."""
    if _awaited(clocks) is None or clocks.importing:
        return None
    return Kind(clocks.facts.type, clocks.facts.priority, clocks.calendar)


def foresee(clocks: TicketClocks, sample: Sample, book: Book, now: datetime) -> Outlook | None:
    """What the sample says of a ticket at `now`; None when there is nothing to expect of it.

    Tickets of its own service tell it, or those of any when these are too few.

    Raises:
        NotYet: the book is older than the calendar that the clocks have pinned.
    """
    clock = _awaited(clocks)
    if clock is None or clocks.importing:
        return None
    calendar = book.version(clocks.calendar, clocks.calendar_version)
    used = clock.terms.duration - remaining(clock, calendar, now)
    own = _longer((length for service, length in sample.lengths if service == clocks.facts.service), used)
    every = _longer((length for _, length in sample.lengths), used)
    found = own if len(own) >= LEAST else every
    if len(found) < LEAST:
        return Outlook(len(found), any_service=len(found) > len(own))
    half, most = _ranked(found, _HALF) - used, _ranked(found, _MOST) - used
    runs = clock.state is ClockState.RUNNING
    return Outlook(
        like=len(found),
        any_service=len(found) > len(own),
        half=half,
        most=most,
        half_at=reached(calendar, now, half) if runs else None,
        most_at=reached(calendar, now, most) if runs else None,
    )


def _awaited(clocks: TicketClocks) -> Clock | None:
    """The clock of the solution while it runs or is paused."""
    return next((one for one in clocks.clocks if one.kind is ClockKind.RESOLUTION and one.live), None)


def _longer(lengths: Iterable[timedelta], used: timedelta) -> list[timedelta]:
    return sorted(length for length in lengths if length > used)


def _ranked(lengths: Sequence[timedelta], per_cent: int) -> timedelta:
    """The smallest length which so many per cent do not exceed. lengths: in order, not none."""
    return lengths[-(-len(lengths) * per_cent // 100) - 1]
