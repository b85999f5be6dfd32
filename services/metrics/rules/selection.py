"""What a filter lets pass of counted rows: by the class of a ticket, and by the day that each row is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.measures import MEASURES, Sort
from services.metrics.rules.period import Filter
from services.metrics.rules.rows import (
    COUNTED,
    DAY_MS,
    PRIORITY,
    SUMMED,
    Added,
    class_of,
    counted,
    merged_counts,
    merged_sums,
)

Ints = NDArray[Any]

LENGTH_CODES = tuple(one.code for one in MEASURES if one.sort is Sort.LENGTH)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of COUNTED and of SUMMED of many cells or facts. days, sum_days: the first UTC day that each is of.

    exact: every single length, by the code of its measure.
    """

    counts: Ints
    days: Ints
    sums: Ints
    sum_days: Ints
    exact: Mapping[int, Ints] | None = None

    def chosen(self, filter: Filter, *, fine: bool) -> Rows:
        """Those whose class a filter lets pass."""
        wanted = classes_of(filter, fine=fine)
        if wanted is None:
            return self
        here, of_sums = wanted[self.counts["c"]], wanted[self.sums["c"]]
        return Rows(self.counts[here], self.days[here], self.sums[of_sums], self.sum_days[of_sums], self.exact)

    @property
    def bytes(self) -> int:
        """How much memory they take, single lengths apart."""
        return sum(one.nbytes for one in (self.counts, self.days, self.sums, self.sum_days))

    def by_priority(self) -> Rows:
        """The same in the fewest rows that still tell priorities apart, but neither days nor other classes."""
        return self._fewer(PRIORITY, np.zeros(len(self.days), np.int64), np.zeros(len(self.sum_days), np.int64))

    def by_day(self) -> Rows:
        """The same in the fewest rows that still tell days apart, but no classes."""
        return self._fewer(0, self.days, self.sum_days)

    def _fewer(self, classes: int, days: Ints, sum_days: Ints) -> Rows:
        counts, sums = self.counts.copy(), self.sums.copy()
        counts["c"] &= classes
        sums["c"] &= classes
        return Rows(*merged_counts(counts, days), *merged_sums(sums, sum_days), self.exact)


NOTHING = Rows(np.zeros(0, COUNTED), np.zeros(0, np.int64), np.zeros(0, SUMMED), np.zeros(0, np.int64))


def together(parts: Sequence[Rows]) -> Rows:
    """All of these; single lengths are not known any more, unless there is but one part."""
    if len(parts) == 1:
        return parts[0]
    # Their bytes one after the other: numpy would compare the columns of every two tables first.
    return Rows(
        np.frombuffer(b"".join(one.counts.tobytes() for one in parts), COUNTED),
        np.concatenate([one.days for one in parts]),
        np.frombuffer(b"".join(one.sums.tobytes() for one in parts), SUMMED),
        np.concatenate([one.sum_days for one in parts]),
    )


def classes_of(filter: Filter, *, fine: bool) -> Ints | None:
    """Which classes of tickets a filter lets pass, None for all of them. fine: whole classes, not priorities alone."""
    if not filter.priorities and not (fine and needs_classes(filter)):
        return None
    classes = np.arange(256)
    wanted = np.ones(256, bool)
    if filter.priorities:
        wanted &= np.isin(classes & PRIORITY, filter.priorities)
    if filter.type is not None:
        wanted &= (classes >> 3 & 1) == class_of(Channel.UNSPECIFIED, filter.type, 0) >> 3
    if filter.channel is not Channel.UNSPECIFIED:
        wanted &= (classes >> 4) == class_of(filter.channel, Type.INCIDENT, 0) >> 4
    return wanted


def needs_classes(filter: Filter) -> bool:
    """Whether a filter asks for more of a ticket's class than its priority."""
    return filter.type is not None or filter.channel is not Channel.UNSPECIFIED


def rows_of_facts(found: Added, classes: Ints, *, exact: bool) -> Rows:
    """Rows counted by UTC day. classes: of each fact. exact: whether single lengths are kept."""
    days = found.rows["at"] // DAY_MS
    distinct, back = np.unique(days, return_inverse=True)
    counts, of_counts, sums, of_sums = counted(found.rows, classes[found.fact], back)
    lengths = {code: found.rows["v"][found.rows["m"] == code] for code in LENGTH_CODES} if exact else None
    return Rows(counts, distinct[of_counts], sums, distinct[of_sums], lengths)
