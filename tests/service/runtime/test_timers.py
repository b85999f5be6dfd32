"""Timers on real MongoDB: fired once each, never early, in due order after downtime, whatever replicas do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from deploy.local.servers import Mongod
from services.runtime.actor import system
from services.runtime.hints import Hints
from services.runtime.records import Cause, Deadline, Records, due_id
from services.runtime.timers import Due, Timers
from tests.service.runtime.probe import TALLIES, Store, Tally, Told, until

DUE_ORDER = timedelta(milliseconds=1)


class Fired:
    """Decides by noting the step; remembers each deadline in the order in which it was decided."""

    def __init__(self) -> None:
        self.dues: list[Due] = []
        self.lags: list[float] = []

    def decide(self, due: Due) -> Callable[[Tally], tuple[Tally, Sequence[Told]]]:
        """Drops the deadline from the state and notes that it fired."""

        def decision(tally: Tally) -> tuple[Tally, Sequence[Told]]:
            self.dues.append(due)
            self.lags.append((datetime.now(UTC) - due.at).total_seconds())
            if due.step == "poison":
                raise KeyError("no such thing")
            left = tuple(deadline for deadline in tally.deadlines if deadline.at != due.at)
            return replace(tally, deadlines=left, fired=(*tally.fired, due.step)), (Told(1),)

        return decision


class Desk:
    """One service with timers: a store whose records arm, and any number of workers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.fired = Fired()
        self.workers = [Timers(store.db, "probe") for _ in range(2)]
        self.tallies = Records(store.db, TALLIES, store.journal, arm=self.workers[0].arm)
        for worker in self.workers:
            worker.on_due(self.tallies, self.fired.decide)

    async def ask(self, name: str, *deadlines: Deadline) -> None:
        """Makes a tally that asks for these deadlines."""
        await self.tallies.create(name, _cause(f"ask/{name}"), lambda: (Tally(deadlines=deadlines), (Told(0),)))

    async def hints(self) -> int:
        """How many are armed."""
        return await self.store.db["timers"].count_documents({})

    def start(self, workers: int = 1) -> None:
        """Starts the first so many workers."""
        for worker in self.workers[:workers]:
            worker.start()


@pytest.fixture
async def desk(mongo_uri: str, database: str) -> AsyncIterator[Desk]:
    """A desk whose workers are stopped in the end."""
    async with Store(mongo_uri, database) as store:
        desk = Desk(store)
        await desk.workers[0].ensure_indexes()
        yield desk
        for worker in desk.workers:
            await worker.stop()


def _cause(id: str) -> Cause:
    return Cause(id, system("probe"), datetime.now(UTC))


def _soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_timers_fire_at_the_moment_and_not_before(desk: Desk) -> None:
    """A deadline armed while the worker sleeps wakes it, fires within 5 s, never before, and leaves no hint."""
    desk.start()
    await asyncio.sleep(0.3)
    for index in range(5):
        await desk.ask(f"tallies/T-{index}", Deadline("breach", _soon(0.15 + 0.11 * index)))
    await until(lambda: len(desk.fired.dues) == 5)
    assert all(due.fired_at >= due.at for due in desk.fired.dues)
    assert all(0 <= lag < 5.0 for lag in desk.fired.lags), desk.fired.lags
    await until(lambda: _gone(desk))
    record = await desk.tallies.get("tallies/T-0")
    assert record.state.fired == ("breach",)
    entry = (await desk.store.outboxes())[1]
    assert (entry["actor"], entry["cause"]) == ("system/probe", due_id("tallies/T-0", "breach", desk.fired.dues[0].at))


async def test_timers_of_two_workers_fire_once_each(desk: Desk) -> None:
    """400 deadlines, most within one second, two workers: each decided once in effect, none early, none left."""
    start = _soon(1.0)
    for index in range(400):
        await desk.ask(f"tallies/T-{index}", Deadline("breach", start + timedelta(milliseconds=index * 2)))
    desk.start(2)
    await until(lambda: _gone(desk))
    found = await desk.tallies.find([f"tallies/T-{index}" for index in range(400)])
    assert [record.state.fired for record in found.values()] == [("breach",)] * 400
    assert all(record.sequence == 2 for record in found.values())
    assert min(desk.fired.lags) >= 0
    assert all(due.fired_at >= due.at for due in desk.fired.dues)


