"""A small invented twin of a ServiceNow event log: its 36 columns and each of its oddities, the same file every time.

`python -m deploy.local.twin PATH` writes it (gzipped when PATH ends so). tests/e2e import it and compare, as
`make proof` does with a real one.
"""

from __future__ import annotations

import csv
import gzip
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

INCIDENTS = 400
COLUMNS = (
    *("number", "incident_state", "active", "reassignment_count", "reopen_count", "sys_mod_count", "made_sla"),
    *("caller_id", "opened_by", "opened_at", "sys_created_by", "sys_created_at", "sys_updated_by", "sys_updated_at"),
    *("contact_type", "location", "category", "subcategory", "u_symptom", "cmdb_ci", "impact", "urgency", "priority"),
    *("assignment_group", "assigned_to", "knowledge", "u_priority_confirmation", "notify", "problem_id", "rfc"),
    *("vendor", "caused_by", "closed_code", "resolved_by", "resolved_at", "closed_at"),
)
_SEED = 498
_FIRST = datetime(2016, 3, 1)  # noqa: DTZ001 - the log knows no zone
_DAYS = 70
_MINUTE = timedelta(minutes=1)
# What made_sla of priority 3 says: opened to closed within so much time, Saturdays and Sundays left out.
_TARGET = timedelta(hours=154, minutes=16, seconds=48)
_LEVELS = {(2, 2): 360, (1, 1): 6, (1, 2): 5, (2, 1): 5, (3, 1): 4, (2, 3): 4, (3, 2): 4, (3, 3): 12}
_PRIORITY = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (2, 3): 4, (3, 2): 4, (3, 3): 4}
_LEVEL = {1: "1 - High", 2: "2 - Medium", 3: "3 - Low"}
_PRIORITIES = {1: "1 - Critical", 2: "2 - High", 3: "3 - Moderate", 4: "4 - Low"}
_FIRST_STATES = {"New": 66, "Active": 26, "Resolved": 7, "Awaiting User Info": 1}
_WAITS = {"Awaiting User Info": 80, "Awaiting Vendor": 8, "Awaiting Problem": 5, "Awaiting Evidence": 1}

Row = dict[str, str]


@dataclass
class _Incident:
    """One incident while its rows are told. `group` may be "?"; `changes` counts how often it differs from before."""

    number: str
    chance: random.Random
    opened: datetime
    now: datetime
    state: str = ""
    group: str = "?"
    resolver: str = "?"
    changes: int = 0
    reopens: int = 0
    resolved: datetime | None = None
    rows: list[Row] = field(default_factory=list)

    def row(self, state: str, minutes: float = 0) -> None:
        """The next row, so many minutes after the one before."""
        self.now += round(minutes) * _MINUTE
        if state == "Resolved":
            self.resolved = self.now
        self.state = state
        self.rows.append(
            {
                "incident_state": state,
                "active": "false" if state == "Closed" else "true",
                "reassignment_count": str(self.changes),
                "reopen_count": str(self.reopens),
                "sys_mod_count": str(len(self.rows)),
                "sys_updated_by": f"Updated by {self.chance.randrange(1, 400)}",
                "sys_updated_at": _text(self.now),
                "assignment_group": self.group,
                "assigned_to": self.resolver,
            }
        )

    def hand(self, group: str) -> None:
        """Another group has it from the next row on."""
        self.changes += bool(self.rows) and group != self.group
        self.group = group
        self.resolver = "?" if group == "?" else f"Resolver {self.chance.randrange(1, 60)}"


def rows(incidents: int = INCIDENTS) -> Iterator[Row]:
    """The rows of the log, incident by incident."""
    for index in range(incidents):
        yield from _incident(index)


def write(path: Path, incidents: int = INCIDENTS) -> Path:
    """Writes the log; returns the path."""
    with _open(path) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows(incidents))
    return path


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def _incident(index: int) -> list[Row]:
    chance = random.Random(f"{_SEED}/{index}")
    opened = _FIRST + timedelta(days=chance.randrange(_DAYS), minutes=chance.randrange(7 * 60, 20 * 60))
    one = _Incident(f"INC{index * 3 + 45:07d}", chance, opened, opened)
    one.hand("?" if chance.random() < 0.12 else _group(chance))
    one.row(chance.choices(list(_FIRST_STATES), list(_FIRST_STATES.values()))[0], chance.randrange(0, 30))
    if one.state != "Resolved":
        _work(one)
    if chance.random() < 0.012:
        # Straight from work to closed: nobody ever resolved it.
        one.row("Closed", chance.lognormvariate(6, 1))
    else:
        _resolve(one)
        # ServiceNow closes by itself after five days.
        one.row("Closed", 5 * 24 * 60)
    if index % 80 == 7:
        _reopen(one, chance)
        _resolve(one)
        one.row("Closed", 5 * 24 * 60)
    _soil(one, index)
    return _finished(one, chance)


