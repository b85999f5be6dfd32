"""Facts rolled up into cells: one per stretch of UTC days, value of a dimension, scope and source.

A cell of a day is made anew from facts, never counted up; one of eight or 64 days is the sum of those below it. What a
filter asks is the sum of a few dozen cells, however many tickets there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.claims import Place
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.measures import CODES
from services.metrics.rules.period import Filter
from services.metrics.rules.rows import (
    COUNTED,
    DAY_MS,
    PRIORITY,
    SUMMED,
    added,
    class_of,
    counted,
    merged_counts,
    merged_sums,
    slotted,
    split,
)

Ints = NDArray[Any]

ALL = "all"
SEVERAL = "\x1f"
SETS: Mapping[str, tuple[str, ...]] = {
    ALL: (),
    "service": ("service",),
    "team": ("team",),
    "site": ("site",),
    "item": ("item",),
    "service,team": ("service", "team"),
}
"""What a board filters by through cells; the rest is counted from facts. Channel, type, priority are in every cell."""
DIMENSIONS = ("service", "team", "site", "item")
LEVELS = (1, 8, 64)
COURSES: tuple[str, ...] = (
    *("tickets_opened", "tickets_ended", "time_to_resolve", "first_response_time", "mtta", "sla_met_resolution"),
    *("sla_met_response", "reassignments", "first_assignment_resolution", "first_contact_resolution", "reopened"),
    *("duplicates", "re_asks", "first_time_complete"),
)
"""What is drawn as a course, and so read at a finer grain; kept apart from the rest of a cell."""
_DRAWN = np.zeros(256, bool)
for _id in COURSES:
    _DRAWN[CODES[_id]] = True


class CellKey(NamedTuple):
    """Where a cell belongs. block: which stretch of `level` days since 1970-01-01 in UTC.

    dimension, value: "team", "teams/network"; ALL, "". scope: "cn" holds what is in cn and below it; "" everything.
    fine: by whole classes instead of by priority alone.
    """

    level: int
    block: int
    dimension: str
    value: str
    scope: str
    source: str
    fine: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of COUNTED and of SUMMED; slots: rows of SLOTTED, of single days alone."""

    counts: Ints
    sums: Ints
    slots: Ints | None = None

    @property
    def parts(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Counts and sums of what is drawn as a course, and those of the rest."""
        drawn, drawn_sums = _DRAWN[self.counts["m"]], _DRAWN[self.sums["m"]]
        return self.counts[drawn], self.sums[drawn_sums], self.counts[~drawn], self.sums[~drawn_sums]


class Packed(NamedTuple):
    """A fact as cells see it: where it belongs, and the rows that it adds."""

    service: str
    team: str
    site: str
    item: str
    unit: str
    source: str
    channel: Channel
    type: Type
    priority: int
    rows: bytes

    @property
    def ticket_class(self) -> int:
        """Its class as a number."""
        return class_of(self.channel, self.type, self.priority)


def place(filter: Filter) -> tuple[str, str] | None:
    """The dimension and value whose cells hold what a filter asks for; None when no cell does."""
    asked = {name: value for name in DIMENSIONS if (value := getattr(filter, name))}
    for dimension, names in SETS.items():
        if set(names) == set(asked):
            return dimension, SEVERAL.join(asked[name] for name in names)
    return None


def scopes(unit: str) -> Iterator[str]:
    """A unit and all above it: "cn/east" is in "", "cn" and "cn/east"."""
    yield ""
    end = 0
    while end >= 0 and unit:
        end = unit.find("/", end + 1)
        yield unit if end < 0 else unit[:end]


def places_of(one: Packed | Place) -> Iterator[tuple[str, str, str, str]]:
    """Dimension, value, scope and source of every cell of a day that holds a fact, or an entry of the ledger."""
    for dimension, names in SETS.items():
        values = [getattr(one, name) for name in names]
        if all(values):
            for scope in scopes(one.unit):
                yield dimension, SEVERAL.join(values), scope, one.source


def roll(day: int, facts: Sequence[Packed]) -> dict[CellKey, Cell]:
    """The cells of one UTC day, made from all facts that count in it."""
    found = added([one.rows for one in facts])
    here = found.rows["at"] // DAY_MS == day
    rows, owner = found.rows[here], found.fact[here]
    places: dict[tuple[str, str, str, str], list[int]] = {}
    present = set(owner.tolist())
    for number, fact in enumerate(facts):
        if number in present:
            for where in places_of(fact):
                places.setdefault(where, []).append(number)
    if not places:
        return {}
    # Each place takes the rows of its facts: rows are listed once a place, in the order of the places.
    first = np.searchsorted(owner, np.arange(len(facts) + 1))
    members = np.fromiter((one for them in places.values() for one in them), np.int64)
    sizes = first[members + 1] - first[members]
    group = np.repeat(np.repeat(np.arange(len(places)), [len(one) for one in places.values()]), sizes)
    starts = np.repeat(first[members] - np.concatenate(([0], np.cumsum(sizes)[:-1])), sizes)
    taken = starts + np.arange(len(group))
    classes = np.fromiter((one.ticket_class for one in facts), np.int64, len(facts))[owner][taken]
    cells: dict[CellKey, Cell] = {}
    for fine in (False, True):
        kinds = classes if fine else classes & PRIORITY
        counts, of_counts, sums, of_sums = counted(rows[taken], kinds, group)
        slots, of_slots = slotted(rows[taken], kinds, group)
        pieces = (split(counts, of_counts, len(places)), split(sums, of_sums, len(places)),
                  split(slots, of_slots, len(places)))  # fmt: skip
        for where, *piece in zip(places, *pieces, strict=True):
            cells[CellKey(1, day, *where, fine)] = Cell(*piece)
    return cells


def above(level: int, block: int, below: Iterable[tuple[CellKey, Cell]]) -> dict[CellKey, Cell]:
    """The cells of a stretch of days, from those of the level below that lie in it."""
    groups: dict[CellKey, int] = {}
    cells, numbers = list[Cell](), list[int]()
    for key, cell in below:
        numbers.append(groups.setdefault(key._replace(level=level, block=block), len(groups)))
        cells.append(cell)
    if not groups:
        return {}
    counts, sums = [one.counts for one in cells], [one.sums for one in cells]
    # Their bytes one after the other: numpy would compare the columns of every two tables first.
    all_counts = np.frombuffer(b"".join(one.tobytes() for one in counts), COUNTED)
    all_sums = np.frombuffer(b"".join(one.tobytes() for one in sums), SUMMED)
    merged = merged_counts(all_counts, np.repeat(numbers, [len(one) for one in counts]).astype(np.int64))
    summed = merged_sums(all_sums, np.repeat(numbers, [len(one) for one in sums]).astype(np.int64))
    pieces = zip(split(*merged, len(groups)), split(*summed, len(groups)), strict=True)
    return {key: Cell(*piece) for key, piece in zip(groups, pieces, strict=True)}


def cover(days: Iterable[range], usable: Mapping[int, frozenset[int]]) -> dict[int, list[int]]:
    """The fewest cells that hold these days and no other: blocks by level.

    usable: the blocks of each level above days that are up to date; days always are.
    """
    chosen: dict[int, list[int]] = {level: [] for level in LEVELS}
    for run in days:
        at = run.start
        while at < run.stop:
            level = next(
                one
                for one in reversed(LEVELS)
                if at % one == 0 and at + one <= run.stop and (one == 1 or at // one in usable[one])
            )
            chosen[level].append(at // level)
            at += level
    return chosen


def runs(days: range, without: frozenset[int]) -> list[range]:
    """Days in unbroken stretches, some of them left out."""
    found = []
    start = days.start
    for gap in sorted(one for one in without if one in days):
        if gap > start:
            found.append(range(start, gap))
        start = gap + 1
    if start < days.stop:
        found.append(range(start, days.stop))
    return found
