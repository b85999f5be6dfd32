"""MongoDB away, NATS away, NATS wiped, a replica frozen: calls hear why, events wait, and all recovers by itself."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping

import grpc
import pytest

from services.runtime.client import refusal_of
from tests.faults.callers import ROOT, Callers
from tests.faults.invariants import figures, shown
from tests.faults.load import EVEN, load
from tests.faults.operations import Outcome
from tests.faults.rig import Rig

SEED = 33
_WARM_S = 4.0
_AWAY_S = 12.0
_BACK_S = 30.0
# One read of each service, that needs its store.
READS: Mapping[str, tuple[str, dict[str, str]]] = {
    "tickets": ("ListTickets", {}),
    "changes": ("ListChanges", {}),
    "knowledge": ("ListArticles", {}),
    "portal": ("ListTeams", {}),
    "sla": ("ListPolicies", {}),
    "metrics": ("ListCostModels", {}),
}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("how", ["frozen", "killed"])
async def test_mongodb_away(rig: Rig, how: str) -> None:
    """While MongoDB is frozen or dead every service answers UNAVAILABLE with the reason STORE_UNAVAILABLE; when it is
    back the same processes serve again, and nothing acknowledged is lost.
    """
    processes = {name: child.pid for name, child in rig.system.children.items()}
    async with rig.callers() as callers:
        async with load(callers, SEED):
            await asyncio.sleep(_WARM_S)
            if how == "frozen":
                rig.send("mongod", signal.SIGSTOP)
            else:
                await rig.beside(rig.system.mongod.kill)
            await asyncio.sleep(_AWAY_S / 2)
            for service in rig.services:
                assert await _reason(callers, service) == "UNAVAILABLE STORE_UNAVAILABLE", service
            await asyncio.sleep(_AWAY_S / 2)
            if how == "frozen":
                rig.send("mongod", signal.SIGCONT)
            else:
                await rig.beside(rig.system.mongod.start)
            back = await _all_serve(rig, callers)
            await asyncio.sleep(_WARM_S)
        found = await rig.judge(callers)
    print(f"\nmongod {how}: seed {SEED}, served again after {back:.1f} s, {figures(rig.operations, found)}")
    assert {name: child.pid for name, child in rig.system.children.items()} == processes, "something was restarted"
    assert not [one.doubts for one in rig.operations if any("INTERNAL" in doubt for doubt in one.doubts)]
    assert not found, shown(found)


@pytest.mark.timeout(1200)
async def test_nats_away(rig: Rig) -> None:
    """While nats-server is dead every command succeeds and its events wait; once it is back they go out and all
    consumers catch up, without a restart of any service.
    """
    processes = {name: child.pid for name, child in rig.system.children.items()}
    async with rig.callers() as callers:
        async with load(callers, SEED + 1):
            await asyncio.sleep(_WARM_S)
            await rig.beside(rig.system.nats.kill)
            before = len(rig.operations)
            await asyncio.sleep(_AWAY_S)
            assert len(rig.operations) > before + 20, "nobody called meanwhile"
            assert rig.unsent() > 20, "the events must wait in the journals"
            await rig.beside(rig.system.nats.start)
            await asyncio.sleep(_WARM_S)
        found = await rig.judge(callers)
    print(f"\nnats away: seed {SEED + 1}, {figures(rig.operations, found)}")
    assert all(one.outcome is Outcome.OK and not one.doubts for one in rig.operations)
    assert {name: child.pid for name, child in rig.system.children.items()} == processes, "something was restarted"
    assert not found, shown(found)


@pytest.mark.timeout(1200)
async def test_a_wiped_jetstream_is_refilled(rig: Rig) -> None:
    """nats-server loses its whole store under load: the services declare their streams and consumers again and refill
    them from their journals, and every fold is complete.
    """
    async with rig.callers() as callers:
        async with load(callers, SEED + 2):
            await asyncio.sleep(2 * _WARM_S)
            await rig.beside(rig.system.nats.kill)
            rig.system.nats.wipe()
            await asyncio.sleep(2.0)
            await rig.beside(rig.system.nats.start)
            await asyncio.sleep(2 * _WARM_S)
        found = await rig.judge(callers)
    print(f"\nnats wiped: seed {SEED + 2}, {figures(rig.operations, found)}")
    assert all(one.outcome is Outcome.OK and not one.doubts for one in rig.operations)
    assert not found, shown(found)


@pytest.mark.timeout(1200)
async def test_a_replica_frozen_with_timers(rig: Rig) -> None:
    """A replica of sla stands still for longer than its leases while it holds timers and messages: the other takes
    both over, and what the first one does when it wakes has no second effect.
    """
    frozen = rig.system.replicas["sla"][0]
    async with rig.callers() as callers:
        async with load(callers, SEED + 3, {**EVEN, "tickets": 6, "sla": 0}):
            await asyncio.sleep(2 * _WARM_S)
            rig.send(frozen, signal.SIGSTOP)
            await asyncio.sleep(45.0)
            rig.send(frozen, signal.SIGCONT)
            await asyncio.sleep(_WARM_S)
        found = await rig.judge(callers)
    print(f"\nsla frozen: seed {SEED + 3}, {figures(rig.operations, found)}")
    assert not found, shown(found)


async def _reason(callers: Callers, service: str) -> str:
    """How a read is refused: its code and reason; "" when it is answered."""
    method, fields = READS[service]
    try:
        await callers.read(service, ROOT, method, **fields)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name} {refusal_of(error).reason}"
    return ""


async def _all_serve(rig: Rig, callers: Callers) -> float:
    """Waits until every service answers; the seconds that it took."""
    began = time.monotonic()
    for service in rig.services:
        while reason := await _reason(callers, service):
            assert time.monotonic() - began < _BACK_S, f"{service} still says {reason}"
            await asyncio.sleep(0.2)
    return time.monotonic() - began
