"""Durable timers: armed hints become due causes, each applied once however many replicas fire it.

The database's clock judges what is due; a claim a little ahead and the monotonic clock hit the moment, never before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import structlog
from bson.codec_options import CodecOptions
from opentelemetry import metrics, trace
from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from services.runtime.actor import system
from services.runtime.away import is_away
from services.runtime.records import Cause, Change, Records, change_many

S = TypeVar("S")

BATCH = 500
AHEAD = timedelta(milliseconds=300)
LEASE = timedelta(seconds=30)
GRACE = timedelta(seconds=30)
"""For so long after it was armed a hint may be ahead of the write that it belongs to, so it is not yet stale."""
_POLL = timedelta(seconds=1)
_SWEEP_S = 20.0
_CLOCK_S = 10.0
_SMALL = 50
_IN_FLIGHT = 8
_REAP_S = 0.02
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_log = structlog.get_logger(__name__)
_tracer = trace.get_tracer("throughline.timers")
_meter = metrics.get_meter("throughline.timers")
_outcomes = _meter.create_counter("throughline_timers_ended", description="Hints by outcome: fired, stale, failed")
_lag = _meter.create_histogram("throughline_timers_lag", unit="s", description="From the due moment to the decision")


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that has come. at: the deadline; fired_at: when it is acted on, by the database's clock, never before at."""

    name: str
    step: str
    at: datetime
    fired_at: datetime


Decider = Callable[[Due], Callable[[Any], tuple[Any, Sequence[Any]]]]
"""From a deadline that has come to the decision that it calls for."""


class Stale(Exception):
    """The state no longer asks for this deadline; nothing is written."""


@dataclass(order=True, slots=True)
class _Claim:
    moment: float
    due_at: datetime
    id: str = field(compare=False)
    name: str = field(compare=False)
    step: str = field(compare=False)
    armed_at: datetime = field(compare=False)
    lease_ends: float = field(compare=False)