async def test_timers_after_downtime_fire_in_due_order(desk: Desk) -> None:
    """What came due while nobody ran is fired at once in due order, each with its own moment and the real one."""
    await desk.workers[0].arm([])
    moments = [_soon(-3600 + index) for index in range(1200)]
    for chunk in range(0, 1200, 100):
        await asyncio.gather(
            *(desk.ask(f"tallies/T-{index}", Deadline("breach", moments[index])) for index in range(chunk, chunk + 100))
        )
    before = datetime.now(UTC) - timedelta(seconds=1)
    desk.start()
    await until(lambda: len(desk.fired.dues) == 1200)
    assert [due.at for due in desk.fired.dues] == sorted(due.at for due in desk.fired.dues)
    assert all(due.fired_at > before for due in desk.fired.dues)


async def test_timers_of_one_resource_keep_their_order(desk: Desk) -> None:
    """The warning is decided before the breach even when both are due at once."""
    for index in range(20):
        at = _soon(-10)
        await desk.ask(f"tallies/T-{index}", Deadline("warning", at), Deadline("breach", at + DUE_ORDER))
    desk.start(2)
    await until(lambda: _gone(desk))
    found = await desk.tallies.find([f"tallies/T-{index}" for index in range(20)])
    assert [record.state.fired for record in found.values()] == [("warning", "breach")] * 20


