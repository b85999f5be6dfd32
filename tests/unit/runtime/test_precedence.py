"""Background work steps back while a call is in progress: for a bounded time, in turns, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from services.runtime import precedence
from services.runtime.actor import system
from services.runtime.precedence import Precedence, give_way
from services.runtime.records import Cause, Change
from services.runtime.records.lane import Lane

FOR_EVER = 3_600.0


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self) -> None:
        """More than a step's worth of work, whether or not anybody calls."""
        self.now += 2 * precedence.ALONE_SECONDS


@pytest.fixture
def clock() -> Clock:
    """Time that stands still by itself."""
    return Clock()


@pytest.fixture
def calls(clock: Clock) -> Precedence:
    """No call is in progress yet."""
    return Precedence(clock=clock)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rest takes an hour, so that only the end of the call can end it within a test."""
    monkeypatch.setattr(precedence, "REST_SECONDS", FOR_EVER)


async def turns() -> None:
    """Lets the loop go round until everything that could run has run."""
    for _ in range(20):
        await asyncio.sleep(0)


def begun(calls: Precedence, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """The work, in the background of these calls."""

    async def task() -> None:
        await work()

    return calls.behind().run(asyncio.create_task, task())


def steps(clock: Clock, told: list[str], name: str = "step", count: int = 4) -> Callable[[], Awaitable[None]]:
    """Work of that many steps; each tells when it is begun."""

    async def work() -> None:
        for _ in range(count):
            await give_way()
            told.append(name)
            clock.work()

    return work


@pytest.mark.usefixtures("patient")
async def test_work_steps_back_while_a_call_is_in_progress(calls: Precedence, clock: Clock) -> None:
    """One step is begun, then nothing, until the last of two calls has ended; then all the rest at once."""
    told: list[str] = []
    with calls:
        with calls:
            work = begun(calls, steps(clock, told))
            await turns()
            assert told == ["step"]
        await turns()
        assert told == ["step"]
    async with asyncio.timeout(10):
        await work
    assert told == ["step"] * 4


@pytest.mark.usefixtures("patient")
async def test_a_call_that_fails_ends_the_rest_too(calls: Precedence, clock: Clock) -> None:
    """What counts is that nobody waits any more, not how it ended."""
    told: list[str] = []

    async def fails() -> None:
        with calls:
            await turns()
            raise LookupError

    call = asyncio.create_task(fails())
    await asyncio.sleep(0)
    work = begun(calls, steps(clock, told))
    await asyncio.gather(call, return_exceptions=True)
    async with asyncio.timeout(10):
        await work
    assert told == ["step"] * 4


async def test_no_call_however_long_starves_the_work(calls: Precedence, clock: Clock) -> None:
    """A call that never ends lets each step wait for one rest, not for itself."""
    told: list[str] = []
    with calls:
        async with asyncio.timeout(10):
            await begun(calls, steps(clock, told, count=10))
    assert told == ["step"] * 10


async def test_works_take_turns_behind_a_call(calls: Precedence, clock: Clock) -> None:
    """None of them is passed over while another goes on."""
    told: list[str] = []
    with calls:
        works = [begun(calls, steps(clock, told, name, 3)) for name in ("a", "b", "c")]
        async with asyncio.timeout(10):
            await asyncio.gather(*works)
    assert told == ["a", "b", "c"] * 3


@pytest.mark.usefixtures("patient")
async def test_one_step_of_all_works_is_followed_by_a_rest(calls: Precedence, clock: Clock) -> None:
    """Works that come at the same time do not pass a call one behind the other, without a rest between them."""
    told: list[str] = []
    with calls:
        works = [begun(calls, steps(clock, told, name, 1)) for name in ("a", "b")]
        await turns()
        assert told == ["a"]
    async with asyncio.timeout(10):
        await asyncio.gather(*works)
    assert told == ["a", "b"]


@pytest.mark.usefixtures("patient")
async def test_a_short_step_goes_on(calls: Precedence, clock: Clock) -> None:
    """What has not worked for a whole step yet is not held up, also while a call is in progress."""
    told: list[str] = []

    async def work() -> None:
        for _ in range(100):
            await give_way()
            told.append("piece")
            clock.now += precedence.STEP_SECONDS / 200

    with calls:
        async with asyncio.timeout(10):
            await begun(calls, work)
    assert len(told) == 100


@pytest.mark.usefixtures("patient")
async def test_a_step_is_shorter_while_somebody_waits(calls: Precedence, clock: Clock) -> None:
    """Left alone, work goes on for longer; the same stretch of it is too long beside a call."""
    told, came = list[str](), asyncio.Event()

    async def work() -> None:
        await give_way()
        clock.now += (precedence.STEP_SECONDS + precedence.ALONE_SECONDS) / 2
        asyncio.get_running_loop().call_soon(told.append, "the loop goes round")
        await give_way()
        told.append("alone")
        await came.wait()
        await give_way()
        told.append("beside a call")

    working = begun(calls, work)
    await turns()
    assert told == ["alone", "the loop goes round"]
    with calls:
        came.set()
        await turns()
        assert told == ["alone", "the loop goes round"]
    async with asyncio.timeout(10):
        await working
    assert told == ["alone", "the loop goes round", "beside a call"]


@pytest.mark.usefixtures("patient")
async def test_a_long_step_is_followed_by_a_whole_rest(calls: Precedence, clock: Clock) -> None:
    """A step that could not be cut, or whose process got no processor, does not count as the rest after it."""
    told: list[str] = []

    async def work() -> None:
        await give_way()
        told.append("long")
        clock.now += 2 * FOR_EVER
        await give_way()
        told.append("next")

    with calls:
        working = begun(calls, work)
        await turns()
        assert told == ["long"]
    async with asyncio.timeout(10):
        await working
    assert told == ["long", "next"]


@pytest.mark.usefixtures("patient")
async def test_a_wait_for_a_store_is_a_rest(calls: Precedence, clock: Clock) -> None:
    """The loop was free meanwhile, so the work need not wait once more."""
    told, stored = list[str](), asyncio.Event()

    async def work() -> None:
        await give_way()
        told.append("before")
        clock.work()
        await stored.wait()
        await give_way()
        told.append("after")

    with calls:
        working = begun(calls, work)
        await turns()
        assert told == ["before"]
        clock.now += FOR_EVER
        stored.set()
        async with asyncio.timeout(10):
            await working
    assert told == ["before", "after"]


async def test_what_has_come_in_runs_between_steps_when_nobody_calls(calls: Precedence, clock: Clock) -> None:
    """Without a call the loop still goes round after each step, and nobody rests."""
    told: list[str] = []

    async def comes_in() -> None:
        told.append("came in")

    async def work() -> None:
        for name in ("one", "two"):
            await give_way()
            told.append(name)
            asyncio.get_running_loop().create_task(comes_in())
            clock.work()
        await give_way()

    async with asyncio.timeout(10):
        await begun(calls, work)
    assert told == ["one", "came in", "two", "came in"]


@pytest.mark.usefixtures("patient")
async def test_only_the_background_steps_back(calls: Precedence, clock: Clock) -> None:
    """A call's own work passes the same places without a wait."""
    told: list[str] = []
    with calls:
        async with asyncio.timeout(10):
            await steps(clock, told)()
    assert told == ["step"] * 4


@pytest.mark.usefixtures("patient")
async def test_writes_that_calls_may_share_step_back_for_nobody(calls: Precedence, clock: Clock) -> None:
    """A flight of changes that background work began may carry those of a call, which must not wait for itself."""
    told: list[str] = []

    async def run(changes: Sequence[Change]) -> list[Any]:
        await steps(clock, told)()
        return list(changes)

    nowhere: Any = None  # the flight itself writes nothing
    cause = Cause("people/ann/1", system("echo"), datetime(2026, 3, 2, tzinfo=UTC))
    change = Change(nowhere, "counters/one", cause, lambda state: (state, ()))
    lane = Lane(run)

    async def put() -> None:
        await lane.put(change)

    with calls:
        async with asyncio.timeout(10):
            await begun(calls, put)
    assert told == ["step"] * 4
