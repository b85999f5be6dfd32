"""The metrics service in this process for tests of money and of spans, and people who call it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from throughline.metrics.v1 import board_pb2, ledger_pb2, ledger_service_pb2, metrics_pb2
from throughline.metrics.v1 import metrics_service_pb2 as pb
from throughline.metrics.v1.ledger_service_pb2_grpc import LedgerServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.type.v1 import interval_pb2, money_pb2

from services.metrics.main import compose
from services.runtime.actor import Actor
from services.runtime.bus import Bus
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys, make
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime
from services.runtime.settings import Settings
from tests.service.sla.desk import Paper, stamp

FAN = Actor("people/fan", frozenset({"finance"}))
QIU = Actor("people/qiu", frozenset({"finance"}))
BOSS = Actor("people/boss", frozenset({"executive"}))
EAST = Actor("people/east", frozenset({"lead"}), unit="cn/east")
WEST = Actor("people/west", frozenset({"lead"}), unit="cn/west")
LI = Actor("people/li-na", frozenset({"requester"}), unit="cn/east")
PEOPLE = "costModels/people"
APPROVED_FROM = datetime(2026, 1, 1, tzinfo=UTC)


def interval(start: datetime, end: datetime) -> interval_pb2.Interval:
    """A half-open period."""
    return interval_pb2.Interval(start_time=stamp(start), end_time=stamp(end))


EVER = interval(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def model(effective: datetime = APPROVED_FROM, rate: int = 12_000, **fields: Any) -> metrics_pb2.CostModel:
    """A model of people: 120.00 CNY an hour; 250, 40 and 1 users; all, half, a fifth and a twentieth of their work."""
    return metrics_pb2.CostModel(
        name=PEOPLE,
        type=metrics_pb2.COST_MODEL_TYPE_PEOPLE,
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        effective_time=stamp(effective),
        people=metrics_pb2.PeopleModel(
            hourly_rate=money_pb2.Money(currency_code="CNY", minor_units=rate),
            scopes=[metrics_pb2.ImpactScope(impact=one, users=users) for one, users in ((1, 250), (2, 40), (3, 1))],
            effects=[
                metrics_pb2.PriorityEffect(priority=one, per_mille=share)
                for one, share in ((1, 1000), (2, 500), (3, 200), (4, 50))
            ],
            longest=Duration(seconds=72 * 3600),
        ),
        **fields,
    )


@dataclass(frozen=True)
class Bank:
    """One replica of the service, called as somebody."""

    run: Runtime
    keys: Keys
    channel: grpc.aio.Channel

    async def ask(self, actor: Actor, method: str, **fields: Any) -> Any:
        """Calls a method as the actor; a request_id is made up unless one is given."""
        of_ledger = hasattr(ledger_service_pb2, f"{method}Request")
        request = getattr(ledger_service_pb2 if of_ledger else pb, f"{method}Request")(**fields)
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = str(uuid.uuid4())
        with acting(self.keys.sign_person(actor)):
            stub = LedgerServiceStub(self.channel) if of_ledger else MetricsServiceStub(self.channel)
            return await getattr(stub, method)(request, timeout=9)

    async def refused(self, actor: Actor, method: str, **fields: Any) -> Refusal:
        """Calls a method that must be refused; why it was."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(actor, method, **fields)
        return refusal_of(caught.value)

    async def approve(self, message: metrics_pb2.CostModel) -> Any:
        """Fan drafts it and Qiu approves it."""
        drafted = await self.ask(FAN, "DraftCostModel", cost_model=message)
        return await self.ask(QIU, "ApproveCostModel", name=message.name, version=drafted.version)

    async def entries(self, cause: str, count: int, actor: Actor = BOSS) -> list[Any]:
        """The entries of a cause by their numbers, as soon as there are so many; fails after half a minute."""
        found: list[Any] = []
        for _ in range(600):
            found = list((await self.ask(actor, "ListLedgerEntries", period=EVER, cause=cause)).entries)
            if len(found) >= count:
                assert len(found) == count, found
                return sorted(found, key=lambda one: (one.name.rpartition(".")[0], int(one.name.rpartition(".")[2])))
            await asyncio.sleep(0.05)
        raise AssertionError(f"not {count} entries: {found}")

    async def board(self, actor: Actor = BOSS) -> board_pb2.Board:
        """The board over everything."""
        with acting(self.keys.sign_person(actor)):
            return await MetricsServiceStub(self.channel).GetBoard(
                board_pb2.GetBoardRequest(period=EVER, time_zone="UTC"), timeout=9
            )

    async def until(self, ask: Callable[[], Awaitable[int]], count: int) -> None:
        """Waits until an answer is at least `count`; fails after half a minute, showing it."""
        found = -1
        for _ in range(600):
            if (found := await ask()) >= count:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{found}, not {count}")

    async def booked(self, ticket: str, until: Callable[[dict[str, Any]], bool] = bool) -> dict[str, Any]:
        """What is noted of a ticket's booking, as soon as it is as wanted."""
        found: dict[str, Any] | None = None
        for _ in range(600):
            found = await self.run.db["bookings"].find_one({"_id": f"bookings/{ticket.partition('/')[2]}"})
            if found is not None and until(found["state"]):
                return dict(found["state"])
            await asyncio.sleep(0.05)
        raise AssertionError(f"not as wanted: {found}")

    async def settled(self, inputs: int) -> None:
        """Until so many inputs that book something are taken, in effect, and what they made is on file."""
        db = self.run.db
        found: tuple[int, ...] = ()
        for _ in range(3000):
            found = (await self._taken({"lesson": None}), await self._taken({}))
            applied = await db["ledger_cursor"].find_one({"_id": "applied"})
            if found[0] == inputs and applied and applied["seq"] == found[1]:
                told = sum([one["state"]["entries"] async for one in db["bookings"].find({}, {"state.entries": 1})])
                if told == await db["ledger_entries"].count_documents({}):
                    return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{found[0]} taken, not {inputs}; in all {found[1]}")

    async def _taken(self, where: dict[str, Any]) -> int:
        return await self.run.db["ledger_taken"].count_documents(where)

    async def finished(self, job: Any) -> Any:
        """A job of the ledger when it is over."""
        for _ in range(2400):
            if job.state in (ledger_pb2.LEDGER_JOB_STATE_DONE, ledger_pb2.LEDGER_JOB_STATE_FAILED):
                return job
            await asyncio.sleep(0.05)
            job = await self.ask(BOSS, "GetLedgerJob", name=job.name)
        raise AssertionError(job)

    async def replayed(self) -> Any:
        """What a replay of the recorded intake finds."""
        return (await self.finished(await self.ask(BOSS, "StartReplay"))).replay


