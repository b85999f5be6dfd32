"""Signs a checkpoint of the journal every five minutes and tells it to the stream and the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

import pymongo
import structlog
from throughline.type.v1 import journal_pb2

from services.runtime.bus import Bus
from services.runtime.identity import Keys
from services.runtime.journal import Checkpoint, Entry, Journal, checkpoint

EVERY_SECONDS = 300.0
_STORE_SECONDS = 60.0

log = structlog.get_logger()


class Sealing:
    """The copy on the stream is what shows that a database was rewritten whole; with NATS away it waits here."""

    def __init__(self, journal: Journal, keys: Keys, bus: Bus) -> None:
        self._journal = journal
        self._keys = keys
        self._bus = bus
        self._untold: deque[Checkpoint] = deque(maxlen=1000)

    async def run(self, stop: asyncio.Event) -> None:
        """Signs every five minutes, until `stop` is set."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()
            if not stop.is_set():
                await self.seal()

    async def seal(self) -> int:
        """Signs what is not yet covered and tells it; how many statements wait to be told.

        Raises:
            pymongo.errors.PyMongoError: the store is away; what was not covered stays so.
        """
        with pymongo.timeout(_STORE_SECONDS):
            self._untold.extend(await checkpoint(self._journal, self._keys.sign_bytes))
        while self._untold:
            (answer,) = await self._bus.publish([_event(self._untold[0], self._keys.service)])
            if isinstance(answer, Exception):
                log.warning("checkpoint not yet on the stream", number=self._untold[0].number, error=str(answer))
                break
            self._untold.popleft()
        return len(self._untold)


def _event(one: Checkpoint, service: str) -> Entry:
    """The statement in the shape of an event; no listener asks for its type, all of them may keep it."""
    message = journal_pb2.JournalCheckpoint(
        number=one.number,
        entry_count=one.count,
        root=one.root,
        previous=one.previous,
        key_id=one.kid,
        signature=one.signature,
    )
    message.sign_time.FromDatetime(one.at)
    return Entry(
        id=f"checkpoints/{service}/{one.number}/{one.digest().hex()[:16]}",
        resource=f"checkpoints/{service}",
        version=one.number,
        n=0,
        sequence=one.number,
        type=f"throughline.{service}.v1.JournalSealed",
        cause=f"checkpoint/{one.number}",
        actor=f"system/{service}",
        behalf="",
        time=one.at,
        recorded_at=one.at,
        traceparent="",
        data=message.SerializeToString(deterministic=True),
        salt=b"",
        digest=b"",
        prev=one.previous,
        hash=one.digest(),
    )
