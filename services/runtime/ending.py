"""Ends tasks for certain: a cancellation that is swallowed on its way is said again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_S = 0.5


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels the tasks and waits until each has ended; what they raise is nobody's any more.

    Python 3.11's `asyncio.wait_for`, by which nats-py waits too, swallows a cancellation that meets its result, and the
    task goes on for ever. So it is cancelled again every half second; one that needs longer to end must not rely on
    this.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        ended, left = await asyncio.wait(left, timeout=AGAIN_S)
        for task in ended:
            if not task.cancelled():
                task.exception()
