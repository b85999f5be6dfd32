"""A step that runs behind: one at a time, its failure told once, and not lost when its waiter is cancelled."""

from __future__ import annotations

import asyncio

import pytest

from services.runtime.behind import Behind


async def test_steps_run_one_at_a_time_behind_their_caller() -> None:
    """Begin returns before the step ends, and the next step begins only after it."""
    behind, gate, told = Behind(), asyncio.Event(), list[str]()

    async def first() -> None:
        await gate.wait()
        told.append("first")

    async def second() -> None:
        told.append("second")

    await behind.begin(first)
    assert told == []
    next_one = asyncio.create_task(behind.begin(second))
    await asyncio.sleep(0.01)
    assert told == []
    gate.set()
    await next_one
    await behind.ended()
    assert told == ["first", "second"]


async def test_a_failure_is_told_once_and_the_next_step_has_not_begun() -> None:
    """Whoever begins the next step hears of the failure; after that the way is free."""
    behind, told = Behind(), list[str]()

    async def fails() -> None:
        raise ConnectionError("away")

    async def works() -> None:
        told.append("done")

    await behind.begin(fails)
    with pytest.raises(ConnectionError):
        await behind.begin(works)
    assert told == []
    await behind.begin(works)
    await behind.ended()
    assert told == ["done"]


async def test_a_cancelled_waiter_leaves_the_step_running() -> None:
    """A stop that cancels the waiter finds the step again and waits for it; cut ends it."""
    behind, gate, told = Behind(), asyncio.Event(), list[str]()

    async def slow() -> None:
        await gate.wait()
        told.append("done")

    await behind.begin(slow)
    waiter = asyncio.create_task(behind.ended())
    await asyncio.sleep(0.01)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    gate.set()
    await behind.ended()
    assert told == ["done"]

    gate.clear()
    await behind.begin(slow)
    await behind.cut()
    await behind.ended()
    assert told == ["done"]
