"""Calendars: drafts become versions that never change; the latest one in force is taken by clocks that start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.runtime.worktime import CalendarVersion, DateOverride, Hours, Opening, in_force
from services.sla.rules.access import may_configure
from services.sla.rules.days import OWN, DayKind, Label, Region, Span

NAME = re.compile(r"calendars/[a-z0-9][a-z0-9-]{0,62}")
SINCE_EVER = datetime(1970, 1, 1, tzinfo=UTC)
DAYS_KEPT = 2000
VERSIONS_KEPT = 500
_TEXT = 200
_LANGUAGES = 10
# How worktime calls the parts of a version, and how the request does.
_FIELDS = {
    "name": "calendar.name",
    "zone": "calendar.time_zone",
    "weekly": "calendar.weekly_hours",
    "overrides": "calendar.days",
    "effective_from": "calendar.effective_time",
    "hours": "calendar.weekly_hours",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A calendar as somebody wrote it.

    weekly: (1 Monday ... 7 Sunday, spans of local time as ("09:00", "18:00")); days not named are closed.
    days: (ISO date, reason, spans). effective_at: None for "as if it had always been so".
    labels: by ISO date; days without one are the company's own.
    """

    name: str
    zone: str
    weekly: tuple[tuple[int, tuple[Span, ...]], ...]
    days: tuple[tuple[str, str, tuple[Span, ...]], ...] = ()
    verified_years: tuple[int, ...] = ()
    effective_at: datetime | None = None
    display_names: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    labels: Mapping[str, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edition:
    """One published version, how it is called by people, and what its days are (none: the company's own)."""

    version: CalendarVersion
    display_names: Mapping[str, str]
    regions: tuple[Region, ...] = ()
    labels: Mapping[date, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar with all its versions, oldest first; there is always one."""

    name: str
    editions: tuple[Edition, ...]

    @property
    def latest(self) -> Edition:
        """The version published last."""
        return self.editions[-1]

    def edition(self, version: int) -> Edition:
        """The version of that number; 0 is the latest.

        Raises:
            Refusal: NOT_FOUND.
        """
        if version == 0:
            return self.latest
        for one in self.editions:
            if one.version.version == version:
                return one
        raise Refusal.not_found(f"{self.name} version {version}")

    def at(self, instant: datetime) -> CalendarVersion:
        """The version in force at an instant; before all of them, the one that comes into force first."""
        versions = [one.version for one in self.editions]
        return in_force(versions, instant) or min(versions, key=lambda one: (one.effective_from, -one.version))


@dataclass(frozen=True, slots=True)
class CalendarPublished:
    """A version was published; it is the latest of the calendar."""

    calendar: Calendar


def publish(calendar: Calendar | None, draft: Draft, *, by: Actor) -> tuple[Calendar, tuple[CalendarPublished, ...]]:
    """Adds the draft as the next version; nothing happens when it says what the latest says already.

    Raises:
        Refusal: ROLE_REQUIRED, or INVALID with the field of the request that is at fault.
    """
    may_configure(by)
    before = calendar.editions if calendar is not None else ()
    edition = _edition(draft, len(before) + 1)
    if before and _says(before[-1]) == _says(edition):
        return Calendar(draft.name, before), ()
    if len(before) >= VERSIONS_KEPT:
        raise Refusal.precondition(
            "CALENDAR_VERSIONS_FULL", f"{draft.name} has {VERSIONS_KEPT} versions: go on under another name."
        )
    published = Calendar(draft.name, (*before, edition))
    return published, (CalendarPublished(published),)


def checked_names(names: Mapping[str, str], where: str) -> dict[str, str]:
    """Names by language, each of them short.

    Raises:
        Refusal: DISPLAY_NAME_INVALID.
    """
    if len(names) > _LANGUAGES or any(not key or len(key) > 20 or len(name) > _TEXT for key, name in names.items()):
        raise Refusal.invalid(
            where, "DISPLAY_NAME_INVALID", f"Give names in at most {_LANGUAGES} languages, of up to {_TEXT} letters."
        )
    return dict(sorted(names.items()))


def _edition(draft: Draft, number: int) -> Edition:
    if NAME.fullmatch(draft.name) is None:
        raise Refusal.invalid(
            "calendar.name", "NAME_INVALID", 'Name it "calendars/" and small letters, digits and dashes, 63 at most.'
        )
    if len(draft.days) > DAYS_KEPT:
        raise Refusal.invalid("calendar.days", "CALENDAR_DAYS_TOO_MANY", f"Give {DAYS_KEPT} days at most.")
    names = checked_names(draft.display_names, "calendar.display_names")
    try:
        version = CalendarVersion(
            name=draft.name,
            version=number,
            zone=draft.zone,
            effective_from=draft.effective_at or SINCE_EVER,
            weekly=_week(draft.weekly),
            overrides=tuple(_day(*one) for one in draft.days),
            verified_years=frozenset(draft.verified_years),
        )
    except Refusal as refusal:
        inside = refusal.field.partition("[")[0]
        raise Refusal(refusal.kind, refusal.reason, refusal.message, _FIELDS.get(inside, refusal.field)) from refusal
    if not any(version.weekly) and not any(one.hours for one in version.overrides):
        raise Refusal.invalid("calendar.weekly_hours", "CALENDAR_NEVER_OPEN", "Open it on at least one day.")
    return Edition(version, names, _regions(draft.regions), _labels(version, draft.labels))


def _regions(regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """The regions as given, each once, with hours that can be read."""
    if len({one.key for one in regions}) < len(regions):
        raise Refusal.invalid("calendar.regions", "CALENDAR_REGION_REPEATED", "Name each region once.")
    for one in regions:
        try:
            DateOverride(SINCE_EVER.date(), _hours(one.make_up))
        except Refusal as refusal:
            raise Refusal.invalid("calendar.regions", refusal.reason, f"{one.key}: {refusal.message}") from refusal
    return regions


def _labels(version: CalendarVersion, labels: Mapping[str, Label]) -> dict[date, Label]:
    """The labels of the days that are there, by date; the company's own days without further names have none."""
    found = {}
    for one in version.overrides:
        label = labels.get(one.day.isoformat(), OWN)
        names = checked_names(dict(label.names), "calendar.days")
        if label.kind is DayKind.MAKE_UP and not one.hours:
            raise Refusal.invalid(
                "calendar.days",
                "MAKE_UP_WORKDAY_CLOSED",
                f"{one.day.isoformat()} is a make-up workday without hours: give it hours, or make it a company day.",
            )
        if label != OWN:
            found[one.day] = Label(label.kind, tuple(names.items()), label.region)
    return found


def _week(weekly: Iterable[tuple[int, tuple[Span, ...]]]) -> tuple[Hours, ...]:
    week: list[Hours] = [()] * 7
    for weekday, spans in weekly:
        if not 1 <= weekday <= 7:
            raise Refusal.invalid("weekly", "WEEKDAY_INVALID", f"Number weekdays from 1, Monday, to 7, not {weekday}.")
        if week[weekday - 1]:
            raise Refusal.invalid("weekly", "WEEKDAY_REPEATED", f"Weekday {weekday} is given twice: keep one.")
        week[weekday - 1] = _hours(spans)
    return tuple(week)


def _day(day: str, reason: str, spans: tuple[Span, ...]) -> DateOverride:
    try:
        parsed = date.fromisoformat(day)
    except ValueError:
        raise Refusal.invalid(
            "overrides", "CALENDAR_DAY_INVALID", f'Write dates as "2026-10-01", not {day!r}.'
        ) from None
    if len(reason) > _TEXT:
        raise Refusal.invalid("overrides", "CALENDAR_REASON_TOO_LONG", f"Give reasons of up to {_TEXT} letters.")
    try:
        return DateOverride(parsed, _hours(spans), reason)
    except Refusal as refusal:
        raise Refusal.invalid("overrides", refusal.reason, f"{day}: {refusal.message}") from refusal


def _hours(spans: tuple[Span, ...]) -> Hours:
    return tuple(Opening.parse(f"{start}-{end}") for start, end in spans)


def _says(edition: Edition) -> tuple[object, ...]:
    """What an edition says, its number left out."""
    one = edition.version
    plain = (one.zone, one.effective_from, one.weekly, one.overrides, one.verified_years)
    return (*plain, dict(edition.display_names), edition.regions, dict(edition.labels))
