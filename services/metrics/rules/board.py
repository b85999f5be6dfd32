"""The board put together: three bands on one page, one period, one filter."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.fact import EPOCH
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import DAY, Period, dates
from services.metrics.rules.pieces import Sums
from services.metrics.rules.registry import METRICS, TILES
from services.metrics.rules.rows import EVENTS, SLOTS, times
from services.metrics.rules.values import Value, change_of, growth, value_of

Ints = NDArray[Any]

DAYS_SHOWN = 400
SLOT_SECONDS, DAY_SECONDS = 900, 86_400
_FIRST_ORDINAL = EPOCH.toordinal()
# Ten years of a few zones, some 500 bytes a day.
_DAYS_KNOWN = 16_384
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
        sparkline = now_sums.courses.get(id, ())
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
    utc = range(int(days.min()), int(days.max()) + 1)
    local = np.stack([_local_days(day, zone) for day in utc])
    event, slot = rows["s"] // SLOTS, rows["s"] % SLOTS
    first, last = int(local.min()), int(local.max())
    places = (local[days - utc.start, slot] - first) * len(EVENTS) + event
    flat = np.zeros((last - first + 1) * len(EVENTS), np.int64)
    here, numbers = times(places, rows["n"])
    flat[here] = numbers
    counted = flat.reshape(-1, len(EVENTS))
    shown = dates(period, zone, utc, DAYS_SHOWN)
    found = []
    for one in shown:
        at = one.toordinal() - _FIRST_ORDINAL - first
        events = counted[at].tolist() if 0 <= at < len(counted) else [0] * len(EVENTS)
        found.append(DayColumn(one, *events))
    return tuple(found)


@functools.lru_cache(maxsize=_DAYS_KNOWN)
def _local_days(day: int, zone: ZoneInfo) -> Ints:
    """The day of a zone, since 1970-01-01, in which each quarter hour of a UTC day begins."""
    begin = EPOCH + day * DAY
    offsets = {(begin + part * DAY / SLOTS).astimezone(zone).utcoffset() for part in (0, SLOTS - 1)}
    if len(offsets) == 1 and (offset := offsets.pop()) is not None:
        seconds = int(offset.total_seconds())
        return np.array([day + (slot * SLOT_SECONDS + seconds) // DAY_SECONDS for slot in range(SLOTS)], np.int32)
    moments = ((begin + slot * DAY / SLOTS).astimezone(zone) for slot in range(SLOTS))
    return np.array([one.date().toordinal() - _FIRST_ORDINAL for one in moments], np.int32)


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
