"""Spans from a real OpenTelemetry SDK through real gRPC into counts, availability and the map of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from services.metrics.rules.availability import Export
from services.metrics.spans import TraceDoor, add_to_server
from services.metrics.store.spans import SETTLE, Spans
from services.runtime.door import now
from services.runtime.refusal import Refusal
from tests.service.metrics.bank import BOSS, LI, Bank, Start, batch, interval, opened

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
UNAVAILABLE, INTERNAL, NOT_FOUND = 14, 13, 5


@contextmanager
def sender(bank: Bank, service: str, compression: grpc.Compression | None = None) -> Iterator[trace.Tracer]:
    """A tracer of another process, whose spans have all been sent when the block ends."""
    exporter = OTLPSpanExporter(
        endpoint=f"127.0.0.1:{bank.run.port}", insecure=True, compression=compression, timeout=5
    )
    provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    yield provider.get_tracer("test")
    assert provider.force_flush(10_000)
    provider.shutdown()


async def _send(work: Any) -> None:
    """Exporting blocks, and the door lives on this loop."""
    await asyncio.to_thread(work)


def _remote(state: str = "") -> Any:
    """The context of a caller elsewhere."""
    tracestate = TraceState.from_header([state]) if state else TraceState()
    parent = SpanContext(0x1234, 0x5678, is_remote=True, trace_flags=TraceFlags(1), trace_state=tracestate)
    return trace.set_span_in_context(NonRecordingSpan(parent))


def _served(tracer: trace.Tracer, code: int = 0, name: str = "pkg.Shop/Buy", context: Any = None) -> None:
    with tracer.start_as_current_span(name, context or _remote(), SpanKind.SERVER) as span:
        span.set_attribute("rpc.system", "grpc")
        span.set_attribute("rpc.grpc.status_code", code)


def _period() -> Any:
    at = now()
    return interval(at - timedelta(hours=3), at + timedelta(minutes=1))


async def _services(bank: Bank, **fields: Any) -> dict[str, Any]:
    found = await bank.ask(BOSS, "ListServiceAvailability", period=fields.get("period") or _period())
    return {one.service: one for one in found.services}


async def _folded(bank: Bank) -> None:
    later = now() + SETTLE + timedelta(seconds=1)
    while await Spans(bank.run.db).fold(later):
        pass


async def _without_folding(bank: Bank) -> None:
    return


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_a_service_is_judged_by_its_entry_spans(bank: Bank, compression: grpc.Compression | None) -> None:
    """40 requests, 3 of them the service's fault: 92.5 %. Its own work, its callers' faults and probes do not count."""

    def work() -> None:
        with sender(bank, "shop", compression) as tracer:
            for number in range(35):
                # The first span of a trace has no parent at all, and is an entry like any other.
                context = _remote() if number else Context()
                with tracer.start_as_current_span("pkg.Shop/Buy", context, SpanKind.SERVER) as span:
                    span.set_attribute("rpc.grpc.status_code", 0)
                    with tracer.start_as_current_span("look up"):
                        pass
                    # A server span under one of the same service is the service calling itself.
                    with tracer.start_as_current_span("pkg.Shop/Inner", kind=SpanKind.SERVER) as inner:
                        inner.set_attribute("rpc.grpc.status_code", INTERNAL)
            for code in (NOT_FOUND, NOT_FOUND, INTERNAL, UNAVAILABLE):
                _served(tracer, code)
            with tracer.start_as_current_span("GET /buy", _remote(), SpanKind.SERVER) as span:
                span.set_attribute("http.response.status_code", 503)
            _served(tracer, 1)
            _served(tracer, UNAVAILABLE, "grpc.health.v1.Health/Check")
            with tracer.start_as_current_span("GET /metrics", _remote(), SpanKind.SERVER) as span:
                span.set_attribute("url.path", "/metrics")
                span.set_attribute("http.response.status_code", 500)
            with tracer.start_as_current_span("bought process", _remote(), SpanKind.CONSUMER) as span:
                span.set_status(Status(StatusCode.ERROR))

    await _send(work)
    shop = (await _services(bank))["shop"]
    assert (shop.valid, shop.good, shop.enough) == (40.0, 37.0, True)
    assert shop.availability == pytest.approx(0.925)
    assert 0.79 < shop.low < 0.925 < shop.high < 0.98
    assert abs(shop.last_seen_time.ToDatetime(tzinfo=UTC) - now()) < timedelta(seconds=20)
    refused = await bank.refused(LI, "ListServiceAvailability", period=_period())
    assert refused.reason == "ROLE_REQUIRED"


async def test_few_requests_are_not_enough_and_weights_stand_for_what_was_left_out(bank: Bank) -> None:
    """th:c stands for four, a forged weight for 10,000 at most; one heavy span more is no more certainty."""

    def work() -> None:
        with sender(bank, "sampled") as tracer:
            for code in (0,) * 39 + (INTERNAL,):
                _served(tracer, code, context=_remote("ot=th:c"))
        with sender(bank, "few") as tracer:
            for _ in range(29):
                _served(tracer)
        with sender(bank, "forged") as tracer:
            _served(tracer, context=_remote("ot=th:ffffffffffffff"))

    await _send(work)
    found = await _services(bank)
    assert (found["sampled"].valid, found["sampled"].good) == (160.0, 156.0)
    assert found["sampled"].enough
    assert (found["few"].valid, found["few"].enough) == (29.0, False)
    assert (found["forged"].valid, found["forged"].enough) == (10_000.0, False)


@pytest.mark.parametrize("then", [_without_folding, _folded])
async def test_a_dead_callee_is_bad_and_one_that_answers_is_not_counted_twice(bank: Bank, then: Any) -> None:
    """Calls without an answer are the dead service's bad requests; UNAVAILABLE from a living server counts once."""

    def calls(callee: str, answered: bool) -> None:
        with sender(bank, "shop") as shop, sender(bank, callee) as other:
            for _ in range(40):
                with shop.start_as_current_span("pkg.Pay/Take", kind=SpanKind.CLIENT) as call:
                    call.set_attribute("peer.service", callee)
                    call.set_attribute("rpc.grpc.status_code", UNAVAILABLE)
                    call.set_status(Status(StatusCode.ERROR))
                if answered:
                    span_context = call.get_span_context()
                    parent = SpanContext(
                        span_context.trace_id, span_context.span_id, is_remote=True, trace_flags=TraceFlags(1)
                    )
                    _served(other, UNAVAILABLE, "pkg.Pay/Take", trace.set_span_in_context(NonRecordingSpan(parent)))

    await _send(lambda: calls("dead", answered=False))
    await _send(lambda: calls("busy", answered=True))
    # Both waited for what may still come.
    found = await _services(bank)
    assert "dead" not in found
    assert found["busy"].valid == 40.0
    await bank.run.db["span_exports"].update_many({}, [{"$set": {"at": {"$subtract": ["$at", 61_000]}}}])
    await then(bank)
    found = await _services(bank)
    assert (found["dead"].valid, found["dead"].availability, found["dead"].enough) == (40.0, 0.0, True)
    assert (found["busy"].valid, found["busy"].availability) == (40.0, 0.0)
    edges = (await bank.ask(BOSS, "ListServiceEdges", period=_period())).edges
    assert [(one.caller, one.callee, one.calls) for one in edges] == [("shop", "busy", 40), ("shop", "dead", 40)]


