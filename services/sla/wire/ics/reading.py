"""Entries out of an iCalendar file, in the local wall time of one zone; what is no entry is told by its place.

Zones that a file defines itself are not read: their rules could be endless, and every real zone has a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from services.runtime.refusal import Refusal
from services.sla.rules.days import Label
from services.sla.rules.imported import Entry, Problem, kind_of
from services.sla.rules.recurrence import Every, Rule
from services.sla.wire.ics.words import KIND, NAME, REGION

_FOLD = re.compile(rb"\r?\n[ \t]")
_OWN_ZONE = re.compile(rb"^BEGIN:VTIMEZONE\b.*?^END:VTIMEZONE\b[^\n]*\n?", re.DOTALL | re.MULTILINE | re.IGNORECASE)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_KNOWN = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS", "WKST"})
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_ESCAPED = re.compile(r"\\(.)")
_TITLE = 200


def entries(content: bytes, zone: ZoneInfo) -> tuple[list[Entry], list[Problem]]:
    """The entries of a file, and those that could not be understood.

    Raises:
        Refusal: ICALENDAR_INVALID, when it is no iCalendar file at all.
    """
    try:
        plain = _OWN_ZONE.sub(b"", _FOLD.sub(b"", content))
        events = [one for one in Calendar.from_ical(plain).subcomponents if isinstance(one, Event)]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise Refusal.invalid(
            "content", "ICALENDAR_INVALID", 'This is no iCalendar file: it must begin with "BEGIN:VCALENDAR".'
        ) from error
    found, problems = [], []
    for number, event in enumerate(events, 1):
        title = _text(event.get("SUMMARY"))[:_TITLE]
        try:
            found += _understood(number, title, event, zone)
        except Refusal as refusal:
            problems.append(Problem(number, title, refusal.reason, refusal.message))
    return found, problems


def _understood(number: int, title: str, event: Any, zone: ZoneInfo) -> list[Entry]:
    """The entry, or none when it is cancelled.

    Raises:
        Refusal: ENTRY_UNREADABLE, or what of it days cannot be made of.
    """
    try:
        return list(_entry(number, title, event, zone))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        parts = ", ".join(sorted({str(name) for name, _ in event.errors if name}))[:60]
        raise Refusal.invalid(
            "content", "ENTRY_UNREADABLE", f"Its {parts or 'DTSTART'} cannot be read: write it as iCalendar does."
        ) from error


def _entry(number: int, title: str, event: Any, zone: ZoneInfo) -> Iterator[Entry]:
    """The entry; a cancelled one is none."""
    if _text(event.get("STATUS")).upper() == "CANCELLED":
        return
    if event.errors or "DTSTART" not in event:
        raise ValueError("broken")
    if "RECURRENCE-ID" in event:
        raise _unsupported("It moves one date of another entry: write that date as an entry of its own.")
    begin = event["DTSTART"].dt
    all_day = not isinstance(begin, datetime)
    start = _local(event["DTSTART"], zone)
    yield Entry(
        number=number,
        title=title,
        start=start,
        end=_end(event, start, zone, all_day=all_day),
        all_day=all_day,
        rule=_rule(event["RRULE"], zone) if "RRULE" in event else None,
        extra=tuple(_dates(event.get("RDATE"), zone)),
        without=frozenset(_dates(event.get("EXDATE"), zone)),
        label=Label(kind_of(_own(event.get(KIND))), tuple(sorted(_names(event))), _own(event.get(REGION))[:50]),
    )


def _end(event: Any, start: datetime, zone: ZoneInfo, *, all_day: bool) -> datetime:
    if "DTEND" in event:
        return _local(event["DTEND"], zone)
    if "DURATION" in event:
        lasting: timedelta = event["DURATION"].dt
        return start + lasting
    return start + timedelta(days=1) if all_day else start


def _local(value: Any, zone: ZoneInfo) -> datetime:
    """The instant as the calendar's wall clock shows it; a time without a zone is that clock's own.

    Raises:
        Refusal: ENTRY_ZONE_UNKNOWN.
    """
    at = value.dt
    if not isinstance(at, datetime):
        return datetime.combine(at, time())
    if at.tzinfo is None:
        named = value.params.get("TZID", "")
        if named and named != zone.key:
            raise Refusal.invalid(
                "content", "ENTRY_ZONE_UNKNOWN", f'Its zone {str(named)[:60]!r} is unknown: name it as "Asia/Shanghai".'
            )
        return at
    if getattr(at.tzinfo, "key", "") == zone.key:
        return at.replace(tzinfo=None)
    return at.astimezone(zone).replace(tzinfo=None)


def _rule(given: Any, zone: ZoneInfo) -> Rule:
    if isinstance(given, list):
        raise _unsupported("It has several rules: make an entry of each.")
    unknown = sorted(set(given) - _KNOWN)
    if unknown:
        raise _unsupported(f"Its rule says {', '.join(unknown)[:60]}, which days have no need of: leave it out.")
    every = str(given["FREQ"][0]).upper()
    if every not in set(Every):
        raise _unsupported(f"It recurs {every.lower()[:20]}: days recur daily, weekly, monthly or yearly.")
    until = given.get("UNTIL", [None])[0]
    if isinstance(until, datetime):
        until = (until.astimezone(zone) if until.tzinfo is not None else until).date()
    return Rule(
        every=Every(every),
        interval=int(given.get("INTERVAL", [1])[0]),
        count=int(given["COUNT"][0]) if "COUNT" in given else None,
        until=until,
        months=_numbers(given, "BYMONTH"),
        month_days=_numbers(given, "BYMONTHDAY"),
        weekdays=tuple(_weekday(str(one)) for one in given.get("BYDAY", ())),
        positions=_numbers(given, "BYSETPOS"),
        week_start=_WEEKDAYS.index(str(given.get("WKST", ["MO"])[0]).upper()),
    )


def _numbers(given: Any, part: str) -> tuple[int, ...]:
    return tuple(int(one) for one in given.get(part, ()))


def _weekday(text: str) -> tuple[int, int]:
    told = _WEEKDAY.fullmatch(text.upper())
    if told is None:
        raise ValueError(text)
    return int(told[1] or 0), _WEEKDAYS.index(told[2])


def _dates(given: Any, zone: ZoneInfo) -> Iterator[date]:
    """The dates of one or several lists of them."""
    for listed in given if isinstance(given, list) else [given] if given is not None else []:
        for one in listed.dts:
            yield _local(one, zone).date()


def _names(event: Any) -> Iterator[tuple[str, str]]:
    """What the day is called by language, as this system writes it."""
    given = event.get(NAME)
    for one in given if isinstance(given, list) else [given] if given is not None else []:
        language = str(one.params.get("LANGUAGE", ""))
        if language:
            yield language[:20], _own(one)[:_TITLE]


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0]
    return "" if value is None else str(value).strip()


def _own(value: Any) -> str:
    """The text of a part that iCalendar does not know, whose signs nobody has unwrapped yet."""
    return _ESCAPED.sub(lambda sign: "\n" if sign[1] in "nN" else sign[1], _text(value))


def _unsupported(message: str) -> Refusal:
    return Refusal.invalid("content", "RECURRENCE_UNSUPPORTED", message)
