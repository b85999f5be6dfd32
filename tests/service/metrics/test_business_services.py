"""Business services and their objectives, and spans that come over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from google.rpc import status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from throughline.metrics.v1 import availability_service_pb2 as pb
from throughline.metrics.v1 import business_service_pb2 as services
from throughline.metrics.v1.availability_service_pb2_grpc import AvailabilityServiceStub

from services.metrics.spans import HttpDoor, TraceDoor
from services.metrics.store.burns import BURN_ALERTS, Burns
from services.metrics.store.promises import BUSINESS_SERVICES, PromiseBook
from services.metrics.store.spans import Spans
from services.metrics.store.traffic import Traffic
from services.metrics.wire.spans import measured
from services.runtime.actor import Actor
from services.runtime.client import acting, refusal_of
from services.runtime.door import now
from tests.service.metrics.bank import BOSS, LI, Bank, batch, interval
from tests.service.metrics.till import business

NAME = "businessServices/checkout"
SECRET = "a-secret-of-thirty-two-characters"


async def ask(bank: Bank, actor: Actor, method: str, **fields: Any) -> Any:
    """Calls AvailabilityService as the actor; a request_id is made up."""
    request = getattr(pb, f"{method}Request")(**fields)
    if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
        request.request_id = str(uuid.uuid4())
    with acting(bank.keys.sign_person(actor)):
        return await getattr(AvailabilityServiceStub(bank.channel), method)(request, timeout=9)


async def refused(bank: Bank, actor: Actor, method: str, **fields: Any) -> str:
    """Why a call was refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(bank, actor, method, **fields)
    return refusal_of(caught.value).reason


def checkout(**fields: Any) -> services.BusinessService:
    """Checkout, of which 99 % over a day is promised."""
    told: dict[str, Any] = {
        "name": NAME,
        "display_names": {"en": "Checkout", "zh": "结账"},
        "owner": "teams/payments",
        "criticality": 1,
        "components": [services.ServiceComponent(service="shop")],
        "objective": services.ServiceObjective(parts_per_million=990_000, window_days=1),
    }
    return services.BusinessService(**{**told, **fields})


async def test_a_business_service_is_published_changed_and_retired(bank: Bank) -> None:
    """Each change is a version; the same again is none; an older etag and a requester change nothing."""
    first = await ask(bank, BOSS, "PublishBusinessService", business_service=checkout())
    again = await ask(bank, BOSS, "PublishBusinessService", business_service=checkout())
    assert (first.version, again.version, again.etag) == (1, 1, first.etag)
    second = await ask(bank, BOSS, "PublishBusinessService", business_service=checkout(criticality=2, etag=first.etag))
    assert second.version == 2
    stale = checkout(criticality=3, etag=first.etag)
    assert await refused(bank, BOSS, "PublishBusinessService", business_service=stale) == "ETAG_MISMATCH"
    assert await refused(bank, LI, "PublishBusinessService", business_service=checkout()) == "ROLE_REQUIRED"
    nobodys = checkout(owner="nobody")
    assert await refused(bank, BOSS, "PublishBusinessService", business_service=nobodys) == "BUSINESS_SERVICE_INVALID"
    assert (await ask(bank, BOSS, "RetireBusinessService", name=NAME)).retired
    assert not (await ask(bank, BOSS, "ListBusinessServices")).business_services
    assert len((await ask(bank, BOSS, "ListBusinessServices", retired=True)).business_services) == 1
    assert await refused(bank, BOSS, "RetireBusinessService", name=NAME) == "BUSINESS_SERVICE_RETIRED"


