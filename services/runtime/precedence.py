"""Calls come first: while somebody waits for one, background work steps back between its own small steps.

A step goes on for 5 ms and is followed by a rest as long, so that a call finds the loop free half of the time, and what
waits behind it never starves. While no call is in progress nobody rests; the loop is left every 50 ms to hear of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Generator
from contextvars import Context, ContextVar, copy_context
from types import TracebackType

from opentelemetry import metrics

STEP_SECONDS, REST_SECONDS = 0.005, 0.005
ALONE_SECONDS = 0.050

_rests = metrics.get_meter("throughline.precedence").create_counter(
    "throughline_background_rests", description="Times that background work let calls go first."
)


class Precedence:
    """That of the calls of one process before its background work; `with` it for as long as a call is in progress."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: in seconds, from any start."""
        self._clock = clock
        self._calls = 0
        self._none = asyncio.Event()
        self._none.set()
        self._turn = asyncio.Lock()
        self._working = False
        self._began = self._ended = float("-inf")

    def __enter__(self) -> None:
        self._calls += 1
        self._none.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls -= 1
        if not self._calls:
            self._none.set()

    def behind(self) -> Context:
        """A context like this one; tasks that are begun in it step back for calls."""
        context = copy_context()
        context.run(_before.set, self)
        return context

    @property
    def goes_on(self) -> bool:
        """Whether the step that runs is still short enough."""
        return self._clock() - self._began < (STEP_SECONDS if self._calls else ALONE_SECONDS)

    async def give_way(self) -> None:
        """Ends a step: what has come in runs first, then calls in progress get a rest.

        Steps of all background work count together: while a call is in progress they take their turns one by one.
        """
        await asyncio.sleep(0)
        if self._calls:
            async with self._turn:
                await self._rest()
                self._begin()
        else:
            self._begin()

    async def _rest(self) -> None:
        """Until the step before has been over for long enough, or the last call is."""
        if self._working:
            await asyncio.sleep(0)
        left = self._ended + REST_SECONDS - self._clock()
        if left > 0 and self._calls:
            _rests.add(1)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._none.wait()

    def _begin(self) -> None:
        self._working, self._began = True, self._clock()
        # A step is over when the loop goes round, however long it took: what it waits for afterwards is no work.
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._working, self._ended = False, self._clock()


_before: ContextVar[Precedence | None] = ContextVar("before", default=None)


class _AtOnce:
    """Awaited without a wait, and without a coroutine: this is asked for each piece of work."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_AT_ONCE = _AtOnce()


def give_way() -> Awaitable[None]:
    """Says, in a loop of many small pieces, that here is a place to step back; only background work does."""
    calls = _before.get()
    return _AT_ONCE if calls is None or calls.goes_on else calls.give_way()


def first() -> None:
    """From here on this task steps back no more: a call waits for what it does."""
    _before.set(None)
