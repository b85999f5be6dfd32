"""Seeded load: so many stories a service at a time, one after the other, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from throughline.sla.v1 import sla_pb2

from tests.faults.callers import FAY, ROOT, Callers
from tests.faults.stories import STORIES, StoryEnds, Teller, cost_model

PAUSE_S = 0.35
EVEN = {"tickets": 3, "changes": 1, "knowledge": 1, "portal": 1, "sla": 1, "metrics": 1}
# Priority -> response and resolution; short enough to be warned of and breached while a test runs.
TARGETS = {1: (2, 6), 2: (4, 12), 3: (8, 24), 4: (3600, 7200)}


async def configure(callers: Callers) -> None:
    """What the tickets of the load are judged and valued by."""
    await _publish_promises(callers)
    if callers.knows("metrics"):
        await _approve_model(callers)


async def _approve_model(callers: Callers) -> None:
    model = cost_model(datetime(2020, 1, 1, tzinfo=UTC), "The first.")
    await callers.change("metrics", ROOT, "DraftCostModel", "CostModelDrafted", {}, cost_model=model)
    await callers.change(
        "metrics", FAY, "ApproveCostModel", "CostModelApproved", {}, name=model.name, version=1, note="Agreed."
    )


async def _publish_promises(callers: Callers) -> None:
    calendar = sla_pb2.Calendar(name="calendars/always", time_zone="UTC")
    for weekday in range(1, 8):
        calendar.weekly_hours.add(weekday=weekday).segments.add(start="00:00", end="24:00")
    await callers.change("sla", ROOT, "PublishCalendar", "CalendarPublished", {}, calendar=calendar)
    for priority, (response, resolution) in TARGETS.items():
        policy = sla_pb2.Policy(name=f"policies/p{priority}", order=priority, calendar=calendar.name)
        policy.match.priorities.append(priority)
        for kind, seconds in ((sla_pb2.CLOCK_KIND_RESPONSE, response), (sla_pb2.CLOCK_KIND_RESOLUTION, resolution)):
            target = policy.targets.add(kind=kind, warn_percent=50)
            target.duration.FromTimedelta(timedelta(seconds=seconds))
        await callers.change("sla", ROOT, "PublishPolicy", "PolicyPublished", {}, policy=policy)


class Load:
    """Stories at work. weights: how many at a time by service."""

    def __init__(self, callers: Callers, seed: int, weights: Mapping[str, int]) -> None:
        self._callers = callers
        self._chance = random.Random(seed)
        self._weights = weights
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins."""
        for service, count in self._weights.items():
            for _ in range(count):
                chance = random.Random(self._chance.getrandbits(64))
                self._tasks.append(asyncio.create_task(self._tell(service, chance)))

    async def stop(self) -> None:
        """Lets every operation in hand end, and no other begin; raises what went wrong in a story."""
        self._stopping = True
        await asyncio.gather(*self._tasks)

    async def _tell(self, service: str, chance: random.Random) -> None:
        while not self._stopping:
            with contextlib.suppress(StoryEnds):
                await STORIES[service](Teller(self._callers, chance, self._pace))

    async def _pace(self, chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(0.2, 1.8) * PAUSE_S)
        if self._stopping:
            raise StoryEnds


@asynccontextmanager
async def load(callers: Callers, seed: int, weights: Mapping[str, int] | None = None) -> AsyncIterator[Load]:
    """Load while the block runs; ends with every operation answered, or given up."""
    one = Load(callers, seed, weights or EVEN)
    one.start()
    try:
        yield one
    finally:
        await one.stop()
