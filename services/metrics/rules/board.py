"""The board put together: three bands on one page, one period, one filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.metrics.rules.cells import CellKey
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import DAY, Period, dates
from services.metrics.rules.registry import METRICS, TILES
from services.metrics.rules.tally import SLOT_SECONDS, Tally
from services.metrics.rules.values import Value, change_of, growth, spark, value_of

POINTS = 40
DAYS_SHOWN = 400
EVENTS: tuple[str, ...] = ("tickets_opened", "tickets_resolved", "reopenings", "breaches")
_PRIORITY_MEASURES = frozenset({"tickets_opened", "time_to_resolve", "sla_met_resolution"})
_TILE_MEASURES = frozenset({*TILES, "tickets_opened", "tickets_ended"})
CATEGORIES = (Category.STOP_LOSS, Category.HOURS, Category.RISK, Category.COMPLIANCE)
WAITS: Mapping[Category, str] = {
    Category.STOP_LOSS: "avoided repeats and shortened outages",
    Category.HOURS: "automation and self-service with a baseline",
    Category.RISK: "open problems and their estimates",
    Category.COMPLIANCE: "control failures as events",
}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is open at the end of a period: how many, and how old by the wall clock (E28)."""

    n: int
    age: Value


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


@dataclass(slots=True)
class Sums:
    """The cells of a period added up in the ways that the page needs."""

    whole: Tally = field(default_factory=Tally)
    by_priority: dict[int, Tally] = field(default_factory=dict)
    by_point: dict[int, Tally] = field(default_factory=dict)
    events: list[tuple[int, Mapping[str, Mapping[int, int]]]] = field(default_factory=list)
    first_day: int | None = None
    last_day: int | None = None


def summed(cells: Sequence[tuple[CellKey, Tally]], *, courses: bool = True) -> Sums:
    """Cells added up: whole, by priority, and when `courses` in at most 40 equal stretches of days."""
    sums = Sums()
    days = {key.day for key, _ in cells}
    if not days:
        return sums
    sums.first_day, sums.last_day = min(days), max(days)
    width = -(-(sums.last_day - sums.first_day + 1) // POINTS)
    for key, tally in cells:
        sums.whole.merge(tally)
        if not courses:
            continue
        sums.by_priority.setdefault(key.priority, Tally()).merge(tally, _PRIORITY_MEASURES)
        point = (key.day - sums.first_day) // width
        sums.by_point.setdefault(point, Tally()).merge(tally, _TILE_MEASURES)
        if tally.slots:
            sums.events.append((key.day, tally.slots))
    return sums


def tiles(
    now_sums: Sums, before: Sums | None, period: Period, baseline: Period | None, now: datetime, *,
    backlog: Backlog, others: Mapping[str, Value],
) -> tuple[Tile, ...]:  # fmt: skip
    """The tiles in their order. others: values that facts do not feed, by metric id."""
    found = []
    for id in TILES:
        metric = METRICS[id]
        if id in others:
            found.append(Tile(id, others[id]))
            continue
        if id == "backlog_growth":
            value = growth(now_sums.whole, backlog.n)
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
    if sums.first_day is None or sums.last_day is None:
        return ()
    counted: dict[date, dict[str, int]] = {}
    for day, slots in sums.events:
        for name, by_slot in slots.items():
            for slot, count in by_slot.items():
                at = EPOCH + day * DAY + timedelta(seconds=slot * SLOT_SECONDS)
                column = counted.setdefault(at.astimezone(zone).date(), dict.fromkeys(EVENTS, 0))
                column[name] += count
    shown = dates(period, zone, range(sums.first_day, sums.last_day + 1), DAYS_SHOWN)
    nothing = dict.fromkeys(EVENTS, 0)
    return tuple(DayColumn(one, *(counted.get(one, nothing)[name] for name in EVENTS)) for one in shown)


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
