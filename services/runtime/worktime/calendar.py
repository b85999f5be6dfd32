"""Calendar versions: when business is open, said in local wall time of one zone.

A version never changes once made; whoever needs other hours publishes the next version.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import pairwise
from typing import Self

from services.runtime.refusal import Refusal
from services.runtime.worktime.zone import FIRST_YEAR, LAST_YEAR, known_zone, utc

DAY = 86_400
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CLOCK = r"([01]\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?"
_OPENING = re.compile(rf"{_CLOCK}-{_CLOCK}")


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """One stretch of a local day, [opens, closes), in whole seconds of wall time since 00:00; 86400 is 24:00."""

    opens: int
    closes: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads "09:00-12:00" or "22:15:30-24:00".

        Raises:
            Refusal: CALENDAR_HOURS_INVALID.
        """
        found = _OPENING.fullmatch(text)
        if found is None:
            raise Refusal.invalid(
                "hours", "CALENDAR_HOURS_INVALID", f'Write hours as "09:00-12:00", up to "24:00", not {text!r}.'
            )
        h1, m1, s1, h2, m2, s2 = (int(part or 0) for part in found.groups())
        return cls(h1 * 3600 + m1 * 60 + s1, h2 * 3600 + m2 * 60 + s2)

    def __str__(self) -> str:
        return f"{_clock(self.opens)}-{_clock(self.closes)}"


Hours = tuple[Opening, ...]
CLOSED: Hours = ()
ALL_DAY: Hours = (Opening(0, DAY),)


@dataclass(frozen=True, slots=True)
class DateOverride:
    """What holds on one local date instead of its weekday's hours: closed, or a make-up workday's hours.

    note: why, for the people who read the calendar ("Spring Festival").
    """

    day: date
    hours: Hours = CLOSED
    note: str = ""


def hours(*texts: str) -> Hours:
    """Hours from texts: `hours("09:00-12:00", "13:00-18:00")`; none at all is closed.

    Raises:
        Refusal: CALENDAR_HOURS_INVALID.
    """
    return tuple(Opening.parse(text) for text in texts)


def workweek(day: Hours, weekend: Hours = CLOSED) -> tuple[Hours, ...]:
    """The same hours Monday to Friday, and others (closed unless given) on Saturday and Sunday."""
    return (day,) * 5 + (weekend,) * 2


ALWAYS: tuple[Hours, ...] = workweek(ALL_DAY, ALL_DAY)


