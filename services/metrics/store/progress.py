"""How many of the events that numbers are made of are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.runtime.backlog import Backlog

AskBacklog = Callable[[str], Awaitable[Backlog | None]]


class Progress:
    """Adds up how far the listeners are. streams: the services whose events are counted."""

    def __init__(self, ask: AskBacklog, streams: Sequence[str]) -> None:
        self._ask = ask
        self._streams = streams

    async def now(self) -> Backlog | None:
        """Over all streams; None when one cannot be asked, since what waits there is not known."""
        found = await asyncio.gather(*(self._ask(one) for one in self._streams))
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return None
        return Backlog(sum(one.heard for one in known), sum(one.waiting for one in known))
