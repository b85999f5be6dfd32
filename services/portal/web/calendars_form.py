"""The form of a calendar: what was typed, kept as it is, and the calendar that it says. Days stand one on a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2

from services.portal.web.shown.reader import instant, last_part

REGIONS = 3
_LOCAL = "%Y-%m-%dT%H:%M"
_SPAN = re.compile(r"(\d{1,2}:\d{2}(?::\d{2})?)\s*[-–—~～至]\s*(\d{1,2}:\d{2}(?::\d{2})?)")
_LINE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?\s*(.*)")
_SEPARATOR = re.compile(r"[,，、;；\s]+")
_CLOSED = frozenset({"closed", "休", "休息", "关闭", "不开放"})
_FIELDS = ("id", "name_en", "name_zh", "time_zone", "effective", "days", "verified", "holiday_years", "ics")


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as typed, by field name."""

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def having(self, **values: str) -> Typed:
        """The same with some fields of another text."""
        return Typed({**self.values, **values})


def names() -> list[str]:
    """Every field of the form."""
    regions = [f"{part}_{at}" for at in range(1, REGIONS + 1) for part in ("country", "subdivision", "make_up")]
    return [*_FIELDS, *(f"hours_{day}" for day in range(1, 8)), *regions]


def typed(form: Mapping[str, str]) -> Typed:
    """What a browser sent; line ends as one character."""
    return Typed({name: form.get(name, "").replace("\r\n", "\n").strip() for name in names()})


def of_calendar(calendar: sla_pb2.Calendar) -> Typed:
    """A published version, to be edited; its public holidays stand as the years they were taken for."""
    zone = ZoneInfo(calendar.time_zone)
    values = {
        "id": last_part(calendar.name),
        "name_en": calendar.display_names.get("en", ""),
        "name_zh": calendar.display_names.get("zh", ""),
        "time_zone": calendar.time_zone,
        "effective": instant(calendar.effective_time).astimezone(zone).strftime(_LOCAL)
        if calendar.HasField("effective_time")
        else "",
        "days": lines(day for day in calendar.days if is_own(day)),
        "verified": ", ".join(map(str, calendar.verified_years)),
        "holiday_years": ", ".join(sorted({day.date[:4] for day in calendar.days if not is_own(day)}))
        if calendar.regions
        else "",
    }
    values |= {f"hours_{one.weekday}": spans_text(one.segments) for one in calendar.weekly_hours}
    for at, region in enumerate(calendar.regions[:REGIONS], 1):
        values[f"country_{at}"], values[f"subdivision_{at}"] = region.country, region.subdivision
        values[f"make_up_{at}"] = spans_text(region.make_up_segments)
    return Typed(values)


def is_own(day: sla_pb2.CalendarDay) -> bool:
    """Whether a day is the company's own."""
    return day.kind not in (sla_pb2.DAY_KIND_HOLIDAY, sla_pb2.DAY_KIND_MAKE_UP_WORKDAY)


def lines(days: Iterable[sla_pb2.CalendarDay]) -> str:
    """Days as the form takes them: date, hours or "closed", reason."""
    return "\n".join(f"{day.date} {spans_text(day.segments) or 'closed'} {day.reason}".strip() for day in days)


def spans_text(segments: Iterable[sla_pb2.Segment]) -> str:
    """`09:00-12:00,13:00-18:00`."""
    return ",".join(f"{one.start}-{one.end}" for one in segments)


def spans_typed(text: str, name: str, errors: dict[str, str]) -> list[sla_pb2.Segment]:
    """The stretches that a text says; `errors` gets under `name` what is none."""
    found = [sla_pb2.Segment(start=_clock(one[1]), end=_clock(one[2])) for one in _SPAN.finditer(text)]
    if _SEPARATOR.sub("", _SPAN.sub("", text)) not in {"", *_CLOSED}:
        errors[name] = gettext("Write hours such as 09:00-12:00, 13:00-18:00; leave it empty for closed.")
    return found


