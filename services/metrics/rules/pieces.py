"""Parts of a period, of which a board is put together: what days come to, in as few rows as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.course import courses
from services.metrics.rules.measures import CODES
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS, TILES
from services.metrics.rules.rows import DAY_MS, EVENTS, PRIORITY, SLOTS, SLOTTED, Added, added, slotted, times
from services.metrics.rules.selection import NOTHING, Rows, rows_of_facts, together
from services.metrics.rules.tally import Tally, tally

Ints = NDArray[Any]

# In a dictionary, with what it is of.
_A_NUMBER = 100
_BY_PRIORITY = np.zeros(256, bool)
for _id in ("tickets_opened", "time_to_resolve", "sla_met_resolution"):
    _BY_PRIORITY[CODES[_id]] = True


@dataclass(frozen=True, slots=True)
class Slots:
    """Events by quarter hour. days: the UTC day of each row. rows: of SLOTTED."""

    days: Ints
    rows: Ints

    @property
    def bytes(self) -> int:
        """How much memory they take."""
        return self.days.nbytes + self.rows.nbytes

    def by_event(self) -> Slots:
        """The same without classes, in the fewest rows."""
        kinds, numbers = times(self.days.astype(np.int64) * len(EVENTS) * SLOTS + self.rows["s"], self.rows["n"])
        rows = np.zeros(len(kinds), SLOTTED)
        rows["s"], rows["n"] = kinds % (len(EVENTS) * SLOTS), numbers
        return Slots((kinds // (len(EVENTS) * SLOTS)).astype(np.int32), rows)


NO_SLOTS = Slots(np.zeros(0, np.int64), np.zeros(0, SLOTTED))


@dataclass(slots=True)
class Sums:
    """A period added up in the ways that the page needs."""

    whole: Tally = field(default_factory=Tally)
    by_priority: dict[int, Tally] = field(default_factory=dict)
    courses: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    slots: Slots | None = None

    def copy(self) -> Sums:
        """The same, to which more measures can be added."""
        return replace(self, whole=self.whole.copy())

    @property
    def bytes(self) -> int:
        """About how much memory it takes."""
        events = 0 if self.slots is None else self.slots.bytes
        return events + _A_NUMBER * sum(one.numbers for one in (self.whole, *self.by_priority.values()))


class Piece(NamedTuple):
    """What some days of a period come to, and their events by quarter hour. course: what is drawn, by day."""

    whole: Rows
    course: Rows = NOTHING
    slots: Slots = NO_SLOTS

    def fewest(self) -> Piece:
        """The same in the fewest rows of which a board can be made."""
        return Piece(self.whole.by_priority(), self.course.by_day(), self.slots.by_event())

    @property
    def bytes(self) -> int:
        """How much memory it takes, single lengths apart."""
        return self.whole.bytes + self.course.bytes + self.slots.bytes


def from_facts(
    packs: Sequence[bytes], classes: Sequence[int], period: Period, days: frozenset[int] | None = None
) -> Piece:
    """What facts add in a period, on some days of it when these are given. classes: of each fact.

    Single lengths are kept unless only some days are wanted, as the rest then comes from cells.
    """
    return piece_of(added(packs).inside(period, days), np.array(classes, np.int64), exact=days is None)


def piece_of(found: Added, classes: Ints, *, exact: bool) -> Piece:
    """The same of rows. classes: of each fact. exact: whether single lengths are kept."""
    slots, of_days = slotted(found.rows, classes[found.fact], found.rows["at"] // DAY_MS)
    rows = rows_of_facts(found, classes, exact=exact)
    return Piece(rows, rows, Slots(of_days, slots))


def joined(pieces: Sequence[Piece]) -> Piece:
    """All of them as one."""
    return Piece(
        together([one.whole for one in pieces]),
        together([one.course for one in pieces]),
        Slots(
            np.concatenate([one.slots.days for one in pieces]),
            np.frombuffer(b"".join(one.slots.rows.tobytes() for one in pieces), SLOTTED),
        ),
    )


def summed(piece: Piece) -> Sums:
    """All of it added up, and nothing more."""
    return Sums(tally(piece.whole.counts, piece.whole.sums, piece.whole.exact))


def with_course(sums: Sums, piece: Piece) -> Sums:
    """What that was added up to, with its sums by priority, the courses of its tiles, and its events."""
    sums.slots, whole = piece.slots, piece.whole
    own, own_sums = _BY_PRIORITY[whole.counts["m"]], _BY_PRIORITY[whole.sums["m"]]
    counts, lengths = whole.counts[own], whole.sums[own_sums]
    of, of_lengths = counts["c"] & PRIORITY, lengths["c"] & PRIORITY
    sums.by_priority = {
        one: tally(counts[of == one], lengths[of_lengths == one]) for one in np.flatnonzero(np.bincount(of)).tolist()
    }
    sums.courses = courses(piece.course, [METRICS[id] for id in TILES])
    return sums
