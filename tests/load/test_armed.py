"""A million armed deadlines and two replicas: each that comes due takes effect once, never early; looking stays cheap.

TIMERS_ARMED takes another number than a million.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.runtime.actor import system
from services.runtime.hints import Hints, document
from services.runtime.records import Cause, Deadline, Records, change_many, due_id
from services.runtime.timers import Timers
from tests.load.rounds import ROUNDS, Rounds, percentile, until
from tests.service.runtime.probe import TALLIES, Store, Tally, Told

ARMED = int(os.environ.get("TIMERS_ARMED", "1000000"))
LATE, STEADY, A_SECOND = 40_000, 10_000, 200
STALE = 40_000
LOOKS = 200
PART = 10_000
BATCH = 500
_FAR = timedelta(hours=6)
_LONG_AGO = timedelta(hours=1)

pytestmark = pytest.mark.timeout(1800)


@dataclass(frozen=True, slots=True)
class Effect:
    """What the store tells of one deadline's write. at: by the store's clock."""

    name: str
    at: datetime


async def _arm_far(store: Store, count: int) -> None:
    """Deadlines that nobody will see come."""
    now = datetime.now(UTC)
    for start in range(0, count, PART):
        moments = [
            now + _FAR + timedelta(milliseconds=10 * number) for number in range(start, min(start + PART, count))
        ]
        hints = [document(due_id(_name(), "far", at), at, now - _LONG_AGO) for at in moments]
        await store.db["timers"].insert_many(hints, ordered=False)


async def _promise(tallies: Records[Tally], moments: Sequence[datetime]) -> dict[str, datetime]:
    """Makes a resource for each moment, as a service does; their names with the moments."""
    asked = {_name(): at.replace(microsecond=at.microsecond // 1000 * 1000) for at in moments}
    names = list(asked)
    for start in range(0, len(names), BATCH):
        made = [_made(tallies, name, asked[name]) for name in names[start : start + BATCH]]
        for result in await change_many(made):
            assert not isinstance(result, Exception), result
    return asked


def _made(tallies: Records[Tally], name: str, at: datetime) -> Any:
    state = Tally(deadlines=(Deadline("breach", at),))
    return tallies.entry(
        name, Cause(f"made/{name}", system("sla"), datetime.now(UTC)), lambda _none: (state, (Told(0),))
    )


def _name() -> str:
    return f"tallies/{uuid.uuid4().hex}"


@asynccontextmanager
async def _watched(store: Store) -> AsyncIterator[list[Effect]]:
    """Every write to a tally while it is open, with the store's own time of it."""
    seen: list[Effect] = []
    shown = {"$project": {"documentKey": 1, "wallTime": 1}}
    async with await store.db["tallies"].watch([shown], max_await_time_ms=200) as stream:

        async def listen() -> None:
            async for one in stream:
                seen.append(Effect(one["documentKey"]["_id"], one["wallTime"]))  # noqa: PERF401 - it is read meanwhile

        listening = asyncio.create_task(listen())
        try:
            yield seen
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


@contextmanager
def _replicas(count: int, uri: str, database: str) -> Any:
    """So many processes that fire; each ends with the block."""
    command = [sys.executable, "-m", "tests.service.runtime.timer_worker", uri, database]
    running = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield running
    finally:
        for one in running:
            one.kill()
            one.wait()


async def _look_ms(hints: Hints) -> float:
    """What a look costs that finds nothing, the median in ms."""
    took = []
    for _ in range(LOOKS):
        began = time.perf_counter()
        claims, _ = await hints.claim()
        took.append((time.perf_counter() - began) * 1000)
        assert not claims
    return statistics.median(took)


async def _come(seen: Sequence[Effect], count: int) -> float:
    """Waits until so many effects were seen; when that was."""

    async def all_seen() -> bool:
        return len(seen) >= count

    return await until(all_seen, 0.05)


