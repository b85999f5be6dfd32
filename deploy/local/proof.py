"""`make proof LOG=path`: brings a real log in and holds the board against what is true of the file."""

from __future__ import annotations

import json
import statistics
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from throughline.metrics.v1 import board_pb2, metrics_service_pb2
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub
from throughline.tickets.v1 import tickets_service_pb2
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub
from throughline.type.v1 import interval_pb2

from deploy.local import expected as truth
from deploy.local.servers import LOCAL
from services.runtime.actor import Actor
from tool import board, incidents, log, mapping
from tool.connection import Connection, connect
from tool.progress import Progress

MAPPING = "servicenow-event-log"
ADMINISTRATOR = Actor("people/tl", frozenset({"administrator", "operator"}))
# Fits made_sla of the log for priority 3: opened to closed on a calendar that is open from Monday to Friday, all day.
P3_TARGET = timedelta(hours=154, minutes=16, seconds=48)
SETTLED_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the comparison."""

    what: str
    expected: str
    found: str
    holds: bool


def prepare(connection: Connection, source: str) -> None:
    """Publishes the calendar and the policy that the log's own judgement fits."""
    stub = connection.stub("sla", SlaServiceStub)
    calendar = sla_pb2.Calendar(name="calendars/proof-weekdays", time_zone="UTC", display_names={"en": "Monday-Friday"})
    for weekday in range(1, 8):
        hours = calendar.weekly_hours.add(weekday=weekday)
        if weekday <= 5:
            hours.segments.add(start="00:00", end="24:00")
    published = sla_service_pb2.PublishCalendarRequest(request_id=str(uuid.uuid4()), calendar=calendar)
    connection.call(stub.PublishCalendar, published)
    policy = sla_pb2.Policy(
        name="policies/proof-p3", order=1, calendar=calendar.name, display_names={"en": "Priority 3 of the log"}
    )
    policy.match.priorities.append(3)
    policy.match.sources.append(source)
    target = policy.targets.add(kind=sla_pb2.CLOCK_KIND_RESOLUTION, stop_mark=sla_pb2.STOP_MARK_CLOSED)
    target.duration.FromTimedelta(P3_TARGET)
    connection.call(
        stub.PublishPolicy, sla_service_pb2.PublishPolicyRequest(request_id=str(uuid.uuid4()), policy=policy)
    )


def settled(connection: Connection, interval: interval_pb2.Interval, source: str, tickets: int) -> dict[str, Any]:
    """The board once it holds every ticket and stands still.

    Raises:
        TimeoutError: it does not within 15 minutes.
    """
    until = time.monotonic() + SETTLED_SECONDS
    before: dict[str, Any] = {}
    while time.monotonic() < until:
        found = board.read(connection, interval, board_pb2.BoardFilter(source=source), "UTC")
        still = {key: value for key, value in found.items() if key != "revision"}
        if found["tickets"] == tickets and still == before:
            return found
        before = still
        time.sleep(5)
    raise TimeoutError(f"the board holds {before.get('tickets')} of {tickets} tickets and still moves")


def compare(
    connection: Connection, known: truth.Expected, found: dict[str, Any], interval: interval_pb2.Interval, source: str
) -> list[Check]:
    """Every line of the comparison."""
    metrics = found["metrics"]
    hours = known.hours_to_resolve
    resolve = metrics["time_to_resolve"]
    checks = [
        _equal("incidents", len(known.incidents), found["tickets"]),
        _near("reassignments, mean (E06)", known.mean("reassignments"), metrics["reassignments"]["mean"], 0.0005),
        _near(
            "assignment_changes, mean", known.mean("assignment_changes"), metrics["assignment_changes"]["mean"], 0.0005
        ),
        _near(
            "reassignment_count, the column's mean",
            known.mean("field_reassignments"),
            metrics["assignment_changes"]["mean"],
            0.005,
        ),
        _equal("reopened incidents, by events", known.reopened, int(metrics["tickets_reopened"]["value"])),
        _near(
            "no assignment change and no reopen, %",
            100 * known.straight_share,
            metrics["no_assignment_change_no_reopen"]["value"],
            0.1,
        ),
        _equal("opened -> last transition into Resolved, n", len(hours), resolve["n"]),
        _near("... median, h", statistics.median(hours), resolve["median"] / 3600, statistics.median(hours) / 100),
        _near("... mean, h", statistics.fmean(hours), resolve["mean"] / 3600, statistics.fmean(hours) / 100),
    ]
    numbers: dict[str, str] = {}
    priority = changes = 0
    for ticket in _tickets(connection, source):
        one = known.incidents[ticket.external_id]
        numbers[ticket.name] = ticket.external_id
        priority += ticket.priority == one.priority
        changes += ticket.assignment_changes == one.field_reassignments
    checks.append(_equal("tickets whose priority is the matrix's", len(known.incidents), priority))
    checks.append(_least("assignment_changes equal to the column, %", 99.6, 100 * changes / len(known.incidents)))
    third = agreed = 0
    for fact in _facts(connection, interval, source):
        one = known.incidents[numbers[fact.ticket]]
        if one.priority == 3 and fact.resolution_finished:
            third += 1
            agreed += fact.resolution_met == one.made_sla
    checks.append(_least("P3 judged as made_sla is, %", 99.0, 100 * agreed / max(third, 1)))
    return checks


