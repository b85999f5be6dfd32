"""What a report shows one reader: all of it first, then group by group, every value as the board has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.metrics.rules.comparison import Comparison
from services.metrics.rules.fact import Channel
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.report_record import Grouping, Report
from services.metrics.rules.values import Value

MOST_GROUPS = 30
"""More than a page can show; the rest is counted and named as left out."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric in one row; without a baseline the value alone."""

    value: Value
    baseline: Value | None = None
    change: Value | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One group. group: "" for all of it. cells: in the order of the report's metrics."""

    group: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """The values of a dimension, the largest first. left_out: more of them. ungrouped: tickets without a value."""

    values: tuple[str, ...] = ()
    left_out: int = 0
    ungrouped: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A report as one reader may see it. scope: the reader's unit, outside of which nothing is in any number."""

    report: Report
    period: Period
    baseline: Period | None
    made_at: datetime
    scope: str
    rows: tuple[Row, ...]
    left_out: int = 0
    ungrouped: int = 0


def groups(counted: Sequence[tuple[object, int]]) -> Groups:
    """The groups of tickets counted by the values of a dimension; nothing, "" and 0 are no value."""
    named = sorted(((str(value), n) for value, n in counted if value), key=lambda one: (-one[1], one[0]))
    return Groups(
        tuple(value for value, _ in named[:MOST_GROUPS]),
        max(0, len(named) - MOST_GROUPS),
        sum(n for value, n in counted if not value),
    )


def within_group(filter: Filter, grouping: Grouping, value: str) -> Filter:
    """The filter for one group."""
    if grouping is Grouping.CHANNEL:
        return replace(filter, channel=Channel(value))
    if grouping is Grouping.PRIORITY:
        return replace(filter, priorities=(int(value),))
    if grouping is Grouping.TEAM:
        return replace(filter, team=value)
    if grouping is Grouping.SERVICE:
        return replace(filter, service=value)
    return replace(filter, site=value)


def row_of_values(group: str, metrics: Sequence[str], values: Sequence[Value]) -> Row:
    """A row without a baseline, of all values of the registry."""
    by_name = {one.metric: one for one in values}
    return Row(group, tuple(Cell(by_name[METRICS[id].name]) for id in metrics))


def row_of_comparisons(group: str, metrics: Sequence[str], compared: Sequence[Comparison]) -> Row:
    """A row with a baseline, of all comparisons of the registry."""
    by_id: Mapping[str, Comparison] = {one.metric.id: one for one in compared}
    return Row(group, tuple(Cell(by_id[id].value, by_id[id].baseline, by_id[id].change) for id in metrics))
