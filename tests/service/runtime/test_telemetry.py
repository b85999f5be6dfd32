"""Telemetry: logs carry the trace and no secret, counters tell good from bad, spans arrive with their weight."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import time
import urllib.request
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from services.runtime.telemetry import set_up


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OTLP receiver that keeps what comes."""

    def __init__(self) -> None:
        self.resources: list[Any] = []

    async def Export(self, request: Any, context: Any) -> Any:
        self.resources.extend(request.resource_spans)
        return trace_service_pb2.ExportTraceServiceResponse()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The JSON lines on stdout."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_logs_carry_trace_and_service(capsys: pytest.CaptureFixture[str]) -> None:
    """Inside a span every line names it, from structlog and from libraries."""
    telemetry = set_up("tickets")
    with telemetry.tracer.start_as_current_span("work") as span:
        structlog.get_logger().info("你好", ticket="tickets/INC-1")
        logging.getLogger("some.library").warning("beware")
    trace_id = format(span.get_span_context().trace_id, "032x")
    first, second = lines(capsys)
    assert (first["event"], first["service"], first["level"]) == ("你好", "tickets", "info")
    assert {first["trace_id"], second["trace_id"]} == {trace_id}
    telemetry.close()


def test_no_secret_reaches_a_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Secrets by name, in addresses, in headers and in errors; messages and bytes show their size only."""
    telemetry = set_up("tickets")
    log = structlog.get_logger()
    local = "canary in a variable"
    log.info("mongodb://user:canary@db/", password="canary", nested={"api_key": "canary", "list": ["Bearer canary"]})
    log.info("request", body=StringValue(value="canary"), raw=b"canary", header="eyJcanary.eyJcanary.sig")
    try:
        raise RuntimeError("nats://user:canary@host refused")
    except RuntimeError:
        log.exception("failed")
    shown = capsys.readouterr().out
    assert "canary" not in shown
    assert "google.protobuf.StringValue, 8 bytes" in shown
    assert "RuntimeError" in shown
    assert local
    telemetry.close()


def test_metrics_count_calls(capsys: pytest.CaptureFixture[str]) -> None:
    """A caller's mistake is good, a server's fault is bad; durations are counted into buckets."""
    telemetry = set_up("tickets", metrics_listen="127.0.0.1:0")
    telemetry.calls.count("a.B/C", grpc.StatusCode.OK, 0.002)
    telemetry.calls.count("a.B/C", grpc.StatusCode.INVALID_ARGUMENT, 0.002)
    telemetry.calls.count("a.B/C", grpc.StatusCode.UNAVAILABLE, 0.2)
    with urllib.request.urlopen(f"http://127.0.0.1:{telemetry.metrics_port}/metrics") as answer:
        text = answer.read().decode()
    assert 'throughline_calls_total{code="OK",good="true",method="a.B/C"} 1.0' in text
    assert 'throughline_calls_total{code="INVALID_ARGUMENT",good="true",method="a.B/C"} 1.0' in text
    assert 'throughline_calls_total{code="UNAVAILABLE",good="false",method="a.B/C"} 1.0' in text
    assert 'throughline_call_duration_seconds_bucket{le="0.0025",method="a.B/C"} 2.0' in text
    assert 'throughline_call_duration_seconds_bucket{le="+Inf",method="a.B/C"} 3.0' in text
    telemetry.close()


def test_metrics_port_in_use_is_named() -> None:
    """Two services told the same port: the second says which."""
    first = set_up("tickets", metrics_listen="127.0.0.1:0")
    listen = f"127.0.0.1:{first.metrics_port}"
    with pytest.raises(OSError, match=listen):
        set_up("sla", metrics_listen=listen)
    first.close()


async def test_spans_arrive_with_resource_and_weight() -> None:
    """Every kept span names its service and instance; below a ratio of 1 its tracestate tells the threshold."""
    collector = Collector()
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated without types
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    telemetry = set_up("tickets", f"127.0.0.1:{port}", trace_ratio=0.25)
    for _ in range(64):
        with telemetry.tracer.start_as_current_span("work"):
            pass
    await asyncio.to_thread(telemetry.close)
    await server.stop(0)
    attributes = {one.key: one.value.string_value for one in collector.resources[0].resource.attributes}
    spans = [span for one in collector.resources for scope in one.scope_spans for span in scope.spans]
    assert attributes["service.name"] == "tickets"
    assert attributes["service.instance.id"]
    assert 0 < len(spans) < 64
    assert {span.trace_state for span in spans} == {"ot=th:c"}


def test_a_collector_that_stands_still_holds_no_stop() -> None:
    """Its socket takes what comes and never answers, and spans for many batches wait: the end takes its bound."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        telemetry = set_up("tickets", f"127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(3000):
            telemetry.tracer.start_span("work").end()
        began = time.monotonic()
        telemetry.close(1.0)
        assert time.monotonic() - began < 4
