"""What a board is asked for, read from its address and written back to it: period, baseline, filter.

A period is whole days of the reader's zone, half-open. Every link of the board carries the same choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from throughline.metrics.v1 import board_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import interval_pb2
from werkzeug.datastructures import MultiDict

from services.portal.web import formats
from services.runtime.refusal import Refusal

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_PRIORITIES = range(1, 5)
_TEXT = 100
_FIRST_YEAR, _LAST_YEAR = 1970, 2198
TEXTS = ("service", "team", "site", "item", "source")
CHANNELS = ("portal", "email", "chat", "phone", "walk_up", "api", "monitoring")
TYPES = ("incident", "request")
BASELINES = ("previous", "year", "none")


@dataclass(frozen=True, slots=True)
class Days:
    """The days [start, end); a month when they are exactly one."""

    start: date
    end: date

    @property
    def is_month(self) -> bool:
        """Whether they are one calendar month."""
        return self.start.day == 1 and self.end == months_on(self.start, 1)

    def before(self) -> Days:
        """The stretch just before: the month before a month, else as many days."""
        if self.is_month:
            return month_of(months_on(self.start, -1))
        return Days(self.start - (self.end - self.start), self.start)

    def after(self) -> Days:
        """The stretch just after."""
        if self.is_month:
            return month_of(self.end)
        return Days(self.end, self.end + (self.end - self.start))

    def year_before(self) -> Days:
        """The same days a year earlier; 29 February becomes the 28th."""
        if self.is_month:
            return month_of(months_on(self.start, -12))
        start = _year_earlier(self.start)
        return Days(start, start + (self.end - self.start))

    def query(self) -> dict[str, str]:
        """How an address says it."""
        if self.is_month:
            return {"month": f"{self.start:%Y-%m}"}
        return {"from": self.start.isoformat(), "to": self.end.isoformat()}

    def interval(self, zone: ZoneInfo) -> interval_pb2.Interval:
        """From midnight to midnight of the zone."""
        found = interval_pb2.Interval()
        found.start_time.FromDatetime(datetime.combine(self.start, time(), zone).astimezone(UTC))
        found.end_time.FromDatetime(datetime.combine(self.end, time(), zone).astimezone(UTC))
        return found

    def told(self, language: str, today: date) -> str:
        """`Oct 2026`, `2026 年 10 月`, `Oct 3–16`."""
        if self.is_month:
            return formats.month(self.start, language)
        last = self.end - timedelta(days=1)
        first = formats.day(self.start, language, today=None if self.start.year == last.year else today)
        if self.start == last:
            return formats.day(last, language, today=today)
        return formats.span(first, formats.day(last, language, today=today), language)

    def within(self, language: str, today: date) -> str:
        """At the head of a sentence: `In October`, `10 月`; the year stands with it when it is another one."""
        if not self.is_month:
            return str(gettext("Over %(period)s", period=self.told(language, today)))
        if self.start.year != today.year:
            name = self.told(language, today)
        else:
            name = f"{self.start.month} 月" if language == "zh" else _MONTHS[self.start.month - 1]
        return str(gettext("In %(period)s", period=name))


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)


@dataclass(frozen=True, slots=True)
class Choice:
    """All that an address chooses. baseline: previous, year, none or a month such as "2026-04"."""

    days: Days
    baseline: str
    filter: board_pb2.BoardFilter
    zone: ZoneInfo

    @property
    def compared(self) -> Days | None:
        """The days that the period is compared with; None when with nothing, or with a time before all data."""
        if self.baseline == "none":
            return None
        if self.baseline == "previous":
            found = self.days.before()
        elif self.baseline == "year":
            found = self.days.year_before()
        else:
            found = month_of(date.fromisoformat(f"{self.baseline}-01"))
        return found if found.start.year >= _FIRST_YEAR else None

    def query(self, **changes: str) -> dict[str, Any]:
        """The parameters of an address with the same choice; changes of "" leave a parameter out."""
        found: dict[str, Any] = {**self.days.query()}
        if self.baseline != "previous":
            found["baseline"] = self.baseline
        found |= {name: value for name in TEXTS if (value := getattr(self.filter, name))}
        if self.filter.channel:
            found["channel"] = CHANNELS[self.filter.channel - 1]
        if self.filter.type:
            found["type"] = TYPES[self.filter.type - 1]
        if self.filter.priorities:
            found["priority"] = [str(one) for one in self.filter.priorities]
        if {"month", "from"} & changes.keys():
            for name in ("month", "from", "to"):
                found.pop(name, None)
        found |= changes
        return {name: value for name, value in found.items() if value}

    def request(self) -> board_pb2.GetBoardRequest:
        """The board that it asks for."""
        compared = self.compared
        return board_pb2.GetBoardRequest(
            period=self.days.interval(self.zone),
            baseline=compared.interval(self.zone) if compared else None,
            filter=self.filter,
            time_zone=self.zone.key,
        )

    @property
    def filters(self) -> int:
        """How many filters are set."""
        one = self.filter
        return sum(bool(getattr(one, name)) for name in (*TEXTS, "channel", "type", "priorities"))


def read(given: MultiDict[str, str], zone: ZoneInfo, today: date) -> Choice:
    """The choice that an address makes; the month of `today` when it names no period.

    Raises:
        Refusal: PERIOD_UNKNOWN, BASELINE_UNKNOWN or FILTER_UNKNOWN, with the parameter at fault.
    """
    return Choice(_days(given, today), _baseline(given.get("baseline", "")), filter_of(given), zone)


def filter_of(given: MultiDict[str, str]) -> board_pb2.BoardFilter:
    """The filter of an address.

    Raises:
        Refusal: FILTER_UNKNOWN.
    """
    for name in TEXTS:
        if len(given.get(name, "")) > _TEXT:
            raise Refusal.invalid(name, "FILTER_UNKNOWN", f"A name has at most {_TEXT} letters.")
    priorities = [part for text in given.getlist("priority") for part in text.split(",") if part]
    if any(not part.isascii() or not part.isdecimal() or int(part) not in _PRIORITIES for part in priorities):
        raise Refusal.invalid("priority", "FILTER_UNKNOWN", "A priority is 1, 2, 3 or 4.")
    return board_pb2.BoardFilter(
        **{name: given.get(name, "").strip() for name in TEXTS},
        channel=_one_of(given, "channel", CHANNELS),
        type=_one_of(given, "type", TYPES),
        priorities=sorted({int(part) for part in priorities}),
    )


def month_of(day: date) -> Days:
    """The calendar month that holds a day."""
    first = day.replace(day=1)
    return Days(first, months_on(first, 1))


def months_on(first: date, by: int) -> date:
    """The first day of the month `by` months on."""
    years, month = divmod(first.year * 12 + first.month - 1 + by, 12)
    return date(years, month + 1, 1)


def channel_words(channel: int) -> str:
    """A channel in the reader's words; "" when unknown."""
    words: dict[int, str] = {
        ticket_pb2.CHANNEL_PORTAL: gettext("Portal"),
        ticket_pb2.CHANNEL_EMAIL: gettext("E-mail"),
        ticket_pb2.CHANNEL_CHAT: gettext("Chat"),
        ticket_pb2.CHANNEL_PHONE: gettext("Phone"),
        ticket_pb2.CHANNEL_WALK_UP: gettext("In person"),
        ticket_pb2.CHANNEL_API: gettext("Interface"),
        ticket_pb2.CHANNEL_MONITORING: gettext("Monitoring"),
    }
    return str(words.get(channel, ""))


