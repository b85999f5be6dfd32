"""E11, recurrences: a new occurrence of a fault that had been resolved not long before."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta

WITHIN = timedelta(days=90)

Named = tuple[str, datetime]


def recurrences(opened: Iterable[Named], resolved: Iterable[Named]) -> tuple[int, int]:
    """How many of the occurrences opened, each (signature, instant), follow a resolution of their signature within 90
    days; and how many there are.
    """
    ends: dict[str, list[datetime]] = {}
    for signature, at in resolved:
        ends.setdefault(signature, []).append(at)
    for one in ends.values():
        one.sort()
    again = total = 0
    for signature, at in opened:
        total += 1
        before = ends.get(signature, [])
        latest = bisect_left(before, at) - 1
        again += latest >= 0 and before[latest] >= at - WITHIN
    return again, total
