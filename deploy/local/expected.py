"""What is true of a ServiceNow event log, read from the file alone and by nothing that the product uses."""

from __future__ import annotations

import csv
import gzip
import statistics
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

_FORM = "%d/%m/%Y %H:%M"
_ENDED = frozenset({"Resolved", "Closed"})
_DIRTY = "-100"
_PRIORITY = {"1 - Critical": 1, "2 - High": 2, "3 - Moderate": 3, "4 - Low": 4}


@dataclass(slots=True)
class Incident:
    """One incident. resolved_at: its last transition into Resolved. field_*: what the last row's columns say."""

    number: str
    priority: int
    reassignments: int = 0
    assignment_changes: int = 0
    reopens: int = 0
    opened_at: datetime = datetime.min  # noqa: DTZ901 - the log knows no zone
    resolved_at: datetime | None = None
    field_reassignments: int = 0
    field_reopens: int = 0
    made_sla: bool = False


@dataclass(slots=True)
class Expected:
    """All incidents of a log. rows: data rows; dirty: rows whose state is no state."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    rows: int = 0
    dirty: int = 0

    def mean(self, name: str) -> float:
        """The mean of a count over all incidents."""
        return statistics.fmean(getattr(one, name) for one in self.incidents.values())

    @property
    def reopened(self) -> int:
        """Incidents that went from Resolved or Closed back to an open state."""
        return sum(1 for one in self.incidents.values() if one.reopens)

    @property
    def straight_share(self) -> float:
        """Share without assignment change and without reopen."""
        straight = sum(1 for one in self.incidents.values() if not one.assignment_changes and not one.reopens)
        return straight / len(self.incidents)

    @property
    def hours_to_resolve(self) -> list[float]:
        """Hours from opened to the last transition into Resolved, where there is one."""
        hour = timedelta(hours=1)
        return [(one.resolved_at - one.opened_at) / hour for one in self.incidents.values() if one.resolved_at]


def read(path: Path) -> Expected:
    """Reads the log once, row by row."""
    found = Expected()
    grouped: dict[str, list[tuple[int, int, dict[str, str]]]] = {}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as file:
        for index, row in enumerate(csv.DictReader(file)):
            found.rows += 1
            grouped.setdefault(row["number"], []).append((int(row["sys_mod_count"]), index, row))
    for number, rows in grouped.items():
        rows.sort(key=lambda one: one[:2])
        found.dirty += sum(1 for *_, row in rows if row["incident_state"] == _DIRTY)
        found.incidents[number] = _incident(number, [row for *_, row in rows])
    return found


def _incident(number: str, rows: list[dict[str, str]]) -> Incident:
    last = rows[-1]
    one = Incident(
        number,
        _PRIORITY[last["priority"]],
        opened_at=datetime.strptime(last["opened_at"], _FORM),  # noqa: DTZ007 - differences within one log
        field_reassignments=int(last["reassignment_count"]),
        field_reopens=int(last["reopen_count"]),
        made_sla=last["made_sla"] == "true",
    )
    state = ""
    group: str | None = None
    named = ""
    for row in rows:
        if row["incident_state"] == _DIRTY:
            continue
        now, team = row["incident_state"], row["assignment_group"]
        one.assignment_changes += group is not None and team != group
        group = team
        if team != "?":
            one.reassignments += bool(named) and team != named
            named = team
        one.reopens += state in _ENDED and now not in _ENDED
        if now == "Resolved" and state != "Resolved":
            one.resolved_at = datetime.strptime(row["sys_updated_at"], _FORM)  # noqa: DTZ007 - the log names no zone
        state = now
    return one
