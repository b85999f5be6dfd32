"""A report as it is kept, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from services.metrics.rules.period import Filter, Period
from services.metrics.rules.stretch import Baseline, Relative, Timetable, compared, stretch


class Grouping(Enum):
    """By which dimension of a ticket the table is broken down."""

    NONE = "UNSPECIFIED"
    TEAM = "TEAM"
    SERVICE = "SERVICE"
    SITE = "SITE"
    CHANNEL = "CHANNEL"
    PRIORITY = "PRIORITY"


class Visibility(Enum):
    """Who may open it: its owner, or every reader of numbers whose unit meets the report's."""

    OWNER = "OWNER"
    UNIT = "UNIT"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When it is due, and who is told: "people/..."."""

    table: Timetable
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A due time that has come, and the period that it is about."""

    due_at: datetime
    period: Period


@dataclass(frozen=True, slots=True)
class Report:
    """One report. titles: (language, text). metrics: ids of the registry. zone: of whose days its period is made.

    next_at: when it is due again. runs: the latest first. deleted: it is gone for readers and no longer due.
    """

    name: str
    titles: tuple[tuple[str, str], ...]
    metrics: tuple[str, ...]
    relative: Relative
    zone: str
    visibility: Visibility
    baseline: Baseline = Baseline.NONE
    filter: Filter = field(default_factory=Filter)
    grouping: Grouping = Grouping.NONE
    schedule: Schedule | None = None
    owner: str = ""
    unit: str = ""
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    next_at: datetime | None = None
    runs: tuple[Run, ...] = ()
    deleted: bool = False

    @property
    def recipients(self) -> tuple[str, ...]:
        """Who is told when it is due."""
        return self.schedule.recipients if self.schedule else ()

    def stretches(self, asked_at: datetime) -> tuple[Period, Period | None]:
        """The period and the baseline that it means at a moment."""
        zone = ZoneInfo(self.zone)
        return stretch(self.relative, asked_at, zone), compared(self.relative, self.baseline, asked_at, zone)


@dataclass(frozen=True, slots=True)
class ReportCreated:
    """Somebody keeps a question."""

    report: Report


@dataclass(frozen=True, slots=True)
class ReportChanged:
    """It asks something else, or of others, or at other times."""

    report: Report


@dataclass(frozen=True, slots=True)
class ReportDeleted:
    """Nobody asks it any more."""

    report: Report


@dataclass(frozen=True, slots=True)
class ReportDue:
    """A due time has come; told once for each."""

    report: Report
    run: Run


ReportEvent = ReportCreated | ReportChanged | ReportDeleted | ReportDue
