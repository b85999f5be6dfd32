"""Contributions added up. Every sum is of integers, so tallies may be made in any order and merged in any order."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple, Self, TypeVar

from services.metrics.rules.fact import EPOCH
from services.metrics.rules.lengths import Lengths, bin_of, log_of
from services.metrics.rules.measures import SORTS, Contribution, Sort

T = TypeVar("T")

SLOT_SECONDS = 900
"""Every zone in use differs from UTC by whole quarter hours, so days of any zone can be put together from them."""


class Added(NamedTuple):
    """A contribution made ready to be added to many tallies. place: its bin, or its quarter hour of the UTC day."""

    name: str
    sort: Sort
    value: int
    place: int = 0
    log: int = 0


def ready(one: Contribution) -> Added:
    """A contribution with what adding it needs to know."""
    sort = SORTS[one.measure]
    if sort is Sort.LENGTH:
        return Added(one.measure, sort, one.value, bin_of(one.value), log_of(one.value))
    if sort is Sort.EVENTS:
        return Added(one.measure, sort, one.value, (one.at - EPOCH).seconds // SLOT_SECONDS)
    return Added(one.measure, sort, one.value)


class Tally:
    """What a set of contributions comes to.

    counts: by measure; events too. slots: of events, by quarter hour of the UTC day. shares: [numerator, denominator].
    spreads: how many tickets have which small count. lengths: of time.
    """

    __slots__ = ("counts", "lengths", "shares", "slots", "spreads")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.slots: dict[str, dict[int, int]] = {}
        self.shares: dict[str, list[int]] = {}
        self.spreads: dict[str, dict[int, int]] = {}
        self.lengths: dict[str, Lengths] = {}

    def add(self, added: Iterable[Added]) -> Self:
        """Counts what facts add in one UTC day."""
        for name, sort, value, place, log in added:
            if sort is Sort.LENGTH:
                lengths = self.lengths.get(name)
                if lengths is None:
                    lengths = self.lengths[name] = Lengths()
                lengths.add_known(value, place, log)
            elif sort is Sort.SHARE:
                share = self.shares.get(name)
                if share is None:
                    share = self.shares[name] = [0, 0]
                share[0] += value
                share[1] += 1
            elif sort is Sort.SPREAD:
                spread = self.spreads.setdefault(name, {})
                spread[value] = spread.get(value, 0) + 1
            else:
                self.counts[name] = self.counts.get(name, 0) + 1
                if sort is Sort.EVENTS:
                    slots = self.slots.setdefault(name, {})
                    slots[place] = slots.get(place, 0) + 1
        return self

    def merge(self, other: Tally, only: Container[str] | None = None) -> Self:
        """Adds another tally, of all measures or of `only` some. Slots are of one day and stay where they are."""
        for name, count in _chosen(other.counts, only):
            self.counts[name] = self.counts.get(name, 0) + count
        for name, (numerator, denominator) in _chosen(other.shares, only):
            share = self.shares.setdefault(name, [0, 0])
            share[0] += numerator
            share[1] += denominator
        for name, spread in _chosen(other.spreads, only):
            mine = self.spreads.setdefault(name, {})
            for value, count in spread.items():
                mine[value] = mine.get(value, 0) + count
        for name, lengths in _chosen(other.lengths, only):
            if name not in self.lengths:
                self.lengths[name] = Lengths()
            self.lengths[name].merge(lengths)
        return self

    def count(self, name: str) -> int:
        """How often it happened."""
        return self.counts.get(name, 0)


def _chosen(parts: Mapping[str, T], only: Container[str] | None) -> Iterable[tuple[str, T]]:
    return parts.items() if only is None else ((name, part) for name, part in parts.items() if name in only)
