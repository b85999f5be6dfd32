"""Reports: questions that are kept. Their answers are reckoned anew, with the rights of whoever reads them.

What a report shows follows from the reader's role and unit alone; its author lends nobody any rights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.metrics.rules.access import is_within, scope_of
from services.metrics.rules.registry import METRICS
from services.metrics.rules.report_record import (
    Report,
    ReportChanged,
    ReportCreated,
    ReportDeleted,
    ReportDue,
    ReportEvent,
    Run,
    Visibility,
)
from services.metrics.rules.stretch import Frequency, next_due
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

RUNS_KEPT = 60
LANGUAGES = ("en", "zh")
_ASKED = ("titles", "metrics", "relative", "zone", "visibility", "baseline", "filter", "grouping", "schedule")

Decision = tuple[Report, tuple[ReportEvent, ...]]


def report_name(cause: str) -> str:
    """The name of the report that a cause creates: the same for the same cause."""
    return f"reports/{hashlib.sha256(cause.encode()).hexdigest()[:16]}"


def create(wanted: Report, *, by: Actor, now: datetime) -> Decision:
    """A report of the actor's own, in the actor's unit.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, REPORT_INVALID, TIME_ZONE_UNKNOWN.
    """
    _require_person(by)
    scope_of(by)
    _check(wanted)
    made = replace(wanted, owner=by.sub, unit=by.unit, version=1, created_at=now, updated_at=now)
    made = replace(made, next_at=_next(made, now))
    return made, (ReportCreated(made),)


def update(before: Report, *, wanted: Report, by: Actor, now: datetime) -> Decision:
    """The report as wanted; its owner, its unit and its runs stay. The same again changes nothing.

    Raises:
        Refusal: NOT_FOUND, PERSON_REQUIRED, ROLE_REQUIRED, REPORT_NOT_YOURS, REPORT_INVALID, TIME_ZONE_UNKNOWN.
    """
    _require_change(before, by)
    _check(wanted)
    asked = {name: getattr(wanted, name) for name in _ASKED}
    after = replace(before, **asked)
    if after == before:
        return before, ()
    after = replace(after, version=before.version + 1, updated_at=now)
    if after.schedule != before.schedule:
        after = replace(after, next_at=_next(after, now))
    return after, (ReportChanged(after),)


def delete(before: Report, *, by: Actor, now: datetime) -> Decision:
    """Nobody finds it any more, and it is no longer due.

    Raises:
        Refusal: NOT_FOUND, PERSON_REQUIRED, ROLE_REQUIRED, REPORT_NOT_YOURS.
    """
    _require_change(before, by)
    after = replace(before, deleted=True, next_at=None, version=before.version + 1, updated_at=now)
    return after, (ReportDeleted(after),)


def fall_due(before: Report, at: datetime) -> Decision:
    """A due time has come: its run is kept and told, and the next one is awaited, however late this one is noticed."""
    run = Run(at, before.stretches(at)[0])
    after = replace(before, runs=(run, *before.runs)[:RUNS_KEPT], next_at=_next(before, at))
    return after, (ReportDue(after, run),)


def require_open(report: Report, by: Actor) -> str:
    """The unit whose numbers the reader may see in it; "" is everything. The author's own unit plays no part.

    Raises:
        Refusal: ROLE_REQUIRED, for whoever may read no numbers; NOT_FOUND, so that a guess tells nothing.
    """
    scope = scope_of(by)
    if report.deleted or not may_open(report, by):
        raise Refusal.not_found(report.name)
    return scope


def may_open(report: Report, by: Actor) -> bool:
    """Whether the question itself may be seen; the numbers are another matter."""
    if by.sub == report.owner or by.sub in report.recipients or _oversees(report, by):
        return True
    meets = is_within(by.unit, report.unit) or is_within(report.unit, by.unit)
    return report.visibility is Visibility.UNIT and meets


def may_change(report: Report, by: Actor) -> bool:
    """Whether the actor owns it, or administers the unit that it belongs to."""
    return by.sub == report.owner or _oversees(report, by)


def _oversees(report: Report, by: Actor) -> bool:
    return by.has("administrator") and is_within(report.unit, by.unit)


def _require_person(by: Actor) -> None:
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", "Only a person may keep a report.")


def _require_change(report: Report, by: Actor) -> None:
    _require_person(by)
    require_open(report, by)
    if not may_change(report, by):
        raise Refusal.forbidden(
            "REPORT_NOT_YOURS",
            "Only its owner or an administrator of its unit may change a report; make one of your own.",
        )


def _next(report: Report, after: datetime) -> datetime | None:
    return next_due(report.schedule.table, after) if report.schedule else None


def _check(wanted: Report) -> None:
    _known_zone(wanted.zone, "report.time_zone")
    if wanted.schedule:
        _known_zone(wanted.schedule.table.zone, "report.schedule.time_zone")
    for field, holds, message in _claims(wanted):
        if not holds:
            raise Refusal.invalid(f"report.{field}", "REPORT_INVALID", message)


def _claims(wanted: Report) -> Iterator[tuple[str, bool, str]]:
    """What must hold: the field, whether it does, and what to do when it does not."""
    titles: Mapping[str, str] = dict(wanted.titles)
    yield "titles", any(titles.get(one, "").strip() for one in LANGUAGES), "Give it a title, in English or in Chinese."
    unknown = [one for one in wanted.metrics if one not in METRICS]
    yield "metrics", bool(wanted.metrics), "Choose at least one metric."
    yield "metrics", not unknown, f"No metric is called {', '.join(unknown)}; the registry lists those that are."
    if wanted.schedule is None:
        return
    table = wanted.schedule.table
    needs_weekday = table.frequency is Frequency.WEEKLY
    yield "schedule.weekday", not needs_weekday or 1 <= table.weekday <= 7, "Choose a day of the week, 1 to 7."
    needs_day = table.frequency is Frequency.MONTHLY
    yield "schedule.month_day", not needs_day or 1 <= table.month_day <= 31, "Choose a day of the month, 1 to 31."


def _known_zone(name: str, field: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal.invalid(
            field, "TIME_ZONE_UNKNOWN", 'Name the zone as IANA does, such as "Asia/Shanghai".'
        ) from None
