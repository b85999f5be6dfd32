"""How long it takes until the board shows what was just committed, at a modest rate with the whole system on."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from throughline.metrics.v1 import board_pb2
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub

from deploy.local.system import System
from services.runtime.actor import Actor
from services.runtime.client import acting, channel
from services.runtime.identity import Keys
from tests.load import places
from tests.load.rounds import ROUNDS, Rounds, percentile

TICKETS = 100
A_SECOND = 20
READER = Actor("people/reader", frozenset({"executive"}))
P50_MS, P99_MS = 150.0, 1000.0

pytestmark = pytest.mark.timeout(300)


class Watch:
    """When a ticket was answered, and when the board first counted that many."""

    def __init__(self, system: System, tickets: Any, metrics: Any) -> None:
        self._keys = Keys(system.keys, "portal")
        self._tickets = tickets
        self._metrics = metrics
        self.committed: list[float] = []
        self.seen: list[float] = []

    async def file(self) -> None:
        """Files tickets at an even rate."""
        first = time.perf_counter()
        for number in range(TICKETS):
            await asyncio.sleep(max(0.0, first + number / A_SECOND - time.perf_counter()))
            with acting(self._keys.sign_person(places.AGENT)):
                await self._tickets.CreateTicket(places.filing())
            self.committed.append(time.perf_counter())

    async def look(self, before: int) -> None:
        """Asks for the board again and again until it shows all that is filed."""
        while len(self.seen) < TICKETS:
            count = await self.count() - before
            self.seen += [time.perf_counter()] * (count - len(self.seen))
            await asyncio.sleep(0.01)

    async def count(self) -> int:
        """The tickets on the board of these days."""
        now = datetime.now(UTC)
        request = board_pb2.GetBoardRequest()
        request.period.start_time.FromDatetime((now - timedelta(days=1)).replace(hour=0, minute=0, second=0))
        request.period.end_time.FromDatetime((now + timedelta(days=2)).replace(hour=0, minute=0, second=0))
        with acting(self._keys.sign_person(READER)):
            board = await self._metrics.GetBoard(request)
        return int(board.tickets)


async def test_from_the_commit_to_the_board(system: System) -> None:
    """Half of the tickets are on the board 150 ms after they were filed, 99 of 100 after a second."""
    keys = Keys(system.keys, "portal")
    half, nearly_all = (Rounds(f"filed -> on the board at {A_SECOND}/s, {name}", "ms") for name in ("p50", "p99"))
    async with (
        channel(system.addresses["tickets"], "tickets", keys) as to_tickets,
        channel(system.addresses["metrics"], "metrics", keys) as to_metrics,
    ):
        for _ in range(ROUNDS):
            await places.drained(system)
            watch = Watch(system, TicketsServiceStub(to_tickets), MetricsServiceStub(to_metrics))
            before = await _still(watch)
            async with asyncio.timeout(90), asyncio.TaskGroup() as both:
                both.create_task(watch.file())
                both.create_task(watch.look(before))
            late = [(seen - at) * 1000 for at, seen in zip(watch.committed, watch.seen, strict=True)]
            half.add("ours", percentile(late, 0.5))
            half.add("bar", P50_MS)
            nearly_all.add("ours", percentile(late, 0.99))
            nearly_all.add("bar", P99_MS)
    half.hold("p50", "ours", "bar", most=1.0)
    nearly_all.hold("p99", "ours", "bar", most=1.0)
    broken = []
    for rounds in (half, nearly_all):
        try:
            rounds.close()
        except AssertionError as error:
            broken.append(str(error))
    assert not broken, "; ".join(broken)


async def _still(watch: Watch) -> int:
    """The count once it does not move any more."""
    before, now = -1, await watch.count()
    while now != before:
        await asyncio.sleep(0.5)
        before, now = now, await watch.count()
    return now
