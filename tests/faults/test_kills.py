"""kill -9 of replicas at the points where it matters: no acknowledged change is lost, none is applied twice."""

from __future__ import annotations

import pytest

from deploy.local.system import SERVICES
from tests.faults.invariants import figures, shown
from tests.faults.kills import AT_POINTS, AT_RANDOM, carry_out, plan, points_of
from tests.faults.load import EVEN, load
from tests.faults.rig import Rig

AT_EACH_POINT = 4
SEED = 20261123


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("service", SERVICES)
async def test_kills_lose_nothing_and_double_nothing(rig: Rig, service: str) -> None:
    """Two replicas of the service die 24 times under load, 20 of them at the points that it comes by, and all
    invariants hold.
    """
    seed = SEED + SERVICES.index(service)
    # What sla and metrics do, tickets make them do.
    weights = {**EVEN, service: EVEN[service] + 3, "tickets": EVEN["tickets"] + (service in ("sla", "metrics")) * 2}
    async with rig.callers() as callers:
        async with load(callers, seed, weights):
            died = await carry_out(rig, plan(service, rig.system.replicas[service], seed))
        found = await rig.judge(callers)
    print(f"\n{service}: seed {seed}, kills {dict(died)}\n{figures(rig.operations, found)}", *found[:5], sep="\n")
    assert not found, shown(found)
    assert all(died[point] >= AT_EACH_POINT for point in points_of(service)), died
    assert sum(died.values()) == AT_POINTS + AT_RANDOM
