"""Durable timers: armed hints become due causes, each applied once however many replicas fire it.

The database's clock judges what is due; a claim a little ahead and the monotonic clock hit the moment, never before it.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from opentelemetry import metrics, trace
from pymongo.asynchronous.database import AsyncDatabase

from services.runtime.actor import system
from services.runtime.away import is_away
from services.runtime.hints import BATCH, Claim, Hints
from services.runtime.records import Cause, Change, Records, change_many
from services.runtime.upkeep import lasting

S = TypeVar("S")

GRACE = timedelta(seconds=30)
"""For so long after it was armed a hint may be ahead of the write that it belongs to, so it is not yet stale."""
_AGAIN_S = 0.5
_REAP_S = 0.02

_log = structlog.get_logger(__name__)
_tracer = trace.get_tracer("throughline.timers")
_meter = metrics.get_meter("throughline.timers")
_ended = _meter.create_counter("throughline_timers_ended", description="Hints by outcome: fired, stale, failed")
_lag = _meter.create_histogram(
    "throughline_timers_lag", unit="s", description="From the due moment to the decision, the longest of each write"
)


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline that has come. at: the deadline; fired_at: when it is acted on, by the database's clock."""

    name: str
    step: str
    at: datetime
    fired_at: datetime


Decider = Callable[[Due], Callable[[Any], tuple[Any, Sequence[Any]]]]
"""From a deadline that has come to the decision that it calls for."""
Prepare = Callable[[], Awaitable[None]]


class Stale(Exception):
    """The state no longer asks for this deadline; nothing is written."""


