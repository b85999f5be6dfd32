"""Outbox -> journal -> broker: everything arrives, in order per resource, whatever is away and wherever it dies."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from services.runtime import crashpoint
from services.runtime.journal import NEW, SENT, Entry
from services.runtime.relay import Relay
from tests.service.runtime.jars import Cellar, cause, put
from tests.service.runtime.probe import until

ROOT = Path(__file__).resolve().parents[3]
NOW = timedelta(0)


@pytest.fixture
async def cellar(mongo_uri: str, database: str) -> AsyncIterator[Cellar]:
    """An empty cellar; its relay does not run yet."""
    async with Cellar(mongo_uri, database) as one:
        yield one
        await one.relay.stop()


async def _fill(cellar: Cellar, jars: int = 3, coins: int = 4) -> None:
    for coin in range(coins):
        await asyncio.gather(
            *(cellar.jars.upsert(f"jars/{jar}", cause(f"{jar}-{coin}"), put(coin)) for jar in range(jars))
        )


async def _settled(cellar: Cellar) -> bool:
    waiting = await cellar.jars.collection.count_documents({"pending": {"$exists": True}})
    return not waiting and not await cellar.journal.entries.count_documents({"state": NEW})


def _orders(entries: Sequence[Entry]) -> dict[str, list[int]]:
    orders: dict[str, list[int]] = {}
    for entry in entries:
        orders.setdefault(entry.resource, []).append(entry.sequence)
    return orders


async def test_what_is_written_is_journalled_published_and_let_go(cellar: Cellar) -> None:
    """With all well, every event is published once, in order per resource, marked, and gone from its outbox."""
    cellar.relay.start()
    await _fill(cellar)
    await until(lambda: _settled(cellar))

    assert _orders(cellar.broker.published) == {f"jars/{jar}": [1, 2, 3, 4] for jar in range(3)}
    for jar in range(3):
        document = await cellar.document(f"jars/{jar}")
        assert (document["outbox"], document["version"]) == ([], 4)
        entries = await cellar.entries(f"jars/{jar}")
        assert [entry.state for entry in entries] == [SENT] * 4
        assert [cellar.broker.ids[entry.id] for entry in entries] == [entry.stream_sequence for entry in entries]
    assert cellar.relay.waiting == 0


async def test_outboxes_drain_while_the_broker_is_away(cellar: Cellar) -> None:
    """Events wait in the journal, commands go on, and all is published in order when the broker is back."""
    cellar.broker.away = True
    cellar.relay.start()
    await _fill(cellar, jars=2, coins=70)
    await until(lambda: cellar.relay.oldest_unsent > 0)
    documents = [await cellar.document(f"jars/{jar}") for jar in range(2)]
    await until(lambda: _drained(cellar))
    assert cellar.broker.published == []
    assert [document["version"] for document in documents] == [70, 70]

    cellar.broker.away = False
    cellar.relay.broker_is_back()
    await until(lambda: _settled(cellar))

    assert _orders(cellar.broker.published) == {f"jars/{jar}": list(range(1, 71)) for jar in range(2)}


async def _drained(cellar: Cellar) -> bool:
    return not await cellar.jars.collection.count_documents({"pending": {"$exists": True}})


async def test_one_event_that_cannot_be_published_holds_up_no_other(cellar: Cellar) -> None:
    """An answer that is about the entry itself, not the broker, leaves the rest flowing."""
    good = cellar.broker.publish

    async def picky(entries: Sequence[Entry]) -> list[int | Exception]:
        answers = await good([entry for entry in entries if entry.sequence != 2])
        rest = iter(answers)
        return [ValueError("no envelope") if entry.sequence == 2 else next(rest) for entry in entries]

    relay = Relay(cellar.journal, picky)
    relay.watch(cellar.jars)
    cellar.jars.notice = relay.notice
    await _fill(cellar)
    await relay.stop()
    await relay.sweep(settle=NOW)

    assert _orders(cellar.broker.published) == {f"jars/{jar}": [1, 3, 4] for jar in range(3)}
    await cellar.jars.upsert("jars/new", cause("new"), put(1))
    await relay.stop()
    assert cellar.broker.published[-1].resource == "jars/new"
    assert await cellar.journal.entries.count_documents({"state": NEW}) == 3


async def test_two_relays_that_sweep_at_once_do_no_harm(mongo_uri: str, database: str) -> None:
    """Leftovers found by two replicas are journalled once and published under the same ids."""
    async with Cellar(mongo_uri, database) as one, Cellar(mongo_uri, database) as two:
        await _fill(one, jars=20, coins=5)
        two.broker = one.broker
        two.relay = Relay(two.journal, one.broker.publish)
        two.relay.watch(two.jars)
        await asyncio.gather(one.relay.sweep(settle=NOW), two.relay.sweep(settle=NOW))
        await one.relay.sweep(settle=NOW)

        assert await _settled(one)
        assert len(one.broker.ids) == 100
        assert (await one.verdict()).fault is None
        assert await one.journal.entries.count_documents({}) == 100


async def test_an_entry_that_contradicts_the_journal_stays_where_it_is(cellar: Cellar) -> None:
    """Another entry under the same id is not taken for a duplicate: the outbox keeps it, everything else flows."""
    await _fill(cellar, jars=2, coins=1)
    entry = Entry.from_document((await cellar.document("jars/0"))["outbox"][0])
    forged = {**entry.to_document(), "hash": b"x" * 32}
    await cellar.journal.entries.insert_one(forged)
    await cellar.relay.stop()

    assert len((await cellar.document("jars/0"))["outbox"]) == 1
    assert (await cellar.document("jars/1"))["outbox"] == []
    assert [entry.resource for entry in cellar.broker.published] == ["jars/1"]


_WORKER = """
import asyncio, sys
from services.runtime.records import change_many
from tests.service.runtime.jars import Cellar, cause, put

