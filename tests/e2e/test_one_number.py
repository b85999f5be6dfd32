"""One question has one answer: the calls, the interface for programs, the command line, and a recount of the facts."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict
from pymongo import MongoClient
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import board_pb2, metrics_pb2, metrics_service_pb2
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from deploy.local.servers import ROOT
from deploy.local.system import System
from services.metrics.rules.board import from_facts, summed
from services.metrics.rules.change_fact import add_changes
from services.metrics.rules.fact import DONE, OUT_OF_ALL, Exclusion, Fact, Type
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import Period
from services.metrics.rules.recurrence import recurrences
from services.metrics.rules.registry import METRICS, REGISTRY
from services.metrics.rules.rows import class_of, packed
from services.metrics.rules.values import Value, growth, length, share, value_of
from services.metrics.store.changes import decode as change_of
from services.metrics.store.facts import decode
from services.metrics.wire.registry import STANDINGS
from services.runtime.actor import Actor
from services.runtime.bus import Bus
from services.runtime.journal import Entry
from tests.service.metrics.desk import Plan, Story, at, between
from tests.support.office import ADMIN, PASSWORD, Office
from tool.connection import Connection

pytestmark = pytest.mark.timeout(400)
TICKETS = 60
STATE = ticket_pb2
WEEKS = between(0, 6 * 168)
# Reckoned from the ledger and from spans, which are empty here, and from two periods.
ELSEWHERE = {"incident_loss", "availability", "time_to_resolve_change"}


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


def test_every_metric_is_one_number_everywhere(told: System, operator: Connection) -> None:
    """Calls, interface, command line and a recount from the facts alone differ in nothing."""
    stub = operator.stub("metrics", MetricsServiceStub)
    answer = operator.call(stub.ListValues, metrics_service_pb2.ListValuesRequest(period=WEEKS))
    values = {one.metric: _plain(one) for one in answer.values}
    board = operator.call(stub.GetBoard, board_pb2.GetBoardRequest(period=WEEKS))

    assert {one.value.metric: _plain(one.value) for one in board.tiles}.items() <= values.items()
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


def _numbers(value: dict[str, Any]) -> dict[str, Any]:
    """A value without words; enums are told by their short names or by their long ones."""
    found = {key: one for key, one in value.items() if key not in ("name", "unit", "note", "metric")}
    return {**found, "state": str(found["state"]).removeprefix("VALUE_STATE_")}


def _plain(message: Any) -> dict[str, Any]:
    found = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    return {key: int(one) if key in ("n", "numerator", "denominator") else one for key, one in found.items()}


def _interface(system: System) -> dict[str, Any]:
    Office(system).person("one-number", "One", "executive")
    root = f"{system.web_url}/api/v1"
    given = {"account": "one-number", "password": PASSWORD}
    token = httpx.post(f"{root}/session", json=given, timeout=30).json()["token"]
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
    whole = summed(found.rows).whole
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
