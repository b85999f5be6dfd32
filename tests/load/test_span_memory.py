"""Memory of the metrics process while spans come in for minutes, from many services, by many routes, of many users.

TL_SPAN_MINUTES says for how long, ten by default, after two minutes of warming up.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from pymongo import MongoClient

from deploy.local.system import SERVICES, System

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MINUTES = float(os.environ.get("TL_SPAN_MINUTES", "10"))
WARM_UP = 2.0
"""Minutes until what is bounded has filled once: attributes and layouts, connections, and the first folds into an hour,
which begin when exports have settled for one.
"""
EXPORTS_A_SECOND, SPANS = 10, 200
PLACES, CALLED, ROUTES, USERS = 40, 2, 100, 100_000
FAILED = 0.005
MIB = 1 << 20
MORE, LEAST_MORE = 0.10, 16 * MIB
"""What a warm process may hold more at the end, the greater of both. The watch reads the bones of twenty minutes and
the slices of an hour at a time, which still grow while they fill, as do the pools of the allocator; whatever kept the
requests of ten minutes would hold ten times as much.
"""

pytestmark = pytest.mark.timeout(60 * (WARM_UP + MINUTES) + 300)


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[System]:
    """The metrics service with its store, and no other."""
    system = System(tmp_path, replicas={name: int(name == "metrics") for name in (*SERVICES, "web")})
    system.start()
    yield system
    system.abandon()


def _batch(chance: random.Random) -> bytes:
    """Spans of one of many services that ended just now: by turns served and called, no two of one trace."""
    place = chance.randrange(PLACES)
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = f"service-{place}"
    scope = resource.scope_spans.add()
    ended = time.time_ns()
    for number in range(SPANS):
        route = f"/api/{place}/{chance.randrange(ROUTES)}/{{id}}"
        span = scope.spans.add(kind=2 + number % 2, name=f"GET {route}", trace_id=chance.randbytes(16))
        span.span_id, span.parent_span_id = chance.randbytes(8), chance.randbytes(8)
        span.flags = 0x301 if number % 2 == 0 else 0x101
        span.start_time_unix_nano, span.end_time_unix_nano = ended - chance.randrange(90_000_000), ended
        texts = {
            "http.route": route,
            "url.path": f"/api/{place}/{chance.randrange(10**9)}",
            "enduser.id": f"u{chance.randrange(USERS)}",
            "peer.service" if number % 2 else "site": f"service-{(place + 1 + chance.randrange(CALLED)) % PLACES}",
        }
        for key, text in texts.items():
            span.attributes.add(key=key).value.string_value = text
        failed = chance.random() < FAILED
        span.attributes.add(key="http.response.status_code").value.int_value = 503 if failed else 200
        if failed:
            span.status.code = Status.STATUS_CODE_ERROR
    return request.SerializeToString()


async def _push(system: System, minutes: float) -> list[tuple[float, int]]:
    """Sends at the rate, each export as its moment comes; (minutes, bytes resident) after each second."""
    watched = psutil.Process(system.children["metrics"].pid)
    chance = random.Random(17)
    count = round(minutes * 60 * EXPORTS_A_SECOND)
    seen = []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{system.ports['metrics']}") as channel:
        export: Any = channel.unary_unary(METHOD)
        began = time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / EXPORTS_A_SECOND - time.monotonic()))
            await export(_batch(chance), timeout=30)
            if (number + 1) % EXPORTS_A_SECOND == 0:
                seen.append(((number + 1) / EXPORTS_A_SECOND / 60, watched.memory_info().rss))
    return seen


def test_memory_stays_flat(metrics: System) -> None:
    """What the process holds at the end is what it held when it was warm, and every export is counted."""
    whole = WARM_UP + MINUTES
    seen = asyncio.run(_push(metrics, whole))
    with MongoClient[dict[str, Any]](metrics.mongod.uri) as client:
        kept = client["metrics"]["span_exports"].count_documents({"spans": SPANS})
    # The middle of many moments: a look of the watch, and a collection of garbage, come and go.
    some = MINUTES / 5
    warm = statistics.median(rss for minute, rss in seen if WARM_UP <= minute < WARM_UP + some)
    end = statistics.median(rss for minute, rss in seen if minute >= whole - some)
    for minute, rss in seen[:: len(seen) // 12]:
        print(f"after {minute:.1f} minutes: {rss / MIB:.1f} MiB")
    print(f"{kept} exports of {SPANS} spans; warm {warm / MIB:.1f} MiB, at the end {end / MIB:.1f} MiB")
    assert kept == round(whole * 60 * EXPORTS_A_SECOND)
    assert end <= warm + max(MORE * warm, LEAST_MORE)
