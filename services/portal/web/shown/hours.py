"""Service hours in words: why a clock stood still though nobody paused it, read off the calendar that it runs by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2

from services.portal.web.shown.reader import Reader
from services.runtime.worktime import CalendarVersion, DateOverride, Hours, hours, segments

_DAY = timedelta(days=1)


def version(calendar: sla_pb2.Calendar) -> CalendarVersion:
    """The calendar as business-time arithmetic takes it."""
    weekly: list[Hours] = [()] * 7
    for one in calendar.weekly_hours:
        weekly[one.weekday - 1] = _hours(one.segments)
    return CalendarVersion(
        name=calendar.name,
        version=calendar.version,
        zone=calendar.time_zone,
        effective_from=datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
        weekly=tuple(weekly),
        overrides=tuple(
            DateOverride(date.fromisoformat(one.date), _hours(one.segments), one.reason) for one in calendar.days
        ),
        verified_years=frozenset(calendar.verified_years),
    )


def stretches(calendar: CalendarVersion, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, bool]]:
    """(start, end, open) of a span, in order."""
    yield from segments(calendar, start, end)


def closed_words(calendar: CalendarVersion, start: datetime, end: datetime, reader: Reader) -> str:
    """Why it is closed from start to end: `evening, weekend, National Day`, each once and in order."""
    zone = ZoneInfo(calendar.zone)
    first, last = start.astimezone(zone), (end - timedelta(microseconds=1)).astimezone(zone)
    notes = {one.day: one.note for one in calendar.overrides}
    words: list[str] = []
    day = first.date()
    while day <= last.date():
        words += _of_day(calendar, day, notes, first, last)
        day += _DAY
    joined = "、" if reader.language == "zh" else ", "
    return joined.join(dict.fromkeys(words))


def _of_day(
    calendar: CalendarVersion, day: date, notes: dict[date, str], first: datetime, last: datetime
) -> Iterator[str]:
    """The words of one closed day, or of the closed part of an open one; a night that follows an evening has none."""
    opened = calendar.hours_on(day)
    if not opened:
        if day in notes:
            yield notes[day] or str(gettext("closed that day"))
        else:
            yield str(gettext("weekend") if day.isoweekday() >= 6 else gettext("closed that day"))
    elif day == first.date():
        second = first.hour * 3600 + first.minute * 60 + first.second
        if second >= opened[-1].closes:
            yield str(gettext("evening"))
        elif second >= opened[0].closes:
            yield str(gettext("break"))
        elif last.date() == day:
            yield str(gettext("before opening"))


def _hours(spans: object) -> Hours:
    return hours(*(f"{one.start}-{one.end}" for one in spans))  # type: ignore[attr-defined]  # segments of either message
