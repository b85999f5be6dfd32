"""The slow way to tell business time: look at the local clock once a minute. Shares no code with the fast way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from services.runtime.worktime import CalendarVersion, Hours, Mark

MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)
# No clock falls back by more than three hours: what a repeated stretch shows again lies no farther apart.
BESIDE = timedelta(hours=4)


class Minutes:
    """Every minute of [start, end) that is open, by looking at each of them; hours must start and end on minutes."""

    def __init__(self, calendar: CalendarVersion, start: datetime, end: datetime) -> None:
        zone = ZoneInfo(calendar.zone)
        self._own = {one.day: one.hours for one in calendar.overrides}
        self._weekly = calendar.weekly
        self._local: dict[datetime, datetime] = {}
        shown: dict[tuple[date, int], tuple[datetime, datetime]] = {}
        at = _minute(start - BESIDE)
        while at < end + BESIDE:
            local = self._local[at] = at.astimezone(zone)
            today, second = local.date(), local.hour * 3600 + local.minute * 60
            for which, opening in enumerate(self._hours(today)):
                if opening.opens <= second < opening.closes:
                    first, _ = shown.get((today, which), (at, at))
                    shown[today, which] = (first, at)
            at += MINUTE
        self.open: set[datetime] = set()
        for first, last in shown.values():
            self.open.update(_minutes(first, last + MINUTE))

    def _hours(self, day: date) -> Hours:
        return self._own.get(day, self._weekly[day.weekday()])

    def clock_changes(self, start: datetime, end: datetime) -> bool:
        """Whether the zone's offset from UTC differs between two minutes of [start, end)."""
        return len({self._local[at].utcoffset() for at in _minutes(start, end)}) > 1

    def closed_date(self, start: datetime, end: datetime) -> bool:
        """Whether a minute of [start, end) bears a date without hours."""
        return not all(self._hours(day) for day in {self._local[at].date() for at in _minutes(start, end)})

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """Open time in [start, end), minute by minute."""
        parts = (min(end, at + MINUTE) - max(start, at) for at in _minutes(start, end) if at in self.open)
        return sum(parts, NOTHING)

    def due(self, target: timedelta, marks: Sequence[Mark], end: datetime) -> datetime | None:
        """The earliest instant by which the marks let `target` pass; None when not before `end`."""
        for mark, until in runs(marks, end):
            for at in _minutes(mark.at, until) if mark.running else ():
                begin, finish = max(mark.at, at), min(until, at + MINUTE)
                if at in self.open:
                    if finish - begin >= target:
                        return begin + target
                    target -= finish - begin
        return None


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    """The minutes that [start, end) touches."""
    at = _minute(start)
    while at < end:
        yield at
        at += MINUTE


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