async def _export(bank: Bank, data: bytes, *metadata: tuple[str, str]) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{bank.run.port}") as channel:
        export: Any = channel.unary_unary(METHOD)
        await export(data, metadata=metadata, timeout=9)


async def test_a_batch_that_is_sent_again_counts_once(start: Start) -> None:
    """Side by side to two replicas, again, and again after it was folded: 100 spans stay 100."""
    replicas = [await start(), await start()]
    data = batch("shop", [now() - timedelta(seconds=9)] * 100)
    await asyncio.gather(*(_export(bank, data) for bank in replicas * 5))
    assert (await _services(replicas[0]))["shop"].valid == 100.0
    await _folded(replicas[0])
    await asyncio.gather(*(_export(bank, data) for bank in replicas * 2))
    assert (await _services(replicas[1]))["shop"].valid == 100.0


async def test_late_and_early_spans_count_when_they_came(bank: Bank) -> None:
    """An hour ago and an hour ahead: both are in the last minute; nine minutes late keeps its own time."""
    at = now()
    await _export(bank, batch("shop", [at - timedelta(hours=1), at + timedelta(hours=1), at - timedelta(minutes=9)]))
    last_minute = interval(at - timedelta(minutes=1), at + timedelta(minutes=1))
    assert (await _services(bank, period=last_minute))["shop"].valid == 2.0
    assert (await _services(bank))["shop"].valid == 3.0


