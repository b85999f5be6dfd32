"""Plans of death for the replicas of one service: at named points and at random, from a seed, under load."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.runtime.crashpoint import POINTS
from tests.faults.rig import Rig

AT_POINTS = 20
AT_RANDOM = 4
RANDOM = "at random"
_REACHED_S = 30.0
EXIT = 9
# Only who hears events acknowledges any.
HEARS = ("sla", "metrics")


@dataclass(frozen=True, slots=True)
class Death:
    """process dies at the n-th arrival at a point, or after some seconds of work."""

    process: str
    point: str
    n: int
    after_s: float


def points_of(service: str) -> list[str]:
    """The points that the service comes by."""
    return [point for point in POINTS if service in HEARS or point != "after-write-before-ack"]


def plan(service: str, processes: list[str], seed: int) -> Iterator[Death]:
    """All deaths: the points in turn, and some at random between them; each replica in its turn."""
    chance = random.Random(seed)
    points = points_of(service)
    where = [points[number % len(points)] for number in range(AT_POINTS)]
    for number in range(AT_RANDOM):
        where.insert((number + 1) * len(where) // (AT_RANDOM + 1), RANDOM)
    for number, point in enumerate(where):
        process = processes[number * len(processes) // len(where)]
        yield Death(process, point, chance.choice([1, 1, 2, 3, 5, 8]), chance.uniform(0.0, 2.5))


async def carry_out(rig: Rig, deaths: Iterable[Death]) -> Counter[str]:
    """All deaths one after the other, each life beginning where the one before ended; how many died where.

    The other replicas live meanwhile, and at the end all do.
    """
    died: Counter[str] = Counter()
    for death in deaths:
        for process in rig.system.replicas[death.process.partition("-")[0]]:
            alive = rig.system.children[process].alive
            if process == death.process and alive:
                await rig.kill(process)
            elif process != death.process and not alive:
                await rig.start_process(process)
        died[await _lived(rig, death)] += 1
    await rig.heal()
    return died


async def _lived(rig: Rig, death: Death) -> str:
    """One life; where it ended."""
    child = rig.system.children[death.process]
    if death.point == RANDOM:
        await rig.start_process(death.process)
        await asyncio.sleep(death.after_s)
        await rig.kill(death.process)
        return RANDOM
    await rig.start_process(death.process, crash_at=f"{death.point}:{death.n}", ready=False)
    if await rig.died(death.process, _REACHED_S):
        assert child.exit_code == EXIT, f"{death} ended otherwise: {child.tail()}"
        return death.point
    # It did not come there so often in time, as on a machine that is busy with something else: at the first arrival.
    await rig.kill(death.process)
    await rig.start_process(death.process, crash_at=f"{death.point}:1", ready=False)
    assert await rig.died(death.process, 4 * _REACHED_S), f"{death.process} never comes to {death.point}"
    return death.point
