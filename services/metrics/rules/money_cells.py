"""The ledger's sums by place and UTC day, of which a period is made; its edges are read from lines by the hour.

An entry never changes, so it is added once and nothing is made anew. How many entries a period has is no sum of how
many its days have: a day tells those that begin in it from those that began before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.cells import LEVELS, places_of
from services.metrics.rules.claims import Place
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.rows import class_of
from services.metrics.rules.selection import classes_of

Ints = NDArray[Any]

SPAN = LEVELS[-1]
"""Days in a document of cells."""
DAY_HOURS = 24
CATEGORIES = tuple(Category)
"""By their numbers in what is kept: a new one comes last."""
_SUMS = ("amount", "low", "high", "open", "started", "carried")

MONEY = np.dtype(
    [("cat", "u1"), ("cur", "S3"), ("c", "u1"), *((name, "<i8") for name in _SUMS[:4]), ("started", "<u4"),
     ("carried", "<u4")]
)  # fmt: skip
"""Minor units of a category, a currency and a class of ticket. open: of the amount what is provisional.

started, carried: how many entries have their first hour in this stretch of time, and how many others an hour.
"""
HOUR = np.dtype([("amount", "<i8"), ("low", "<i8"), ("high", "<i8")])

_HOUR_MS = timedelta(milliseconds=HOUR_MS)


class Posted(NamedTuple):
    """An entry as cells see it. first: its first UTC hour, counted from 1970; lines: rows of HOUR, one an hour."""

    place: Place
    category: Category
    currency: str
    provisional: bool
    first: int
    lines: Ints


class MoneyKey(NamedTuple):
    """Where sums belong: a place, as of cells, and a stretch of SPAN days since 1970-01-01."""

    block: int
    dimension: str
    value: str
    scope: str
    source: str


class Edge(NamedTuple):
    """The hours [start, stop) of a UTC day."""

    day: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A period as whole days and the hours beside them; first: the day that it begins in."""

    first: int
    days: range
    edges: tuple[Edge, ...]


