"""Reports over the wire: the reader's rights in every number and in every file, and due times that are told once."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from throughline.metrics.v1 import events_pb2, report_pb2
from throughline.metrics.v1 import reports_service_pb2 as pb
from throughline.metrics.v1.reports_service_pb2_grpc import ReportsServiceStub

from services.metrics.wire.instants import timestamp
from services.runtime.actor import Actor
from services.runtime.client import acting, refusal_of, sync_channel
from services.runtime.records.kind import due_id
from services.runtime.refusal import Refusal
from tests.service.metrics.desk import ANN, EAST, MONDAY, ROOT, Desk, Story, person
from tests.service.runtime.probe import until
from tests.support.files import separated, sheets

NORTH = person("nora", "agent", unit="cn/north")
WEEK_LATER = MONDAY + timedelta(days=8)
CSV, XLSX, PDF = pb.EXPORT_FORMAT_CSV, pb.EXPORT_FORMAT_XLSX, pb.EXPORT_FORMAT_PDF
TICKETS = pb.EXPORT_CONTENT_TICKETS


class Shelf:
    """Calls of ReportsService; files whole."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        address = f"127.0.0.1:{desk.run.port}"
        self._stub = ReportsServiceStub(sync_channel(address, "metrics", desk._keys))

    async def ask(self, actor: Actor, method: str, **fields: Any) -> Any:
        """The answer, or the Refusal."""
        request = getattr(pb, f"{method}Request")(**fields)
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = str(uuid.uuid4())

        def call() -> Any:
            try:
                with acting(self.desk._keys.sign_person(actor)):
                    answer = getattr(self._stub, method)(request, timeout=9)
                    return b"".join(one.data for one in answer) if method == "ExportReport" else answer
            except grpc.RpcError as error:
                raise refusal_of(error) from error

        return await asyncio.to_thread(call)

    async def refused(self, actor: Actor, method: str, **fields: Any) -> str:
        """The reason why it was."""
        with pytest.raises(Refusal) as caught:
            await self.ask(actor, method, **fields)
        return caught.value.reason


def question(**fields: Any) -> report_pb2.Report:
    """Last week's tickets by team, for everybody in the unit."""
    given: dict[str, Any] = {
        "titles": {"en": "Work", "zh": "工作量"},
        "metrics": ["tickets_opened", "time_to_resolve"],
        "period": report_pb2.REPORT_PERIOD_LAST_WEEK,
        "time_zone": "UTC",
        "grouping": report_pb2.REPORT_GROUPING_TEAM,
        "visibility": report_pb2.REPORT_VISIBILITY_UNIT,
    }
    return report_pb2.Report(**given | fields)


@pytest.mark.row("A150")
async def test_a_report_and_its_files_hold_what_the_reader_may_see(desk: Desk) -> None:
    """Whoever wrote it: each reader gets the numbers, groups and tickets of an own unit, as the registry has them."""
    entries = []
    for number in range(1, 13):
        unit, team = ("cn/north", "teams/n") if number > 8 else ("cn/east", f"teams/{'ab'[number % 2]}")
        entries += Story(number, unit=unit).resolved(number * 2.0, 1.0, team)
    await desk.publish(*entries, Story(13, unit="cn/north").tell("TicketOpened", 3))
    await desk.heard()
    shelf = Shelf(desk)
    made = await shelf.ask(ROOT, "CreateReport", report=question())
    asked = {"name": made.name, "as_of_time": timestamp(WEEK_LATER)}
    expected = {ROOT: (13, {"teams/n", "teams/a", "teams/b"}, 1), EAST: (8, {"teams/a", "teams/b"}, 0),
                NORTH: (5, {"teams/n"}, 1), person("us", "lead", unit="us"): (0, set(), 0)}  # fmt: skip
    for reader, (opened, teams, ungrouped) in expected.items():
        table = await shelf.ask(reader, "RunReport", **asked)
        values = await desk.values(reader, period=table.period)
        first = table.rows[0].cells
        assert [one.value for one in first] == [values[one.value.metric] for one in first]
        assert (first[0].value.n, {row.group for row in table.rows[1:]}) == (opened, teams)
        assert (table.ungrouped_tickets, table.scope) == (ungrouped, reader.unit)

        lines = separated(await shelf.ask(reader, "ExportReport", **asked, format=CSV))
        counts = {one["Group"]: int(one["Value"]) for one in lines if one["Metric"] == "tickets_opened"}
        assert counts.pop("All") == opened
        assert (set(counts), sum(counts.values())) == (teams, opened - ungrouped)
        book = sheets(await shelf.ask(reader, "ExportReport", **asked, format=XLSX, language="zh"))
        assert {line[0] for line in book["工作量"][1:]} == {"全部"} | teams
        assert (await shelf.ask(reader, "ExportReport", **asked, format=PDF)).startswith(b"%PDF")

        mine = {"content": TICKETS, "mark": 1}
        rows = separated(await shelf.ask(reader, "ExportReport", **asked, **mine, format=CSV))
        assert len({one["Ticket"] for one in rows}) == len(rows) == opened
        assert all(one["Business unit"].startswith(reader.unit) for one in rows)
        paged = sheets(await shelf.ask(reader, "ExportReport", **asked, **mine, format=XLSX))
        assert {line[0] for line in paged["Tickets"][1:]} == {one["Ticket"] for one in rows}

    private = await shelf.ask(ROOT, "CreateReport", report=question(visibility=report_pb2.REPORT_VISIBILITY_OWNER))
    listed = await shelf.ask(EAST, "ListReports")
    assert [one.name for one in listed.reports] == [made.name]
    for method, more in (("RunReport", {}), ("ExportReport", {"format": CSV}), ("GetReport", {})):
        assert await shelf.refused(EAST, method, name=private.name, **more) == "NOT_FOUND"
        assert await shelf.refused(ANN, method, name=made.name, **more) == "ROLE_REQUIRED"