async def test_what_is_no_export_or_no_sender_is_refused_with_its_reason(bank: Bank) -> None:
    """Bytes that are no request, and a forged token; without any token the door is open."""
    for data, metadata, code in (
        (b"\xff\xff\xff", (), grpc.StatusCode.INVALID_ARGUMENT),
        (batch("shop", [now()]), (("x-service-token", "forged"),), grpc.StatusCode.UNAUTHENTICATED),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _export(bank, data, *metadata)
        assert caught.value.code() is code
    assert await _services(bank) == {}
    await _export(bank, batch("shop", [now()]), ("x-service-token", bank.keys.sign_service("metrics")))
    assert (await _services(bank))["shop"].valid == 1.0


async def test_too_many_at_once_are_told_to_come_back(bank: Bank) -> None:
    """The third of three slow exports is RESOURCE_EXHAUSTED with RetryInfo; stored are those that were acknowledged."""
    release = asyncio.Event()

    class Slow(Spans):
        async def keep(self, export: Export) -> bool:
            await release.wait()
            return await super().keep(export)

    server = grpc.aio.server()
    add_to_server(TraceDoor(Slow(bank.run.db), bank.run.keys, most_requests=2), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        export: Any = channel.unary_unary(METHOD, response_deserializer=ExportTraceServiceResponse.FromString)
        slow = [asyncio.ensure_future(export(batch("shop", [now()] * n), timeout=9)) for n in (1, 2)]
        await asyncio.sleep(0.3)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await export(batch("shop", [now()] * 3), timeout=9)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        details = dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(details)
        retry = error_details_pb2.RetryInfo()
        assert any(one.Unpack(retry) for one in status.details if one.Is(retry.DESCRIPTOR))
        assert retry.retry_delay.seconds == 1
        release.set()
        await asyncio.gather(*slow)
    await server.stop(None)
    assert (await _services(bank))["shop"].valid == 3.0


async def test_spans_are_acknowledged_only_when_they_are_stored(
    own_mongod: Any, empty_nats: str, tmp_path: Path
) -> None:
    """With the store away an export is UNAVAILABLE, and the same bytes sent again when it is back count once."""
    async with opened(own_mongod.uri, empty_nats, "away", tmp_path / "keys") as start:
        bank = await start()
        data = batch("shop", [now()] * 7)
        await asyncio.to_thread(own_mongod.kill)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await _export(bank, data)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        await asyncio.to_thread(own_mongod.start)
        await _when_back(lambda: _export(bank, data))
        await _export(bank, data)
        assert (await _when_back(lambda: _services(bank)))["shop"].valid == 7.0


async def _when_back(act: Callable[[], Awaitable[Any]]) -> Any:
    """Does it as soon as it is answered; nothing but UNAVAILABLE is waited for, and not for ever."""
    for left in reversed(range(150)):
        try:
            return await act()
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or not left:
                raise
        await asyncio.sleep(0.2)
    raise AssertionError("unreachable: the last try returns or raises")


async def test_a_period_that_holds_no_instant_is_refused(bank: Bank) -> None:
    """An empty period names its field, and is not answered with nothing."""
    at = now()
    refused = await bank.refused(BOSS, "ListServiceEdges", period=interval(at, at))
    assert isinstance(refused, Refusal)
    assert refused.reason == "PERIOD_EMPTY"