class Timers:
    """The timers of one service; every replica runs one, without a leader."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], service: str) -> None:
        self._hints = Hints(db)
        self._actor = system(service)
        self._deciders: list[tuple[Records[Any], Decider]] = []
        self._before: dict[int, Prepare] = {}
        self._wake_at: datetime | None = None
        self._armed = asyncio.Event()
        self._claimed = asyncio.Event()
        self._room = asyncio.Event()
        self._finished = asyncio.Event()
        self._stopping = asyncio.Event()
        self._heap: list[Claim] = []
        self._done: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def ensure_indexes(self) -> None:
        """Creates what is missing."""
        await self._hints.ensure_indexes()

    async def arm(self, hints: Sequence[tuple[str, datetime]]) -> None:
        """Arms (due id, moment) before the write that they belong to; one armed already stays.

        A hint whose deadline the document does not hold in the end is dropped when it comes due, without a write.
        """
        if not hints:
            return
        await self._hints.arm(hints)
        if self._wake_at is None or min(at for _, at in hints) < self._wake_at:
            self._armed.set()

    def on_due(
        self,
        records: Records[S],
        decide: Callable[[Due], Callable[[S], tuple[S, Sequence[Any]]]],
        *,
        before_batch: Prepare | None = None,
    ) -> None:
        """Registers the decision for one kind; it runs only while the state still asks for the deadline.

        before_batch: called before the decisions of a batch that holds such deadlines, to read what they look up.
        """
        self._deciders.append((records, decide))
        if before_batch is not None:
            self._before[id(records)] = before_batch

    def start(self) -> None:
        """Begins to claim and fire."""
        works = {"claim": self._keep_claiming, "fire": self._keep_firing, "reap": self._keep_reaping}
        self._tasks = [
            asyncio.create_task(lasting(f"timers {name}", work, self._stopping)) for name, work in works.items()
        ]

    async def stop(self) -> None:
        """Finishes what is being decided, gives back what is not and ends."""
        self._stopping.set()
        for event in (self._armed, self._claimed, self._room, self._finished):
            event.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):  # what is not told comes back when its lease ends
            await self._reap()
            await self._hints.give_back([claim.id for claim in self._heap])
            await self._hints.part()
        self._heap.clear()
        self._tasks.clear()

    async def _keep_claiming(self) -> None:
        while not self._stopping.is_set():
            if len(self._heap) >= 2 * BATCH:
                self._room.clear()
                await _within(self._room.wait(), 1.0)
                continue
            self._armed.clear()
            try:
                await self._hints.meet()
                claims, pause = await self._hints.claim()
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                _log.log(_level(error), "timers cannot claim", error=f"{type(error).__name__}: {error}")
                claims, pause = [], timedelta(seconds=_AGAIN_S)
            for claim in claims:
                heapq.heappush(self._heap, claim)
            if claims:
                self._claimed.set()
            if pause > timedelta():
                self._wake_at = self._hints.now() + pause
                await _within(self._armed.wait(), pause.total_seconds())

    async def _keep_firing(self) -> None:
        while not self._stopping.is_set():
            wait = self._heap[0].moment - time.monotonic() if self._heap else 1.0
            if wait > 0:
                self._claimed.clear()
                await _within(self._claimed.wait(), wait)
                continue
            # One write at a time: what comes due meanwhile goes together into the next one, which costs less than many
            # small writes beside each other, and everything takes effect in due order.
            if batch := self._due_now():
                await self._decide(batch)

    def _due_now(self) -> list[Claim]:
        """What has come due, in order, as far as it is still ours."""
        now = time.monotonic()
        batch: list[Claim] = []
        while self._heap and self._heap[0].moment <= now and len(batch) < BATCH:
            claim = heapq.heappop(self._heap)
            if claim.lease_ends > now:
                batch.append(claim)
        self._room.set()
        return batch

    async def _decide(self, batch: list[Claim]) -> None:
        try:
            with _tracer.start_as_current_span("timers fire"):
                await self._prepare(batch)
                fired_at = self._hints.now()
                _lag.record(max(0.0, *((fired_at - claim.due_at).total_seconds() for claim in batch)))
                pairs = [(claim, change) for claim in batch if (change := self._change(claim, fired_at))]
                results = await change_many([change for _, change in pairs])
        except Exception as error:  # noqa: BLE001 - a hint that fails must not stop the others
            if is_away(error):
                # The claims are still ours: try again shortly, as long as the lease lasts.
                for claim in batch:
                    self._again(claim)
            elif len(batch) == 1:
                await self._failed(batch[0], error)
            else:
                # One hint breaks the whole write: find out which, and let the others pass.
                for claim in batch:
                    await self._decide([claim])
            return
        known = {claim.id for claim, _ in pairs}
        for claim in batch:
            if claim.id not in known:
                await self._failed(claim, LookupError("no decision is registered for the deadlines of this resource"))
        settled = [await self._settled(claim, result) for (claim, _), result in zip(pairs, results, strict=True)]
        # One note for all: what is counted for each by itself costs a tenth of the whole.
        for outcome in ("fired", "stale"):
            if count := settled.count(outcome):
                _ended.add(count, {"outcome": outcome})
        self._finished.set()

    async def _prepare(self, batch: Sequence[Claim]) -> None:
        if self._before:
            kinds = {id(pair[0]) for claim in batch if (pair := self._pair(claim))}
            for before in {one for kind, one in self._before.items() if kind in kinds}:
                await before()

    def _pair(self, claim: Claim) -> tuple[Records[Any], Decider] | None:
        return next((pair for pair in self._deciders if pair[0].owns(claim.name)), None)

    def _change(self, claim: Claim, fired_at: datetime) -> Change | None:
        pair = self._pair(claim)
        if pair is None:
            return None
        due = Due(claim.name, claim.step, claim.due_at, max(claim.due_at, fired_at))
        cause = Cause(id=claim.id, actor=self._actor, at=due.fired_at)
        return pair[0].entry(claim.name, cause, _while_asked(pair[0], due, pair[1]))

    async def _settled(self, claim: Claim, result: object) -> str:
        """What became of a claim: "fired" or "stale" when it is to be ended, else "open"."""
        early = isinstance(result, Stale) and self._hints.now() - claim.armed_at < GRACE
        if early or (isinstance(result, Exception) and is_away(result)):
            self._again(claim)
            return "open"
        if isinstance(result, Exception) and not isinstance(result, Stale):
            await self._failed(claim, result)
            return "open"
        self._done.append(claim.id)
        return "stale" if isinstance(result, Stale) else "fired"

    def _again(self, claim: Claim) -> None:
        claim.moment = time.monotonic() + _AGAIN_S
        heapq.heappush(self._heap, claim)

    async def _failed(self, claim: Claim, error: Exception) -> None:
        """Says so each time; the hint stays, so that nothing is lost."""
        _ended.add(1, {"outcome": "failed"})
        _log.error("timer failed", hint=claim.id, exc_info=error)
        with contextlib.suppress(Exception):  # it comes back when its lease ends
            await self._hints.failed(claim.id)

    async def _keep_reaping(self) -> None:
        while not self._stopping.is_set():
            await self._finished.wait()
            self._finished.clear()
            await asyncio.sleep(_REAP_S)
            try:
                await self._reap()
            except Exception as error:  # noqa: BLE001 - a hint not ended is a cause seen before
                _log.log(_level(error), "timers cannot end hints", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(_AGAIN_S)
                self._finished.set()

    async def _reap(self) -> None:
        while ids := self._done[:BATCH]:
            await self._hints.finish(ids)
            del self._done[: len(ids)]


def _while_asked(
    records: Records[S], due: Due, decide: Callable[[Due], Callable[[S], tuple[S, Sequence[Any]]]]
) -> Callable[[S | None], tuple[S, Sequence[Any]]]:
    def checked(state: S | None) -> tuple[S, Sequence[Any]]:
        asked = () if state is None else records.kind.deadlines(state)
        if state is None or not any(deadline.step == due.step and deadline.at == due.at for deadline in asked):
            raise Stale(due.name)
        return decide(due)(state)

    return checked


def _level(error: Exception) -> int:
    return 30 if is_away(error) else 40


async def _within(waiting: Awaitable[Any], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
