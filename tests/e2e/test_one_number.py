"""One question has one answer: the calls, the interface for programs, the command line, and a recount of the facts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from playwright.sync_api import expect
from pymongo import MongoClient
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import board_pb2, metrics_pb2, metrics_service_pb2, report_pb2
from throughline.metrics.v1 import reports_service_pb2 as reports_pb2
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.metrics.v1.reports_service_pb2_grpc import ReportsServiceStub
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from deploy.local.servers import ROOT
from deploy.local.system import System
from services.metrics.rules.change_fact import add_changes
from services.metrics.rules.fact import DONE, OUT_OF_ALL, Exclusion, Fact, Type
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import Period
from services.metrics.rules.pieces import from_facts, summed
from services.metrics.rules.recurrence import recurrences
from services.metrics.rules.registry import METRICS, REGISTRY
from services.metrics.rules.rows import class_of, packed
from services.metrics.rules.values import Value, growth, length, share, value_of
from services.metrics.store.changes import decode as change_of
from services.metrics.store.facts import decode
from services.metrics.wire.exports.separated import number as digits
from services.metrics.wire.registry import STANDINGS
from services.runtime.actor import Actor
from services.runtime.bus import Bus
from services.runtime.journal import Entry
from tests.service.metrics.desk import Plan, Story, at, between
from tests.support.files import printed, separated, sheets
from tests.support.office import ADMIN, PASSWORD, Office, chromium, window
from tool.connection import Connection
from tool.reports import exported

pytestmark = pytest.mark.timeout(400)
TICKETS = 60
STATE = ticket_pb2
WEEKS = between(0, 6 * 168)
_RUN_LAYER = {
    *("time_to_resolve", "time_to_respond", "time_to_repair", "time_to_restore"),
    *("first_contact_resolution", "duplicates"),
}
# Reckoned from the ledger, from spans and outages and the register of risks, all empty here; and from two periods.
ELSEWHERE = {
    *("incident_loss", "availability", "availability_time", "time_between_failures", "time_to_restore_service"),
    *("error_budget", "error_budget_burn", "risk_exposure", "time_to_resolve_change", "downtime"),
}


def lives() -> dict[str, list[Entry]]:
    """Events that reach every live metric of tickets and changes, by stream."""
    told: list[Entry] = []
    for number in range(1, TICKETS + 1):
        story = Story(
            number, service=f"services/s{number % 3}", category=f"fault {number % 5}", site=f"sites/{number % 2}",
            priority=1 + number % 4, channel=1 + number % 7,
        )  # fmt: skip
        if number % 11 == 0:
            story.ticket.links.add(relation=ticket_pb2.LINK_RELATION_DUPLICATES, target="tickets/INC-000001")
        if number == 20:
            story.ticket.links.add(relation=ticket_pb2.LINK_RELATION_CAUSED_BY, target="changes/CHG-000001")
        opened = number * 9.0
        told += story.started(opened, team=f"teams/{'ab'[number % 2]}")
        if number % 6 == 0:
            told.append(story.tell("RequesterAsked", opened + 0.3, state=STATE.TICKET_STATE_AWAITING_REQUESTER))
            told.append(story.tell("QuestionAnswered", opened + 0.4, state=STATE.TICKET_STATE_IN_PROGRESS))
        if number % 5 == 0:
            told.append(story.tell("TicketAssigned", opened + 0.45, team="teams/c"))
        if number % 13 == 0:
            continue
        told.append(story.tell("TicketResolved", opened + 0.5 + number % 30, state=STATE.TICKET_STATE_RESOLVED))
        if number % 9 == 0:
            told.append(story.tell("TicketReopened", opened + 50, state=STATE.TICKET_STATE_IN_PROGRESS))
            told.append(story.tell("TicketResolved", opened + 60, state=STATE.TICKET_STATE_RESOLVED))
        told.append(story.tell("TicketClosed", opened + 90, state=STATE.TICKET_STATE_CLOSED))
    plans: list[Entry] = []
    for number in range(1, 10):
        plan = Plan(number, type=change_pb2.CHANGE_TYPE_STANDARD if number > 6 else change_pb2.CHANGE_TYPE_NORMAL)
        plans.append(plan.tell("ChangeDrafted", number, change_pb2.CHANGE_STATE_DRAFT))
        failed = number in (3, 8)
        plans.append(
            plan.tell("ChangeFailed", 150, change_pb2.CHANGE_STATE_FAILED)
            if failed
            else plan.tell("ChangeSucceeded", 150, change_pb2.CHANGE_STATE_SUCCEEDED)
        )
    return {"tickets": told, "changes": plans}


@pytest.fixture(scope="module")
def operator(system: System) -> Iterator[Connection]:
    """Calls as whoever reads everything."""
    connection = Connection(system.addresses, system.keys, Actor("people/reader", frozenset({"executive"})))
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def told(system: System, operator: Connection) -> System:
    """The system after it heard all of it, clocks included: an hour to answer, twelve to solve."""
    _promise(Office(system))

    async def publish() -> None:
        for stream, entries in lives().items():
            bus = await Bus.connect(system.nats.url, stream, manage=True)
            assert await bus.ready(10)
            failed = [answer for answer in await bus.publish(entries) if isinstance(answer, Exception)]
            await bus.close()
            assert not failed, failed[0]
        before, now = -1, 0
        while before != now or now == 0:
            before = now
            await asyncio.sleep(3)
            with MongoClient[dict[str, Any]](system.mongod.uri) as client:
                facts = client["metrics"]["facts"].find({}, {"version": 1})
                now = sum(one["version"] for one in facts) + client["metrics"]["change_facts"].count_documents({})

    asyncio.run(publish())
    return system


def _promise(office: Office) -> None:
    day = sla_pb2.Segment(start="00:00", end="24:00")
    week = [sla_pb2.WeeklyHours(weekday=number, segments=[day]) for number in range(1, 8)]
    hours = sla_pb2.Calendar(name="calendars/always", time_zone="Asia/Shanghai", weekly_hours=week)
    targets = [
        sla_pb2.Target(kind=kind, duration=Duration(seconds=seconds))
        for kind, seconds in ((sla_pb2.CLOCK_KIND_RESPONSE, 3_600), (sla_pb2.CLOCK_KIND_RESOLUTION, 43_200))
    ]
    policy = sla_pb2.Policy(name="policies/all", calendar=hours.name, targets=targets, display_names={"en": "All"})
    office.ask(ADMIN, "sla", "PublishCalendar", calendar=hours)
    office.ask(ADMIN, "sla", "PublishPolicy", policy=policy)


@pytest.mark.row("A141")
def test_every_metric_is_one_number_everywhere(told: System, operator: Connection) -> None:
    """Calls, interface, command line and a recount from the facts alone differ in nothing; on the board too, where the
    time to resolve stands beside those to respond, to repair and to restore, first contacts and repeats beside them.
    """
    stub = operator.stub("metrics", MetricsServiceStub)
    answer = operator.call(stub.ListValues, metrics_service_pb2.ListValuesRequest(period=WEEKS))
    values = {one.metric: _plain(one) for one in answer.values}
    board = operator.call(stub.GetBoard, board_pb2.GetBoardRequest(period=WEEKS))

    assert {one.value.metric: _plain(one.value) for one in board.tiles}.items() <= values.items()
    run = {one.metric.id: one for one in board.tiles if one.metric.band == metrics_pb2.BAND_EFFICIENCY}
    assert run.keys() >= _RUN_LAYER
    assert not [one for one in run.values() if "MTTR" in " ".join(one.metric.display_names.values())]
    live = [one for one in REGISTRY if one.is_live and one.id not in ELSEWHERE]
    assert len(live) > 40
    assert {one.name: values[one.name]["n"] for one in live if not values[one.name]["n"]}.keys() <= {
        METRICS[id].name for id in ("resolved_unacknowledged", "person_changes", "breaches", "time_to_respond")
    }

    rest = _interface(told)
    assert {name: _numbers(one) for name, one in rest.items()} == {name: _numbers(one) for name, one in values.items()}
    line = _command_line(told)
    assert {name: _numbers(one) for name, one in line.items()} == {name: _numbers(one) for name, one in values.items()}
    recounted = {METRICS[id].name: _numbers(one) for id, one in _recount(told).items()}
    assert recounted == {one.name: _numbers(values[one.name]) for one in live}


def test_a_report_and_each_of_its_files_is_the_same_number(told: System, operator: Connection, tmp_path: Path) -> None:
    """Every metric of the registry: the report, its CSV, XLSX and PDF, the interface and the command line."""
    every = [one.id for one in REGISTRY]
    kept = report_pb2.Report(
        titles={"en": "Everything", "zh": "全部指标"},
        metrics=every,
        period=report_pb2.REPORT_PERIOD_LAST_MONTH,
        time_zone="UTC",
        visibility=report_pb2.REPORT_VISIBILITY_UNIT,
    )
    stub = operator.stub("metrics", ReportsServiceStub)
    asked = reports_pb2.CreateReportRequest(request_id=str(uuid.uuid4()), report=kept)
    name = operator.call(stub.CreateReport, asked).name
    as_of = datetime(2026, 4, 5, tzinfo=UTC)
    run = reports_pb2.RunReportRequest(name=name)
    run.as_of_time.FromDatetime(as_of)
    table = operator.call(stub.RunReport, run)
    answer = operator.call(
        operator.stub("metrics", MetricsServiceStub).ListValues,
        metrics_service_pb2.ListValuesRequest(period=table.period),
    )
    values = {one.metric: one for one in answer.values}
    assert [cell.value for cell in table.rows[0].cells] == [values[METRICS[id].name] for id in every]
    wanted = {id: _in_a_file(values[METRICS[id].name]) for id in every}
    assert sum(one[0] == "SHOWN" for one in wanted.values()) > 30

    def file(format: str) -> bytes:
        export = reports_pb2.ExportReportRequest(name=name, as_of_time=run.as_of_time)
        export.format = reports_pb2.ExportFormat.Value(f"EXPORT_FORMAT_{format}")
        return b"".join(exported(operator, export))

    plain = file("CSV")
    assert {one["Metric"]: (one["State"], one["Value"], one["n"]) for one in separated(plain)} == wanted
    lines = sheets(file("XLSX"))["Everything"]
    assert {line[1]: (line[4], line[5], line[6]) for line in lines[1:]} == wanted
    _stands_on_paper(printed(file("PDF")), every, wanted)

    Office(told).person("report-reader", "Rui", "executive")
    address = f"{told.web_url}/api/v1/{name}"
    with httpx.Client(headers={"Authorization": f"Bearer {_token(told, 'report-reader')}"}, timeout=30) as client:
        moment = {"as_of_time": as_of.isoformat()}
        rest = client.get(f"{address}/run", params=moment).json()["rows"][0]["cells"]
        assert [(one["value"]["state"], one["value"]["value"], one["value"]["n"]) for one in rest] == [
            (wanted[id][0], values[METRICS[id].name].value, values[METRICS[id].name].n) for id in every
        ]
        assert client.get(f"{address}/export", params={**moment, "format": "CSV"}).content == plain
        assert client.get(f"{address}/export", params={**moment, "format": "ODS"}).status_code == 400
    out = tmp_path / "everything.csv"
    command = [str(ROOT / "tl"), "report", "run", "Everything", "--as-of", as_of.isoformat(), "--out", str(out)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TL_")}
    subprocess.run(command, env=environment | told.settings(), check=True, cwd=ROOT, capture_output=True)
    assert out.read_bytes() == plain


@pytest.mark.long
def test_a_report_is_built_on_a_page_and_taken_along(told: System, operator: Connection, tmp_path: Path) -> None:
    """What is missing is named in place; then numbers, groups, due times and files, in Chinese and on a phone too."""
    office = Office(told)
    lead = office.person("report-lead", "Lin Mei", "agent", "lead")
    with chromium() as browser:
        with window(browser, office, lead, width=1440) as own:
            page = own.open("/reports/new")
            page.fill("#title_en", "Desk in March")
            page.get_by_role("button", name="Keep the report").click()
            expect(page.locator("[data-summary]")).to_contain_text("Choose at least one metric.")
            assert page.input_value("#title_en") == "Desk in March"
            for metric in ("tickets_opened", "time_to_resolve", "reassignments"):
                page.check(f"#metric-{metric}")
            page.select_option("#grouping", str(report_pb2.REPORT_GROUPING_TEAM))
            page.select_option("#frequency", str(report_pb2.REPORT_FREQUENCY_WEEKLY))
            page.select_option("#weekday", "1")
            page.fill("#recipients", "report-lead")
            assert own.violations() == []
            page.get_by_role("button", name="Keep the report").click()
            expect(page.locator("h1")).to_have_text("Desk in March")
            at = page.url.removeprefix(told.web_url)
            page = own.open(f"{at}?as_of=2026-04-05T00:00:00Z")
            interval = reports_pb2.RunReportRequest(name=at.removeprefix("/"))
            interval.as_of_time.FromDatetime(datetime(2026, 4, 5, tzinfo=UTC))
            stub = operator.acting_as(Actor(lead.sub, lead.roles)).stub("metrics", ReportsServiceStub)
            table = operator.acting_as(Actor(lead.sub, lead.roles)).call(stub.RunReport, interval)
            tables = page.locator("main table")
            assert tables.count() == len(table.rows) == 4
            for place, row in enumerate(table.rows):
                expect(tables.nth(place).locator("tbody tr").first).to_contain_text(str(row.cells[0].value.n))
            expect(page.locator("main")).to_contain_text("Every Monday at 08:00")
            expect(page.locator("main")).to_contain_text("Delivery waits for the notification capability")
            with page.expect_download() as waiting:
                page.get_by_role("link", name="Tickets opened in the period: CSV").click()
            waiting.value.save_as(tmp_path / "tickets.csv")
            assert waiting.value.suggested_filename == "Desk in March.csv"
            all_of_them = {one.value.metric: one.value.n for one in table.rows[0].cells}
            lines = separated((tmp_path / "tickets.csv").read_bytes())
            assert len(lines) == all_of_them[METRICS["tickets_opened"].name] > 50
            assert own.violations() == []
            assert own.overflow() == 0
            assert own.complaints == []
        with window(browser, office, lead, language="zh", theme="dark", width=390) as own:
            own.open(at)
            assert own.violations() == []
            assert own.overflow() == 0
            for path in ("/reports", "/reports/new"):
                page = own.open(path)
                assert own.overflow() == 0
            expect(page.locator("h1")).to_have_text("新建报表")
            assert own.complaints == []


def _in_a_file(value: metrics_pb2.Value) -> tuple[str, str, str]:
    """State, value and n as a file tells them."""
    state = metrics_pb2.ValueState.Name(value.state).removeprefix("VALUE_STATE_")
    return state, digits(value.value) if state == "SHOWN" else "", str(value.n)


def _stands_on_paper(text: str, metrics: list[str], wanted: dict[str, tuple[str, str, str]]) -> None:
    """Each value after its metric's name, in the order of the table."""
    at = text.index("Metric")
    for id in metrics:
        at = text.index(METRICS[id].names[0], at)
        state, value, _ = wanted[id]
        if state == "SHOWN":
            at += len(METRICS[id].names[0])
            assert text[at:].startswith(value), (id, text[at : at + 40], value)


