"""One step that may run behind its caller: the next one begins only after it has ended, so that order is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from services.runtime.ending import end


class Behind:
    """Holds the step that runs, if one does. What it raises is raised to whoever waits for it next."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def begin(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begins the step, once the one before has ended.

        Raises:
            Exception: what the one before raised; this one has not begun.
        """
        await self.ended()
        self._task = asyncio.create_task(step())

    async def ended(self) -> None:
        """Waits for the step that runs; one whose waiter is cancelled runs on, and can be waited for again.

        Raises:
            Exception: what it raised, once.
        """
        task = self._task
        if task is None:
            return
        try:
            await asyncio.shield(task)
        finally:
            if task.done() and self._task is task:
                self._task = None

    async def cut(self) -> None:
        """Ends the step that runs, whatever it has reached."""
        if self._task is not None:
            await end([self._task])
            self._task = None
