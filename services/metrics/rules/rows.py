"""Contributions as rows of numbers: packed beside each fact, counted by columns, and merged without loss.

Every sum is of integers, so rows may be counted and merged in any order and in any number of steps.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.fact import EPOCH, Channel, Fact, Type
from services.metrics.rules.lengths import bins_and_logs
from services.metrics.rules.measures import CODES, MEASURES, Sort, contributions
from services.metrics.rules.period import Period

Ints = NDArray[Any]

VERSION = 3
"""+1 whenever a fact of the past would add something else; facts packed by an earlier one are packed anew."""
DAY_MS = 86_400_000
SLOT_MS = 900_000
SLOTS = 96
"""Every zone in use differs from UTC by whole quarter hours, so days of any zone can be put together from them."""
EVENTS: tuple[str, ...] = ("tickets_opened", "tickets_resolved", "reopenings", "breaches")

ADDED = np.dtype([("m", "u1"), ("at", "<i8"), ("v", "<u4")])
"""What a fact adds: measure, instant in ms, value."""
COUNTED = np.dtype([("m", "u1"), ("c", "u1"), ("k", "<u2"), ("n", "<u4")])
"""How often: measure, class of ticket, key (bin of a length, 0 or 1 of a share, a small count), times."""
SUMMED = np.dtype(
    [("m", "u1"), ("c", "u1"), ("total", "<i8"), ("high", "<i8"), ("low", "<i8"), ("logs", "<i8"), ("squares", "<i8")]
)
"""Exact sums of lengths: of seconds, of their squares in two halves of 32 bits, of logarithms and of their squares."""
SLOTTED = np.dtype([("s", "<u2"), ("c", "u1"), ("n", "<u4")])
"""Events: 96 x event + quarter hour of the UTC day, class of ticket, times."""

KEYS = 4_096
_SPARSE = 16
"""Rows are few when there could be more than so many kinds for each of them."""
_MOST_SECONDS = 2**32 - 1
_ROW = struct.Struct("<BqI")
_MS = timedelta(milliseconds=1)
_COLUMNS = ("total", "high", "low", "logs", "squares")
_CHANNELS = {one: number for number, one in enumerate(Channel)}
_TYPES = {one: number for number, one in enumerate(Type)}
_IS_LENGTH = np.zeros(256, bool)
_IS_COUNT = np.zeros(256, bool)
_EVENT = np.full(256, -1, np.int64)
for _one in MEASURES:
    _IS_LENGTH[_one.code] = _one.sort is Sort.LENGTH
    _IS_COUNT[_one.code] = _one.sort in (Sort.COUNT, Sort.EVENTS)
for _number, _id in enumerate(EVENTS):
    _EVENT[CODES[_id]] = _number


def class_of(channel: Channel, type: Type, priority: int) -> int:
    """The class of a ticket: what a filter may ask for that makes no cell of its own."""
    return _CHANNELS[channel] << 4 | _TYPES[type] << 3 | priority


PRIORITY = 7
"""The bits of a class that hold the priority."""


def packed(fact: Fact) -> bytes:
    """All that a fact adds, 13 bytes a row."""
    return b"".join(
        _ROW.pack(CODES[one.measure], (one.at - EPOCH) // _MS, min(one.value, _MOST_SECONDS))
        for one in contributions(fact)
    )


class Added(NamedTuple):
    """The rows of some facts. fact: which of them each row is of."""

    rows: Ints
    fact: Ints

    def inside(self, period: Period, days: Iterable[int] | None = None) -> Added:
        """Those in the period and, when `days` are given, on these UTC days."""
        start, end = ((at - EPOCH) // _MS for at in (period.start, period.end))
        at = self.rows["at"]
        chosen = (at >= start) & (at < end)
        if days is not None:
            chosen &= np.isin(at // DAY_MS, np.fromiter(days, np.int64))
        return Added(self.rows[chosen], self.fact[chosen])


def added(packs: Sequence[bytes]) -> Added:
    """The rows of facts, in their order."""
    rows = np.frombuffer(b"".join(packs), ADDED)
    sizes = np.fromiter((len(one) // ADDED.itemsize for one in packs), np.int64, len(packs))
    return Added(rows, np.repeat(np.arange(len(packs)), sizes))


def counted(rows: Ints, classes: Ints, groups: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Rows counted and lengths summed, by group: rows of COUNTED and their groups, rows of SUMMED and their groups.

    classes, groups: of each row; groups are small integers from 0. What comes back is in the order of the groups.
    """
    m = rows["m"].astype(np.int64)
    values = rows["v"].astype(np.int64)
    keys = np.where(_IS_COUNT[m], 0, np.minimum(values, KEYS - 1))
    long = _IS_LENGTH[m]
    lengths = values[long]
    bins, logs = bins_and_logs(lengths)
    keys[long] = bins
    whole = (groups.astype(np.int64) << 28) | (m << 20) | (classes.astype(np.int64) << 12) | keys
    found, times = np.unique(whole, return_counts=True)
    high, low = _halves(lengths)
    columns = (lengths, high, low, logs, logs * logs)
    place = (groups[long].astype(np.int64) << 16) | (m[long] << 8) | classes[long]
    return *_as_counted(found, times), *_as_summed(place, columns)