async def main() -> None:
    async with Cellar(sys.argv[1], sys.argv[2]) as cellar:
        cellar.relay.start()
        for turn in range(40):
            await change_many([cellar.jars.entry(f"jars/{i}", cause(f"{i}-{turn}"), put(turn)) for i in range(5)])
            print(turn, flush=True)
            await asyncio.sleep(0.02)
        await cellar.relay.stop()

asyncio.run(main())
"""


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("point", [point for point in crashpoint.POINTS if point != "after-write-before-ack"])
async def test_the_next_relay_finishes_after_a_crash(cellar: Cellar, mongo_uri: str, point: str, times: int) -> None:
    """Killed at a named point: nothing acknowledged is lost, and the same work sent again is applied once."""
    command = [sys.executable, "-c", _WORKER, mongo_uri, cellar.db.name]
    path = os.pathsep.join((str(ROOT), str(ROOT / "proto" / "gen")))
    environment = {**os.environ, "PYTHONPATH": path, "TL_CRASH_AT": f"{point}:{times}"}
    killed = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    acknowledged = len(killed.stdout.split())
    after_crash = [await cellar.document(f"jars/{i}") for i in range(5)]
    del environment["TL_CRASH_AT"]
    again = await asyncio.to_thread(_ended, command, environment)
    await cellar.relay.sweep(settle=NOW)

    assert (killed.returncode, again.returncode) == (9, 0), killed.stderr + again.stderr
    assert acknowledged < 40
    assert all(document["version"] >= acknowledged for document in after_crash)
    assert await _settled(cellar)
    for i in range(5):
        jar = await cellar.jars.get(f"jars/{i}")
        assert jar.state.coins == tuple(range(40))
        assert jar.version == 40
        assert [entry.sequence for entry in await cellar.entries(f"jars/{i}")] == list(range(1, 41))
    assert (await cellar.verdict()).fault is None


def _ended(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The worker's end; one that has done its work and does not end is killed and started again, as a pod would be."""
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


async def test_stop_ends_in_time_when_the_broker_hangs(cellar: Cellar) -> None:
    """A broker that never answers does not keep the process from stopping."""

    async def hang(_entries: Sequence[Entry]) -> list[int | Exception]:
        await asyncio.sleep(3600)
        raise AssertionError("never")

    relay = Relay(cellar.journal, hang)
    cellar.jars.notice = relay.notice
    relay.start()
    await _fill(cellar, jars=1)
    started = asyncio.get_running_loop().time()
    await relay.stop(timeout_s=0.5)

    assert asyncio.get_running_loop().time() - started < 2
    await cellar.relay.sweep(settle=NOW)
    await cellar.relay.sweep(settle=NOW)
    assert await _settled(cellar)