@pytest.mark.row("A143")
async def test_an_objective_is_reported_without_planned_maintenance(bank: Bank) -> None:
    """Numerator, denominator, burn and the budget in minutes; what fell into a planned window is left out."""
    at = now()
    planned = services.MaintenanceWindow(
        period=interval(at - timedelta(minutes=9), at - timedelta(minutes=7)), reason="new database"
    )
    await ask(bank, BOSS, "PublishBusinessService", business_service=checkout(maintenance=[planned]))
    spans = Spans(bank.run.db)
    for ends, count, code in ((1, 398, 0), (2, 2, 13), (8, 50, 13)):
        await spans.keep(measured(batch("shop", [at - timedelta(minutes=ends)] * count, code), at))
    report = await ask(bank, BOSS, "GetObjectiveReport", name=NAME)
    assert (report.valid, report.good, report.enough) == (400.0, 398.0, True)
    assert (report.allowed, report.spent, report.burn) == (4.0, 2.0, 0.5)
    assert (report.budget_minutes, report.budget_minutes_left) == (pytest.approx(14.4), pytest.approx(7.2))
    listed = await bank.ask(BOSS, "ListValues", period=interval(at - timedelta(hours=1), at + timedelta(hours=1)))
    values = {one.metric: one for one in listed.values}
    left, rate = values["metrics/E21"], values["metrics/E21-burn"]
    assert (left.value, left.numerator, left.denominator, rate.value) == (50.0, 2, 400, 0.5)
    assert values["metrics/E20"].note == "no outage in committed time"
    without = checkout()
    without.ClearField("objective")
    await ask(bank, BOSS, "PublishBusinessService", business_service=without)
    assert await refused(bank, BOSS, "GetObjectiveReport", name=NAME) == "OBJECTIVE_MISSING"


@pytest.mark.row("A143")
async def test_a_budget_that_burns_too_fast_alerts_once(bank: Bank) -> None:
    """Opened by one replica, seen by another, closed when the burning stops: two events, whoever looks how often."""
    await ask(bank, BOSS, "PublishBusinessService", business_service=checkout())
    at, db = now(), bank.run.db
    spans, traffic = Spans(db), Traffic(db)
    ends = [at - timedelta(seconds=20 + number) for number in range(30)]
    await spans.keep(measured(batch("shop", ends[:20], 13), at))
    await spans.keep(measured(batch("shop", ends), at))
    alerts = bank.run.records(BURN_ALERTS)
    book = PromiseBook(bank.run.records(BUSINESS_SERVICES))
    await book.refresh()
    first, second = (Burns(alerts, traffic, book) for _ in range(2))
    for burns in (first, second, first):
        await burns.look(at)
    await second.look(at + timedelta(seconds=10))
    found = (await ask(bank, BOSS, "ListBurnAlerts", open=True)).burn_alerts
    assert [one.rule.id for one in found] == ["page-1h", "page-6h", "ticket-1d"]
    assert found[0].burn_long == pytest.approx(40.0)
    report = await ask(bank, BOSS, "GetObjectiveReport", name=NAME)
    assert [(one.rule.id, one.open, round(one.burn_short)) for one in report.burn_windows][:1] == [
        ("page-1h", True, 40)
    ]
    await first.look(at + timedelta(minutes=20))
    await spans.keep(measured(batch("shop", [at + timedelta(seconds=30)]), at))
    assert (await ask(bank, BOSS, "ListBurnAlerts", open=True)).burn_alerts
    # With a good request in the last five minutes the short window burns no more.
    later = at + timedelta(minutes=5, seconds=20)
    await first.look(later)
    told = [entry.type.rpartition(".")[2] for entry in await bank.run.journal.of(found[0].name)]
    assert told == ["BurnAlertOpened", "BurnAlertClosed"]
    await ask(bank, BOSS, "RetireBusinessService", name=NAME)
    await book.refresh()
    await first.look(later + timedelta(seconds=10))
    assert not (await ask(bank, BOSS, "ListBurnAlerts", open=True)).burn_alerts
    assert len((await ask(bank, BOSS, "ListBurnAlerts", business_service=NAME)).burn_alerts) == 3


async def test_a_budget_is_told_in_money_and_versions_with_who_made_them(bank: Bank) -> None:
    """50.00 CNY a failed request: four allowed, two spent; without a model in force the report says why."""
    model = business("transactions")
    await ask(bank, BOSS, "PublishBusinessService", business_service=checkout(cost_model=model.name))
    assert (await ask(bank, BOSS, "GetObjectiveReport", name=NAME)).money_missing == "NO_MODEL"
    await bank.approve(model)
    at = now()
    for ends, count, code in ((1, 398, 0), (2, 2, 13)):
        await Spans(bank.run.db).keep(measured(batch("shop", [at - timedelta(minutes=ends)] * count, code), at))

    async def valued() -> int:
        return int((await ask(bank, BOSS, "GetObjectiveReport", name=NAME)).HasField("money"))

    await bank.until(valued, 1)
    money = (await ask(bank, BOSS, "GetObjectiveReport", name=NAME)).money
    assert (money.budget.minor_units, money.left.minor_units, money.budget.currency_code) == (20_000, 10_000, "CNY")
    assert (money.cost_model, money.version, money.formula) == (model.name, 1, "transactions/1")
    await ask(bank, BOSS, "RetireBusinessService", name=NAME)
    first = await ask(bank, BOSS, "ListBusinessServiceVersions", name=NAME, page_size=1)
    rest = await ask(bank, BOSS, "ListBusinessServiceVersions", name=NAME, page_token=first.next_page_token)
    told = [(one.business_service.version, one.business_service.retired) for one in (*first.versions, *rest.versions)]
    assert told == [(1, False), (2, True)]
    assert {one.actor for one in (*first.versions, *rest.versions)} == {BOSS.sub}
    assert await refused(bank, LI, "ListBusinessServiceVersions", name=NAME) == "ROLE_REQUIRED"


