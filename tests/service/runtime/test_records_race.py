"""Many at once on one document: every cause once, versions without a hole, a chain that verifies."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.runtime.records import Record, change_many
from services.runtime.refusal import Refusal
from tests.service.runtime.jars import Cellar, cause, new, put


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_racing_replicas_apply_every_cause_once(mongo_uri: str, database: str, seed: int) -> None:
    """Three replicas send 60 causes, each two or three times, single and in batches, while their relays run."""
    dice = random.Random(seed)
    causes = [i for i in range(60) for _ in range(dice.choice((2, 3)))]
    dice.shuffle(causes)
    async with (
        Cellar(mongo_uri, database) as one,
        Cellar(mongo_uri, database) as two,
        Cellar(mongo_uri, database) as three,
    ):
        replicas = (one, two, three)
        for replica in replicas:
            replica.relay.start()
        await one.jars.create("jars/A", cause("birth"), new(-1))

        async def send(part: list[int]) -> None:
            replica = dice.choice(replicas)
            left = part
            while left:
                await asyncio.sleep(dice.uniform(0, 0.02))
                changes = [replica.jars.entry("jars/A", cause(f"r{i}"), put(i)) for i in left]
                if len(left) == 1:
                    try:
                        await replica.jars.change("jars/A", cause(f"r{left[0]}"), put(left[0]))
                        return
                    except Refusal as refusal:
                        refused.add(refusal.reason)
                        continue
                results = await change_many(changes)
                left = [i for i, result in zip(left, results, strict=True) if not isinstance(result, Record)]

        refused: set[str] = set()
        parts = []
        while causes:
            size = dice.choice((1, 1, 1, 4))
            parts.append([causes.pop() for _ in range(min(size, len(causes)))])
        await asyncio.gather(*(send(part) for part in parts))
        for replica in replicas:
            await replica.relay.stop()
        jar = await one.jars.get("jars/A")
        entries = await one.entries("jars/A")
        verdict = await one.verdict()

    assert refused <= {"CONTENTION"}
    assert sorted(jar.state.coins) == list(range(-1, 60))
    assert jar.version == jar.sequence == 61
    assert [entry.version for entry in entries] == list(range(1, 62))
    assert verdict.fault is None
    assert verdict.entries == 61


async def test_racing_creations_of_one_cause_make_one(mongo_uri: str, database: str) -> None:
    """Two replicas create for the same cause under different names at once: one resource, everybody gets it."""
    async with Cellar(mongo_uri, database) as one, Cellar(mongo_uri, database) as two:
        made = await asyncio.gather(
            *(cellar.jars.create(f"jars/{i}", cause("r1"), new(5)) for i in range(8) for cellar in (one, two))
        )
        count = await one.jars.count({}, 10)

    assert len({record.name for record in made}) == 1
    assert count == 1


class Commands(CommandListener):
    """Writes down every command that is sent."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.names.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing of interest."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing of interest."""


async def test_two_hundred_documents_take_one_read_and_one_write(mongo_uri: str, database: str) -> None:
    """A batch over 200 documents with two causes each is one find and one bulk write, in the order of the causes."""
    commands = Commands()
    async with Cellar(mongo_uri, database, event_listeners=[commands]) as cellar:

        async def send(*turns: int) -> list[Record[Any] | Exception]:
            commands.names.clear()
            return await change_many(
                [cellar.jars.entry(f"jars/{i}", cause(f"{i}-{turn}"), put(turn)) for turn in turns for i in range(200)]
            )

        made = await send(1, 2)
        to_make = list(commands.names)
        changed = await send(3)
        to_change = list(commands.names)
        again = await send(1, 2, 3)
        to_repeat = list(commands.names)
        total = await cellar.jars.count({"state.total": 6}, 1000)

    assert (to_make, to_change, to_repeat) == (["find", "insert"], ["find", "update"], ["find", "update"])
    assert [record.version for record in made if isinstance(record, Record)] == [1] * 200 + [2] * 200
    assert [record.version for record in (*changed, *again) if isinstance(record, Record)] == [3] * 800
    assert total == 200


async def test_calls_that_wait_share_a_write(mongo_uri: str, database: str) -> None:
    """100 calls at once on one document: the first goes at once, the others travel together, and none loses a race."""
    commands = Commands()
    async with Cellar(mongo_uri, database, event_listeners=[commands]) as cellar:
        await cellar.jars.count({}, 1)
        commands.names.clear()
        made = await asyncio.gather(*(cellar.jars.upsert("jars/A", cause(f"r{i}"), put(i)) for i in range(100)))
        sent = list(commands.names)

    assert sent == ["find", "insert", "find", "update"]
    assert [record.version for record in made] == list(range(1, 101))
    assert made[-1].state.coins == tuple(range(100))


async def test_calls_on_many_documents_all_land(mongo_uri: str, database: str) -> None:
    """64 calls at once on 32 documents, none lost to the others of its own process."""
    async with Cellar(mongo_uri, database) as cellar:
        await asyncio.gather(
            *(cellar.jars.upsert(f"jars/{i % 32}", cause(f"r{i}"), put(i)) for i in range(64)),
        )
        found = await cellar.jars.find([f"jars/{i}" for i in range(32)])

    assert {name: sorted(record.state.coins) for name, record in found.items()} == {
        f"jars/{i}": [i, i + 32] for i in range(32)
    }


async def test_a_caller_that_gives_up_leaves_the_lane_open(mongo_uri: str, database: str) -> None:
    """A cancelled call takes no other down; asked again, its cause is applied once."""
    async with Cellar(mongo_uri, database) as cellar:
        tasks = [asyncio.create_task(cellar.jars.upsert("jars/A", cause(f"r{i}"), put(i))) for i in range(6)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for i in (0, 3):
            await cellar.jars.upsert("jars/A", cause(f"r{i}"), put(i))
        jar = await cellar.jars.get("jars/A")

    assert sorted(jar.state.coins) == [0, 1, 2, 3, 4, 5]
    assert jar.version == 6
