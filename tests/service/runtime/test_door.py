"""The door: who comes in, what an answer says when it is no, how long a call may take, and what a trace shows of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pymongo.errors import AutoReconnect, NotPrimaryError, ServerSelectionTimeoutError

from services.runtime.client import acting, channel, refusal_of
from services.runtime.door import Door, caller
from services.runtime.identity import Keys
from services.runtime.records import Cause
from services.runtime.refusal import Kind, NotYet
from services.runtime.server import Server
from services.runtime.telemetry import Telemetry, set_up
from tests.service.runtime.echo import (
    ANN,
    SERVICE,
    EchoRequest,
    EchoResponse,
    EchoServicer,
    Line,
    add,
    call,
    make_keys,
)


class Servicer(EchoServicer):
    """Adds the failures that take no argument to a request: the test puts them in."""

    raising: Exception | None = None
    cause: Cause | None = None

    async def Fail(self, request: Any, context: Any) -> Any:
        if self.raising is not None:
            raise self.raising
        return await super().Fail(request, context)

    async def Count(self, request: Any, context: Any) -> Any:
        self.cause = caller().cause(request)
        return EchoResponse()


@dataclass
class House:
    """A server behind the door, a channel to it, and the spans that it made."""

    servicer: Servicer
    address: str
    keys: Path
    telemetry: Telemetry
    spans: InMemorySpanExporter
    portal: Keys
    on: grpc.aio.Channel

    async def ann(self, method: str, request: Any = None, **options: Any) -> Any:
        """Ann calls by the portal."""
        with acting(self.portal.sign_person(ANN)):
            return await call(self.on, method, request, **options)

    async def server_span(self) -> ReadableSpan:
        """The last server span; it ends a moment after the caller has its answer."""
        while True:
            ended = [span for span in self.spans.get_finished_spans() if span.kind is SpanKind.SERVER]
            if ended:
                return ended[-1]
            await asyncio.sleep(0.01)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house with a door that allows one second at most."""
    keys = make_keys(tmp_path / "keys")
    telemetry = set_up("echo")
    spans = InMemorySpanExporter()
    telemetry._tracers.add_span_processor(SimpleSpanProcessor(spans))
    server = Server(Door(Keys(keys, "echo"), telemetry, longest=1.0), "127.0.0.1:0", reflect=True)
    servicer = Servicer()
    server.add(add, servicer)
    address = f"127.0.0.1:{await server.start()}"
    portal = Keys(keys, "portal")
    async with channel(address, "echo", portal, tracer=telemetry.tracer) as on:
        yield House(servicer, address, keys, telemetry, spans, portal, on)
    await server.stop(0, 0)
    telemetry.close()


async def failure(answer: Any) -> grpc.aio.AioRpcError:
    """The error that the call must end in."""
    with pytest.raises(grpc.aio.AioRpcError) as found:
        await answer
    return found.value


def detail(error: grpc.aio.AioRpcError, kind: Any) -> Any:
    """The detail of this kind in the error's google.rpc.Status."""
    metadata = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    found = kind()
    assert any(one.Unpack(found) for one in status.details if one.Is(kind.DESCRIPTOR))
    return found


async def test_caller_is_known(house: House) -> None:
    """The rule sees the person, and the service itself when nobody acts through it."""
    assert (await house.ann("Echo")).sub == "people/ann"
    assert (await call(house.on, "Echo")).sub == "system/portal"


async def test_without_tokens_every_method_is_closed(house: House) -> None:
    """A bare channel gets UNAUTHENTICATED from every method of the service, also with an assertion alone."""
    async with grpc.aio.insecure_channel(house.address) as bare:
        for method in ("Echo", "Refuse", "Fail", "Sleep", "Count", "Pass"):
            error = await failure(call(bare, method))
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        person = (("authorization", f"Bearer {house.portal.sign_person(ANN)}"),)
        assert refusal_of(await failure(call(bare, "Echo", metadata=person))).reason == "SERVICE_TOKEN_REQUIRED"


async def test_health_and_reflection_are_open(house: House) -> None:
    """Probes have no keys."""
    async with grpc.aio.insecure_channel(house.address) as bare:
        health: Any = health_pb2_grpc.HealthStub(bare)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="live"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert (await health.Check(health_pb2.HealthCheckRequest(service="ready"))).status == 2
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(bare)  # type: ignore[arg-type]  # the stub has no types
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        listed = [one async for one in reflection.ServerReflectionInfo(asked)]
        assert "grpc.health.v1.Health" in {one.name for one in listed[0].list_services_response.service}


async def test_contract_violations_name_their_fields(house: House) -> None:
    """Every broken rule comes back with its field path and rule id, ready for a form in any language."""
    request = EchoRequest(text="x" * 11, lines=[Line(amount="1"), Line()])
    error = await failure(house.ann("Echo", request))
    found = detail(error, error_details_pb2.BadRequest).field_violations
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [(one.field, one.reason) for one in found] == [
        ("text", "string.max_len"),
        ("lines[1].amount", "string.min_len"),
    ]
    assert detail(error, error_details_pb2.ErrorInfo).reason == "INVALID_FIELDS"
    refused = refusal_of(error)
    assert (refused.kind, refused.reason, refused.field) == (Kind.INVALID, "INVALID_FIELDS", "text")
    assert [one.rule for one in refused.violations] == ["string.max_len", "string.min_len"]