def calendar(given: Typed, kept: sla_pb2.Calendar | None) -> tuple[sla_pb2.Calendar, list[int], dict[str, str]]:
    """The calendar for the service, the years to fill with holidays, and by field what cannot be read.

    kept: the version being edited; its public holidays of years that are not filled again stay.
    """
    errors: dict[str, str] = {}
    made = sla_pb2.Calendar(
        name=kept.name if kept is not None else f"calendars/{given['id'].lower()}",
        time_zone=given["time_zone"],
        display_names={tag: given[f"name_{tag}"] for tag in ("en", "zh") if given[f"name_{tag}"]},
        verified_years=_years(given, "verified", errors),
    )
    for weekday in range(1, 8):
        segments = spans_typed(given[f"hours_{weekday}"], f"hours_{weekday}", errors)
        if segments:
            made.weekly_hours.add(weekday=weekday, segments=segments)
    for at in range(1, REGIONS + 1):
        if given[f"country_{at}"]:
            made.regions.add(
                country=given[f"country_{at}"],
                subdivision=given[f"subdivision_{at}"].upper(),
                make_up_segments=spans_typed(given[f"make_up_{at}"], f"make_up_{at}", errors),
            )
    own = _days(given["days"], errors)
    years = _years(given, "holiday_years", errors)
    held = {day.date for day in own}
    if kept is not None and made.regions:
        own += [day for day in kept.days if not is_own(day) and day.date not in held and int(day.date[:4]) not in years]
    made.days.extend(sorted(own, key=lambda day: day.date))
    _effective(given, made, errors)
    return made, years, {name: str(text) for name, text in errors.items()}


def field_of(path: str) -> str:
    """The form's field for a field of the request, "" when it has none."""
    known = {
        "calendar.name": "id",
        "calendar.time_zone": "time_zone",
        "calendar.weekly_hours": "hours_1",
        "calendar.days": "days",
        "calendar.effective_time": "effective",
        "calendar.display_names": "name_en",
        "calendar.regions": "country_1",
        "calendar.verified_years": "verified",
        "holiday_years": "holiday_years",
        "country": "country_1",
        "subdivision": "subdivision_1",
        "content": "ics",
        "time_zone": "time_zone",
    }
    return known.get(path.partition("[")[0], "")


def _clock(text: str) -> str:
    return text if text[1] != ":" else f"0{text}"


def _days(text: str, errors: dict[str, str]) -> list[sla_pb2.CalendarDay]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        told = _LINE.fullmatch(line.strip())
        if told is None:
            errors.setdefault(
                "days",
                gettext("Line %(number)s: begin with a date such as 2026-12-31.", number=number),
            )
            continue
        date = f"{told[1]}-{int(told[2]):02}-{int(told[3]):02}"
        rest, spans = told[4], []
        while (span := _SPAN.match(rest)) is not None:
            spans.append(sla_pb2.Segment(start=_clock(span[1]), end=_clock(span[2])))
            rest = rest[span.end() :].lstrip(" ,，、;；\t")
        first, _, reason = rest.partition(" ")
        if not spans and first.lower() not in _CLOSED:
            errors.setdefault(
                "days",
                gettext('Line %(number)s: after the date write hours, or "closed".', number=number),
            )
        found.append(sla_pb2.CalendarDay(date=date, segments=spans, reason=rest.strip() if spans else reason.strip()))
    return found


def _years(given: Typed, name: str, errors: dict[str, str]) -> list[int]:
    found: set[int] = set()
    for part in _SEPARATOR.split(given[name]):
        told = re.fullmatch(r"(\d{4})(?:[-–—](\d{4}))?", part)
        if part and (told is None or not 1970 <= int(told[1]) <= int(told[2] or told[1]) <= 2199):
            errors[name] = gettext("Write years such as 2026, 2027.")
        elif told is not None:
            found.update(range(int(told[1]), int(told[2] or told[1]) + 1))
    return sorted(found)


def _effective(given: Typed, made: sla_pb2.Calendar, errors: dict[str, str]) -> None:
    if not given["effective"]:
        return
    try:
        zone = ZoneInfo(given["time_zone"])
        at = datetime.strptime(given["effective"], _LOCAL).replace(tzinfo=zone)
    except (ValueError, OSError):
        errors["effective"] = gettext("Choose the day and time from which it holds.")
        return
    made.effective_time.FromDatetime(at.astimezone(UTC))