async def test_a_report_is_kept_changed_and_deleted_once(desk: Desk) -> None:
    """The same request is one report; a stale form is refused; files refuse like every other call."""
    shelf = Shelf(desk)
    again = {"request_id": str(uuid.uuid4()), "report": question()}
    first, second = [await shelf.ask(EAST, "CreateReport", **again) for _ in range(2)]
    assert (first.name, first.owner, first.unit) == (second.name, EAST.sub, "cn/east")
    wanted = question(titles={"zh": "工作量"}, baseline=report_pb2.REPORT_BASELINE_PREVIOUS)
    changed = await shelf.ask(EAST, "UpdateReport", name=first.name, report=wanted, etag=first.etag)
    assert (changed.version, dict(changed.titles)) == (2, {"zh": "工作量"})
    assert await shelf.refused(EAST, "UpdateReport", name=first.name, report=wanted, etag=first.etag) == "ETAG_MISMATCH"
    table = await shelf.ask(EAST, "RunReport", name=first.name)
    assert table.HasField("baseline")
    assert all(one.HasField("change") for one in table.rows[0].cells)
    unfit = {"name": first.name, "content": TICKETS}
    assert await shelf.refused(EAST, "ExportReport", **unfit, format=PDF) == "REPORT_FORMAT_UNSUITED"
    assert await shelf.refused(EAST, "ExportReport", **unfit) == "INVALID_FIELDS"
    with pytest.raises(Refusal) as wrong:
        await shelf.ask(EAST, "CreateReport", report=question(metrics=["speed"]))
    assert (wrong.value.reason, wrong.value.field) == ("REPORT_INVALID", "report.metrics")
    await shelf.ask(EAST, "DeleteReport", name=first.name, etag=changed.etag)
    assert await shelf.refused(EAST, "ExportReport", name=first.name, format=CSV) == "NOT_FOUND"
    assert not (await shelf.ask(EAST, "ListReports")).reports


async def test_a_due_time_is_told_once_and_opened_with_the_recipients_rights(desk: Desk) -> None:
    """The run is kept with its period, and whoever is told opens it within an own unit."""
    shelf, db = Shelf(desk), desk.run.db
    schedule = report_pb2.ReportSchedule(
        frequency=report_pb2.REPORT_FREQUENCY_DAILY, time="08:30", time_zone="Asia/Shanghai", recipients=[NORTH.sub]
    )
    private = question(schedule=schedule, visibility=report_pb2.REPORT_VISIBILITY_OWNER)
    made = await shelf.ask(ROOT, "CreateReport", report=private)
    assert made.schedule.next_time.ToDatetime(UTC) > datetime.now(UTC)
    # A minute of the wall clock is long; so the due time of this one is brought near, and armed twice as after a crash.
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    await db["reports"].update_one({"_id": made.name}, {"$set": {"state.next_at": at}})
    for _ in range(2):
        await desk.run.timers.arm([(due_id(made.name, "due", at), at)])
    told = {"resource": made.name, "type": "throughline.metrics.v1.ReportDue"}

    async def is_told() -> bool:
        return bool(await db["journal"].count_documents(told))

    await until(is_told, 15)
    found = await shelf.ask(NORTH, "GetReport", name=made.name)
    assert found.schedule.next_time.ToDatetime(UTC) > at
    [run] = found.runs
    assert run.due_time.ToDatetime(UTC) == at
    table = await shelf.ask(NORTH, "RunReport", name=made.name, as_of_time=run.due_time)
    assert (table.period, table.scope) == (run.period, "cn/north")
    [kept] = await db["journal"].find(told).to_list()
    event = events_pb2.ReportDue.FromString(kept["data"])
    assert (list(event.recipients), event.run, event.report.name) == ([NORTH.sub], run, made.name)
