"""Days of a calendar out of the entries of an iCalendar file: what can be read is, what cannot is named.

An all-day entry closes its dates; a timed one opens them at its hours alone. Nothing here publishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.runtime.refusal import Refusal
from services.runtime.worktime import FIRST_YEAR, LAST_YEAR, DateOverride, Opening, known_zone
from services.sla.rules.calendar import DAYS_KEPT
from services.sla.rules.days import OWN, DayKind, Label
from services.sla.rules.recurrence import Effort, Rule, occurrences

# Dates that the rules of one file may look at: far more than any honest file needs, and done within a second.
EFFORT = 200_000
DAY = timedelta(days=1)
LONGEST = timedelta(days=366)
LONGEST_OPENING = timedelta(days=7)
YEARS_AT_ONCE = 30
_TEXT = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a file, in the calendar's local wall time.

    number: its place, from 1. start, end: an all-day entry has both at midnight, the end behind its last date.
    extra, without: further first dates, and dates on which it does not occur.
    """

    number: int
    title: str
    start: datetime
    end: datetime
    all_day: bool
    rule: Rule | None = None
    extra: tuple[date, ...] = ()
    without: frozenset[date] = frozenset()
    label: Label = OWN


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read of an entry, and why."""

    number: int
    title: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """Days in order of their dates; what could not be read; how many entries have no date in the years asked for."""

    days: tuple[tuple[DateOverride, Label], ...]
    problems: tuple[Problem, ...]
    left_out: int


@dataclass
class _Day:
    """What was read of one date so far; first: the entry that spoke first."""

    first: Entry
    titles: list[str] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)


def imported(entries: Iterable[Entry], first_year: int, last_year: int, problems: Iterable[Problem] = ()) -> Imported:
    """The days of the entries in those years. problems: what the file's reader could not make entries of."""
    told, left_out = list(problems), 0
    days: dict[date, _Day] = {}
    effort = Effort(EFFORT)
    begin, end = date(first_year, 1, 1), date(last_year, 12, 31)
    for entry in entries:
        try:
            spoken = [one for one in _spoken(entry, begin, end, effort) if begin <= one[0] <= end]
            _add(days, entry, spoken)
            left_out += not spoken
        except Refusal as refusal:
            told.append(Problem(entry.number, entry.title, refusal.reason, refusal.message))
    told.sort(key=lambda one: one.number)
    made = tuple(
        (DateOverride(day, tuple(sorted(one.openings)), "; ".join(one.titles)[:_TEXT]), one.first.label)
        for day, one in sorted(days.items())
    )
    return Imported(made, tuple(told), left_out)


def _spoken(entry: Entry, begin: date, end: date, effort: Effort) -> Iterator[tuple[date, Opening | None]]:
    """Each date of the entry, with the opening there, or None for closed."""
    length = entry.end - entry.start
    if length <= timedelta(0):
        raise Refusal.invalid("content", "ENTRY_EMPTY", "It ends before it has begun: give it an end after its start.")
    if length > (LONGEST if entry.all_day else LONGEST_OPENING):
        raise Refusal.invalid(
            "content", "ENTRY_TOO_LONG", "It is longer than 366 days, or 7 days of hours: split it, or mend its end."
        )
    first = entry.start.date()
    dates = occurrences(entry.rule, first, begin - LONGEST, end, effort) if entry.rule is not None else [first]
    for day in sorted({*dates, *entry.extra} - entry.without):
        effort.spend(length.days + 1)
        yield from _stretch(entry, datetime.combine(day, entry.start.time()), length)


def _stretch(entry: Entry, start: datetime, length: timedelta) -> Iterator[tuple[date, Opening | None]]:
    """The dates of one occurrence, and the hours on each, cut at midnight."""
    try:
        end = start + length
    except OverflowError:
        return
    day = start.date()
    while datetime.combine(day, time()) < end:
        if entry.all_day:
            yield day, None
        else:
            midnight = datetime.combine(day, time())
            opens = max(start - midnight, timedelta(0))
            closes = min(end - midnight, DAY)
            yield day, Opening(opens // timedelta(seconds=1), closes // timedelta(seconds=1))
        if day == date.max:
            return
        day += DAY


def _add(days: dict[date, _Day], entry: Entry, spoken: list[tuple[date, Opening | None]]) -> None:
    """Puts the dates of an entry beside those read before, all of them or none."""
    found = {day for day, _ in spoken}
    if len(days.keys() | found) > DAYS_KEPT:
        raise Refusal.invalid(
            "content", "CALENDAR_DAYS_TOO_MANY", f"With it there would be more than {DAYS_KEPT} days: ask fewer years."
        )
    for day, opening in spoken:
        known = days.get(day)
        if known is not None:
            _fits(known, day, opening)
    for day, opening in spoken:
        known = days.setdefault(day, _Day(entry))
        if entry.title and entry.title not in known.titles:
            known.titles.append(entry.title)
        if opening is not None:
            known.openings.append(opening)


def _fits(known: _Day, day: date, opening: Opening | None) -> None:
    overlapping = opening is not None and any(
        opening.opens < one.closes and one.opens < opening.closes for one in known.openings
    )
    if overlapping or bool(known.openings) != (opening is not None):
        raise Refusal.invalid(
            "content",
            "ENTRY_CONTRADICTS",
            f"On {day.isoformat()} it contradicts entry {known.first.number}, {known.first.title!r}: keep one of them.",
        )


def zone_asked(name: str) -> ZoneInfo:
    """The zone in whose wall time the days are read.

    Raises:
        Refusal: CALENDAR_ZONE_UNKNOWN.
    """
    try:
        return known_zone(name)
    except Refusal as refusal:
        raise Refusal.invalid("time_zone", refusal.reason, refusal.message) from refusal


def years_asked(first: int, last: int, this: int) -> tuple[int, int]:
    """The years to read: from this one to the next unless others are asked for.

    Raises:
        Refusal: CALENDAR_YEARS_INVALID.
    """
    begin = first or this
    end = last or begin + 1
    if not FIRST_YEAR <= begin <= end <= min(LAST_YEAR, begin + YEARS_AT_ONCE - 1):
        raise Refusal.invalid(
            "last_year",
            "CALENDAR_YEARS_INVALID",
            f"Ask for up to {YEARS_AT_ONCE} years in a row between {FIRST_YEAR} and {LAST_YEAR}.",
        )
    return begin, end


def kind_of(text: str) -> DayKind:
    """The kind that a file names; the company's own for any other word."""
    return DayKind(text) if text in set(DayKind) else DayKind.COMPANY
