"""Facts rolled up into cells: one per UTC day, scope and value of one dimension. The only way from facts to sums.

A cell is made anew from facts, never counted up; what a filter can ask of one dimension is a sum of cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.metrics.rules.fact import Channel, Fact, Type, day_of
from services.metrics.rules.measures import contributions
from services.metrics.rules.period import Windows
from services.metrics.rules.tally import Added, Tally, ready

ALL = "all"
DIMENSIONS: tuple[str, ...] = ("service", "team", "site", "channel")
"""What a board filters by through cells, one at a time; unit, source, type and priority are part of every cell."""


class CellKey(NamedTuple):
    """Where a cell belongs. day: since 1970-01-01 in UTC. dimension, value: "team", "teams/network"; ALL, ""."""

    day: int
    dimension: str
    value: str
    unit: str
    source: str
    type: Type
    priority: int


def roll(
    facts: Iterable[Fact],
    windows: Windows,
    dimensions: Sequence[str] = DIMENSIONS,
    into: dict[CellKey, Tally] | None = None,
) -> dict[CellKey, Tally]:
    """The cells of some UTC days, made from all facts that count in them.

    windows: what lies outside is left out. dimensions: cells by these beside those of ALL. into: cells that other facts
    have gone into already.
    """
    cells = {} if into is None else into
    for fact in facts:
        by_day: dict[int, list[Added]] = {}
        for one in contributions(fact):
            day = day_of(one.at)
            if day in windows:
                window = windows.part(day)
                if window is None or window[0] <= one.at < window[1]:
                    by_day.setdefault(day, []).append(ready(one))
        if not by_day:
            continue
        places = [(ALL, ""), *((one, value) for one in dimensions if (value := _value(fact, one)))]
        for day, added in by_day.items():
            for dimension, value in places:
                key = CellKey(day, dimension, value, fact.unit, fact.source, fact.type, fact.priority)
                tally = cells.get(key)
                if tally is None:
                    tally = cells[key] = Tally()
                tally.add(added)
    return cells


def _value(fact: Fact, dimension: str) -> str:
    if dimension == "channel":
        return "" if fact.channel is Channel.UNSPECIFIED else fact.channel.value
    value: str = getattr(fact, dimension)
    return value