class Timers:
    """The timers of one service; every replica runs one, without a leader."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], service: str) -> None:
        aware = CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC)
        self._hints = db.get_collection("timers", aware, ReadPreference.PRIMARY, WriteConcern(w="majority", j=True))
        # Claims and their ends only spare work: losing one in a failover costs a look at a cause applied before.
        self._claims = self._hints.with_options(write_concern=WriteConcern(w=1))
        self._db = db
        self._service = service
        self._owner = uuid.uuid4().hex
        self._handlers: list[tuple[Records[Any], Decider]] = []
        self._low = _START
        self._next_sweep = 0.0
        self._offset = timedelta()
        self._clock_read = float("-inf")
        self._skip = 0
        self._wake_at = _START
        self._armed = asyncio.Event()
        self._claimed = asyncio.Event()
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._heap: list[_Claim] = []
        self._finished: list[str] = []
        self._finished_news = asyncio.Event()
        self._names: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def ensure_indexes(self) -> None:
        """The index that claims walk along; due_at never changes, so that it stays small and in order."""
        await self._hints.create_index("due_at")

    async def arm(self, hints: Sequence[tuple[str, datetime]]) -> None:
        """Inserts hints (due id, moment in UTC) before the write that they belong to; one armed already stays.

        A hint whose deadline the document does not hold in the end is dropped when it comes due, without a write.
        """
        if not hints:
            return
        armed_at = datetime.now(UTC) + self._skew()
        left = {hint: {"_id": hint, "due_at": at, "armed_at": armed_at} for hint, at in hints}
        while left:
            try:
                await self._hints.insert_many(left.values(), ordered=False)
                break
            except BulkWriteError as error:
                failures = error.details["writeErrors"]
                if any(failure["code"] != 11000 for failure in failures):
                    raise
                again = [failure["op"]["_id"] for failure in failures]
                # Being armed again takes a hint out of the hands of a worker that is about to drop it as stale.
                found = await self._hints.update_many(
                    {"_id": {"$in": again}},
                    {"$set": {"armed_at": armed_at}, "$unset": {"owner": "", "lease_until": ""}},
                )
                if found.matched_count == len(again):
                    break
                left = {hint: left[hint] for hint in again}
        first = min(at for _, at in hints)
        self._low = min(self._low, first)
        if first < self._wake_at:
            self._armed.set()

    def on_due(self, records: Records[S], decide: Callable[[Due], Callable[[S], tuple[S, Sequence[Any]]]]) -> None:
        """Registers the decision for deadlines of one kind; it runs only while the state still asks for the deadline."""
        self._handlers.append((records, decide))

    def start(self) -> None:
        """Begins to claim and fire."""
        self._tasks = [
            asyncio.create_task(run()) for run in (self._keep_claiming, self._keep_firing, self._keep_reaping)
        ]

    async def stop(self) -> None:
        """Finishes what is being decided, gives back the claims and ends."""
        self._stopping.set()
        for event in (self._armed, self._claimed, self._room, self._finished_news):
            event.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._reap()
        await self._claims.update_many({"owner": self._owner, "_id": {"$in": [claim.id for claim in self._heap]}},
                                      {"$unset": {"owner": "", "lease_until": ""}})  # fmt: skip
        self._heap.clear()

    def _now(self) -> datetime:
        """The database's clock, as read last and carried on by the monotonic clock."""
        return _START + self._offset + timedelta(seconds=time.monotonic())

    def _skew(self) -> timedelta:
        return self._now() - datetime.now(UTC) if self._clock_read > 0 else timedelta()

    async def _read_clock(self) -> None:
        if time.monotonic() - self._clock_read < _CLOCK_S:
            return
        answer = await self._db.command("hello")
        self._set_clock(answer["localTime"].replace(tzinfo=UTC))

    def _set_clock(self, database_now: datetime) -> None:
        # Taken after the answer: the true instant is never behind this one, so nothing fires early.
        self._clock_read = time.monotonic()
        self._offset = database_now - _START - timedelta(seconds=self._clock_read)

    async def _keep_claiming(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._read_clock()
                pause = await self._claim()
            except Exception as error:
                if not is_away(error):
                    _log.exception("timers cannot claim")
                pause = _POLL
            if pause <= timedelta():
                continue
            self._wake_at = self._now() + pause
            self._armed.clear()
            await _within(self._armed.wait(), pause.total_seconds())
            if len(self._heap) >= 2 * BATCH:
                self._room.clear()
                await _within(self._room.wait(), _POLL.total_seconds())

    async def _claim(self) -> timedelta:
        """Claims what is due or nearly so; how long nothing else can be."""
        if time.monotonic() >= self._next_sweep:
            # From the bottom: what another replica claimed and never finished, or armed behind this one's back.
            self._next_sweep = time.monotonic() + _SWEEP_S
            self._low = _START
        now = self._now()
        free = {"$or": [{"lease_until": None}, {"lease_until": {"$lte": now}}]}
        low = self._low
        cursor = self._claims.find(
            {"due_at": {"$gte": low, "$lte": now + AHEAD + _POLL}, **free},
            {"due_at": 1, "armed_at": 1, "left": {"$subtract": ["$due_at", "$$NOW"]}},
        )
        found = await cursor.sort("due_at", 1).skip(self._skip).limit(BATCH).to_list()
        read = time.monotonic()
        if not found:
            skipped, self._skip = self._skip, 0
            return timedelta() if skipped else _POLL * random.uniform(0.8, 1.0)
        self._set_clock(found[0]["due_at"] - found[0]["left"] * _MILLISECOND)
        near = [hint for hint in found if hint["left"] <= AHEAD / _MILLISECOND]
        ids = [hint["_id"] for hint in near]
        if near:
            lease_ends = time.monotonic() + LEASE.total_seconds() - 5.0
            taken = await self._claims.update_many(
                {"_id": {"$in": ids}, **free},
                {"$set": {"owner": self._owner, "lease_until": now + LEASE}},
            )
            self._skip = 0
            if taken.modified_count < len(ids):
                mine = {"_id": {"$in": ids}, "owner": self._owner}
                kept = {hint["_id"] async for hint in self._claims.find(mine, {"_id": 1})}
                near = [hint for hint in near if hint["_id"] in kept]
                # Somebody else claims here too: look elsewhere next, so as not to race for every document.
                self._skip = random.randrange(BATCH) if len(found) == BATCH else 0
            for hint in near:
                name, step, _ = hint["_id"].removeprefix("due/").rsplit("/", 2)
                moment = read + max(0.0, hint["left"] / 1000)
                heapq.heappush(
                    self._heap,
                    _Claim(moment, hint["due_at"], hint["_id"], name, step, hint["armed_at"], lease_ends),
                )
            self._claimed.set()
            if self._low == low:
                self._low = max(low, found[len(ids) - 1]["due_at"] - 2 * _POLL)
        if len(ids) == BATCH:
            return timedelta() if len(self._heap) < 2 * BATCH else _POLL / 100
        later = [hint["left"] for hint in found if hint["left"] > AHEAD / _MILLISECOND]
        pause = (later[0] * _MILLISECOND - AHEAD) if later else _POLL * random.uniform(0.8, 1.0)
        # A claim for each single hint would cost more than it brings: gather for a third of the time ahead.
        return max(pause, AHEAD / 3)

    async def _keep_firing(self) -> None:
        while not self._stopping.is_set():
            if not self._heap:
                self._claimed.clear()
                await _within(self._claimed.wait(), 1.0)
                continue
            wait = self._heap[0].moment - time.monotonic()
            if wait > 0:
                self._claimed.clear()
                await _within(self._claimed.wait(), wait)
                continue
            batch = self._due_now()
            if not batch:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
                continue
            if len(batch) > _SMALL:
                # A backlog goes in due order, one batch after the other.
                if self._running:
                    await asyncio.wait(self._running)
                await self._fire(batch)
                continue
            task = asyncio.create_task(self._fire(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            if len(self._running) >= _IN_FLIGHT:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    def _due_now(self) -> list[_Claim]:
        """What has come due, in due order; a resource that is being decided waits, so that its steps keep their order."""
        now = time.monotonic()
        batch: list[_Claim] = []
        held: list[_Claim] = []
        while self._heap and self._heap[0].moment <= now and len(batch) < BATCH:
            claim = heapq.heappop(self._heap)
            if claim.name in self._names:
                held.append(claim)
            elif claim.lease_ends > now:
                batch.append(claim)
        for claim in held:
            heapq.heappush(self._heap, claim)
        self._names.update(claim.name for claim in batch)
        self._room.set()
        return batch

    async def _fire(self, batch: list[_Claim]) -> None:
        try:
            await self._decide(batch)
        except Exception as error:
            if is_away(error):
                # The claims are still ours: try again shortly, as long as the lease lasts.
                for claim in batch:
                    self._again(claim, 0.5)
            else:
                await self._fire_alone(batch, error)
        finally:
            self._names.difference_update(claim.name for claim in batch)
            self._claimed.set()

    async def _fire_alone(self, batch: list[_Claim], error: Exception) -> None:
        """One hint breaks the whole write: finds out which, and lets the others pass."""
        for claim in batch:
            try:
                if len(batch) == 1:
                    await self._failed(claim, error)
                else:
                    await self._fire([claim])
            except Exception as failure:
                _log.warning("hint comes again after its lease", hint=claim.id, error=str(failure))

    async def _decide(self, batch: list[_Claim]) -> None:
        now = self._now()
        changes: list[Change] = []
        claims: list[_Claim] = []
        for claim in batch:
            handler = next((pair for pair in self._handlers if pair[0].owns(claim.name)), None)
            if handler is None:
                await self._failed(claim, LookupError(f"no decision is registered for deadlines of {claim.name}"))
                continue
            records, decide = handler
            due = Due(claim.name, claim.step, claim.due_at, max(claim.due_at, now))
            cause = Cause(id=claim.id, actor=system(self._service), at=due.fired_at)
            changes.append(records.entry(claim.name, cause, _while_asked(records, due, decide)))
            claims.append(claim)
            _lag.record((due.fired_at - due.at).total_seconds())
        with _tracer.start_as_current_span("timers fire"):
            results = await change_many(changes)
        for claim, result in zip(claims, results, strict=True):
            if not isinstance(result, Exception):
                self._finish(claim, "fired")
            elif isinstance(result, Stale):
                if now - claim.armed_at < GRACE:
                    self._again(claim, 1.0)
                else:
                    self._finish(claim, "stale")
            elif is_away(result):
                self._again(claim, 0.5)
            else:
                await self._failed(claim, result)

    def _finish(self, claim: _Claim, outcome: str) -> None:
        _outcomes.add(1, {"outcome": outcome})
        self._finished.append(claim.id)
        self._finished_news.set()

    def _again(self, claim: _Claim, seconds: float) -> None:
        claim.moment = time.monotonic() + seconds
        heapq.heappush(self._heap, claim)

    async def _failed(self, claim: _Claim, error: Exception) -> None:
        """Keeps a hint that cannot be acted on, to be tried ever more rarely: it is never lost, and says so each time."""
        _outcomes.add(1, {"outcome": "failed"})
        _log.error("timer failed", hint=claim.id, exc_info=error)
        minutes = {"$min": [60, {"$pow": [2, {"$ifNull": ["$failures", 0]}]}]}
        await self._claims.update_one(
            {"_id": claim.id, "owner": self._owner},
            [
                {
                    "$set": {
                        "lease_until": {"$dateAdd": {"startDate": "$$NOW", "unit": "minute", "amount": minutes}},
                        "failures": {"$add": [{"$ifNull": ["$failures", 0]}, 1]},
                    }
                }
            ],
        )

    async def _keep_reaping(self) -> None:
        while not self._stopping.is_set():
            await self._finished_news.wait()
            self._finished_news.clear()
            await asyncio.sleep(_REAP_S)
            try:
                await self._reap()
            except Exception as error:
                if not is_away(error):
                    _log.exception("timers cannot finish")
                await asyncio.sleep(0.5)
                self._finished_news.set()

    async def _reap(self) -> None:
        while self._finished:
            ids = self._finished[:BATCH]
            await self._claims.delete_many({"_id": {"$in": ids}, "owner": self._owner})
            del self._finished[: len(ids)]


def _while_asked(
    records: Records[S], due: Due, decide: Callable[[Due], Callable[[S], tuple[S, Sequence[Any]]]]
) -> Callable[[S | None], tuple[S, Sequence[Any]]]:
    def checked(state: S | None) -> tuple[S, Sequence[Any]]:
        if state is None:
            raise Stale(due.name)
        if not any(wanted.step == due.step and wanted.at == due.at for wanted in records.kind.deadlines(state)):
            raise Stale(due.name)
        return decide(due)(state)

    return checked


async def _within(waiting: Any, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(waiting, seconds)
