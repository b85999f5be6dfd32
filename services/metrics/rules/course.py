"""How the numbers of tiles went over a period: a point for each of at most forty stretches, all by columns at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.lengths import length_of
from services.metrics.rules.measures import MEASURES, Sort
from services.metrics.rules.registry import Metric, Shown
from services.metrics.rules.rows import KEYS, times
from services.metrics.rules.selection import Rows

Ints = NDArray[Any]

POINTS = 40
_DIGITS = 6
_BY_ID = {one.id: one for one in MEASURES}
_LENGTHS = np.array([length_of(bin) for bin in range(KEYS)])


class _Course(NamedTuple):
    """One measure by stretch: where each has its first row and its last, of rows in the order of stretch and key.

    before: how often it happened before each stretch; upto: up to each row.
    """

    points: Ints
    first: Ints
    last: Ints
    keys: Ints
    numbers: Ints
    upto: Ints
    before: Ints

    @property
    def n(self) -> Ints:
        """How often it happened in each stretch."""
        return self.upto[self.last] - self.before

    def median(self) -> Ints:
        """Of lengths, in seconds: the same as of the sketch of each stretch (Hyndman and Fan, type 7)."""
        rank = 0.5 * (self.n - 1)
        below = np.floor(rank).astype(np.int64)
        low, high = (self._at_rank(np.minimum(one, self.n - 1)) for one in (below, below + 1))
        found: Ints = low + (high - low) * (rank - below)
        return found

    def of(self, values: Ints) -> Ints:
        """The sum of what each row stands for, by stretch."""
        whole = np.cumsum(values)
        found: Ints = whole[self.last] - whole[self.first] + values[self.first]
        return found

    def _at_rank(self, rank: Ints) -> Ints:
        found: Ints = _LENGTHS[self.keys[np.searchsorted(self.upto, self.before + rank, "right")]]
        return found


def courses(rows: Rows, metrics: Iterable[Metric]) -> dict[str, tuple[float, ...]]:
    """By metric id, in its unit: medians or means, per cent, or counts a ticket, of each stretch that has any.

    They have no interval and are not judged. Growth (E28) is there for every stretch in which anything happened.
    """
    if not len(rows.counts):
        return {}
    first, last = int(rows.days.min()), int(rows.days.max())
    width = -(-(last - first + 1) // POINTS)
    points, of_sums = (rows.days - first) // width, (rows.sum_days - first) // width
    codes = rows.counts["m"].astype(np.int64)
    kinds, numbers = times((codes * POINTS + points) * KEYS + rows.counts["k"], rows.counts["n"])
    found: dict[str, tuple[float, ...]] = {}
    for metric in (one for one in metrics if one.is_live):
        measure = _BY_ID.get(metric.id)
        if metric.id == "backlog_growth":
            grown = [_events(kinds, numbers, _BY_ID[id].code) for id in ("tickets_opened", "tickets_ended")]
            found[metric.id] = _told((grown[0] - grown[1])[np.unique(points)])
        elif measure is not None:
            here = slice(*np.searchsorted(kinds, [(measure.code + more) * POINTS * KEYS for more in (0, 1)]))
            if here.start < here.stop:
                lengths = rows.sums["m"] == measure.code
                seconds = np.zeros(POINTS, np.int64)
                np.add.at(seconds, of_sums[lengths], rows.sums["total"][lengths])
                course = _course(kinds[here], numbers[here])
                found[metric.id] = _values(measure.sort, metric.shown, course, seconds)
    return {id: course for id, course in found.items() if course}


def _course(kinds: Ints, numbers: Ints) -> _Course:
    points = kinds // KEYS % POINTS
    starts = np.flatnonzero(np.diff(points, prepend=-1))
    upto = np.cumsum(numbers)
    ends = np.append(starts[1:], len(points)) - 1
    return _Course(points[starts], starts, ends, kinds % KEYS, numbers, upto, upto[starts] - numbers[starts])


def _values(sort: Sort, shown: Shown, course: _Course, seconds: Ints) -> tuple[float, ...]:
    if sort is Sort.LENGTH:
        return _told(seconds[course.points] / course.n if shown is Shown.MEAN else course.median())
    if sort is Sort.SHARE:
        return _told(100 * course.of(np.where(course.keys == 1, course.numbers, 0)) / course.n)
    if sort is Sort.SPREAD:
        return _told(course.of(course.keys * course.numbers) / course.n)
    return ()


def _events(kinds: Ints, numbers: Ints, code: int) -> Ints:
    """How often something happened, by stretch."""
    start, stop = np.searchsorted(kinds, [(code + more) * POINTS * KEYS for more in (0, 1)])
    found = np.zeros(POINTS, np.int64)
    np.add.at(found, kinds[start:stop] // KEYS % POINTS, numbers[start:stop])
    return found


def _told(values: Ints) -> tuple[float, ...]:
    return tuple(round(one, _DIGITS) for one in values.astype(float).tolist())
