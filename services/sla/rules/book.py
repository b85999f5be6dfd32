"""All that is published at one moment: policies in their order and calendars with all versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.runtime.refusal import NotYet
from services.runtime.worktime import CalendarVersion
from services.sla.rules.calendar import Calendar
from services.sla.rules.policy import Policy
from services.sla.rules.ticket import Facts


@dataclass(frozen=True, slots=True)
class Book:
    """policies: in the order in which they are tried. calendars: by name."""

    policies: tuple[Policy, ...] = ()
    calendars: Mapping[str, Calendar] = field(default_factory=dict)

    def choose(self, facts: Facts) -> Policy | None:
        """The first policy in force that matches; None when nothing is promised for such a ticket."""
        return next((one for one in self.policies if not one.retired and one.match.holds(facts)), None)

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
