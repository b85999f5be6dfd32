"""Stretches named by the moment of asking, such as last month, and due times by the wall clock of a zone.

A wall time that the clocks leave out counts by the offset before they change, one that comes twice counts the first
time (RFC 5545, 3.3.5), so midnights are those of the board.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import pairwise
from zoneinfo import ZoneInfo

from services.metrics.rules.period import Period

_INSTANT = timedelta(milliseconds=1)
_LOOK_DAYS = 70
_YEAR = 12


class Relative(Enum):
    """A stretch before the moment of asking. Weeks begin on Monday; THIS_MONTH ends at that moment."""

    YESTERDAY = "YESTERDAY"
    LAST_7_DAYS = "LAST_7_DAYS"
    LAST_WEEK = "LAST_WEEK"
    LAST_MONTH = "LAST_MONTH"
    LAST_QUARTER = "LAST_QUARTER"
    LAST_YEAR = "LAST_YEAR"
    THIS_MONTH = "THIS_MONTH"


class Baseline(Enum):
    """What a stretch is compared with: nothing, the one just before, or the same one a year earlier."""

    NONE = "UNSPECIFIED"
    PREVIOUS = "PREVIOUS"
    YEAR_EARLIER = "YEAR_EARLIER"


class Frequency(Enum):
    """How often something is due."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"


@dataclass(frozen=True, slots=True)
class Timetable:
    """When something is due. time: "08:30" on the wall. weekday: 1 Monday to 7, of a weekly one. month_day: 1 to 31, of
    a monthly one; a shorter month's last day stands for what it lacks.
    """

    frequency: Frequency
    time: str
    zone: str
    weekday: int = 0
    month_day: int = 0

    def holds(self, day: date) -> bool:
        """Whether it is due on a day."""
        if self.frequency is Frequency.WEEKLY:
            return day.isoweekday() == self.weekday
        if self.frequency is Frequency.MONTHLY:
            return day.day == min(self.month_day, monthrange(day.year, day.month)[1])
        return True


_DAYS = {Relative.YESTERDAY: 1, Relative.LAST_7_DAYS: 7, Relative.LAST_WEEK: 7}
_MONTHS = {Relative.LAST_MONTH: 1, Relative.LAST_QUARTER: 3, Relative.LAST_YEAR: _YEAR, Relative.THIS_MONTH: 1}


def stretch(relative: Relative, asked_at: datetime, zone: ZoneInfo) -> Period:
    """The stretch that a name means at a moment, from midnight to midnight of the zone."""
    return _period(*_wall(relative, asked_at, zone), zone)


def compared(relative: Relative, baseline: Baseline, asked_at: datetime, zone: ZoneInfo) -> Period | None:
    """What the stretch is compared with; None when with nothing."""
    if baseline is Baseline.NONE:
        return None
    start, end = _wall(relative, asked_at, zone)
    if relative in _MONTHS:
        back = _MONTHS[relative] if baseline is Baseline.PREVIOUS else _YEAR
        return _period(_earlier(start, back), _earlier(end, back), zone)
    first = start - timedelta(days=_DAYS[relative]) if baseline is Baseline.PREVIOUS else _earlier(start, _YEAR)
    return _period(first, first + (end - start), zone)


def months(asked_at: datetime, zone: ZoneInfo, count: int) -> tuple[Period, ...]:
    """The last so many months of a zone's calendar, oldest first; the last is the present one until the moment."""
    start, end = _wall(Relative.THIS_MONTH, asked_at, zone)
    edges = [*(_earlier(start, back) for back in range(count - 1, -1, -1)), end]
    return tuple(_period(first, last, zone) for first, last in pairwise(edges))


def next_due(table: Timetable, after: datetime) -> datetime:
    """The first due time, in UTC, that lies after an instant."""
    zone, clock = ZoneInfo(table.zone), time.fromisoformat(table.time)
    first = after.astimezone(zone).date() - timedelta(days=1)
    for ahead in range(_LOOK_DAYS):
        day = first + timedelta(days=ahead)
        if table.holds(day) and (at := _instant(datetime.combine(day, clock), zone)) > after:
            return at
    raise AssertionError("unreachable: every timetable holds a day within two months")


def _wall(relative: Relative, asked_at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The stretch by the zone's wall clock, without a zone of its own."""
    now = asked_at.astimezone(zone).replace(tzinfo=None)
    today = datetime.combine(now.date(), time())
    month = today.replace(day=1)
    match relative:
        case Relative.THIS_MONTH:
            return month, now
        case Relative.LAST_MONTH:
            return _earlier(month, 1), month
        case Relative.LAST_QUARTER:
            quarter = month.replace(month=(month.month - 1) // 3 * 3 + 1)
            return _earlier(quarter, 3), quarter
        case Relative.LAST_YEAR:
            year = month.replace(month=1)
            return _earlier(year, _YEAR), year
        case Relative.LAST_WEEK:
            monday = today - timedelta(days=today.weekday())
            return monday - timedelta(days=7), monday
        case _:
            return today - timedelta(days=_DAYS[relative]), today


def _earlier(wall: datetime, months: int) -> datetime:
    """So many months earlier; the 31st becomes a shorter month's last day."""
    year, month = divmod(wall.year * 12 + wall.month - 1 - months, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))


def _period(start: datetime, end: datetime, zone: ZoneInfo) -> Period:
    first = _instant(start, zone)
    # At the very beginning of a month there is nothing of it yet, and an empty stretch is none.
    return Period(first, max(_instant(end, zone), first + _INSTANT))


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
