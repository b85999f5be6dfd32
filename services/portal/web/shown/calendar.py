"""A calendar as its pages show it: a sign and a reason on each day that differs, the hours, how certain it is."""

from __future__ import annotations

import calendar as months_of
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel import Locale
from babel.dates import get_day_names
from flask_babel import gettext, pgettext
from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant, last_part

FIRST_YEAR, LAST_YEAR = 1970, 2199


@dataclass(frozen=True, slots=True)
class Cell:
    """One date. kind: open, closed, holiday, makeup, exception or shut (a company day without hours).

    mark: the sign that stands on it. says: all of it in words.
    """

    number: int
    kind: str
    mark: str
    says: str
    today: bool


@dataclass(frozen=True, slots=True)
class Month:
    """One month. weeks: seven cells each, None outside the month."""

    name: str
    weeks: tuple[tuple[Cell | None, ...], ...]


def title(calendar: sla_pb2.Calendar, language: str) -> str:
    """What people call it, in their language where it has a name there."""
    return named(calendar.display_names, language) or last_part(calendar.name)


def named(names: Any, language: str) -> str:
    """The name in a language, else in English, else any."""
    found: str = names.get(language) or names.get("en") or next(iter(names.values()), "")
    return found


def marks() -> dict[str, str]:
    """The sign of each kind of day that differs: one letter, so that it is told without colour."""
    return {
        "holiday": str(pgettext("calendar mark", "H")),
        "makeup": str(pgettext("calendar mark", "W")),
        "exception": str(pgettext("calendar mark", "E")),
        "shut": str(pgettext("calendar mark", "C")),
    }


def words() -> dict[str, str]:
    """What each kind of day is."""
    return {
        "open": str(pgettext("calendar", "Open")),
        "closed": str(pgettext("calendar", "Closed")),
        "holiday": str(gettext("Public holiday")),
        "makeup": str(gettext("Make-up workday")),
        "exception": str(gettext("Company day, other hours")),
        "shut": str(gettext("Company day, closed")),
    }


def legend() -> list[dict[str, str]]:
    """Each kind with its sign."""
    signs = marks()
    return [{"kind": kind, "mark": signs.get(kind, ""), "text": text} for kind, text in words().items()]


def hours_words(segments: Iterable[sla_pb2.Segment]) -> str:
    """`09:00–12:00, 13:00–18:00`, or that it is closed."""
    return ", ".join(f"{one.start}–{one.end}" for one in segments) or str(pgettext("calendar", "closed"))


def kind_of(day: sla_pb2.CalendarDay) -> str:
    """The kind of a day that differs."""
    if day.kind == sla_pb2.DAY_KIND_HOLIDAY:
        return "holiday"
    if day.kind == sla_pb2.DAY_KIND_MAKE_UP_WORKDAY:
        return "makeup"
    return "exception" if day.segments else "shut"


def weekday_names(language: str, width: str = "abbreviated") -> list[str]:
    """Monday to Sunday."""
    names = get_day_names(width, context="stand-alone", locale=language)  # type: ignore[arg-type]  # its type knows no plain str
    return [str(names[day]) for day in range(7)]


def year_view(calendar: sla_pb2.Calendar, year: int, reader: Reader) -> list[Month]:
    """The months of a year, weeks from Monday on."""
    week = {one.weekday: one.segments for one in calendar.weekly_hours}
    own = {day.date: day for day in calendar.days}
    signs, told, names = marks(), words(), weekday_names(reader.language, "wide")
    today = reader.now.astimezone(reader.zone).date()

    def cell(day: date) -> Cell:
        different = own.get(day.isoformat())
        if different is None:
            segments = week.get(day.isoweekday(), ())
            kind, reason = ("open" if segments else "closed"), ""
        else:
            segments, kind = different.segments, kind_of(different)
            reason = named(different.names, reader.language) or different.reason
        parts = [formats.day(day, reader.language), names[day.weekday()], told[kind], reason]
        parts += [hours_words(segments)] if segments else []
        return Cell(day.day, kind, signs.get(kind, ""), ", ".join(part for part in parts if part), day == today)

    sheets = months_of.Calendar(firstweekday=0)
    return [
        Month(
            formats.month(date(year, month, 1), reader.language),
            tuple(
                tuple(cell(day) if day.month == month else None for day in week_days)
                for week_days in sheets.monthdatescalendar(year, month)
            ),
        )
        for month in range(1, 13)
    ]


