"""Five faults in real time: the running service, its own clock and watch, spans sent when they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from throughline.metrics.v1 import outage_pb2
from throughline.metrics.v1.availability_service_pb2 import ListOutagesRequest
from throughline.metrics.v1.availability_service_pb2_grpc import AvailabilityServiceStub

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.load.places import part_of_the_system
from tests.support.outages import METHOD, slice_of
from tests.support.shop import KINDS, Fault, Shop, Spoken, exports, failed, fault
from tool.connection import Connection

FIRST = 500
"""A multiple of the kinds, so that each of them comes once; none of the two hundred."""
LENGTH, PATIENCE = timedelta(minutes=14, seconds=30), 240.0
"""An outage is over after five good minutes, so that long the shops must go on after the last fault."""
READER = Actor("people/sre", frozenset({"executive"}))


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """Metrics with its stores; its own spans go nowhere, so that every outage is one of a shop."""
    with part_of_the_system(tmp_path, "metrics") as part:
        yield part


@pytest.mark.timeout(1800)
def test_five_faults_in_real_time(system: System) -> None:
    """One of each kind, in five shops at once: each is bounded within a slice, named, and counted to the request."""
    start = datetime.now(UTC) + timedelta(seconds=10)
    faults = {f"shop{number}-": fault(FIRST + number, start) for number in range(len(KINDS))}
    told = {
        prefix: [
            one
            for trace in Shop(FIRST + number, injected).traces(start, start + LENGTH)
            for one in trace
        ]
        for number, (prefix, injected) in enumerate(faults.items())
    }  # fmt: skip
    sent = [export for prefix, spans in told.items() for export in exports(spans, prefix=prefix)]
    asyncio.run(_send(system, sorted(sent)))
    connection = Connection(system.addresses, system.keys, READER)
    found = _closed(connection, start)
    connection.close()
    for prefix, injected in faults.items():
        own = [one for one in found if one.service.startswith(prefix)]
        print(f"{injected.kind} at {injected.target}: {[(one.service, one.root_service) for one in own]}")
        _agrees(prefix, injected, told[prefix], own)


async def _send(system: System, sent: Sequence[tuple[datetime, bytes]]) -> None:
    """Each export at its own time."""
    async with grpc.aio.insecure_channel(system.addresses["metrics"]) as channel:
        export: Any = channel.unary_unary(METHOD)
        for arrives, request in sent:
            await asyncio.sleep(max(0.0, (arrives - datetime.now(UTC)).total_seconds()))
            await export(request, timeout=30)


def _closed(connection: Connection, start: datetime) -> list[outage_pb2.Outage]:
    """The outages as the service tells them, once all are over."""
    request = ListOutagesRequest()
    request.period.start_time.FromDatetime(start)
    request.period.end_time.FromDatetime(start + LENGTH)
    stub = connection.stub("metrics", AvailabilityServiceStub)
    until = time.monotonic() + PATIENCE
    while True:
        found = list(connection.call(stub.ListOutages, request).outages)
        shops = {one.service.partition("-")[0] for one in found}
        if len(shops) == len(KINDS) and all(one.state == outage_pb2.OUTAGE_STATE_CLOSED for one in found):
            return found
        assert time.monotonic() < until, f"these were found, and not all are over: {found}"
        time.sleep(1)


def _agrees(prefix: str, injected: Fault, spans: Sequence[Spoken], own: Sequence[outage_pb2.Outage]) -> None:
    named = [one for one in own if one.root_service == prefix + injected.target]
    assert named, f"{injected} is not named: {own}"
    one = next((each for each in named if each.service == prefix + injected.target), named[0])
    first, end = one.start_time.ToDatetime(tzinfo=UTC), one.end_time.ToDatetime(tzinfo=UTC)
    instant = timedelta(milliseconds=1)
    assert abs(slice_of(first) - slice_of(injected.start)) <= 1
    assert abs(slice_of(end - instant) - slice_of(injected.end - instant)) <= 1
    began, over = (round(at.timestamp() * 1000) for at in (first, end))
    lost = [at for service, at in failed(spans) if prefix + service == one.service and began <= at < over]
    assert one.scope.requests == len(lost)
