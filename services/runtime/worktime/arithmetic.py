"""Business time between instants, and the instant at which an amount of it has passed; exact to the microsecond.

Pure functions of a calendar version and aware instants; answers are in UTC.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from services.runtime.refusal import Refusal
from services.runtime.worktime.calendar import CalendarVersion
from services.runtime.worktime.timetable import LAST, Table, timetable
from services.runtime.worktime.zone import EPOCH

MICROSECOND = timedelta(microseconds=1)
HORIZON = timedelta(days=3653)
_FIRST_REACH = timedelta(days=366) // MICROSECOND


class Stretch(NamedTuple):
    """A span [start, end) of wall time (UTC) that is wholly open or wholly closed."""

    start: datetime
    end: datetime
    open: bool


def elapsed(calendar: CalendarVersion, start: datetime, end: datetime) -> timedelta:
    """The business time in [start, end).

    Raises:
        Refusal: END_BEFORE_START; TIME_NOT_AWARE; TIME_OUT_OF_RANGE outside the years 1970 to 2199.
    """
    table, begin, finish = _span(calendar, start, end)
    return timedelta(microseconds=table.worked(finish) - table.worked(begin))


def add(calendar: CalendarVersion, start: datetime, duration: timedelta, horizon: timedelta = HORIZON) -> datetime:
    """The earliest instant at which `duration` of business time has passed since `start`.

    Nothing to pass gives `start` itself; an amount that ends with an opening gives that opening's end, not the next
    one's start.

    Raises:
        Refusal: DURATION_NEGATIVE; BEYOND_HORIZON when it takes longer than `horizon` (ten years) of wall time;
            TIME_NOT_AWARE; TIME_OUT_OF_RANGE.
    """
    begin, amount = _instant(start, "start"), duration // MICROSECOND
    if amount < 0:
        raise Refusal.invalid("duration", "DURATION_NEGATIVE", "Add a duration of zero or more.")
    if amount == 0:
        return EPOCH + timedelta(microseconds=begin)
    limit = begin + horizon // MICROSECOND
    for table in _ahead(calendar, begin, limit):
        found = table.reach(table.worked(begin) + amount)
        if found is not None and found <= limit:
            return EPOCH + timedelta(microseconds=found)
    raise Refusal.invalid(
        "duration",
        "BEYOND_HORIZON",
        f"{calendar.key} has less than {duration} of business time in the {horizon.days} days after "
        f"{start.isoformat()}: open more hours or shorten the duration.",
    )


def segments(calendar: CalendarVersion, start: datetime, end: datetime) -> list[Stretch]:
    """The open and closed stretches of [start, end): in order, without gap, alternating; none when it is empty.

    Raises:
        Refusal: END_BEFORE_START; TIME_NOT_AWARE; TIME_OUT_OF_RANGE.
    """
    table, begin, finish = _span(calendar, start, end)
    found: list[Stretch] = []
    at, told = begin, EPOCH + timedelta(microseconds=begin)
    for opens, closes in table.between(begin, finish):
        opening, closing = EPOCH + timedelta(microseconds=opens), EPOCH + timedelta(microseconds=closes)
        if at < opens:
            found.append(Stretch(told, opening, open=False))
        found.append(Stretch(opening, closing, open=True))
        at, told = closes, closing
    if at < finish:
        found.append(Stretch(told, EPOCH + timedelta(microseconds=finish), open=False))
    return found


def is_open(calendar: CalendarVersion, at: datetime) -> bool:
    """Whether business is open at an instant; an opening's start is open, its end is not.

    Raises:
        Refusal: TIME_NOT_AWARE; TIME_OUT_OF_RANGE.
    """
    instant = _instant(at, "at")
    return timetable(calendar).covering(instant, instant).is_open(instant)


def next_open(calendar: CalendarVersion, at: datetime, horizon: timedelta = HORIZON) -> datetime:
    """The first open instant at or after `at`: `at` itself when business is open then.

    Raises:
        Refusal: BEYOND_HORIZON when nothing opens within `horizon` (ten years); TIME_NOT_AWARE; TIME_OUT_OF_RANGE.
    """
    instant = _instant(at, "at")
    limit = instant + horizon // MICROSECOND
    for table in _ahead(calendar, instant, limit):
        found = table.next_open(instant)
        if found is not None and found <= limit:
            return EPOCH + timedelta(microseconds=found)
    raise Refusal.invalid(
        "at",
        "BEYOND_HORIZON",
        f"{calendar.key} does not open in the {horizon.days} days after {at.isoformat()}: give it hours.",
    )


def _instant(at: datetime, name: str) -> int:
    """An aware instant as POSIX microseconds."""
    try:
        since = at - EPOCH
    except TypeError:
        raise Refusal.invalid(name, "TIME_NOT_AWARE", f"Give {name} with its offset from UTC.") from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _span(calendar: CalendarVersion, start: datetime, end: datetime) -> tuple[Table, int, int]:
    begin, finish = _instant(start, "start"), _instant(end, "end")
    if finish < begin:
        raise Refusal.invalid("end", "END_BEFORE_START", "The end lies before the start: swap them.")
    return timetable(calendar).covering(begin, finish), begin, finish


def _ahead(calendar: CalendarVersion, begin: int, limit: int) -> Iterator[Table]:
    """Tables that see further and further ahead of `begin`, up to `limit`, so that near answers compile little."""
    times = timetable(calendar)
    last = min(limit, LAST - 1)
    reach = _FIRST_REACH
    while begin + reach < last:
        yield times.covering(begin, begin + reach)
        reach *= 2
    yield times.covering(begin, max(begin, last))
