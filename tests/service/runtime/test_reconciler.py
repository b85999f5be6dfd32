"""The journal refills a broker that lost what it had acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.runtime.journal import checkpoint
from services.runtime.reconciler import Finding, Reconciler
from services.runtime.relay import Relay
from tests.service.runtime.jars import START, Broker, Cellar, cause, put
from tests.service.runtime.probe import until


class Watched(Cellar):
    """A cellar whose reconciler hears what the relay publishes."""

    def __init__(self, uri: str, database: str) -> None:
        super().__init__(uri, database)
        self.reconciler = self.another()
        self.relay = Relay(self.journal, self.broker.publish, told=self.reconciler.told)
        self.jars.notice = self.relay.notice

    def another(self) -> Reconciler:
        """A reconciler as a fresh process has it."""
        return Reconciler(self.journal, self.broker, "probe")

    async def write(self, *turns: int) -> None:
        """Two events a turn, published."""
        for turn in turns:
            for jar in ("jars/A", "jars/B"):
                await self.jars.upsert(jar, cause(f"{jar}-{turn}"), put(turn))
        await self.relay.stop()

    def cut(self, keep: int) -> None:
        """The stream forgets all behind the first `keep` messages, as after a lost fsync."""
        self.broker.ids = dict(list(self.broker.ids.items())[:keep])
        self.broker.last_seq = keep


@pytest.fixture
async def watched(mongo_uri: str, database: str) -> AsyncIterator[Watched]:
    """An empty, watched cellar."""
    async with Watched(mongo_uri, database) as one:
        yield one


async def _complete(watched: Watched) -> bool:
    entries = [e for jar in ("jars/A", "jars/B") for e in await watched.entries(jar)]
    return {entry.id: entry.stream_sequence for entry in entries} == watched.broker.ids


async def test_an_intact_stream_is_left_alone(watched: Watched) -> None:
    """Nothing is republished, before and after the first cursor, by the same process and by a new one."""
    await watched.write(1, 2)
    assert await watched.reconciler.check() is Finding.INTACT
    await watched.write(3)
    assert await watched.reconciler.check() is Finding.INTACT
    assert await watched.another().check() is Finding.INTACT
    assert len(watched.broker.published) == 6


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_stream_that_grows_during_the_check_is_left_alone(watched: Watched, fresh: bool) -> None:
    """While a check goes on another replica publishes, marks and moves the cursor: that is no loss."""
    await watched.write(1, 2)
    other, reconciler = watched.another(), watched.another() if fresh else watched.reconciler
    await other.check()
    asked = watched.broker.stream_state

    async def overtaken(name: str) -> Broker:
        state = replace(await asked(name))
        watched.broker.stream_state = asked  # type: ignore[method-assign]  # the fault itself
        await watched.write(3)
        await other.check()
        return state

    watched.broker.stream_state = overtaken  # type: ignore[method-assign,assignment]  # the fault itself
    assert await reconciler.check() is Finding.INTACT
    assert len(watched.broker.published) == 6


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_wiped_stream_is_filled_from_the_first_event(watched: Watched, fresh: bool) -> None:
    """A stream made anew gets everything back, in order per resource, with the new sequences marked."""
    await watched.write(1, 2, 3)
    await watched.reconciler.check()
    watched.cut(0)
    watched.broker.created = START + timedelta(days=1)
    reconciler = watched.another() if fresh else watched.reconciler

    assert await reconciler.check() is Finding.REFILLED
    assert await _complete(watched)
    assert await reconciler.check() is Finding.INTACT
    await watched.write(4)
    assert await reconciler.check() is Finding.INTACT


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("seen", [0, 1, 3])
async def test_a_cut_tail_is_refilled(watched: Watched, fresh: bool, seen: int) -> None:
    """A stream that went back is refilled, whether or not a cursor knew of what was cut, also by a new process."""
    await watched.write(*range(1, 1 + seen))
    if seen:
        await watched.reconciler.check()
    await watched.write(*range(1 + seen, 5))
    watched.cut(5)

    assert await (watched.another() if fresh else watched.reconciler).check() is Finding.REFILLED
    assert set(watched.broker.ids) == {f"jars/{jar}/{turn}/0~1" for jar in "AB" for turn in range(1, 5)}
    assert await _complete(watched)


async def test_a_tail_that_was_written_over_is_refilled(watched: Watched) -> None:
    """The stream went back and has grown past its old end since: the ids at the known place tell."""
    await watched.write(1, 2, 3)
    watched.cut(2)
    watched.broker.ids.update({f"other/{i}": i for i in range(3, 12)})
    watched.broker.last_seq = 11

    assert await watched.reconciler.check() is Finding.REFILLED
    assert {f"jars/{jar}/{turn}/0~1" for jar in "AB" for turn in (1, 2, 3)} <= set(watched.broker.ids)
    assert await watched.reconciler.check() is Finding.INTACT


async def test_a_new_stream_that_holds_the_tail_is_refilled(watched: Watched) -> None:
    """The known tail is in its place by chance; that the stream was made anew tells that the rest may be gone."""
    await watched.write(1, 2, 3)
    await watched.reconciler.check()
    watched.broker.ids = dict(list(watched.broker.ids.items())[-1:])
    watched.broker.created = START + timedelta(days=1)

    assert await watched.reconciler.check() is Finding.REFILLED
    assert len(watched.broker.ids) == 6
    assert await _complete(watched)


async def test_what_left_the_stream_by_age_is_no_loss(watched: Watched) -> None:
    """A service quiet for longer than the stream keeps anything is intact; one whose stream went back is not."""
    watched.ago = timedelta(days=40)
    await watched.write(1, 2)
    await watched.reconciler.check()
    watched.broker.ids.clear()
    assert await watched.reconciler.check() is Finding.INTACT
    watched.cut(0)
    assert await watched.reconciler.check() is Finding.REFILLED
    assert await _complete(watched)


@pytest.mark.parametrize("seen", [False, True])
async def test_an_interrupted_refill_is_taken_up_again(watched: Watched, seen: bool) -> None:
    """The broker goes away in the middle; a new process that finds a plausible tail still fills the hole."""
    await watched.write(*range(1, 4))
    if seen:
        await watched.reconciler.check()
    await watched.write(*range(4, 200))
    watched.cut(6)
    publish, calls = watched.broker.publish, iter((False, True))

    async def flaky(entries: list[object]) -> object:
        watched.broker.away = next(calls, False)
        return await publish(entries)  # type: ignore[arg-type]  # passed on as it came

    watched.broker.publish = flaky  # type: ignore[method-assign,assignment]  # the fault itself
    assert await watched.reconciler.check() is Finding.INTERRUPTED
    watched.broker.away = False
    # With everything sealed a new process knows of no newer message than the cursor does.
    await checkpoint(watched.journal, lambda _signed: ("probe.1", b""))
    assert await watched.another().check() is Finding.REFILLED
    assert set(watched.broker.ids) == {f"jars/{jar}/{turn}/0~1" for jar in "AB" for turn in range(1, 200)}
    assert await _complete(watched)


async def test_it_checks_when_asked_and_outlives_a_broker_that_is_away(watched: Watched) -> None:
    """The loop goes on after a check that failed, and the next one asked for finds the loss."""
    await watched.write(1)
    stop = asyncio.Event()
    running = asyncio.create_task(watched.reconciler.run(stop))
    watched.cut(0)
    watched.broker.away = True
    watched.reconciler.ask()
    await asyncio.sleep(0.1)
    watched.broker.away = False
    watched.reconciler.ask()
    await until(lambda: _complete(watched))
    stop.set()
    await asyncio.wait_for(running, 5)