def _numbers(value: dict[str, Any]) -> dict[str, Any]:
    """A value without words; enums are told by their short names or by their long ones."""
    found = {key: one for key, one in value.items() if key not in ("name", "unit", "note", "metric")}
    return {**found, "state": str(found["state"]).removeprefix("VALUE_STATE_")}


def _plain(message: Any) -> dict[str, Any]:
    found = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return {key: int(one) if key in ("n", "numerator", "denominator") else one for key, one in found.items()}


def _token(system: System, account: str) -> str:
    given = {"account": account, "password": PASSWORD}
    return str(httpx.post(f"{system.web_url}/api/v1/session", json=given, timeout=30).json()["token"])


def _interface(system: System) -> dict[str, Any]:
    Office(system).person("one-number", "One", "executive")
    root, token = f"{system.web_url}/api/v1", _token(system, "one-number")
    asked = {"from": at(0).isoformat(), "to": at(6 * 168).isoformat()}
    answer = httpx.get(f"{root}/values", params=asked, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return {one["metric"]: one for one in answer.json()["values"]}


def _command_line(system: System) -> dict[str, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TL_")}
    command = [str(ROOT / "tl"), "board", "--from", at(0).isoformat(), "--to", at(6 * 168).isoformat(), "--json"]
    done = subprocess.run(
        command, env=environment | system.settings(), capture_output=True, text=True, check=True, cwd=ROOT
    )
    return {METRICS[id].name: one for id, one in json.loads(done.stdout)["metrics"].items()}


def _recount(system: System) -> dict[str, dict[str, Any]]:
    """Every live metric, from the documents of facts by the rules alone."""
    with MongoClient[dict[str, Any]](system.mongod.uri, tz_aware=True) as client:
        facts = [decode(one["state"]) for one in client["metrics"]["facts"].find()]
        changes = [change_of(one["state"]) for one in client["metrics"]["change_facts"].find()]
    period, now = Period(at(0), at(6 * 168)), at(100_000)
    classes = [class_of(one.channel, one.type, one.priority) for one in facts]
    found = from_facts([packed(one) for one in facts], classes, period)
    whole = summed(found).whole
    blamed = {change: [one.opened_at for one in facts if change in one.caused_by] for change in {
        name for one in facts for name in one.caused_by}}  # fmt: skip
    add_changes(whole, [one for one in changes if one.ended_at and period.holds(one.ended_at)], blamed)
    ages = Lengths()
    still = [one for one in facts if _open_at_end(one, period)]
    for one in still:
        ages.add((period.end - one.opened_at) // timedelta(seconds=1))
    named = [one for one in facts if one.signature and one.type is Type.INCIDENT and one.exclusion is Exclusion.NONE]
    again = recurrences(
        [(one.signature, one.opened_at) for one in named if period.holds(one.opened_at)],
        [(one.signature, one.resolved_at) for one in named if one.resolved_at and one.state in DONE],
    )
    apart = {
        "backlog_growth": growth(whole, len(still)),
        "backlog_age": length(METRICS["backlog_age"], ages),
        "recurrence": share(METRICS["recurrence"], *again),
    }
    live = [one for one in REGISTRY if one.is_live and one.id not in ELSEWHERE]
    return {one.id: _as_told(apart.get(one.id) or value_of(one, whole, period, now)) for one in live}


def _open_at_end(fact: Fact, period: Period) -> bool:
    ended = fact.ended_at is not None and fact.ended_at < period.end
    return fact.opened_at < period.end and not ended and fact.exclusion not in OUT_OF_ALL


def _as_told(value: Value) -> dict[str, Any]:
    names = ("value", "n", "numerator", "denominator", "median", "p90", "mean", "low", "high", "provisional")
    told = {name: getattr(value, name) for name in names}
    return {**told, "state": metrics_pb2.ValueState.Name(STANDINGS[value.standing])}
