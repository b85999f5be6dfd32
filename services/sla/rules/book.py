"""All that is published at one moment: policies in their order and calendars with all versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from services.runtime.refusal import NotYet
from services.runtime.worktime import ALL_DAY, CalendarVersion
from services.sla.rules.calendar import Calendar
from services.sla.rules.policy import Policy
from services.sla.rules.ticket import Facts


@dataclass(frozen=True)
class Book:
    """policies: in the order in which they are tried, of each all versions that may hold. calendars: by name.

    drafts: what is written and not yet published; nothing is chosen by them but in `as_drafted`.
    """

    policies: tuple[Policy, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    drafts: tuple[Policy, ...] = ()

    def as_drafted(self) -> Book:
        """The book as it would be had every draft been published and held at once."""
        drafted = {one.name: replace(one, effective_at=None) for one in self.drafts}
        kept = tuple(one for one in self.policies if one.name not in drafted)
        return replace(self, policies=(*kept, *drafted.values()))

    @cached_property
    def is_dated(self) -> bool:
        """Whether any version waits, or waited, for its time."""
        return any(one.effective_at is not None for one in self.policies)

    @cached_property
    def _latest(self) -> tuple[Policy, ...]:
        return _youngest(self.policies)

    def tried(self, at: datetime | None = None) -> tuple[Policy, ...]:
        """The version of each policy that is in force at an instant, in their order, retired ones too.

        Of the versions whose time has come the youngest holds; without an instant the youngest of all.
        """
        if at is None or not self.is_dated:
            return self._latest
        return _youngest(one for one in self.policies if one.holds_at(at))

    def choose(self, facts: Facts, at: datetime | None = None) -> Policy | None:
        """The first policy in force that matches; None when nothing is promised for such a ticket."""
        return next((one for one in self.tried(at) if not one.retired and one.match.holds(facts)), None)

    def pin(self, policy: Policy, at: datetime) -> CalendarVersion:
        """The calendar version that a clock takes which starts under the policy at an instant.

        Raises:
            NotYet: this book is older than the policy's calendar.
        """
        return self._calendar(policy.calendar).at(at)

    def version(self, name: str, version: int) -> CalendarVersion:
        """The version of a calendar that a clock has pinned.

        Raises:
            NotYet: this book is older than that version.
        """
        editions = self._calendar(name).editions
        if not 1 <= version <= len(editions):
            raise NotYet(f"{name} version {version} is not in the book yet")
        return editions[version - 1].version

    def _calendar(self, name: str) -> Calendar:
        if name not in self.calendars:
            raise NotYet(f"{name} is not in the book yet")
        return self.calendars[name]


def _youngest(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    youngest: dict[str, Policy] = {}
    for one in policies:
        other = youngest.get(one.name)
        if other is None or other.version < one.version:
            youngest[one.name] = one
    return tuple(sorted(youngest.values(), key=lambda one: one.place))


def unverified_years(calendar: CalendarVersion, start: datetime, end: datetime) -> tuple[int, ...]:
    """The years from start to end whose public holidays nobody has confirmed; none where no holiday can close."""
    if not calendar.overrides and all(day == ALL_DAY for day in calendar.weekly):
        return ()
    return calendar.unverified_years(start, end)
