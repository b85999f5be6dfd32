"""Tasks end for certain: what swallows a cancellation is cancelled again, and an exception at the end is nobody's."""

from __future__ import annotations

import asyncio

from services.runtime.ending import end


async def test_a_swallowed_cancellation_is_said_again() -> None:
    """As wait_for of Python 3.11 does when result and cancellation meet: the task goes on, yet must end."""
    told = list[str]()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            told.append("swallowed")
        await asyncio.sleep(60)
        told.append("never")

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end([task])
    assert task.cancelled()
    assert told == ["swallowed"]


async def test_all_tasks_end_whatever_they_raise() -> None:
    """One that fails while it ends and one that has long ended hold nothing up."""

    async def fails() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ConnectionError("away")

    async def works() -> None:
        return

    tasks = [asyncio.create_task(fails()), asyncio.create_task(works())]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(tasks)
    assert all(task.done() for task in tasks)


async def test_nothing_to_end_is_no_wait() -> None:
    """A part that never started stops at once."""
    async with asyncio.timeout(1):
        await end([])
