"""SIGTERM of one replica of each service under load: whoever calls does not notice."""

from __future__ import annotations

import asyncio
import signal

import pytest

from deploy.local.system import SERVICES
from tests.faults.invariants import figures, shown
from tests.faults.load import load
from tests.faults.operations import Outcome
from tests.faults.rig import Rig

SEED = 22
EVERYWHERE = {"tickets": 4, "changes": 2, "knowledge": 2, "portal": 2, "sla": 2, "metrics": 1}
_STOPS_S = 40.0


@pytest.mark.timeout(1200)
async def test_sigterm_fails_no_call(rig: Rig) -> None:
    """A replica of each service is asked to stop while calls come in: every call is answered at its first attempt that
    the caller sees, the process ends by itself with code 0, and nothing is lost or doubled.
    """
    async with rig.callers() as callers:
        async with load(callers, SEED, EVERYWHERE):
            await asyncio.sleep(3)
            for service in SERVICES:
                process = rig.system.replicas[service][0]
                child = rig.system.children[process]
                before = len(rig.operations)
                rig.send(process, signal.SIGTERM)
                assert await rig.died(process, _STOPS_S), f"{process} did not stop in {_STOPS_S:.0f} s"
                assert child.exit_code == 0, f"{process} ended with {child.exit_code}:\n{child.tail()}"
                assert len(rig.operations) > before, "nobody called meanwhile"
                await rig.start_process(process)
        found = await rig.judge(callers)
    print(f"\nsigterm: seed {SEED}, {figures(rig.operations, found)}")
    doubted = [f"{one.service} {one.method}: {one.doubts}" for one in rig.operations if one.doubts]
    assert not doubted, shown(doubted)
    assert all(one.outcome is Outcome.OK for one in rig.operations), [
        (one.method, one.reason) for one in rig.operations if one.outcome is not Outcome.OK
    ][:5]
    assert not found, shown(found)
