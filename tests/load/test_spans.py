"""Intake of spans: what counting costs beside parsing alone, and through gRPC beside throwing away."""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from services.metrics.wire import otlp
from services.metrics.wire.spans import measured

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SPANS, BATCHES, ROUNDS, TRIES = 512, 40, 5, 15
PASSES = 8
"""How often all batches are pushed in a round: the system tells CPU time in steps of 10 ms, and a pass takes few."""
BEGIN_NS = 1_795_824_000_000_000_000
AT = datetime.fromtimestamp(BEGIN_NS / 1e9 + 200, UTC)
ROUTES = [f"/api/v1/{one}" for one in ("orders", "orders/{id}", "stock/{id}", "carts/{id}", "prices")]


def one_batch(service: str, seed: int) -> bytes:
    """512 spans as SDKs send them: a third served, a third called, a third internal; four in a hundred failed."""
    chance = random.Random(seed)
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    for key, text in (("service.name", service), ("service.version", "1.4.2"), ("telemetry.sdk.language", "python")):
        resource.resource.attributes.add(key=key).value.string_value = text
    scopes = [resource.scope_spans.add() for _ in range(3)]
    for number in range(SPANS):
        scope = scopes[number * 3 // SPANS]
        route = chance.choice(ROUTES)
        span = scope.spans.add(kind=1 + number % 3, name=f"GET {route}", trace_id=chance.randbytes(16))
        span.span_id, span.parent_span_id = chance.randbytes(8), chance.randbytes(8)
        span.flags = 0x301 if span.kind == Span.SPAN_KIND_SERVER else 0x101
        span.start_time_unix_nano = BEGIN_NS + number * 200_000_000 % 120_000_000_000
        span.end_time_unix_nano = span.start_time_unix_nano + int(chance.lognormvariate(16, 1.2))
        failed = chance.random() < 0.04
        texts = {
            "http.request.method": "GET",
            "url.path": f"/api/v1/orders/{chance.randrange(10**6)}",
            "http.route": route,
            "server.address": "orders.shop.svc",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "enduser.id": f"u{chance.randrange(5000)}",
            "url.scheme": "https",
        }
        for key, text in texts.items():
            span.attributes.add(key=key).value.string_value = text
        status = 503 if failed else 200
        for key, value in (("http.response.status_code", status), ("server.port", 8443), ("net.peer.port", 51234)):
            span.attributes.add(key=key).value.int_value = value
        if failed:
            span.status.code = Status.STATUS_CODE_ERROR
            span.status.message = "deadline exceeded"
    return request.SerializeToString()


def batches() -> list[bytes]:
    """Different batches: what is remembered of one must not stand for all."""
    return [one_batch(("cart", "orders", "stock", "prices")[number % 4], number) for number in range(BATCHES)]


def _seconds(read: Callable[[bytes], object], one: bytes) -> float:
    began = time.process_time()
    read(one)
    return time.process_time() - began


def test_counting_against_parsing() -> None:
    """At least 0.35 of the speed of parsing full messages and doing nothing with them.

    A round takes of every batch the least time of several tries, one by turns with the other: neighbours on the
    processor can only add to it.
    """
    data = batches()
    ratios = []
    for _ in range(ROUNDS):
        parsing = counting = 0.0
        for one in data:
            tries = [
                (_seconds(ExportTraceServiceRequest.FromString, one), _seconds(lambda one: measured(one, AT), one))
                for _ in range(TRIES)
            ]
            parsing += min(parsed for parsed, _ in tries)
            counting += min(counted for _, counted in tries)
        ratios.append(parsing / counting)
        rate = BATCHES * SPANS / counting / 1000
        print(f"counted {rate:.0f} k spans/s of a core, {ratios[-1]:.2f} x parsing alone")
    assert statistics.median(ratios) >= 0.35


def test_counting_against_throwing_away() -> None:
    """Through gRPC, by the CPU of the server: at least 0.45 of receiving and throwing away.

    Printed beside it: the barest loop that counts anything, which judges no span and keeps no evidence.
    """
    data = batches()
    servers = {}
    for mode in ("discard", "bare", "count"):
        process = subprocess.Popen(
            [sys.executable, __file__, mode],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": _path()},
        )
        assert process.stdout is not None
        servers[mode] = (process, int(process.stdout.readline()))
    try:
        ratios = []
        for _ in range(ROUNDS):
            took = {mode: asyncio.run(_push(process, port, data)) for mode, (process, port) in servers.items()}
            ratios.append(took["discard"] / took["count"])
            rates = {mode: round(PASSES * BATCHES * SPANS / seconds / 1000) for mode, seconds in took.items()}
            bare = took["discard"] / took["bare"]
            print(f"k spans a second of server CPU {rates}, {ratios[-1]:.2f} x discarding; the bare loop {bare:.2f}")
        assert statistics.median(ratios) >= 0.45
    finally:
        for process, _ in servers.values():
            process.terminate()
            process.wait()


async def _push(process: subprocess.Popen[str], port: int, data: list[bytes]) -> float:
    watched = psutil.Process(process.pid)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        export: Any = channel.unary_unary(METHOD)
        await asyncio.gather(*(export(one) for one in data))
        before: float = sum(watched.cpu_times()[:2])
        for place in range(0, PASSES * len(data), 4):
            await asyncio.gather(*(export(data[one % len(data)]) for one in range(place, place + 4)))
        after: float = sum(watched.cpu_times()[:2])
        return after - before


def _path() -> str:
    root = Path(__file__).parents[2]
    return f"{root}:{root / 'proto' / 'gen'}"


def _bare(data: bytes) -> dict[tuple[bytes, int, int, bytes], int]:
    counts: dict[tuple[bytes, int, int, bytes], int] = {}
    for resource in otlp.Request.FromString(data).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                key = (span.name, span.kind, span.end_time_unix_nano // 10_000_000_000, span.status)
                counts[key] = counts.get(key, 0) + 1
    return counts


async def _serve(mode: str) -> None:
    async def export(request: bytes, _context: object) -> bytes:
        if mode == "count":
            measured(request, AT)
        elif mode == "bare":
            _bare(request)
        return b""

    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 16 << 20)])
    handler: Any = grpc.unary_unary_rpc_method_handler(export)
    service, _, method = METHOD.removeprefix("/").partition("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