def _tickets(connection: Connection, source: str) -> Iterator[Any]:
    stub = connection.stub("tickets", TicketsServiceStub)
    request = tickets_service_pb2.ListTicketsRequest(page_size=200)
    request.filter.source = source
    while True:
        page = connection.call(stub.ListTickets, request)
        yield from page.tickets
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _facts(connection: Connection, interval: interval_pb2.Interval, source: str) -> Iterator[Any]:
    stub = connection.stub("metrics", MetricsServiceStub)
    request = metrics_service_pb2.ListFactsRequest(
        period=interval, mark=metrics_service_pb2.PERIOD_MARK_OPENED, page_size=200
    )
    request.filter.source = source
    while True:
        page = connection.call(stub.ListFacts, request)
        yield from page.facts
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _equal(what: str, wanted: int, found: int) -> Check:
    return Check(what, f"{wanted:,}", f"{found:,}", wanted == found)


def _near(what: str, wanted: float, found: float, within: float) -> Check:
    return Check(what, f"{wanted:.4f} ± {within:.4f}", f"{found:.4f}", abs(wanted - found) <= within)


def _least(what: str, least: float, found: float) -> Check:
    return Check(what, f">= {least}", f"{found:.3f}", found >= least)


def prove(path: Path, connection: Connection, console: Console, folder: Path) -> list[Check]:
    """Imports the log and compares. folder: where the import's progress is kept.

    Raises:
        ValueError, Refusal, TimeoutError: the log cannot be read, was refused, or did not arrive.
    """
    rules = mapping.load(MAPPING)
    known = truth.read(path)
    prepare(connection, rules.source)
    found = log.read(path, rules)
    began = time.monotonic()
    with Progress(folder / f"{rules.source}-{log.digest(path, rules)}.jsonl") as progress:
        outcome = incidents.bring_in(connection, rules.source, found, progress, console)
    imported = time.monotonic() - began
    console.print(
        f"rows {outcome.rows:,} = applied {outcome.applied:,} + merged {outcome.merged:,} "
        f"+ rejected {len(outcome.rejections):,} in {imported:,.0f} s ({outcome.rows / imported:,.0f}/s)"
    )
    opened = sorted(history.open_time.ToDatetime() for history in found.histories)
    ended = max(history.steps[-1].time.ToDatetime() for history in found.histories)
    day = timedelta(days=1)
    interval = interval_pb2.Interval()
    interval.start_time.FromDatetime((opened[0] - day).replace(hour=0, minute=0))
    interval.end_time.FromDatetime((ended + 2 * day).replace(hour=0, minute=0))
    shown = settled(connection, interval, rules.source, len(known.incidents))
    console.print(f"the board stood still {time.monotonic() - began - imported:,.0f} s after the last row")
    (folder / "board.json").write_text(json.dumps(shown, ensure_ascii=False, indent=1))
    return [
        _equal(
            "rows in = applied + merged + rejected",
            outcome.rows,
            outcome.applied + outcome.merged + len(outcome.rejections),
        ),
        _equal("rows rejected are the dirty ones", known.dirty, len(outcome.rejections)),
        *compare(connection, known, shown, interval, rules.source),
    ]


def main() -> int:
    """Proves the log named on the command line against the running system."""
    console = Console()
    connection = connect(ADMINISTRATOR)
    try:
        checks = prove(Path(sys.argv[1]), connection, console, LOCAL / "imports")
    finally:
        connection.close()
    table = Table("what is known to be true", "expected", "found", "")
    for one in checks:
        table.add_row(one.what, one.expected, one.found, "holds" if one.holds else "DOES NOT HOLD")
    console.print(table)
    return 0 if all(one.holds for one in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
