"""Keeps a service's background work running until it is told to stop, and ends parts within bounds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog
from opentelemetry.metrics import Meter

Background = Callable[[asyncio.Event], Awaitable[None]]

PART_STOP_SECONDS = 8.0
_PAUSE_SECONDS = (0.5, 30.0)

log = structlog.get_logger()


class Upkeep:
    """Tasks under supervision. stop: set once, and everything here ends."""

    def __init__(self, meter: Meter) -> None:
        self.stop = asyncio.Event()
        self._failures = meter.create_counter(
            "throughline_background_failures", description="Background work that ended by an exception, by name."
        )
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, name: str, work: Background) -> None:
        """Runs work(stop); after an exception it is logged, counted and started again, ever later up to 30 s."""
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    async def sleep(self, seconds: float) -> None:
        """Sleeps, but not through the stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stop.wait()

    async def either(self, event: asyncio.Event) -> None:
        """Waits for `event` or the stop."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self.stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def end(self) -> None:
        """Asks all work to stop and cancels what does not within 8 s."""
        self.stop.set()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=PART_STOP_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=PART_STOP_SECONDS)

    async def _keep(self, name: str, work: Background) -> None:
        pause, longest = _PAUSE_SECONDS
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                await work(self.stop)
                return
            except Exception:
                self._failures.add(1, {"name": name})
                log.exception("background work failed; it starts again", name=name, pause=pause)
            if time.monotonic() - began > longest:
                pause = _PAUSE_SECONDS[0]
            await self.sleep(pause)
            pause = min(pause * 2, longest)


async def ended(*stops: Callable[[], Awaitable[None]]) -> None:
    """Stops parts side by side, within bounds: a store that is away must not hold the stop.

    A second try, because waiting for a store can swallow a cancellation; what is left then, the next start finds.
    """

    async def end(stop: Callable[[], Awaitable[None]]) -> None:
        for seconds in (PART_STOP_SECONDS, PART_STOP_SECONDS / 2):
            try:
                async with asyncio.timeout(seconds):
                    await stop()
                return
            except TimeoutError:
                continue
            except Exception:
                log.exception("a part did not stop cleanly")
                return
        log.warning("a part did not stop in time", part=str(stop))

    await asyncio.gather(*(end(stop) for stop in stops))