async def _parts(data: bytes) -> AsyncIterator[bytes]:
    """A body of unknown length, which goes out in chunks."""
    for at in range(0, len(data), 50):
        yield data[at : at + 50]


async def test_spans_come_over_http_by_the_same_rules(bank: Bank) -> None:
    """Protobuf, gzip and JSON of one export are taken; what cannot be is told why, and when to come back."""
    spans = Spans(bank.run.db)
    stop = asyncio.Event()
    http = HttpDoor(TraceDoor(spans, bank.run.keys), "127.0.0.1:0", 100_000)
    full = HttpDoor(TraceDoor(spans, bank.run.keys, most_requests=0), "127.0.0.1:0", 100_000)
    shut = HttpDoor(TraceDoor(spans, bank.run.keys, senders={"shop": SECRET}), "127.0.0.1:0", 100_000)
    doors = (http, full, shut)
    serving = [asyncio.create_task(one.run(stop)) for one in doors]
    await asyncio.gather(*(one.listening.wait() for one in doors))
    url, kind = f"http://127.0.0.1:{http.port}/v1/traces", {"content-type": "application/x-protobuf"}
    at = now()
    data = [batch("shop", [at - timedelta(seconds=n)] * n) for n in (1, 2, 3)]
    told = MessageToDict(ExportTraceServiceRequest.FromString(data[2]))
    for resource in told["resourceSpans"]:
        for span in resource["scopeSpans"][0]["spans"]:
            span["traceId"], span["spanId"] = "74" * 16, "0102030405060708"
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            assert (await client.post(url, content=data[0], headers=kind)).status_code == 200
        packed = {**kind, "content-encoding": "gzip"}
        assert (await client.post(url, content=gzip.compress(data[1]), headers=packed)).status_code == 200
        taken = await client.post(url, json=told)
        assert (taken.status_code, taken.json()) == (200, {})
        assert (await client.post(url, content=_parts(data[1]), headers=kind)).status_code == 200
        late = await client.post(url, content=batch("late", [at - timedelta(hours=1)]), headers=kind)
        warned = ExportTraceServiceResponse.FromString(late.content).partial_success
        assert (late.status_code, warned.rejected_spans, warned.error_message[:7]) == (200, 0, "1 spans")
        bomb = gzip.compress(b"0" * 1_000_000)
        for content, headers, status in (
            (b"\xff\xff", kind, 400),
            (b"{", {"content-type": "application/json"}, 400),
            (data[0], {"content-type": "text/plain"}, 415),
            (data[0], {**kind, "x-service-token": "forged"}, 401),
            (b"0" * 100_001, kind, 413),
            (bomb, packed, 413),
            (b"no gzip", packed, 400),
        ):
            assert (await client.post(url, content=content, headers=headers)).status_code == status
        assert (await client.get(url)).status_code == 405
        guarded = f"http://127.0.0.1:{shut.port}/v1/traces"
        refused_one = await client.post(guarded, content=data[0], headers=kind)
        assert (refused_one.status_code, refused_one.headers["www-authenticate"]) == (401, "Bearer")
        assert "SENDER_UNKNOWN" in str(status_pb2.Status.FromString(refused_one.content).details[0].value)
        proven = {**kind, "authorization": f"Bearer {SECRET}"}
        assert (await client.post(guarded, content=data[0], headers=proven)).status_code == 200
        busy = await client.post(f"http://127.0.0.1:{full.port}/v1/traces", content=data[0], headers=kind)
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
    stop.set()
    await asyncio.gather(*serving)
    found = await bank.ask(BOSS, "ListServiceAvailability", period=interval(at - timedelta(hours=1), at))
    assert {one.service: one.valid for one in found.services}["shop"] == 6.0