async def test_a_million_armed_and_two_replicas(mongo_uri: str, database: str) -> None:
    """Exactly one effect a deadline, none early; a look after 50,000 ends costs at most three fresh ones."""
    rounds = Rounds(f"{ARMED:,} armed, two replicas: {LATE:,} late at the start, then {STEADY:,} at {A_SECOND}/s", "ms")
    async with Store(mongo_uri, database) as store:
        timers = Timers(store.db, "probe")
        await timers.ensure_indexes()
        tallies = Records(store.db, TALLIES, store.journal, arm=timers.arm)
        await _arm_far(store, ARMED - LATE - STEADY)
        rounds.add("fresh look", await _look_ms(Hints(store.db)))
        past = datetime.now(UTC) - timedelta(minutes=10)
        late = await _promise(tallies, [past + timedelta(milliseconds=number) for number in range(LATE)])
        first = datetime.now(UTC) + timedelta(seconds=90)
        steady = await _promise(tallies, [first + timedelta(seconds=n / A_SECOND) for n in range(STEADY)])
        assert await store.db["timers"].estimated_document_count() == ARMED
        assert datetime.now(UTC) < first - timedelta(seconds=30), "too slow to prepare: make `first` later"
        async with _watched(store) as seen:
            with _replicas(2, mongo_uri, database) as running:
                await _come(seen, 1)
                began = time.perf_counter()
                burst = (LATE - 1) / (await _come(seen, LATE) - began)
                await _come(seen, LATE + STEADY)
                assert all(one.poll() is None for one in running)
                await asyncio.sleep(3)  # a second effect would come now
        rounds.add("look after 50,000 ends", await _look_ms(Hints(store.db)))
        await _judge({**late, **steady}, seen, store)
    lags = [(one.at - steady[one.name]).total_seconds() * 1000 for one in seen if one.name in steady]
    rounds.add("lag p95, to the journalled write", percentile(lags, 0.95))
    rounds.hold("looking", "look after 50,000 ends", "fresh look", most=3.0)
    rounds.close()
    shares = ", ".join(f"p{100 * share:.0f} {percentile(lags, share):.1f} ms" for share in (0.5, 0.95, 0.99, 1))
    print(f"late ones: {burst:,.0f}/s by two replicas; lag of the others: {shares}")


async def _judge(asked: Mapping[str, datetime], seen: Sequence[Effect], store: Store) -> None:
    """Each once, none early by the store's clock, and nothing of it is left armed."""
    names = [one.name for one in seen]
    assert len(names) == len(set(names)) == len(asked)
    early = [one for one in seen if one.at < asked[one.name]]
    assert not early, f"{len(early)} early, such as {early[0]}, due {asked[early[0].name]}"
    once = {"state.fired": ["breach"], "state.deadlines": []}
    assert await store.db["tallies"].count_documents(once) == len(asked)

    async def only_far_ones() -> bool:
        return await store.db["timers"].count_documents({"due_at": {"$lt": datetime.now(UTC) + _FAR / 2}}) == 0

    async with asyncio.timeout(60):
        await until(only_far_ones, 0.5)


async def test_hints_without_a_deadline_are_dropped(mongo_uri: str, database: str) -> None:
    """What no document asks for any more goes without a write, at 0.15 of the rate of a bare delete."""
    rounds = Rounds(f"{STALE:,} hints that nothing asks for, beside {ARMED // 10:,} armed")
    async with Store(mongo_uri, database) as store:
        await Timers(store.db, "probe").ensure_indexes()
        await _arm_far(store, ARMED // 10)
        hints = store.db["timers"]

        async def stale(step: str) -> dict[str, Any]:
            at = datetime.now(UTC) - timedelta(minutes=5)
            moments = [at + timedelta(milliseconds=number) for number in range(STALE)]
            await hints.insert_many([document(due_id(_name(), step, one), one, at) for one in moments], ordered=False)
            return {"due_at": {"$lte": datetime.now(UTC)}}

        async def gone(where: dict[str, Any]) -> bool:
            return await hints.find_one(where, {"_id": 1}) is None

        for _ in range(ROUNDS):
            where = await stale("bare")
            began = time.perf_counter()
            await hints.delete_many(where)
            rounds.add("delete_many", STALE / (time.perf_counter() - began))
            where = await stale("ours")
            began = time.perf_counter()
            timers = _working(store)
            rounds.add("ours", STALE / (await until(partial(gone, where)) - began))
            await timers.stop()
    rounds.hold("dropping", "ours", "delete_many", least=0.15)
    rounds.close()


def _working(store: Store) -> Timers:
    timers = Timers(store.db, "probe")
    timers.on_due(Records(store.db, TALLIES, store.journal, arm=timers.arm), lambda _due: lambda tally: (tally, ()))
    timers.start()
    return timers
