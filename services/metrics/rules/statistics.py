"""Intervals and comparisons at 95 %, by closed formulas: no sampling, so the same facts always give the same doubt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

from services.metrics.rules.lengths import LOG_SCALE, Lengths

Z = NormalDist().inv_cdf(0.975)


def wilson(k: float, n: float) -> tuple[float, float]:
    """The interval of a share k / n (Wilson 1927), both ends in 0 to 1; n > 0, an effective count may be broken."""
    share = k / n
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    middle = share + Z * Z / (2 * n)
    scale = 1 + Z * Z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def share_change(k: int, n: int, k0: int, n0: int) -> tuple[float, float, float]:
    """A share minus another with its interval (Newcombe 1998, from the two Wilson intervals); -1 to 1."""
    now, before = k / n, k0 / n0
    (low, high), (low0, high0) = wilson(k, n), wilson(k0, n0)
    change = now - before
    return (
        change,
        change - math.sqrt((now - low) ** 2 + (high0 - before) ** 2),
        change + math.sqrt((high - now) ** 2 + (before - low0) ** 2),
    )


def t_quantile(df: float) -> float:
    """The 97.5 % point of Student's t (Hill 1970, as an expansion around the normal point); df >= 2, error < 0.01."""
    z = Z
    g1 = (z**3 + z) / 4
    g2 = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    g3 = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    g4 = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + g1 / df + g2 / df**2 + g3 / df**3 + g4 / df**4


def mean_interval(n: int, total: int, squares: int) -> tuple[float, float]:
    """The t interval of the mean of n values with this sum and sum of squares; n >= 2."""
    mean = total / n
    half = t_quantile(n - 1) * math.sqrt(variance(n, total, squares) / n)
    return mean - half, mean + half


def variance(n: int, total: int, squares: int) -> float:
    """The sample variance from exact integer sums; n >= 2."""
    return (n * squares - total * total) / (n * (n - 1))


def median_interval(lengths: Lengths) -> tuple[float, float]:
    """The interval of the median between two order statistics: it assumes nothing of how the lengths lie; n >= 1."""
    half = Z * math.sqrt(lengths.n) / 2
    low = math.floor(lengths.n / 2 - half)
    high = math.ceil(lengths.n / 2 + half)
    return lengths.at_rank(low), lengths.at_rank(high)


def welch(n: int, mean: float, spread: float, n0: int, mean0: float, spread0: float) -> tuple[float, float, float]:
    """A mean minus another with its interval (Welch 1947), spreads being variances; n, n0 >= 2."""
    error, error0 = spread / n, spread0 / n0
    change = mean - mean0
    if error + error0 == 0:
        return change, change, change
    df = (error + error0) ** 2 / (error**2 / (n - 1) + error0**2 / (n0 - 1))
    half = t_quantile(df) * math.sqrt(error + error0)
    return change, change - half, change + half


def rate_change(k: int, length: float, k0: int, length0: float) -> tuple[float, float, float]:
    """How much more often, as a fraction of before: the ratio of two rates less 1, by the normal law on its logarithm.

    k, k0: events in stretches of these lengths; k, k0 >= 1.
    """
    change = math.log(k / length) - math.log(k0 / length0)
    half = Z * math.sqrt(1 / k + 1 / k0)
    return math.expm1(change), math.expm1(change - half), math.expm1(change + half)


def difference(now: tuple[float, float, float], before: tuple[float, float, float]) -> tuple[float, float, float]:
    """A value minus another with its interval, from those of the two (Zou and Donner 2008); each (value, low, high)."""
    change = now[0] - before[0]
    return (
        change,
        change - math.hypot(now[0] - now[1], before[2] - before[0]),
        change + math.hypot(now[2] - now[0], before[0] - before[1]),
    )


def length_change(now: Lengths, before: Lengths) -> tuple[float, float, float]:
    """How much longer, as a fraction of before: the ratio of the geometric means less 1 (E04, Welch on logarithms)."""
    mean, spread = _of_logs(now)
    mean0, spread0 = _of_logs(before)
    change, low, high = welch(now.n, mean, spread, before.n, mean0, spread0)
    return math.expm1(change), math.expm1(low), math.expm1(high)


def _of_logs(lengths: Lengths) -> tuple[float, float]:
    spread = variance(lengths.n, lengths.logs, lengths.log_squares) / LOG_SCALE**2
    return lengths.logs / lengths.n / LOG_SCALE, spread


def moments(spread: Mapping[int, int]) -> tuple[int, int, int]:
    """How many, the sum and the sum of squares of values that came so and so often."""
    n = sum(spread.values())
    total = sum(value * count for value, count in spread.items())
    return n, total, sum(value * value * count for value, count in spread.items())


def spread_quantile(spread: Mapping[int, int], q: float) -> float:
    """The q-quantile of counted values, interpolated between neighbours (type 7); exact; at least one value."""
    n = sum(spread.values())
    rank = q * (n - 1)
    below = math.floor(rank)
    low = _at_rank(spread, below)
    return low if rank == below else low + (_at_rank(spread, below + 1) - low) * (rank - below)


def _at_rank(spread: Mapping[int, int], rank: int) -> float:
    passed = 0
    for value in sorted(spread):
        passed += spread[value]
        if passed > rank:
            return float(value)
    return float(max(spread))
