"""A service with one promise of the runtime broken on purpose, to see that the rig notices:
python -m tests.faults.sabotage HOW SERVICE.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services.runtime import bus, crashpoint
from services.runtime.binding import MESSAGE_ID
from services.runtime.journal import Entry
from services.runtime.listener import Listener
from services.runtime.relay import Relay

LOST = 50


def reuse_message_ids() -> None:
    """All events of a resource go out under one Nats-Msg-Id, so that the stream takes the first of them for all."""
    exact = bus.encode

    def encode(entry: Entry) -> tuple[str, bytes, dict[str, str]]:
        subject, payload, headers = exact(entry)
        return subject, payload, {**headers, MESSAGE_ID: entry.resource.replace("/", "-")}

    bus.encode = encode


def mark_before_publishing() -> None:
    """What is about to be published is marked as sent already; it may die in between."""
    exact = Relay._deliver

    async def deliver(self: Relay, entries: Sequence[Entry], *, go_on: bool = False) -> bool:
        await self._journal.mark_sent([(entry.id, 0) for entry in entries])
        # Until the documents have let go as well: an outbox that still holds them would tell them again.
        await self._letting_go.ended()
        crashpoint.reach("after-publish-before-mark")
        return await exact(self, entries, go_on=go_on)

    Relay._deliver = deliver  # type: ignore[method-assign]  # the sabotage itself


def acknowledge_before_writing() -> None:
    """What was fetched of the tickets is acknowledged before it has taken effect; it may die in between.

    It dies over many: of one lost event the next one of its ticket tells.
    """
    lost = 0
    exact, die = Listener._together, crashpoint.reach

    async def together(self: Listener, batch: list[Any], begun: Sequence[str] = ()) -> None:
        nonlocal lost
        if not all(msg.subject.startswith("throughline.tickets.") for msg in batch):
            await exact(self, batch, begun)  # Of what a service hears of itself the rig computes nothing anew.
            return
        for msg in batch:
            await msg.ack_sync()
        lost += len(batch)
        if lost >= LOST:
            die("after-write-before-ack")

    Listener._together = together  # type: ignore[method-assign]  # the sabotage itself
    crashpoint.reach = lambda point: None  # It is to die there, and not where the others die well.


WAYS: Mapping[str, Callable[[], None]] = {
    "reuse-message-ids": reuse_message_ids,
    "mark-before-publishing": mark_before_publishing,
    "acknowledge-before-writing": acknowledge_before_writing,
}

if __name__ == "__main__":
    how, service = sys.argv[1:]
    WAYS[how]()
    asyncio.run(importlib.import_module(f"services.{service}.main").main())