def cut(period: Period) -> Cut:
    """The hours that begin in a period, in whole days as far as that goes."""
    start, stop = (-((EPOCH - at) // _HOUR_MS) for at in (period.start, period.end))
    first, last = start // DAY_HOURS, (stop - 1) // DAY_HOURS
    edges: list[Edge] = []
    if start >= stop:
        return Cut(first, range(0), ())
    begin, end = start - first * DAY_HOURS, stop - last * DAY_HOURS
    if first == last and (begin, end) != (0, DAY_HOURS):
        return Cut(first, range(0), (Edge(first, begin, end),))
    if begin:
        edges.append(Edge(first, begin, DAY_HOURS))
    if end < DAY_HOURS:
        edges.append(Edge(last, 0, end))
    return Cut(first, range(first + (begin > 0), last + (end == DAY_HOURS)), tuple(edges))


def rolled(entries: Sequence[Posted]) -> dict[MoneyKey, dict[int, Ints]]:
    """What entries add: rows of MONEY by place and day."""
    found = np.zeros(sum(1 for one in entries for _ in days_of(one)), MONEY)
    days = np.zeros(len(found), np.int64)
    known: dict[Place, list[int]] = {}
    numbers: dict[tuple[str, str, str, str], int] = {}
    members: list[int] = []
    groups: list[int] = []
    at = 0
    for entry in entries:
        if (here := known.get(entry.place)) is None:
            here = [numbers.setdefault(where, len(numbers)) for where in places_of(entry.place)]
            known[entry.place] = here
        for part, begun, day in days_of(entry):
            sums = tuple(int(part[name].sum()) for name in HOUR.names or ())
            found[at] = (*kind_of(entry), *sums, sums[0] if entry.provisional else 0, begun, not begun)
            days[at] = day
            members += [at] * len(here)
            groups += here
            at += 1
    keys = list(numbers)
    cells: dict[MoneyKey, dict[int, Ints]] = {}
    rows, of, of_days = summed(found[members], np.array(groups, np.int64), days[members])
    for start, stop in _stretches(of, of_days):
        day = int(of_days[start])
        cells.setdefault(MoneyKey(day // SPAN, *keys[of[start]]), {})[day] = rows[start:stop]
    return cells


def summed(rows: Ints, groups: Ints, days: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows of MONEY of one group, day, category, currency and class made one, in that order, with group and day."""
    if not len(rows):
        return rows, groups, days
    order = np.lexsort((rows["c"], rows["cur"], rows["cat"], days, groups))
    rows, groups, days = rows[order], groups[order], days[order]
    new = np.ones(len(rows), bool)
    new[1:] = (groups[1:] != groups[:-1]) | (days[1:] != days[:-1])
    for name in ("cat", "cur", "c"):
        new[1:] |= rows[name][1:] != rows[name][:-1]
    first = np.flatnonzero(new)
    made = rows[first].copy()
    for name in _SUMS:
        made[name] = np.add.reduceat(rows[name], first)
    return made, groups[first], days[first]


def joined(before: Ints, more: Ints) -> Ints:
    """Rows of MONEY of one place and day, added up."""
    nothing = np.zeros(len(before) + len(more), np.int64)
    return summed(np.concatenate((before, more)), nothing, nothing)[0]


def days_of(entry: Posted) -> Iterator[tuple[Ints, bool, int]]:
    """Its rows of HOUR of each UTC day, whether it begins in that day, and the day."""
    day, inside = divmod(entry.first, DAY_HOURS)
    stop = DAY_HOURS - inside
    yield entry.lines[:stop], True, day
    for start in range(stop, len(entry.lines), DAY_HOURS):
        day += 1
        yield entry.lines[start : start + DAY_HOURS], False, day


def kind_of(entry: Posted) -> tuple[int, str, int]:
    """Its category and currency, and the class of its ticket."""
    place = entry.place
    return CATEGORIES.index(entry.category), entry.currency, class_of(place.channel, place.type, place.priority)


def of_class(rows: Ints, filter: Filter) -> Ints:
    """The rows whose class of ticket a filter lets pass."""
    wanted = classes_of(filter, fine=True)
    return rows if wanted is None else rows[wanted[rows["c"]]]


def totals(begin: Sequence[Ints], rest: Sequence[Ints], more: Iterable[MoneySum] = ()) -> list[MoneySum]:
    """Rows of MONEY of a period as its sums, by category and currency.

    begin: of the day that the period begins in, where what began before counts too; more: sums of other entries.
    """
    found: dict[tuple[str, str], list[int]] = {}
    for parts, carried in ((begin, True), (rest, False)):
        for rows in parts:
            nothing = np.zeros(len(rows), np.int64)
            plain = rows.copy()
            plain["c"] = 0
            for row in summed(plain, nothing, nothing)[0].tolist():
                category, currency, _, amount, low, high, open, started, before = row
                entries = started + (before if carried else 0)
                _add(found, (CATEGORIES[category].value, currency.decode()), (amount, low, high, entries, open))
    for one in more:
        sums = (one.amount, one.low, one.high, one.entries, one.provisional)
        _add(found, (one.category.value, one.currency), sums)
    return [MoneySum(Category(category), currency, *sums) for (category, currency), sums in sorted(found.items())]


def _add(found: dict[tuple[str, str], list[int]], of: tuple[str, str], sums: Sequence[int]) -> None:
    found[of] = [one + more for one, more in zip(found.get(of, [0] * len(sums)), sums, strict=True)]


def _stretches(groups: Ints, days: Ints) -> Iterator[tuple[int, int]]:
    if not len(groups):
        return
    ends = np.flatnonzero((groups[1:] != groups[:-1]) | (days[1:] != days[:-1])) + 1
    bounds = [0, *ends.tolist(), len(groups)]
    yield from itertools.pairwise(bounds)