Start = Callable[[], Awaitable[Bank]]


@asynccontextmanager
async def opened(mongo_uri: str, nats_url: str, database: str, keys_dir: Path) -> AsyncIterator[Start]:
    """start(): one more replica, ready; all share one database and one listener."""
    make(keys_dir, ["metrics", "portal", "tl"])
    settings = Settings.load(
        "metrics",
        mongo_uri=mongo_uri,
        nats_url=nats_url,
        database=database,
        keys_dir=keys_dir,
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
        stop_grace_seconds=2.0,
    )
    async with AsyncExitStack() as stack:

        async def start() -> Bank:
            run = await stack.enter_async_context(Runtime("metrics", settings))
            compose(run)
            await run.start()
            assert await run.ready(30), "the service did not become ready"
            keys = Keys(keys_dir, "portal")
            bank = Bank(run, keys, channel(f"127.0.0.1:{run.port}", "metrics", keys))
            stack.push_async_callback(bank.channel.close)
            return bank

        yield start


@asynccontextmanager
async def papers(nats_url: str) -> AsyncIterator[Callable[[str], Paper]]:
    """paper(number): a ticket whose events the test publishes as the tickets service would."""
    bus = await Bus.connect(nats_url, "tickets", manage=True)
    assert await bus.ready(30)
    yield partial(Paper, bus)
    await bus.close()


def batch(service: str, ends: list[datetime], code: int = 0) -> bytes:
    """An export of requests to a service that ended then, with a gRPC status code."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = service
    found = resource.scope_spans.add().spans
    for number, end in enumerate(ends, 1):
        span = found.add(kind=Span.SPAN_KIND_SERVER, name="pkg.Shop/Buy", trace_id=b"t" * 16)
        span.span_id = number.to_bytes(8, "big")
        span.end_time_unix_nano = round(end.timestamp() * 1000) * 1_000_000
        span.start_time_unix_nano = span.end_time_unix_nano - 1_000_000
        span.attributes.add(key="rpc.grpc.status_code").value.int_value = code
    return request.SerializeToString()


def hours(count: float) -> timedelta:
    """So many hours."""
    return timedelta(hours=count)
