"""Deadlines that have come: a report is due; a decision whose cause is the deadline, so that it is told once."""

from __future__ import annotations

from collections.abc import Callable

from services.metrics.rules import report
from services.metrics.rules.report import Decision
from services.metrics.rules.report_record import Report
from services.runtime.timers import Due


def fall_due(due: Due) -> Callable[[Report], Decision]:
    """The decision for a due time of a report's schedule."""
    return lambda state: report.fall_due(state, due.at)
