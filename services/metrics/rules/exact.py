"""Exact money: one rounding a row, half to even, and its lines by largest remainder, so that they add up to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

HOUR_MS = 3_600_000
MILLE = 1000


@dataclass(frozen=True, slots=True)
class Amounts:
    """Minor units by UTC hour, hour after hour from `first_hour`; each row sums exactly to its rounded total.

    lows, highs: the 10th and 90th percentile. middle: the 50th of the total, None when it is the total.
    """

    first_hour: datetime
    amounts: tuple[int, ...]
    lows: tuple[int, ...]
    highs: tuple[int, ...]
    middle: int | None = None


def half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator rounded to the nearest integer, halves to the even one; denominator > 0."""
    whole, rest = divmod(numerator, denominator)
    twice = 2 * rest
    return whole + (twice > denominator or (twice == denominator and whole % 2 == 1))


def shared(unit: int, parts: Sequence[int], denominator: int) -> list[int]:
    """unit x sum(parts) / denominator, half-even, over the parts: each gets the whole of its exact share, the largest
    remainders one more; of equal remainders the earlier part goes first.
    """
    shares = [divmod(unit * part, denominator) for part in parts]
    rows = [whole for whole, _ in shares]
    left = half_even(unit * sum(parts), denominator) - sum(rows)
    for at in sorted(range(len(parts)), key=lambda at: (-shares[at][1], at))[:left]:
        rows[at] += 1
    return rows


def hours_of(start_ms: int, ms: int) -> tuple[int, list[int]]:
    """The UTC hour in which it starts, counted from 1970, and the milliseconds that fall into it and each next one."""
    first, inside = divmod(start_ms, HOUR_MS)
    parts = [min(ms, HOUR_MS - inside)]
    left = ms - parts[0]
    while left > 0:
        parts.append(min(left, HOUR_MS))
        left -= parts[-1]
    return first, parts


def signed(sign: int, rows: Sequence[int]) -> tuple[int, ...]:
    """The rows, each times 1 or -1."""
    return tuple(sign * row for row in rows)