@pytest.mark.parametrize(
    ("text", "code", "reason", "field"),
    [
        ("invalid", grpc.StatusCode.INVALID_ARGUMENT, "TEXT_WRONG", "text"),
        ("pre", grpc.StatusCode.FAILED_PRECONDITION, "NOT_OPEN", "text"),
        ("absent", grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "name"),
        ("conflict", grpc.StatusCode.ABORTED, "ETAG_MISMATCH", ""),
    ],
)
async def test_refusal_travels_whole(house: House, text: str, code: grpc.StatusCode, reason: str, field: str) -> None:
    """A rule's Refusal arrives at the caller as the same Refusal, and is no fault of the server's in its span."""
    error = await failure(house.ann("Refuse", EchoRequest(text=text)))
    refused = refusal_of(error)
    info = detail(error, error_details_pb2.ErrorInfo)
    assert (error.code(), refused.reason, refused.field) == (code, reason, field)
    assert (info.reason, info.domain) == (reason, "throughline")
    assert refused.message == error.details()
    assert (await house.server_span()).status.status_code is StatusCode.UNSET


async def test_precondition_and_field_details(house: House) -> None:
    """A precondition says what kind it is; an invalid input says in which field."""
    error = await failure(house.ann("Refuse", EchoRequest(text="pre")))
    (one,) = detail(error, error_details_pb2.PreconditionFailure).violations
    assert (one.type, one.subject) == ("NOT_OPEN", "text")
    error = await failure(house.ann("Refuse", EchoRequest(text="invalid")))
    (bad,) = detail(error, error_details_pb2.BadRequest).field_violations
    assert (bad.field, bad.reason) == ("text", "TEXT_WRONG")


async def test_a_fault_leaks_nothing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug answers INTERNAL without its words; the log has them with the trace id."""
    error = await failure(house.ann("Fail"))
    span = await house.server_span()
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret detail" not in str(error.details())
    assert detail(error, error_details_pb2.ErrorInfo).reason == "INTERNAL"
    assert span.status.status_code is StatusCode.ERROR
    logged = capsys.readouterr().out
    assert "secret detail" in logged
    assert format(span.context.trace_id, "032x") in logged


@pytest.mark.parametrize(
    "raised",
    [ServerSelectionTimeoutError("x"), AutoReconnect("x"), NotPrimaryError("x")],
    ids=["no server", "cut", "stepped down"],
)
async def test_store_away_is_unavailable(house: House, raised: Exception) -> None:
    """Whatever way the store is away, the caller hears UNAVAILABLE, why, and when to come back."""
    house.servicer.raising = raised
    refused = refusal_of(await failure(house.ann("Fail")))
    assert (refused.kind, refused.reason) == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
    assert refused.retry_after is not None


async def test_not_yet_can_be_tried_again(house: House) -> None:
    """Too early is a conflict in time, not a fault."""
    house.servicer.raising = NotYet()
    refused = refusal_of(await failure(house.ann("Fail")))
    assert (refused.kind, refused.reason) == (Kind.CONFLICT, "NOT_YET")


async def test_deadline_is_the_shorter_one(house: House) -> None:
    """The door ends a call after its own limit although the caller would wait, and counts it as its own fault."""
    error = await failure(house.ann("Sleep", EchoRequest(seconds=5), timeout=8))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert detail(error, error_details_pb2.ErrorInfo).reason == "DEADLINE_EXCEEDED"
    span = await house.server_span()
    assert span.status.status_code is StatusCode.ERROR
    assert span.end_time is not None
    assert span.start_time is not None
    assert 0.9e9 < span.end_time - span.start_time < 2e9


async def test_the_span_continues_the_callers_trace(house: House) -> None:
    """Client and server span are of one trace, parent and child, and name method and callee."""
    await house.ann("Echo")
    server = await house.server_span()
    client = next(span for span in house.spans.get_finished_spans() if span.kind is SpanKind.CLIENT)
    assert server.parent is not None
    assert (server.parent.span_id, server.context.trace_id) == (client.context.span_id, client.context.trace_id)
    assert server.name == f"{SERVICE}/Echo"
    assert dict(server.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": SERVICE,
        "rpc.method": "Echo",
        "rpc.grpc.status_code": 0,
    }
    assert dict(client.attributes or {})["peer.service"] == "echo"


async def test_cause_is_the_principals_own_request(house: House) -> None:
    """The cause joins who and request_id; its digest tells the same request from another with the same id."""
    await house.ann("Count", EchoRequest(request_id="r-1", text="a"))
    first = house.servicer.cause
    await house.ann("Count", EchoRequest(request_id="r-1", text="a"))
    again = house.servicer.cause
    await house.ann("Count", EchoRequest(request_id="r-1", text="b"))
    other = house.servicer.cause
    assert first is not None
    assert again is not None
    assert other is not None
    assert (first.id, first.actor, first.digest) == ("people/ann/r-1", ANN, again.digest)
    assert other.digest != first.digest
    refused = refusal_of(await failure(house.ann("Count")))
    assert (refused.reason, refused.field) == ("REQUEST_ID_REQUIRED", "request_id")