@dataclass(frozen=True, eq=False)
class CalendarVersion:
    """One published version of a calendar; equal when everything in it is equal.

    name: the calendar's resource name. version: 1, 2, ... zone: IANA name. effective_from: from when this version is
    the one to choose (see `in_force`); the arithmetic itself does not look at it. weekly: Monday first, seven times
    the hours of a day. overrides: local dates with hours of their own, kept in order of date. verified_years: local
    years whose holidays somebody has confirmed.

    Raises:
        Refusal: INVALID with the field at fault, when the calendar cannot be understood in exactly one way.
    """

    name: str
    version: int
    zone: str
    effective_from: datetime
    weekly: tuple[Hours, ...]
    overrides: tuple[DateOverride, ...] = ()
    verified_years: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.name:
            raise Refusal.invalid("name", "CALENDAR_NAME_MISSING", "Give the calendar a name.")
        if self.version < 1:
            raise Refusal.invalid("version", "CALENDAR_VERSION_INVALID", "Number calendar versions from 1 on.")
        known_zone(self.zone)
        if len(self.weekly) != len(WEEKDAYS):
            raise Refusal.invalid(
                "weekly", "CALENDAR_WEEK_INVALID", f"Give hours for seven days, Monday first, not {len(self.weekly)}."
            )
        week = tuple(
            _checked(day, f"weekly[{at}]", name)
            for at, (name, day) in enumerate(zip(WEEKDAYS, self.weekly, strict=True))
        )
        object.__setattr__(self, "effective_from", utc(self.effective_from, "effective_from"))
        object.__setattr__(self, "weekly", week)
        object.__setattr__(self, "overrides", _ordered(self.overrides))
        object.__setattr__(self, "verified_years", frozenset(self.verified_years))

    @property
    def key(self) -> str:
        """Which version of which calendar, as "<name>@<version>"; the cause of closed time."""
        return f"{self.name}@{self.version}"

    @cached_property
    def digest(self) -> str:
        """sha-256 (hex) over everything in the version, the same on every machine."""
        lines = [repr(self.name), str(self.version), self.zone, self.effective_from.isoformat()]
        lines += [" ".join(map(str, day)) for day in self.weekly]
        lines += [f"{one.day.isoformat()} {' '.join(map(str, one.hours))} {one.note!r}" for one in self.overrides]
        lines.append(" ".join(map(str, sorted(self.verified_years))))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def _by_date(self) -> dict[date, Hours]:
        return {one.day: one.hours for one in self.overrides}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CalendarVersion) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def hours_on(self, day: date) -> Hours:
        """The hours of a local date: its override, else its weekday's."""
        own = self._by_date.get(day)
        return self.weekly[day.weekday()] if own is None else own

    def unverified_years(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """The local years from start to end (both included) whose holidays nobody has confirmed yet.

        Raises:
            Refusal: TIME_NOT_AWARE.
        """
        zone = known_zone(self.zone)
        years = range(utc(start, "start").astimezone(zone).year, utc(end, "end").astimezone(zone).year + 1)
        return tuple(year for year in years if year not in self.verified_years)


def in_force(versions: Iterable[CalendarVersion], at: datetime) -> CalendarVersion | None:
    """The version to choose at an instant: the latest effective one, of several the highest; None before all."""
    begun = [one for one in versions if one.effective_from <= at]
    return max(begun, key=lambda one: (one.effective_from, one.version), default=None)


def _clock(second: int) -> str:
    hour, rest = divmod(second, 3600)
    text = f"{hour:02}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if rest % 60 else text


def _checked(day: Hours, where: str, name: str) -> Hours:
    """The day's openings in order; refuses what is empty, reversed, outside the day or overlapping."""
    for one in day:
        if not 0 <= one.opens < one.closes <= DAY:
            raise Refusal.invalid(
                where,
                "CALENDAR_HOURS_INVALID",
                f"{name} has {one}: hours must end after they start, within 00:00-24:00; "
                "split hours that pass midnight over both dates.",
            )
    ordered = tuple(sorted(day))
    for one, following in pairwise(ordered):
        if following.opens < one.closes:
            raise Refusal.invalid(
                where, "CALENDAR_HOURS_OVERLAP", f"{name} has {one} and {following}, which overlap: merge or move them."
            )
    return ordered


def _ordered(overrides: Iterable[DateOverride]) -> tuple[DateOverride, ...]:
    """The overrides in order of date, each checked; refuses a date named twice or out of range."""
    checked: dict[date, DateOverride] = {}
    for one in overrides:
        # A datetime is a date to Python, yet equals none: such an override would silently never apply.
        if isinstance(one.day, datetime) or not FIRST_YEAR <= one.day.year <= LAST_YEAR:
            raise Refusal.invalid(
                f"overrides[{one.day.isoformat()}]",
                "CALENDAR_DATE_INVALID",
                f"Override plain dates of the years {FIRST_YEAR} to {LAST_YEAR}, not {one.day.isoformat()}.",
            )
        where = f"overrides[{one.day.isoformat()}]"
        if one.day in checked:
            raise Refusal.invalid(
                where, "CALENDAR_DATE_REPEATED", f"{one.day.isoformat()} is overridden twice: keep one of the two."
            )
        checked[one.day] = DateOverride(one.day, _checked(one.hours, where, one.day.isoformat()), one.note)
    return tuple(checked[day] for day in sorted(checked))
