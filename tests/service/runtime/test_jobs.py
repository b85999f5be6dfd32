"""Jobs on real MongoDB: submitted once, resumed on any replica, cancelled, retried, and listed page by page."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.runtime.actor import Actor
from services.runtime.jobs import Jobs, Progress, State
from services.runtime.paging import PageRequest
from services.runtime.records import Cause
from services.runtime.refusal import Refusal
from tests.service.runtime.probe import START, Store, until

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def store(mongo_uri: str, database: str) -> AsyncIterator[Store]:
    """The service's database."""
    async with Store(mongo_uri, database) as store:
        await Jobs(store.db).ensure_indexes()
        yield store


@pytest.fixture
async def jobs(store: Store) -> AsyncIterator[Jobs]:
    """The jobs of one replica, not yet started."""
    jobs = Jobs(store.db)
    yield jobs
    await jobs.stop()


def _cause(id: str, at: datetime = START) -> Cause:
    return Cause(f"people/ann/{id}", Actor("people/ann"), at)


async def _is(jobs: Jobs, name: str, state: State) -> bool:
    return (await jobs.get(name)).state is state


async def test_jobs_run_with_progress_and_result(jobs: Jobs) -> None:
    """A job gets its input, tells how far it is, and its result is kept."""

    async def add(progress: Progress) -> None:
        numbers = progress.input["numbers"]
        for index, number in enumerate(numbers):
            progress.result["sum"] = progress.result.get("sum", 0) + number
            await progress.advance(index + 1, len(numbers), index + 1)

    jobs.register("add", add)
    jobs.start()
    job = await jobs.submit("add", {"numbers": [1, 2, 3]}, _cause("r1"))
    assert (job.state, job.submitted_by, job.created_at) == (State.QUEUED, "people/ann", START)
    await until(lambda: _is(jobs, job.name, State.DONE))
    job = await jobs.get(job.name)
    assert (job.done, job.total, job.cursor, job.result, job.error) == (3, 3, 3, {"sum": 6}, "")


async def test_jobs_submit_once_per_cause(jobs: Jobs) -> None:
    """The same cause is the same job; the same cause with another input is refused."""
    first = await jobs.submit("add", {"numbers": [1]}, _cause("r1"))
    again = await jobs.submit("add", {"numbers": [1]}, _cause("r1", START + timedelta(hours=1)))
    assert again == first
    assert (await jobs.submit("add", {"numbers": [1]}, _cause("r2"))).name != first.name
    with pytest.raises(Refusal) as refused:
        await jobs.submit("add", {"numbers": [2]}, _cause("r1"))
    assert refused.value.reason == "REQUEST_ID_REUSED"


async def test_jobs_resume_on_another_replica_after_kill(
    jobs: Jobs, store: Store, mongo_uri: str, database: str
) -> None:
    """kill -9 in the middle: another replica goes on from the cursor when the lease has ended; no step is left out."""
    job = await jobs.submit("steps", {"steps": 40}, _cause("r1"))
    program = [sys.executable, "-m", "tests.service.runtime.worker", mongo_uri, database]
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT)
    await until(lambda: _reached(jobs, job.name, 10), 30)
    process.kill()
    await process.wait()
    reached = (await jobs.get(job.name)).cursor
    assert 10 <= reached < 40

    async def steps(progress: Progress) -> None:
        assert progress.cursor == reached
        for step in range(progress.cursor, progress.input["steps"]):
            await store.db["steps"].update_one({"_id": step}, {"$inc": {"times": 1}}, upsert=True)
            await progress.advance(step + 1, progress.input["steps"], step + 1)

    jobs.register("steps", steps)
    jobs.start()
    await asyncio.sleep(1.5)
    assert (await jobs.get(job.name)).cursor == reached
    expired = {"$set": {"lease_until": datetime.now(UTC)}}
    await store.db["jobs"].update_one({}, expired)
    await until(lambda: _is(jobs, job.name, State.DONE))
    done = {document["_id"]: document["times"] async for document in store.db["steps"].find()}
    assert sorted(done) == list(range(40))
    assert sum(times for times in done.values()) <= 41


async def test_jobs_stop_gives_back_at_once(jobs: Jobs, store: Store) -> None:
    """A replica that stops leaves its job to the next one, without waiting for a lease or counting a failure."""
    begun = asyncio.Event()

    async def endless(progress: Progress) -> None:
        await progress.advance(1, 2, "half")
        begun.set()
        await asyncio.sleep(3600)

    async def rest(progress: Progress) -> None:
        progress.result["from"] = progress.cursor

    jobs.register("long", endless)
    jobs.start()
    job = await jobs.submit("long", {}, _cause("r1"))
    await asyncio.wait_for(begun.wait(), 10)
    await jobs.stop()
    held = await jobs.get(job.name)
    assert (held.state, held.cursor, held.attempts) == (State.QUEUED, "half", 0)
    other = Jobs(store.db)
    other.register("long", rest)
    other.start()
    await until(lambda: _is(other, job.name, State.DONE), 5)
    assert (await other.get(job.name)).result == {"from": "half"}
    await other.stop()


