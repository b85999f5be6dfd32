"""Refills the broker from the journal when the broker lost what it had acknowledged: wiped, truncated or replaced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Protocol

import structlog
from pymongo.errors import DuplicateKeyError

from services.runtime.journal import SENT, Entry, Journal

EVERY_S = 300.0
MARGIN = timedelta(minutes=10)
# A message that old may have left the stream by its age limit of 30 days: that is no loss.
KEPT_AT_LEAST = timedelta(days=29)
_WINDOW = 256

_log = structlog.get_logger(__name__)


class StreamState(Protocol):
    """What the broker says of a stream."""

    @property
    def created(self) -> datetime:
        """When the broker made it; another time means another stream."""
        ...

    @property
    def last_seq(self) -> int:
        """The sequence of its last message, 0 when it never had one."""
        ...

    async def tail_msg_id(self, seq: int) -> str | None:
        """The Nats-Msg-Id of the message at `seq`, None when there is none; raises when it cannot be asked."""
        ...


class Broker(Protocol):
    """The part of the bus that the reconciler needs."""

    async def stream_state(self, name: str) -> StreamState | None:
        """The stream's state, None when there is no such stream; raises when the broker cannot be asked."""
        ...

    async def publish(self, entries: Sequence[Entry]) -> list[int | Exception]:
        """Per entry its stream sequence, or why the stream has not taken it."""
        ...


class Finding(Enum):
    """What a check found, and did."""

    INTACT = "intact"
    MISSING = "missing"
    REFILLED = "refilled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Mark:
    """One acknowledged message: where the stream put it, its id, and when its entry was recorded."""

    sequence: int
    id: str
    time: datetime


class Reconciler:
    """Watches one stream for one service; every replica may run one, double refills are dropped by their ids."""

    def __init__(self, journal: Journal, broker: Broker, stream: str) -> None:
        self._journal = journal
        self._broker = broker
        self._stream = stream
        self._key = f"stream/{stream}"
        self._newest: Mark | None = None
        self._asked = asyncio.Event()
        self._checking = asyncio.Lock()

    def told(self, sent: Sequence[tuple[Entry, int]]) -> None:
        """Hears from the relay what the broker acknowledged."""
        for entry, sequence in sent:
            if self._newest is None or sequence > self._newest.sequence:
                self._newest = _mark(entry, sequence)

    def ask(self) -> None:
        """Wants a check soon: after each (re)connection, and whenever somebody doubts the stream."""
        self._asked.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Checks when asked and every five minutes, until `stop` is set."""
        ended = asyncio.create_task(stop.wait())
        while not stop.is_set():
            asked = asyncio.create_task(self._asked.wait())
            await asyncio.wait({asked, ended}, timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if stop.is_set():
                return
            self._asked.clear()
            try:
                await self.check()
            except Exception as error:  # noqa: BLE001 - whatever store or broker raise while away, the next check sees
                _log.warning("the stream cannot be checked now", stream=self._stream, error=str(error) or repr(error))

    async def check(self) -> Finding:
        """Compares the stream with what it acknowledged, and republishes what it lost.

        Raises:
            Exception: the store or the broker cannot be asked; nothing is decided, check again later.
        """
        async with self._checking:
            cursor = await self._journal.cursors.find_one({"_id": self._key})
            if self._newest is None:
                entry = await self._journal.newest_sent()
                self._newest = _mark(entry, entry.stream_sequence) if entry else None
            newest = self._newest
            # Asked last: what replicas publish meanwhile may be ahead of the marks, but no mark ahead of the stream.
            state = await self._broker.stream_state(self._stream)
            if state is None:
                return Finding.MISSING
            lost = await self._lost(cursor, state, newest)
            if lost is None:
                await self._advance(cursor, state, newest)
                return Finding.INTACT
            return await self._refill(lost, state)

    async def _lost(
        self, cursor: Mapping[str, Any] | None, state: StreamState, newest: Mark | None
    ) -> Mapping[str, Any] | None:
        """The filter of the entries that the stream may have lost, None when it has all."""
        seen = Mark(cursor["last_seq"], cursor["id"], cursor["time"]) if cursor and "last_seq" in cursor else None
        if cursor is None or seen is None:
            # Never seen whole: not yet looked at, or a refill from nothing was cut off.
            return None if cursor is None and await self._holds(state, newest) else {}
        if cursor["created"] != _instant(state.created) or not await self._holds(state, seen):
            return {}
        if not cursor.get("owed") and await self._holds(state, newest):
            return None
        # The stream was seen whole up to the cursor; what came later may have left a hole.
        return {"$or": [{"stream_sequence": {"$gt": seen.sequence}}, {"recorded_at": {"$gte": seen.time - MARGIN}}]}

    async def _holds(self, state: StreamState, mark: Mark | None) -> bool:
        if mark is None or mark.sequence == 0:
            return True
        if mark.sequence > state.last_seq:
            return False
        if await state.tail_msg_id(mark.sequence) == mark.id:
            return True
        return mark.time < datetime.now(UTC) - KEPT_AT_LEAST

    async def _refill(self, lost: Mapping[str, Any], state: StreamState) -> Finding:
        _log.error("the broker lost acknowledged events; refilling from the journal", stream=self._stream)
        # Written first, so that a refill which is cut off is taken up again by whoever checks next.
        owed: dict[str, Any] = {"$set": {"owed": True}}
        if not lost:
            owed["$unset"] = {"created": "", "last_seq": "", "id": "", "time": ""}
        await self._journal.cursors.update_one({"_id": self._key}, owed, upsert=True)
        # Sequences of the lost stream say nothing about this one.
        self._newest = None
        newest, count = _NOTHING, 0
        async for entries in self._journal.walk({"state": SENT, "erased": {"$exists": False}, **lost}, _WINDOW):
            answers = await self._broker.publish(entries)
            sent = [(e, answer) for e, answer in zip(entries, answers, strict=True) if isinstance(answer, int)]
            await self._journal.mark_sent([(entry.id, sequence) for entry, sequence in sent])
            self.told(sent)
            newest = max([newest, *(_mark(entry, at) for entry, at in sent)], key=lambda mark: mark.sequence)
            count += len(sent)
            if len(sent) < len(entries):
                _log.warning("the refill was interrupted; it starts over", stream=self._stream, republished=count)
                return Finding.INTERRUPTED
        whole = {"$set": _fields(state, newest), "$unset": {"owed": ""}}
        await self._journal.cursors.update_one({"_id": self._key}, whole)
        _log.warning("the stream is refilled", stream=self._stream, republished=count)
        return Finding.REFILLED

    async def _advance(self, cursor: Mapping[str, Any] | None, state: StreamState, newest: Mark | None) -> None:
        """Moves the cursor to what was seen whole; another replica that was further stays ahead."""
        if newest is None or (cursor and cursor["last_seq"] >= newest.sequence):
            return
        where = {"_id": self._key, "last_seq": cursor["last_seq"]} if cursor else {"_id": self._key}
        with contextlib.suppress(DuplicateKeyError):
            await self._journal.cursors.update_one(where, {"$set": _fields(state, newest)}, upsert=cursor is None)


_NOTHING = Mark(0, "", datetime(1970, 1, 1, tzinfo=UTC))


def _mark(entry: Entry, sequence: int) -> Mark:
    return Mark(sequence, entry.id, entry.recorded_at)


def _fields(state: StreamState, newest: Mark) -> dict[str, Any]:
    created = _instant(state.created)
    return {"created": created, "last_seq": newest.sequence, "id": newest.id, "time": newest.time}


def _instant(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
