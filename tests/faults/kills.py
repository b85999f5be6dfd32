"""Plans of death for the replicas of one service: at named points and at random, from a seed, under load."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.runtime.crashpoint import POINTS
from tests.faults.rig import Rig

RANDOM = "at random"
_REACHED_S = 30.0
_EXIT = 9
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


def plan(service: str, processes: list[str], count: int, seed: int) -> Iterator[Death]:
    """So many deaths, taken in turn by the points and by chance; each replica in its turn."""
    chance = random.Random(seed)
    points = [*points_of(service), RANDOM]
    for number in range(count):
        point = points[number % len(points)]
        process = processes[number * len(processes) // count]
        yield Death(process, point, chance.choice([1, 1, 2, 3, 5, 8]), chance.uniform(0.0, 2.5))


async def carry_out(rig: Rig, deaths: Iterable[Death]) -> Counter[str]:
    """All deaths one after the other, each life beginning where the one before ended; how many died where.

    The last life of each replica goes on.
    """
    died: Counter[str] = Counter()
    for death in deaths:
        child = rig.system.children[death.process]
        if child.alive:
            await rig.kill(death.process)
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
        assert child.exit_code == _EXIT, f"{death} ended otherwise: {child.tail()}"
        return death.point
    # It never came there so often: a death at random then, and counted as such.
    await rig.kill(death.process)
    return RANDOM
