"""Work that lasts begins again whatever breaks it, and a stop ends within bounds whatever resists it."""

from __future__ import annotations

import asyncio
import time

import pytest

from services.runtime import upkeep
from services.runtime.upkeep import Upkeep, ended, lasting


class Stubborn:
    """Swallows a cancellation as libraries do, and goes on waiting; `swallows` of them."""

    def __init__(self, swallows: int) -> None:
        self.left = swallows

    async def wait(self) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if not self.left:
                    raise
                self.left -= 1


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of two seconds and less."""
    monkeypatch.setattr(upkeep, "PART_STOP_SECONDS", 2.0)
    monkeypatch.setattr(upkeep, "_PAUSE_SECONDS", (0.01, 0.02))


@pytest.mark.usefixtures("hasty")
async def test_work_begins_again_after_any_exception() -> None:
    """An error that nobody foresaw ends no work for good; work that returns has ended."""
    begun = list[int]()

    async def work() -> None:
        begun.append(len(begun))
        if len(begun) < 4:
            raise LookupError("nobody foresaw this")

    async with asyncio.timeout(5):
        await lasting("work", work)
    assert begun == [0, 1, 2, 3]


@pytest.mark.usefixtures("hasty")
async def test_nothing_begins_again_after_the_stop() -> None:
    """The stop ends the pause after a failure, and there is no other try."""
    stop, begun = asyncio.Event(), list[int]()

    async def work() -> None:
        begun.append(1)
        stop.set()
        raise LookupError

    async with asyncio.timeout(5):
        await lasting("work", work, stop)
    assert begun == [1]


@pytest.mark.usefixtures("hasty")
async def test_a_part_that_swallows_its_cancellation_holds_no_stop() -> None:
    """A timeout around the stop would cancel once, be swallowed, and wait for ever; the other parts end as well."""
    one, told = Stubborn(2), list[str]()

    async def other() -> None:
        told.append("ended")

    async def breaks() -> None:
        raise ConnectionError("away")

    began = time.monotonic()
    async with asyncio.timeout(20):
        await ended(one.wait, other, breaks)
    assert told == ["ended"]
    assert one.left == 0
    assert time.monotonic() - began < upkeep.PART_STOP_SECONDS * 1.5 + 1


@pytest.mark.usefixtures("hasty")
async def test_background_work_that_will_not_end_is_cut_off() -> None:
    """Work that heeds neither the stop nor its first cancellation ends all the same."""
    kept, one = Upkeep(), Stubborn(1)

    async def work(_stop: asyncio.Event) -> None:
        await one.wait()

    kept.run("stubborn", work)
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await kept.end()
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left
    assert one.left == 0
