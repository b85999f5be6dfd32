"""The board put together: three bands on one page, one period, one filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.fact import EPOCH
from services.metrics.rules.measures import CODES
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import DAY, Period, dates
from services.metrics.rules.registry import METRICS, TILES
from services.metrics.rules.rows import DAY_MS, EVENTS, PRIORITY, SLOTS, added, slotted
from services.metrics.rules.selection import Rows, rows_of_facts
from services.metrics.rules.tally import Tally, tally
from services.metrics.rules.values import Value, change_of, growth, spark, value_of

Ints = NDArray[Any]

POINTS = 40
DAYS_SHOWN = 400
SLOT_SECONDS, DAY_SECONDS = 900, 86_400
_FIRST_ORDINAL = EPOCH.toordinal()
_BY_PRIORITY = np.zeros(256, bool)
for _id in ("tickets_opened", "time_to_resolve", "sla_met_resolution"):
    _BY_PRIORITY[CODES[_id]] = True
CATEGORIES = (Category.STOP_LOSS, Category.HOURS, Category.RISK, Category.COMPLIANCE)
WAITS: Mapping[Category, str] = {
    Category.STOP_LOSS: "avoided repeats and shortened outages",
    Category.HOURS: "automation and self-service with a baseline",
    Category.RISK: "open problems and their estimates",
    Category.COMPLIANCE: "control failures as events",
}


@dataclass(frozen=True, slots=True)
class DayColumn:
    """One day of the chart, in the zone that was asked for."""

    date: date
    opened: int
    resolved: int
    reopened: int
    breached: int


@dataclass(frozen=True, slots=True)
class PriorityRow:
    """One priority: tickets opened, and its own numbers."""

    priority: int
    tickets: int
    resolve_time: Value
    sla_met: Value


@dataclass(frozen=True, slots=True)
class GreenRedRow:
    """A ticket with every clock met, and still a loss in minor units."""

    ticket: str
    title: str
    currency: str
    amount: int
    why: str
    provisional: bool


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One category of money; waits_for says what it waits for when nothing feeds it."""

    sum: MoneySum
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Tile:
    """One number with its baseline, the change between the two, and its course."""

    id: str
    value: Value
    baseline: Value | None = None
    change: Value | None = None
    sparkline: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the page. data_at: the newest event that is in. revision: +1 whenever a day in it was made anew."""

    period: Period
    lines: tuple[MoneyLine, ...]
    total: tuple[str, int]
    incurred: MoneyLine
    tiles: tuple[Tile, ...]
    days: tuple[DayColumn, ...]
    priorities: tuple[PriorityRow, ...]
    green_red: tuple[GreenRedRow, ...]
    data_at: datetime | None
    revision: int
    tickets: int
    provisional: int


@dataclass(frozen=True, slots=True)
class Slots:
    """Events by quarter hour. days: the UTC day of each row. rows: of SLOTTED."""

    days: Ints
    rows: Ints


@dataclass(slots=True)
class Sums:
    """A period added up in the ways that the page needs."""

    whole: Tally = field(default_factory=Tally)
    by_priority: dict[int, Tally] = field(default_factory=dict)
    by_point: dict[int, Tally] = field(default_factory=dict)
    slots: Slots | None = None


class FromFacts(NamedTuple):
    """What facts add, counted by day, and their events by quarter hour."""

    rows: Rows
    slots: Slots


def from_facts(
    packs: Sequence[bytes], classes: Sequence[int], period: Period, days: frozenset[int] | None = None
) -> FromFacts:
    """What facts add in a period, on some days of it when these are given. classes: of each fact.

    Single lengths are kept unless only some days are wanted, as the rest then comes from cells.
    """
    found = added(packs).inside(period, days)
    kinds = np.array(classes, np.int64)
    slots, of_days = slotted(found.rows, kinds[found.fact], found.rows["at"] // DAY_MS)
    return FromFacts(rows_of_facts(found, kinds, exact=days is None), Slots(of_days, slots))


def summed(whole: Rows) -> Sums:
    """Rows added up, and nothing more."""
    return Sums(tally(whole.counts, whole.sums, whole.exact))


def with_course(sums: Sums, whole: Rows, course: Rows, slots: Slots) -> Sums:
    """What rows were added up to, with their sums by priority and in at most 40 stretches of the course."""
    sums.slots = slots
    if not len(course.counts):
        return sums
    own, own_sums = _BY_PRIORITY[whole.counts["m"]], _BY_PRIORITY[whole.sums["m"]]
    counts, lengths = whole.counts[own], whole.sums[own_sums]
    sums.by_priority = _apart(counts, counts["c"] & PRIORITY, lengths, lengths["c"] & PRIORITY)
    first, last = int(course.days.min()), int(course.days.max())
    width = -(-(last - first + 1) // POINTS)
    points, of_sums = (course.days - first) // width, (course.sum_days - first) // width
    sums.by_point = _apart(course.counts, points, course.sums, of_sums)
    return sums


def _apart(counts: Ints, groups: Ints, lengths: Ints, of_lengths: Ints) -> dict[int, Tally]:
    """The rows of each group added up by themselves; both are put in order once, however many groups there are."""
    # Numbers of two bytes are put in order without comparing them.
    groups, of_lengths = groups.astype(np.int16), of_lengths.astype(np.int16)
    order, of_order = np.argsort(groups, kind="stable"), np.argsort(of_lengths, kind="stable")
    counts, groups, lengths, of_lengths = counts[order], groups[order], lengths[of_order], of_lengths[of_order]
    found = np.unique(groups)
    starts, ends = np.searchsorted(groups, found), np.searchsorted(groups, found, "right")
    lows, highs = np.searchsorted(of_lengths, found), np.searchsorted(of_lengths, found, "right")
    return {
        group: tally(counts[start:end], lengths[low:high])
        for group, start, end, low, high in zip(found.tolist(), starts, ends, lows, highs, strict=True)
    }


def tiles(
    now_sums: Sums, before: Sums | None, period: Period, baseline: Period | None, now: datetime, *,
    open_at_end: int, others: Mapping[str, Value],
) -> tuple[Tile, ...]:  # fmt: skip
    """The tiles in their order. others: values that facts do not feed, by metric id."""
    found = []
    for id in TILES:
        metric = METRICS[id]
        if id in others:
            found.append(Tile(id, others[id]))
            continue
        if id == "backlog_growth":
            value = growth(now_sums.whole, open_at_end)
        else:
            value = value_of(metric, now_sums.whole, period, now)
        course = (spark(metric, now_sums.by_point[point]) for point in sorted(now_sums.by_point))
        sparkline = tuple(point for point in course if point is not None) if metric.is_live else ()
        if before is None or baseline is None or not metric.is_live or id == "backlog_growth":
            found.append(Tile(id, value, sparkline=sparkline))
            continue
        compared = change_of(metric, now_sums.whole, before.whole)
        found.append(Tile(id, value, value_of(metric, before.whole, baseline, now), compared, sparkline))
    return tuple(found)


def columns(sums: Sums, period: Period, zone: ZoneInfo) -> tuple[DayColumn, ...]:
    """The chart by days of a zone, at most the last 400 of them."""
    if sums.slots is None or not len(sums.slots.days):
        return ()
    days, rows = sums.slots.days, sums.slots.rows
    distinct, back = np.unique(days, return_inverse=True)
    event, slot = rows["s"] // SLOTS, rows["s"] % SLOTS
    local = np.array([_local_days(day, zone) for day in distinct.tolist()])[back, slot]
    first = int(local.min())
    counted = np.zeros((int(local.max()) - first + 1, len(EVENTS)), np.int64)
    np.add.at(counted, (local - first, event), rows["n"])
    shown = dates(period, zone, range(int(distinct[0]), int(distinct[-1]) + 1), DAYS_SHOWN)
    found = []
    for one in shown:
        at = one.toordinal() - _FIRST_ORDINAL - first
        numbers = counted[at].tolist() if 0 <= at < len(counted) else [0] * len(EVENTS)
        found.append(DayColumn(one, *numbers))
    return tuple(found)


def _local_days(day: int, zone: ZoneInfo) -> list[int]:
    """The day of a zone, since 1970-01-01, in which each quarter hour of a UTC day begins."""
    begin = EPOCH + day * DAY
    offsets = {(begin + part * DAY / SLOTS).astimezone(zone).utcoffset() for part in (0, SLOTS - 1)}
    if len(offsets) == 1 and (offset := offsets.pop()) is not None:
        seconds = int(offset.total_seconds())
        return [day + (slot * SLOT_SECONDS + seconds) // DAY_SECONDS for slot in range(SLOTS)]
    moments = ((begin + slot * DAY / SLOTS).astimezone(zone) for slot in range(SLOTS))
    return [one.date().toordinal() - _FIRST_ORDINAL for one in moments]


def priority_rows(sums: Sums, period: Period, now: datetime) -> tuple[PriorityRow, ...]:
    """A row for each priority that occurs, the highest first; tickets that were never triaged come last."""
    rows = []
    for priority in sorted(sums.by_priority, key=lambda one: (one == 0, one)):
        tally = sums.by_priority[priority]
        resolve_time = value_of(METRICS["time_to_resolve"], tally, period, now)
        sla_met = value_of(METRICS["sla_met_resolution"], tally, period, now)
        rows.append(PriorityRow(priority, tally.count("tickets_opened"), resolve_time, sla_met))
    return tuple(rows)


def money(sums: Iterable[MoneySum], currency: str) -> tuple[tuple[MoneyLine, ...], tuple[str, int], MoneyLine]:
    """The four categories in their order, their total, and the incurred loss, all in one currency.

    Amounts of other currencies are never added; they stay in the ledger's own list.
    """
    by_category = {one.category: one for one in sums if one.currency == currency}
    lines = []
    for category in CATEGORIES:
        one = by_category.get(category)
        nothing = MoneySum(category, currency, 0, 0, 0, 0)
        lines.append(MoneyLine(one or nothing, "" if one else WAITS[category]))
    total = sum(line.sum.amount for line in lines)
    incurred = by_category.get(Category.INCURRED_LOSS, MoneySum(Category.INCURRED_LOSS, currency, 0, 0, 0, 0))
    return tuple(lines), (currency, total), MoneyLine(incurred)