def day_rows(calendar: sla_pb2.Calendar, year: int, reader: Reader) -> list[dict[str, str]]:
    """The days of a year that differ from their weekday, in order: when, what, hours and why."""
    told, signs, names = words(), marks(), weekday_names(reader.language)
    rows = []
    for one in calendar.days:
        day = date.fromisoformat(one.date)
        if day.year == year:
            kind = kind_of(one)
            rows.append(
                {
                    "day": formats.day(day, reader.language),
                    "weekday": names[day.weekday()],
                    "kind": kind,
                    "mark": signs[kind],
                    "what": told[kind],
                    "hours": hours_words(one.segments),
                    "reason": named(one.names, reader.language) or one.reason,
                    "region": one.region,
                }
            )
    return rows


def week_rows(calendar: sla_pb2.Calendar, language: str) -> list[tuple[str, str]]:
    """Weekday and hours, Monday first."""
    week = {one.weekday: one.segments for one in calendar.weekly_hours}
    return [(name, hours_words(week.get(at, ()))) for at, name in enumerate(weekday_names(language, "wide"), 1)]


def week_words(calendar: sla_pb2.Calendar, language: str) -> str:
    """The week in one line: runs of weekdays with the same hours; `Mon–Fri 09:00–18:00`."""
    week = {one.weekday: hours_words(one.segments) for one in calendar.weekly_hours if one.segments}
    names = weekday_names(language)
    runs: list[tuple[int, int, str]] = []
    for day, hours in sorted(week.items()):
        if runs and runs[-1][1] == day - 1 and runs[-1][2] == hours:
            runs[-1] = (runs[-1][0], day, hours)
        else:
            runs.append((day, day, hours))
    texts = [
        (names[first - 1] if first == last else formats.span(names[first - 1], names[last - 1], language)) + f" {hours}"
        for first, last, hours in runs
    ]
    return "; ".join(texts)


def regions_words(calendar: sla_pb2.Calendar, language: str) -> str:
    """Whose public holidays it keeps."""
    names = [region_name(one.country, one.subdivision, language) for one in calendar.regions]
    return ", ".join(names) or str(gettext("none"))


def region_name(country: str, subdivision: str, language: str) -> str:
    """`China`, `Germany (BY)`."""
    territory = Locale.parse(language).territories.get(country, country)
    return f"{territory} ({subdivision})" if subdivision else str(territory)


def effective(calendar: sla_pb2.Calendar, reader: Reader) -> str:
    """From when a version holds."""
    if not calendar.HasField("effective_time"):
        return str(gettext("always"))
    return formats.moment(instant(calendar.effective_time), reader.language, reader.zone, date.min)


def doubt_words(doubt: sla_service_pb2.HolidayDoubt.ValueType) -> str:
    """Why the holidays of a year are not certain."""
    told = {
        sla_service_pb2.HOLIDAY_DOUBT_NOT_ANNOUNCED: gettext("not announced yet; only the statutory days are known"),
        sla_service_pb2.HOLIDAY_DOUBT_ESTIMATED: gettext("some dates follow the moon and are estimated"),
        sla_service_pb2.HOLIDAY_DOUBT_FAR_AHEAD: gettext("counted by the law of today, which may change until then"),
        sla_service_pb2.HOLIDAY_DOUBT_NOT_HELD: gettext("no holidays are held for it"),
    }
    return str(told.get(doubt, gettext("nobody has confirmed it")))