async def test_jobs_cancel(jobs: Jobs) -> None:
    """A queued job ends at once, a running one at its next advance, an ended one stays."""
    waiting = await jobs.submit("spin", {}, _cause("r1"))
    assert (await jobs.cancel(waiting.name)).state is State.CANCELLED

    async def spin(progress: Progress) -> None:
        while not progress.cancelled:
            await progress.advance(progress.done + 1, 0, None)
            await asyncio.sleep(0.01)

    jobs.register("spin", spin)
    jobs.start()
    job = await jobs.submit("spin", {}, _cause("r2"))
    await until(lambda: _is(jobs, job.name, State.RUNNING))
    assert (await jobs.cancel(job.name)).state is State.RUNNING
    await until(lambda: _is(jobs, job.name, State.CANCELLED))
    assert (await jobs.cancel(job.name)).state is State.CANCELLED
    assert (await jobs.get(waiting.name)).done == 0
    with pytest.raises(Refusal):
        await jobs.cancel("jobs/none")


async def test_jobs_retry_then_fail_with_the_error_shown(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failing job is tried four times in all; the error is shown while it waits and in the end."""
    monkeypatch.setattr("services.runtime.jobs._BACKOFF_S", (0, 0, 0))
    runs: list[int] = []

    async def fail(progress: Progress) -> None:
        runs.append(1)
        raise ValueError(f"no column number {len(runs)}")

    jobs.register("fail", fail)
    jobs.start()
    job = await jobs.submit("fail", {}, _cause("r1"))
    await until(lambda: _is(jobs, job.name, State.FAILED))
    job = await jobs.get(job.name)
    assert (len(runs), job.attempts, job.error) == (4, 4, "ValueError: no column number 4")


async def test_jobs_recover_from_a_passing_failure(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two failures and then success is success; what was told before the failures is not lost."""
    monkeypatch.setattr("services.runtime.jobs._BACKOFF_S", (0, 0, 0))
    cursors: list[object] = []

    async def flaky(progress: Progress) -> None:
        cursors.append(progress.cursor)
        await progress.advance(len(cursors), 3, len(cursors))
        if len(cursors) < 3:
            raise ValueError("not yet")

    jobs.register("flaky", flaky)
    jobs.start()
    job = await jobs.submit("flaky", {}, _cause("r1"))
    await until(lambda: _is(jobs, job.name, State.DONE))
    assert cursors == [None, 1, 2]
    assert (await jobs.get(job.name)).error == ""


async def test_jobs_refusal_fails_at_once(jobs: Jobs) -> None:
    """What rules refuse is not tried again; the reason is shown."""

    async def refuse(progress: Progress) -> None:
        raise Refusal.invalid("mapping", "MAPPING_UNKNOWN", "There is no such mapping; `tl mappings` lists them.")

    jobs.register("refuse", refuse)
    jobs.start()
    job = await jobs.submit("refuse", {}, _cause("r1"))
    await until(lambda: _is(jobs, job.name, State.FAILED))
    job = await jobs.get(job.name)
    assert (job.attempts, job.error) == (1, "MAPPING_UNKNOWN: There is no such mapping; `tl mappings` lists them.")


async def test_jobs_that_kill_their_process_end(jobs: Jobs, store: Store) -> None:
    """A job whose runner died without an advance four times is failed, not run for ever."""

    async def never(progress: Progress) -> None:
        raise AssertionError("ran again")

    job = await jobs.submit("deadly", {}, _cause("r1"))
    died = {"state": "running", "attempts": 3, "lease_until": datetime.now(UTC) - timedelta(seconds=1)}
    await store.db["jobs"].update_one({"_id": job.name}, {"$set": died})
    jobs.register("deadly", never)
    jobs.start()
    await until(lambda: _is(jobs, job.name, State.FAILED))
    assert (await jobs.get(job.name)).error == "The process that ran it died each time."


async def test_jobs_are_listed_newest_first(jobs: Jobs) -> None:
    """Pages of any size give every job once, newest first, filtered by kind and state."""
    for index in range(25):
        at = START + timedelta(minutes=index)
        await jobs.submit("even" if index % 2 == 0 else "odd", {"index": index}, _cause(f"r{index}", at))
    seen: list[int] = []
    request = PageRequest(size=4)
    while True:
        page = await jobs.page(request, kind="even", state=State.QUEUED)
        seen += [job.input["index"] for job in page.items]
        if not page.next_token:
            break
        request = PageRequest(size=4, token=page.next_token)
    assert seen == list(range(24, -1, -2))
    assert (await jobs.page(PageRequest(), state=State.DONE)).items == []
    with pytest.raises(Refusal):
        await jobs.page(request, kind="odd")


async def test_jobs_two_replicas_run_each_job_once(jobs: Jobs, store: Store) -> None:
    """Twenty jobs on two replicas: every one runs, none twice."""
    ran: list[int] = []

    async def note(progress: Progress) -> None:
        ran.append(progress.input["index"])
        await asyncio.sleep(0.01)

    other = Jobs(store.db)
    for replica in (jobs, other):
        replica.register("note", note)
        replica.start()
    for index in range(20):
        await jobs.submit("note", {"index": index}, _cause(f"r{index}"))
    await until(lambda: _count(store, State.DONE, 20))
    assert sorted(ran) == list(range(20))
    await other.stop()


async def _reached(jobs: Jobs, name: str, cursor: int) -> bool:
    return ((await jobs.get(name)).cursor or 0) >= cursor


async def _count(store: Store, state: State, number: int) -> bool:
    return await store.db["jobs"].count_documents({"state": state}) == number