async def test_timers_drop_a_stale_hint_without_a_write(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that the state no longer asks for leaves no trace on the document."""
    monkeypatch.setattr("services.runtime.timers.GRACE", timedelta())
    await desk.ask("tallies/T-1", Deadline("breach", _soon(0.3)))
    await desk.tallies.change("tallies/T-1", _cause("pause"), lambda tally: (replace(tally, deadlines=()), (Told(0),)))
    desk.start()
    await until(lambda: _gone(desk))
    record = await desk.tallies.get("tallies/T-1")
    assert (record.version, record.state.fired) == (2, ())


async def test_timers_keep_a_hint_that_came_before_its_document(desk: Desk) -> None:
    """A hint due before its write has landed is not dropped: it fires when the document is there."""
    at = _soon(0.1)
    await desk.workers[0].arm([(due_id("tallies/T-1", "breach", Deadline("breach", at).at), Deadline("breach", at).at)])
    desk.start()
    await asyncio.sleep(1.0)
    assert desk.fired.dues == []
    assert await desk.hints() == 1
    await desk.ask("tallies/T-1", Deadline("breach", at))
    await until(lambda: _gone(desk))
    assert (await desk.tallies.get("tallies/T-1")).state.fired == ("breach",)


async def test_timers_armed_again_survive_the_end_of_the_first(desk: Desk) -> None:
    """A hint that is armed anew while a worker holds it is not lost when that worker ends it."""
    hints = Hints(desk.store.db)
    at = _soon(-1)
    hint = due_id("tallies/T-1", "breach", at)
    await hints.arm([(hint, at)])
    claims, _ = await hints.claim()
    assert [claim.id for claim in claims] == [hint]
    await Hints(desk.store.db).arm([(hint, at)])
    await hints.finish([hint])
    assert await desk.hints() == 1


async def test_timers_poison_does_not_stop_the_others(desk: Desk) -> None:
    """A decision that fails is kept for later and named; the deadlines around it fire."""
    for index in range(5):
        await desk.ask(f"tallies/T-{index}", Deadline("poison" if index == 2 else "breach", _soon(-1)))
    desk.start()
    await until(lambda: _left(desk, 1))
    hint = await desk.store.db["timers"].find_one({})
    assert hint is not None
    assert (hint["failures"], hint["_id"].split("/")[2]) == (1, "T-2")
    assert hint["lease_until"] > datetime.now(UTC)


async def test_timers_of_a_dead_worker_are_taken_over(desk: Desk) -> None:
    """What a worker claimed and never finished fires on another one when the lease has ended."""
    await desk.ask("tallies/T-1", Deadline("breach", _soon(-1)))
    assert len((await Hints(desk.store.db).claim())[0]) == 1
    desk.start()
    await asyncio.sleep(1.0)
    assert desk.fired.dues == []
    expired = {"$set": {"lease_until": datetime.now(UTC) - timedelta(seconds=1)}}
    await desk.store.db["timers"].update_one({}, expired)
    await until(lambda: _gone(desk))
    assert len(desk.fired.dues) == 1


async def test_timers_survive_mongodb_away(own_mongod: Mongod) -> None:
    """Deadlines that come due while MongoDB is away fire when it is back, without a restart."""
    async with Store(own_mongod.uri, "desk", serverSelectionTimeoutMS=300, socketTimeoutMS=1000) as store:
        desk = Desk(store)
        await desk.ask("tallies/T-1", Deadline("breach", _soon(1.0)))
        desk.start(2)
        own_mongod.kill()
        await asyncio.sleep(1.5)
        own_mongod.start()
        await until(lambda: len(desk.fired.dues) >= 1, 30)
        await until(lambda: _gone(desk))
        assert (await desk.tallies.get("tallies/T-1")).state.fired == ("breach",)
        for worker in desk.workers:
            await worker.stop()


async def test_timers_lag_at_a_steady_rate(desk: Desk) -> None:
    """At 200 a second for three seconds over 20,000 armed ones each comes once, within 5 s, never early."""
    far = _soon(86_400)
    await desk.store.db["timers"].insert_many(
        [{"_id": f"due/tallies/far-{i}/x/{i}", "due_at": far, "armed_at": far} for i in range(20_000)]
    )
    desk.start()
    start = _soon(2.0)
    await asyncio.gather(
        *(desk.ask(f"tallies/T-{i}", Deadline("breach", start + timedelta(milliseconds=i * 5))) for i in range(600))
    )
    await until(lambda: len(desk.fired.dues) == 600)
    lags = sorted(desk.fired.lags)
    assert lags[0] >= 0
    assert lags[-1] < 5.0


async def test_timers_stop_gives_the_claims_back(desk: Desk) -> None:
    """A worker that stops leaves what it claimed ahead to the others at once, not after a lease."""
    await desk.ask("tallies/T-1", Deadline("breach", _soon(1.0)))
    desk.start()
    await until(lambda: _leased(desk))
    started = time.monotonic()
    await desk.workers[0].stop()
    hint = await desk.store.db["timers"].find_one({})
    if hint is not None:
        assert "lease_until" not in hint
    desk.workers[1].start()
    await until(lambda: len(desk.fired.dues) == 1, 5)
    assert time.monotonic() - started < 5


async def test_timers_replicas_share_without_racing(desk: Desk) -> None:
    """Two replicas that see each other claim 2,000 due hints between them, each hint once, and hardly one in vain."""
    mine, theirs = Hints(desk.store.db), Hints(desk.store.db)
    due = _soon(-60)
    await mine.arm([(due_id(f"tallies/T-{index}", "breach", due), due) for index in range(2000)])
    for replica in (mine, theirs, mine):
        replica._next_meeting = 0.0
        await replica.meet()
    claimed: dict[Hints, list[str]] = {mine: [], theirs: []}
    while await desk.store.db["timers"].count_documents({"owner": None}):
        for replica, (claims, _) in zip(claimed, await asyncio.gather(mine.claim(), theirs.claim()), strict=True):
            claimed[replica] += [claim.id for claim in claims]
    assert len({*claimed[mine], *claimed[theirs]}) == len(claimed[mine]) + len(claimed[theirs]) == 2000
    assert min(len(claims) for claims in claimed.values()) > 500
    assert mine.lost + theirs.lost < 20


async def test_timers_of_a_replica_that_does_not_come_are_helped_with(desk: Desk) -> None:
    """What lies due in the share of a replica that stands still is taken by one that has nothing else to do."""
    mine, standing = Hints(desk.store.db), Hints(desk.store.db)
    due = _soon(-60)
    await mine.arm([(due_id(f"tallies/T-{index}", "breach", due), due) for index in range(200)])
    for replica in (standing, mine):
        await replica.meet()
    claimed = [claim.id for _ in range(3) for claim in (await mine.claim())[0]]
    assert len(set(claimed)) == len(claimed) == 200


async def _gone(desk: Desk) -> bool:
    return await desk.hints() == 0


async def _left(desk: Desk, number: int) -> bool:
    return await desk.hints() == number


async def _leased(desk: Desk) -> bool:
    return await desk.store.db["timers"].count_documents({"lease_until": {"$exists": True}}) == 1