def merged_counts(rows: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Rows of COUNTED of the same group, measure, class and key made one."""
    whole = (groups.astype(np.int64) << 28) | (rows["m"].astype(np.int64) << 20)
    whole |= (rows["c"].astype(np.int64) << 12) | rows["k"]
    return _as_counted(*times(whole, rows["n"]))


def times(kinds: Ints, numbers: Ints) -> tuple[Ints, Ints]:
    """The kinds of row that come to something, in their order, and to how much each. kinds: integers from 0."""
    if not len(kinds):
        return kinds, kinds
    whole = back = None
    if len(kinds) * _SPARSE < int(kinds.max()):
        # A place for every kind that there could be takes far longer to look through than so few rows.
        whole, back = np.unique(kinds, return_inverse=True)
    # A sum of doubles is exact below 2 ** 53, and nobody counts so far.
    found = np.bincount(kinds if back is None else back, weights=numbers).astype(np.int64)
    here = np.flatnonzero(found)
    return here if whole is None else whole[here], found[here]


def merged_sums(rows: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Rows of SUMMED of the same group, measure and class made one."""
    place = (groups.astype(np.int64) << 16) | (rows["m"].astype(np.int64) << 8) | rows["c"]
    return _as_summed(place, tuple(rows[name] for name in _COLUMNS))


def slotted(rows: Ints, classes: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Events by quarter hour of their UTC day, by group."""
    event = _EVENT[rows["m"]]
    here = event >= 0
    slots = event[here] * SLOTS + rows["at"][here] % DAY_MS // SLOT_MS
    whole = (groups[here].astype(np.int64) << 24) | (slots << 8) | classes[here]
    found, times = np.unique(whole, return_counts=True)
    made = np.zeros(len(found), SLOTTED)
    made["s"], made["c"], made["n"] = (found >> 8) & 0xFFFF, found & 0xFF, times
    return made, found >> 24


def split(rows: Ints, groups: Ints, count: int) -> list[Ints]:
    """Rows in the order of their groups, one array a group."""
    ends = np.searchsorted(groups, np.arange(count + 1))
    return [rows[ends[one] : ends[one + 1]] for one in range(count)]


def _halves(seconds: Ints) -> tuple[Ints, Ints]:
    # A square of 32 bits may need 64, and a signed column holds 63: it is put together from half words.
    upper, lower = seconds >> 16, seconds & 0xFFFF
    cross = 2 * upper * lower
    low = lower * lower + ((cross & 0xFFFF) << 16)
    high = upper * upper + (cross >> 16) + (low >> 32)
    return high, low & 0xFFFFFFFF


def _as_counted(whole: Ints, times: Ints) -> tuple[Ints, Ints]:
    made = np.zeros(len(whole), COUNTED)
    made["m"], made["c"], made["k"] = (whole >> 20) & 0xFF, (whole >> 12) & 0xFF, whole & 0xFFF
    made["n"] = times
    return made, whole >> 28


def _as_summed(place: Ints, columns: Sequence[Ints]) -> tuple[Ints, Ints]:
    order = np.argsort(place, kind="stable")
    found, first = np.unique(place[order], return_index=True)
    made = np.zeros(len(found), SUMMED)
    made["m"], made["c"] = (found >> 8) & 0xFF, found & 0xFF
    if len(found):
        for name, column in zip(_COLUMNS, columns, strict=True):
            made[name] = np.add.reduceat(column[order], first)
    return made, found >> 16