def _days(given: MultiDict[str, str], today: date) -> Days:
    month, start, end = (given.get(name, "").strip() for name in ("month", "from", "to"))
    if not start and not end:
        return month_of(_month(month, "month") if month else today)
    first, last = _date(start, "from"), _date(end, "to")
    if last <= first:
        raise Refusal.invalid("to", "PERIOD_UNKNOWN", "A period ends after it starts; its end is not part of it.")
    return Days(first, last)


def _baseline(text: str) -> str:
    if not text:
        return "previous"
    if text not in BASELINES:
        try:
            _month(text, "baseline")
        except Refusal:
            raise Refusal.invalid(
                "baseline", "BASELINE_UNKNOWN", 'Compare with "previous", "year", "none" or a month such as "2026-04".'
            ) from None
    return text


def _month(text: str, field: str) -> date:
    found = _MONTH.fullmatch(text)
    if found is None or not _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
        raise Refusal.invalid(field, "PERIOD_UNKNOWN", 'Write a month as "2026-10".')
    return date(int(found[1]), int(found[2]), 1)


def _date(text: str, field: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        raise Refusal.invalid(field, "PERIOD_UNKNOWN", 'Give both days of the period, each as "2026-10-31".')
    return found


def _year_earlier(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def _one_of(given: MultiDict[str, str], name: str, known: Iterable[str]) -> Any:
    text = given.get(name, "").strip().lower()
    if not text:
        return 0
    names = list(known)
    if text not in names:
        raise Refusal.invalid(name, "FILTER_UNKNOWN", f"It is one of {', '.join(names)}.")
    return names.index(text) + 1
