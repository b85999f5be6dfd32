"""Contributions added up: what values are reckoned from, made of counted rows by columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.lengths import Lengths
from services.metrics.rules.measures import BY_CODE, Sort
from services.metrics.rules.rows import KEYS, times

Ints = NDArray[Any]


class Tally:
    """What a set of contributions comes to.

    counts: by measure; events too. shares: [numerator, denominator]. spreads: how many tickets have which small count.
    lengths: of time.
    """

    __slots__ = ("counts", "lengths", "shares", "spreads")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.shares: dict[str, list[int]] = {}
        self.spreads: dict[str, dict[int, int]] = {}
        self.lengths: dict[str, Lengths] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added at all."""
        return not (self.counts or self.shares or self.spreads or self.lengths)

    @property
    def numbers(self) -> int:
        """How many numbers it is made of."""
        lengths = sum(len(one.bins) + len(one.values or ()) for one in self.lengths.values())
        return len(self.counts) + len(self.shares) + sum(map(len, self.spreads.values())) + lengths

    def copy(self) -> Tally:
        """The same, to which more measures can be added; those that are there are shared."""
        made = Tally()
        made.counts, made.shares = dict(self.counts), dict(self.shares)
        made.spreads, made.lengths = dict(self.spreads), dict(self.lengths)
        return made

    def count(self, name: str) -> int:
        """How often it happened."""
        return self.counts.get(name, 0)


def tally(rows: Ints, sums: Ints, exact: Mapping[int, Ints] | None = None) -> Tally:
    """Rows of COUNTED and of SUMMED added up, whatever their classes.

    exact: every single length by the code of its measure, so that quantiles are exact.
    """
    made = Tally()
    if not len(rows):
        return made
    kinds, counts = times((rows["m"].astype(np.int64) * KEYS) + rows["k"], rows["n"])
    codes, keys = kinds // KEYS, kinds % KEYS
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(codes)], strict=True):
        measure = BY_CODE.get(int(codes[start]))
        if measure is None:
            continue
        spread = dict(zip(keys[start:end].tolist(), counts[start:end].tolist(), strict=True))
        if measure.sort is Sort.LENGTH:
            chosen = sums[sums["m"] == measure.code]
            made.lengths[measure.id] = _lengths(spread, chosen, None if exact is None else exact[measure.code])
        elif measure.sort is Sort.SHARE:
            made.shares[measure.id] = [spread.get(1, 0), sum(spread.values())]
        elif measure.sort is Sort.SPREAD:
            made.spreads[measure.id] = spread
        else:
            made.counts[measure.id] = sum(spread.values())
    return made


def _lengths(bins: dict[int, int], sums: Ints, values: Ints | None) -> Lengths:
    total, high, low, logs, squares = (int(sums[name].sum()) for name in ("total", "high", "low", "logs", "squares"))
    made = Lengths(sum(bins.values()), total, (high << 32) + low, logs, squares, bins)
    if values is not None:
        made.values = values.tolist()
    return made
