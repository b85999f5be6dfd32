"""Many lengths of time in a few bytes: exact count and sums, and quantiles within 0.5 % of the true value.

The sketch is DDSketch's (Masson, Rim, Lee, VLDB 2019): logarithmic bins, so that any two of them merge exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

ACCURACY = 0.005
LOG_SCALE = 10_000
"""Logarithms are summed as integers of this fraction, so that no order of adding changes a sum."""

_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)
_MIDDLE = 2 / (_GAMMA + 1)
_DOUBTFUL = 1e-6

Ints = NDArray[Any]


def bin_of(seconds: int) -> int:
    """The bin of a length in whole seconds; 0 is that of no time at all."""
    return 1 + math.ceil(math.log(seconds) / _LOG_GAMMA) if seconds > 0 else 0


def length_of(bin: int) -> float:
    """The length in seconds that stands for a bin: at most 0.5 % from any in it."""
    return 0.0 if bin == 0 else float(_GAMMA ** (bin - 1) * _MIDDLE)


def log_of(seconds: int) -> int:
    """The natural logarithm in 1/10,000; no time at all counts as a second."""
    return round(math.log(seconds) * LOG_SCALE) if seconds > 1 else 0


def bins_and_logs(seconds: Ints) -> tuple[Ints, Ints]:
    """`bin_of` and `log_of` of many lengths at once."""
    distinct, back = np.unique(seconds, return_inverse=True)
    natural = np.log(np.maximum(distinct, 1))
    bins, logs = natural / _LOG_GAMMA, natural * LOG_SCALE
    found = 1 + np.ceil(bins).astype(np.int64), np.rint(logs).astype(np.int64)
    found[0][distinct <= 0] = 0
    # Two ways to a logarithm may differ in its last bit: where that could tell, the way of a single length is taken.
    for near, column, of_one in (
        (np.abs(bins - np.rint(bins)), found[0], bin_of),
        (np.abs(np.abs(logs - np.floor(logs)) - 0.5), found[1], log_of),
    ):
        here = np.flatnonzero(near < _DOUBTFUL)
        column[here] = [of_one(one) for one in distinct[here].tolist()]
    return found[0][back], found[1][back]


class Lengths:
    """Lengths in whole seconds. total, squares: exact sums. logs, log_squares: of ln(seconds) in 1/10,000, 0 s as 1 s.

    values: every single one, as long as none came out of a sketch; then quantiles are exact.
    """

    __slots__ = ("_sorted", "bins", "log_squares", "logs", "n", "squares", "total", "values")

    def __init__(
        self,
        n: int = 0,
        total: int = 0,
        squares: int = 0,
        logs: int = 0,
        log_squares: int = 0,
        bins: Mapping[int, int] | None = None,
    ) -> None:
        self.n = n
        self.total = total
        self.squares = squares
        self.logs = logs
        self.log_squares = log_squares
        self.bins: dict[int, int] = dict(bins or {})
        self.values: list[int] | None = None if n else []
        self._sorted: list[int] | None = None

    def add(self, seconds: int) -> None:
        """Counts one more."""
        self.add_known(seconds, bin_of(seconds), log_of(seconds))

    def add_known(self, seconds: int, bin: int, log: int) -> None:
        """Counts one more whose bin and logarithm are known."""
        self._sorted = None
        self.n += 1
        self.total += seconds
        self.squares += seconds * seconds
        self.logs += log
        self.log_squares += log * log
        self.bins[bin] = self.bins.get(bin, 0) + 1
        if self.values is not None:
            self.values.append(seconds)

    def merge(self, other: Lengths) -> Self:
        """Counts all of another's too."""
        self._sorted = None
        self.n += other.n
        self.total += other.total
        self.squares += other.squares
        self.logs += other.logs
        self.log_squares += other.log_squares
        bins = self.bins
        for bin, count in other.bins.items():
            bins[bin] = bins.get(bin, 0) + count
        if self.values is None or other.values is None:
            self.values = None
        else:
            self.values.extend(other.values)
        return self

    def quantile(self, q: float) -> float:
        """The q-quantile in seconds, interpolated between neighbours (Hyndman and Fan, type 7); 0 <= q <= 1, n >= 1."""
        rank = q * (self.n - 1)
        below = math.floor(rank)
        low = self.at_rank(below)
        return low if rank == below else low + (self.at_rank(below + 1) - low) * (rank - below)

    def at_rank(self, rank: int) -> float:
        """The length at a rank, from 0 for the shortest; ranks outside are the ends."""
        rank = min(max(rank, 0), self.n - 1)
        if self.values is not None:
            if self._sorted is None:
                self._sorted = sorted(self.values)
            return float(self._sorted[rank])
        passed = 0
        bin = 0
        for bin in sorted(self.bins):
            passed += self.bins[bin]
            if passed > rank:
                break
        return length_of(bin)
