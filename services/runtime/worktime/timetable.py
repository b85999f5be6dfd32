"""A calendar version as open intervals of UTC with running totals, so that business time is two bisects.

Compiled on demand by whole years; a finished table is never changed, a larger one takes its place.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from services.runtime.refusal import Refusal
from services.runtime.worktime.calendar import DAY, CalendarVersion
from services.runtime.worktime.zone import EPOCH, FIRST_YEAR, LAST_YEAR, Piece, pieces

SECOND = 1_000_000
CALENDARS_KEPT = 128
# Local dates and UTC differ by at most 26 h, and a date repeated or skipped adds a day: three days cover both.
_MARGIN = 3


def microseconds(year: int) -> int:
    """The start of a UTC year in POSIX microseconds."""
    return (date(year, 1, 1) - EPOCH.date()).days * DAY * SECOND


FIRST = microseconds(FIRST_YEAR)
LAST = microseconds(LAST_YEAR + 1)


class Table:
    """The open time of UTC years first..last, in POSIX microseconds; exact for every instant in [low, high]."""

    __slots__ = ("closes", "first", "high", "last", "low", "opens", "totals")

    def __init__(self, calendar: CalendarVersion, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.low, self.high = microseconds(first), microseconds(last + 1)
        self.opens, self.closes, self.totals = array("q"), array("q"), array("q")
        total = 0
        for opens, closes in _merged(sorted(_openings(calendar, first, last))):
            self.opens.append(opens * SECOND)
            self.closes.append(closes * SECOND)
            self.totals.append(total)
            total += (closes - opens) * SECOND

    def worked(self, at: int) -> int:
        """Open microseconds from the table's beginning to an instant."""
        index = bisect_right(self.opens, at) - 1
        if index < 0:
            return 0
        return self.totals[index] + min(at, self.closes[index]) - self.opens[index]

    def reach(self, worked: int) -> int | None:
        """The earliest instant at which `worked` (> 0) microseconds are done; None when not within the table."""
        index = bisect_left(self.totals, worked) - 1
        if index < 0:
            return None
        at = self.opens[index] + worked - self.totals[index]
        return at if at <= self.closes[index] and at <= self.high else None

    def is_open(self, at: int) -> bool:
        """Whether the instant lies in an opening, its start included, its end not."""
        index = bisect_right(self.opens, at) - 1
        return index >= 0 and at < self.closes[index]

    def next_open(self, at: int) -> int | None:
        """The first open instant at or after `at`; None when not within the table."""
        if self.is_open(at):
            return at
        index = bisect_right(self.opens, at)
        return self.opens[index] if index < len(self.opens) and self.opens[index] <= self.high else None

    def between(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The open intervals within [start, end), cut to it."""
        index = max(bisect_right(self.opens, start) - 1, 0)
        while index < len(self.opens) and self.opens[index] < end:
            opens, closes = max(self.opens[index], start), min(self.closes[index], end)
            if opens < closes:
                yield opens, closes
            index += 1


class Timetable:
    """The tables of one calendar version; any number of threads may ask."""

    __slots__ = ("_calendar", "_growing", "_table")

    def __init__(self, calendar: CalendarVersion) -> None:
        self._calendar = calendar
        self._growing = threading.Lock()
        self._table: Table | None = None

    def covering(self, start: int, end: int) -> Table:
        """A table for [start, end] POSIX microseconds.

        Raises:
            Refusal: TIME_OUT_OF_RANGE outside the years 1970 to 2199.
        """
        table = self._table
        if table is not None and table.low <= start and end <= table.high:
            return table
        if not FIRST <= start <= end < LAST:
            raise Refusal.invalid(
                "start" if start < FIRST else "end",
                "TIME_OUT_OF_RANGE",
                f"Business time is known for the years {FIRST_YEAR} to {LAST_YEAR}: choose instants within them.",
            )
        with self._growing:
            table = self._table
            first, last = _year(start), _year(end)
            if table is not None:
                first, last = min(first, table.first), max(last, table.last)
            if table is None or (first, last) != (table.first, table.last):
                table = self._table = Table(self._calendar, first, last)
            return table


@lru_cache(maxsize=CALENDARS_KEPT)
def timetable(calendar: CalendarVersion) -> Timetable:
    """The timetable of a calendar version; the least recently used are forgotten."""
    return Timetable(calendar)


def _year(at: int) -> int:
    return (EPOCH + timedelta(microseconds=at)).year


def _openings(calendar: CalendarVersion, first: int, last: int) -> Iterator[tuple[int, int]]:
    """[open, close) in POSIX seconds for each opening of each local date that can touch the UTC years.

    An opening lasts from the first to the last moment at which the local clock, bearing that date, shows a time
    inside it. Hence a time that a clock change skips never comes (the opening starts, or ends, at the change), and of
    a time that comes twice a start is the earlier and an end the later.
    """
    epoch = EPOCH.toordinal()
    days = range(date(first, 1, 1).toordinal() - _MARGIN, date(last, 12, 31).toordinal() + _MARGIN + 1)
    clock = pieces(calendar.zone, (days.start - epoch - _MARGIN) * DAY, (days.stop - epoch + _MARGIN) * DAY)
    at = 0
    for ordinal in days:
        midnight = (ordinal - epoch) * DAY
        while clock[at].end < midnight - 2 * DAY:
            at += 1
        begin, end, offset = clock[at]
        steady = begin <= midnight - 2 * DAY and midnight + 3 * DAY <= end
        for opening in calendar.hours_on(date.fromordinal(ordinal)):
            opens, closes = midnight + opening.opens, midnight + opening.closes
            shown = (opens - offset, closes - offset) if steady else _shown(clock[at:], opens, closes)
            if shown is not None:
                yield shown


def _shown(clock: tuple[Piece, ...], opens: int, closes: int) -> tuple[int, int] | None:
    """First and last moment at which the clock shows a local second in [opens, closes); None if never."""
    begin = end = None
    for piece in clock:
        if piece.begin > closes + 2 * DAY:
            break
        start = max(piece.begin, opens - piece.offset)
        stop = min(piece.end, closes - piece.offset)
        if start < stop:
            begin = start if begin is None else begin
            end = stop
    return None if begin is None or end is None else (begin, end)


def _merged(ordered: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Disjoint intervals with a gap between any two, from intervals in order of their start."""
    pending: tuple[int, int] | None = None
    for opens, closes in ordered:
        if pending is None:
            pending = (opens, closes)
        elif opens <= pending[1]:
            pending = (pending[0], max(pending[1], closes))
        else:
            yield pending
            pending = (opens, closes)
    if pending is not None:
        yield pending
