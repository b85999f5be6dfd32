"""The slow way to tell business time: look at the local clock once a minute. Shares no code with the fast way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.runtime.worktime import CalendarVersion, Hours, Mark

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)
# No clock falls back by more than three hours: what a repeated stretch shows again lies no farther apart.
BESIDE = 4 * 60


class Minutes:
    """Every minute of [start, end) that is open, by looking at each of them; hours must start and end on minutes.

    Minutes are numbered since 1970, so that a set of them is small.
    """

    def __init__(self, calendar: CalendarVersion, start: datetime, end: datetime) -> None:
        zone = ZoneInfo(calendar.zone)
        self._own = {one.day: one.hours for one in calendar.overrides}
        self._weekly = calendar.weekly
        self._first = _minute(start) - BESIDE
        self._dates: list[date] = []
        self._offsets: list[timedelta | None] = []
        shown: dict[tuple[date, int], tuple[int, int]] = {}
        for at in range(self._first, _after(end) + BESIDE):
            local = datetime.fromtimestamp(at * 60, zone)
            today, second = local.date(), local.hour * 3600 + local.minute * 60
            self._dates.append(today)
            self._offsets.append(local.utcoffset())
            for which, opening in enumerate(self._hours(today)):
                if opening.opens <= second < opening.closes:
                    first, _ = shown.get((today, which), (at, at))
                    shown[today, which] = (first, at)
        self._open: set[int] = set()
        for first, last in shown.values():
            self._open.update(range(first, last + 1))

    def _hours(self, day: date) -> Hours:
        return self._own.get(day, self._weekly[day.weekday()])

    def _looked(self, start: datetime, end: datetime) -> slice:
        return slice(_minute(start) - self._first, _after(end) - self._first)

    def is_open(self, at: datetime) -> bool:
        """Whether the minute is open."""
        return _minute(at) in self._open

    def clock_changes(self, start: datetime, end: datetime) -> bool:
        """Whether the zone's offset from UTC differs between two minutes of [start, end)."""
        return len(set(self._offsets[self._looked(start, end)])) > 1

    def closed_date(self, start: datetime, end: datetime) -> bool:
        """Whether a minute of [start, end) bears a date without hours."""
        return not all(self._hours(day) for day in set(self._dates[self._looked(start, end)]))

    def made_up(self, start: datetime, end: datetime) -> bool:
        """Whether an open minute of [start, end) bears a date whose weekday is closed."""
        seen = self._open.intersection(range(_minute(start), _after(end)))
        return any(not self._weekly[day.weekday()] for day in {self._dates[at - self._first] for at in seen})

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Open time in [start, end), minute by minute; of the first and the last what lies inside."""
        if start >= end:
            return NOTHING
        first, last = _minute(start), _after(end) - 1
        whole = MINUTE * len(self._open.intersection(range(first, last + 1)))
        before = start - _at(first) if first in self._open else NOTHING
        behind = _at(last + 1) - end if last in self._open else NOTHING
        return whole - before - behind

    def due(self, target: timedelta, marks: Sequence[Mark], end: datetime) -> datetime | None:
        """The earliest instant by which the marks let `target` pass; None when not before `end`."""
        for mark, until in runs(marks, end):
            for at in range(_minute(mark.at), _after(until)) if mark.running else ():
                if at in self._open:
                    begin, finish = max(mark.at, _at(at)), min(until, _at(at + 1))
                    if finish - begin >= target:
                        return begin + target
                    target -= finish - begin
        return None


def _minute(at: datetime) -> int:
    """The minute that an instant lies in."""
    return (at - EPOCH) // MINUTE


def _after(at: datetime) -> int:
    """The first minute that does not begin before an instant."""
    return -((EPOCH - at) // MINUTE)


def _at(minute: int) -> datetime:
    return EPOCH + minute * MINUTE


def runs(marks: Iterable[Mark], end: datetime) -> list[tuple[Mark, datetime]]:
    """Each mark with the next one's instant; the last with `end`."""
    known = list(marks)
    return list(zip(known, [*(mark.at for mark in known[1:]), end], strict=True))


@lru_cache(maxsize=64)
def change_days(zone: str) -> tuple[datetime, ...]:
    """The UTC days between 1972 and 2036 that end with another offset than they began with."""
    clock, found = ZoneInfo(zone), []
    at, offset = datetime(1972, 1, 1, tzinfo=UTC), None
    while at.year < 2037:
        now = at.astimezone(clock).utcoffset()
        if offset is not None and now != offset:
            found.append(at - timedelta(days=1))
        at, offset = at + timedelta(days=1), now
    return tuple(found)