def _work(one: _Incident) -> None:
    """Hands change, users and vendors are waited for, and the work goes on."""
    chance = one.chance
    for _ in range(chance.choices((0, 1, 2, 3, 5), (52, 26, 12, 7, 3))[0]):
        one.hand("?" if chance.random() < 0.06 else _group(chance))
        one.row("Active" if one.state != "New" or chance.random() < 0.7 else "New", chance.lognormvariate(4.5, 1.6))
    if chance.random() < 0.28:
        one.row(chance.choices(list(_WAITS), list(_WAITS.values()))[0], chance.lognormvariate(4, 1.2))
        one.row("Active", chance.lognormvariate(7, 1.2))
    if chance.random() < 0.8:
        one.resolver = f"Resolver {chance.randrange(1, 60)}"
        one.row("Active", chance.lognormvariate(3, 1))


def _resolve(one: _Incident) -> None:
    one.row("Resolved", one.chance.lognormvariate(6.9, 1.9))
    if one.chance.random() < 0.05:
        # It comes back before it is closed.
        _reopen(one, one.chance)
        one.row("Resolved", one.chance.lognormvariate(6, 1.2))
    if one.chance.random() < 0.4:
        # Somebody touches it once more; the state stays.
        one.row("Resolved", one.chance.lognormvariate(4, 1))


def _reopen(one: _Incident, chance: random.Random) -> None:
    one.reopens += 1
    one.row("Active", chance.lognormvariate(6, 1))


def _soil(one: _Incident, index: int) -> None:
    """What real logs have and should not."""
    if index == 11:
        # A state that is none.
        one.rows[1]["incident_state"] = "-100"
    if index % 97 == 13 and len(one.rows) > 3:
        one.rows[2]["sys_mod_count"] = one.rows[1]["sys_mod_count"]
    if index % 41 == 5 and len(one.rows) > 4:
        # Two rows were written in one minute by two clocks, and the later one says the earlier minute.
        earlier = datetime.strptime(one.rows[1]["sys_updated_at"], "%d/%m/%Y %H:%M")  # noqa: DTZ007 - the log names no zone
        one.rows[2]["sys_updated_at"] = _text(earlier - 2 * _MINUTE)
    if index == 87:
        # The field forgot one reopening, as the real one does.
        for row in one.rows:
            row["reopen_count"] = "0"
    if index == 30:
        # And counted one assignment too many.
        one.rows[-1]["reassignment_count"] = str(one.changes + 1)


def _finished(one: _Incident, chance: random.Random) -> list[Row]:
    """The rows with the columns that do not change, or that repeat what became of it in the end."""
    impact, urgency = chance.choices(list(_LEVELS), list(_LEVELS.values()))[0]
    priority = _PRIORITY[impact, urgency]
    known = chance.random() < 0.63
    ticket = {
        "number": one.number,
        "made_sla": str(_made(one, priority, chance)).lower(),
        "caller_id": f"Caller {chance.randrange(1, 900)}",
        "opened_by": f"Opened by  {chance.randrange(1, 60)}",
        "opened_at": _text(one.opened),
        "sys_created_by": f"Created by {chance.randrange(1, 60)}" if known else "?",
        "sys_created_at": _text(one.opened + 3 * _MINUTE) if known else "?",
        "contact_type": chance.choices(("Phone", "Self service", "Email", "IVR"), (970, 20, 8, 2))[0],
        "location": f"Location {chance.randrange(1, 120)}",
        "category": f"Category {chance.randrange(1, 40)}",
        "subcategory": f"Subcategory {chance.randrange(1, 120)}",
        "u_symptom": f"Symptom {chance.randrange(1, 200)}" if chance.random() < 0.77 else "?",
        "cmdb_ci": f"cmdb_ci {chance.randrange(1, 40)}" if chance.random() < 0.02 else "?",
        "impact": _LEVEL[impact],
        "urgency": _LEVEL[urgency],
        "priority": _PRIORITIES[priority],
        "knowledge": str(chance.random() < 0.15).lower(),
        "u_priority_confirmation": str(chance.random() < 0.3).lower(),
        "notify": "Do Not Notify",
        "closed_code": f"code {chance.randrange(1, 12)}",
        "resolved_by": f"Resolved by {chance.randrange(1, 80)}",
        "resolved_at": _text(one.resolved) if one.resolved and chance.random() < 0.94 else "?",
        "closed_at": _text(one.now),
    }
    return [dict.fromkeys(COLUMNS, "?") | ticket | row for row in one.rows]


def _made(one: _Incident, priority: int, chance: random.Random) -> bool:
    if priority == 3:
        return _weekday_time(one.opened, one.now) <= _TARGET
    return chance.random() < {1: 0.02, 2: 0.01, 4: 0.84}[priority]


def _weekday_time(start: datetime, end: datetime) -> timedelta:
    """The time between two instants that does not lie on a Saturday or Sunday, day by day."""
    total = timedelta()
    while start < end:
        midnight = datetime(start.year, start.month, start.day) + timedelta(days=1)  # noqa: DTZ001 - as above
        total += min(end, midnight) - start if start.weekday() < 5 else timedelta()
        start = midnight
    return total


def _group(chance: random.Random) -> str:
    return f"Group {chance.choices((70, 25, 24, 31, 56, 12, 64, 5), (40, 10, 9, 8, 6, 5, 4, 3))[0]}"


def _text(at: datetime) -> str:
    return f"{at.day}/{at.month}/{at.year} {at:%H:%M}"


def main() -> None:
    """Writes the twin to the path named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("Say where to: python -m deploy.local.twin PATH")
    write(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
