"""Keeps a service's background work running until it is told to stop, and ends parts within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog
from opentelemetry import metrics

from services.runtime.ending import end

Background = Callable[[asyncio.Event], Awaitable[None]]

PART_STOP_SECONDS = 8.0
_PAUSE_SECONDS = (0.5, 30.0)

log = structlog.get_logger()
_failures = metrics.get_meter("throughline.upkeep").create_counter(
    "throughline_background_failures", description="Background work that ended by an exception, by name."
)


async def lasting(name: str, work: Callable[[], Awaitable[None]], stop: asyncio.Event | None = None) -> None:
    """Runs work() until it returns. An exception is logged and counted, and work begins again, ever later up to 30 s.

    What runs as long as the service must not end in silence by an exception that nobody foresaw. stop: ends the pauses,
    and nothing begins again once it is set.
    """
    stop = stop or asyncio.Event()
    pause, longest = _PAUSE_SECONDS
    while not stop.is_set():
        began = time.monotonic()
        try:
            await work()
            return
        except Exception:
            _failures.add(1, {"name": name})
            log.exception("background work failed; it starts again", name=name, pause=pause)
        if time.monotonic() - began > longest:
            pause = _PAUSE_SECONDS[0]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()
        pause = min(pause * 2, longest)


class Upkeep:
    """Tasks under supervision. stop: set once, and everything here ends."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, name: str, work: Background) -> None:
        """Runs work(stop) as `lasting` does."""
        self._tasks.append(asyncio.create_task(lasting(name, lambda: work(self.stop), self.stop), name=name))

    async def sleep(self, seconds: float) -> None:
        """Sleeps, but not through the stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stop.wait()

    async def either(self, event: asyncio.Event) -> None:
        """Waits for `event` or the stop."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self.stop.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def end(self) -> None:
        """Asks all work to stop and cancels what does not within 8 s."""
        self.stop.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=PART_STOP_SECONDS)
        if late:
            log.warning("background work is cut off", names=sorted(task.get_name() for task in late))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PART_STOP_SECONDS):
                    await end(late)


async def ended(*stops: Callable[[], Awaitable[None]]) -> None:
    """Stops parts side by side, within bounds: a store that is away must not hold the stop.

    What is not done after 8 s is cut off, and left to the process's end when it resists that too: libraries swallow
    cancellations, so one alone, as by a timeout around the stop, bounds nothing. The next start finds what is left.
    """

    async def bounded(stop: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(stop())
        await asyncio.wait([task], timeout=PART_STOP_SECONDS)
        if not task.done():
            log.warning("a part did not stop in time", part=str(stop))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PART_STOP_SECONDS / 2):
                    await end([task])
        elif not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part did not stop cleanly", part=str(stop), exc_info=error)

    await asyncio.gather(*(bounded(stop) for stop in stops))
