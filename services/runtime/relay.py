"""Carries what was written to where it is heard: outbox -> journal -> broker, in batches, in order per resource.

A crash anywhere only means that the next relay sends the same ids again. The way into the journal never waits for
the broker: with the broker away outboxes still drain, and the events wait in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from opentelemetry import metrics
from pymongo import ASCENDING, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from services.runtime import crashpoint
from services.runtime.behind import Behind
from services.runtime.ending import end
from services.runtime.journal import NEW, Entry, Journal
from services.runtime.records import Records
from services.runtime.upkeep import lasting

WINDOW = 256
LINGER_S = 0.010
SWEEP_S = 1.0
SETTLE = timedelta(seconds=2)
_FULL_SWEEP_EVERY = 60
_LOOK_BACK = timedelta(minutes=2)
_OUTGOING_LIMIT = 20_000
_BACKOFF_S = (0.5, 10.0)
# What a failover takes back the sweep finds again, so nobody waits for a majority here.
_LET_GO = WriteConcern(w=1)

Publish = Callable[[Sequence[Entry]], Awaitable[list[int | Exception]]]
Told = Callable[[Sequence[tuple[Entry, int]]], None]
_Collection = AsyncCollection[dict[str, Any]]
_Written = tuple[_Collection, str, Sequence[Entry]]

_log = structlog.get_logger(__name__)


def _tell_nobody(_sent: Sequence[tuple[Entry, int]]) -> None:
    return


class Relay:
    """One service's relay; every replica runs one, and two that meet do no harm.

    publish: entries -> per entry its stream sequence or why not. told: hears what the broker acknowledged.
    oldest_unsent: age in seconds of the oldest event that waits for the broker, as of the last sweep.
    """

    def __init__(self, journal: Journal, publish: Publish, *, told: Told = _tell_nobody) -> None:
        self.oldest_unsent = 0.0
        self._journal = journal
        self._publish = publish
        self._told = told
        self._collections: dict[str, _Collection] = {}
        self._noticed: deque[_Written] = deque()
        self._noticed_entries = 0
        self._outgoing: deque[Entry] = deque()
        self._some = asyncio.Event()
        self._window_full = asyncio.Event()
        self._some_outgoing = asyncio.Event()
        self._publishing = asyncio.Lock()
        self._keeping = asyncio.Lock()
        self._letting_go = Behind()
        self._marking = Behind()
        self._away_until: float | None = None
        self._backoff_s = _BACKOFF_S[0]
        self._sweeps = 0
        self._tasks: list[asyncio.Task[None]] = []
        _show(self)

    @property
    def waiting(self) -> int:
        """Entries that this process has written and not yet seen in the journal or, that done, acknowledged."""
        return self._noticed_entries + len(self._outgoing)

    def watch(self, records: Records[Any]) -> None:
        """Sweeps the documents of these records too."""
        self._collections[records.collection.name] = records.collection

    def notice(self, records: Records[Any], name: str, entries: Sequence[Entry]) -> None:
        """Says that the document now holds these entries in its outbox; returns at once."""
        self._noticed.append((records.collection, name, entries))
        self._noticed_entries += len(entries)
        self._some.set()
        if self._noticed_entries >= WINDOW:
            self._window_full.set()

    def broker_is_back(self) -> None:
        """Ends the waiting after failed publishes: the next sweep tries at once."""
        if self._away_until is not None:
            self._away_until = 0.0

    def start(self) -> None:
        """Starts the work in the background, on the running loop."""
        works = {"keep": self._keep, "send": self._send, "sweep": self._sweep_for_ever}
        self._tasks = [asyncio.create_task(lasting(f"relay {name}", work)) for name, work in works.items()]

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Carries on what this process has noticed, for at most `timeout_s`; what is left, the next relay finds."""
        await end(self._tasks)
        with contextlib.suppress(TimeoutError, PyMongoError):
            async with asyncio.timeout(timeout_s):
                while self._noticed:
                    await self._keep_some()
                while self._outgoing:
                    await self._send_some()
                await self._letting_go.ended()
                await self._marking.ended()
        await self._letting_go.cut()
        await self._marking.cut()

    async def sweep(self, *, settle: timedelta = SETTLE) -> None:
        """Finds what crashes and failures left behind, older than `settle`, and carries it on.

        Raises:
            pymongo.errors.PyMongoError: the store is away.
        """
        full = self._sweeps % _FULL_SWEEP_EVERY == 0
        self._sweeps += 1
        now = datetime.now(UTC)
        if self.waiting:
            # Behind with one's own work: what is only late must not be taken for left behind.
            settle *= 5
        # Keys deleted at the head of an index cost every scan that starts there: mostly start behind them.
        since = None if full else now - _LOOK_BACK
        for collection in list(self._collections.values()):
            await self._sweep_outboxes(collection, since, now - settle)
        if self._away_until is None or time.monotonic() >= self._away_until:
            await self._sweep_journal(since if self._away_until is None else None, now - settle)
        else:
            self._measure(await self._journal.unsent(None, 1))

    async def _sweep_outboxes(self, collection: _Collection, since: datetime | None, until: datetime) -> None:
        pending: dict[str, datetime] = {"$lte": until} if since is None else {"$gte": since, "$lte": until}
        batch: list[_Written] = []
        found = collection.find({"pending": pending}, {"outbox": 1}, batch_size=64).sort("pending", ASCENDING)
        async for document in found:
            entries = [Entry.from_document(entry) for entry in document["outbox"]]
            batch.append((collection, document["_id"], entries))
            if sum(len(written[2]) for written in batch) >= WINDOW:
                await self._hand_over(batch)
                batch = []
        if batch:
            await self._hand_over(batch)
        await self._letting_go.ended()

    async def _sweep_journal(self, since: datetime | None, until: datetime) -> None:
        away = self._away_until is not None
        while True:
            unsent = await self._journal.unsent(since, WINDOW)
            self._measure(unsent)
            # What is fresh is on its way already, unless nothing is: then everything waits here.
            due = unsent if away else [entry for entry in unsent if entry.recorded_at <= until]
            due.sort(key=lambda entry: (entry.recorded_at, entry.resource, entry.version, entry.n))
            if due and not await self._deliver(due):
                return
            if len(due) < WINDOW:
                break
        self._away_until = None

    def _measure(self, unsent: Sequence[Entry]) -> None:
        now = datetime.now(UTC)
        self.oldest_unsent = max((now - unsent[0].recorded_at).total_seconds(), 0.0) if unsent else 0.0

    async def _keep(self) -> None:
        while True:
            await self._some.wait()
            if self._noticed_entries < WINDOW:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LINGER_S):
                        await self._window_full.wait()
            try:
                await self._keep_some()
            except PyMongoError as error:
                _log.warning("the journal cannot be written; trying again", error=str(error), waiting=self.waiting)
                await asyncio.sleep(random.uniform(0.5, 1.0))  # noqa: S311 - spreads, guards nothing

    async def _keep_some(self) -> None:
        batch: list[_Written] = []
        count = 0
        for written in self._noticed:
            batch.append(written)
            count += len(written[2])
            if count >= WINDOW:
                break
        await self._hand_over(batch)
        # Only now: after a failure the same batch comes first again, so that no resource gets out of order.
        for _ in batch:
            self._noticed.popleft()
        self._noticed_entries -= count
        if not self._noticed:
            self._some.clear()
        if self._noticed_entries < WINDOW:
            self._window_full.clear()

    async def _hand_over(self, batch: Sequence[_Written]) -> None:
        """Outbox -> journal; then the broker is told while the documents let go of what is kept.

        Meanwhile the next batch can be kept.
        """
        async with self._keeping:
            entries = [entry for _, _, written in batch for entry in written]
            held = await self._journal.append(entries) if entries else set()
            crashpoint.reach("after-journal-before-publish")
            self._let_out([entry for entry in entries if entry.state == NEW and entry.id in held])
            await self._letting_go.begin(lambda: _let_go(batch, held))

    def _let_out(self, entries: Sequence[Entry]) -> None:
        # With the broker away, or far behind, the journal is queue enough: the sweep takes them from there.
        if self._away_until is None and len(self._outgoing) < _OUTGOING_LIMIT:
            self._outgoing.extend(entries)
            self._some_outgoing.set()

    async def _send(self) -> None:
        while True:
            await self._some_outgoing.wait()
            try:
                await self._send_some()
            except PyMongoError as error:
                _log.warning("sent events could not be marked; they will be sent again", error=str(error))
                await asyncio.sleep(random.uniform(0.5, 1.0))  # noqa: S311 - as above
            if not self._outgoing:
                self._some_outgoing.clear()

    async def _send_some(self) -> None:
        batch = list(itertools.islice(self._outgoing, WINDOW))
        if not await self._deliver(batch, go_on=True) and self._away_until is not None:
            self._outgoing.clear()
            return
        for _ in batch:
            self._outgoing.popleft()

    async def _deliver(self, entries: Sequence[Entry], *, go_on: bool = False) -> bool:
        """Publishes and marks; False when the broker is to be left alone for a while.

        go_on: the next window need not wait for this one's marks.
        """
        async with self._publishing:
            answers: Sequence[int | Exception]
            try:
                answers = await self._publish(entries)
            except Exception as error:  # noqa: BLE001 - whatever the broker's trouble is, the journal keeps the events
                answers = [error] * len(entries)
            crashpoint.reach("after-publish-before-mark")
            sent = [(e, answer) for e, answer in zip(entries, answers, strict=True) if isinstance(answer, int)]
            await self._marking.begin(lambda: self._mark(sent))
            if not go_on:
                await self._marking.ended()
            failures = [answer for answer in answers if isinstance(answer, Exception)]
            # A ValueError is about the one entry, not about the broker: it must not hold up the others.
            trouble = next((failure for failure in failures if not isinstance(failure, ValueError)), None)
            if failures and trouble is None:
                _log.error("an event can never be published", error=str(failures[0]), events=len(failures))
            self._back_off(trouble)
            return bool(sent) and trouble is None

    async def _mark(self, sent: Sequence[tuple[Entry, int]]) -> None:
        await self._journal.mark_sent([(entry.id, sequence) for entry, sequence in sent])
        self._told(sent)

    def _back_off(self, failed: Exception | None) -> None:
        if failed is None:
            self._backoff_s = _BACKOFF_S[0]
            return
        if self._away_until is None:
            _log.warning("the broker takes no events; they wait in the journal", error=str(failed) or repr(failed))
        self._away_until = time.monotonic() + self._backoff_s * random.uniform(0.8, 1.2)  # noqa: S311 - as above
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_S[1])

    async def _sweep_for_ever(self) -> None:
        while True:
            try:
                await self.sweep()
            except PyMongoError as error:
                _log.warning("the sweep cannot read the store; trying again", error=str(error))
            await asyncio.sleep(SWEEP_S * random.uniform(0.9, 1.1))  # noqa: S311 - as above


async def _let_go(batch: Sequence[_Written], held: set[str]) -> None:
    """Takes kept entries out of their documents' outboxes; a version is not touched, so no writer loses a race."""
    ids = sorted(held)
    others = {"$elemMatch": {"_id": {"$nin": ids}}}
    some: list[dict[str, Any]] = [
        {"$set": {"outbox": {"$filter": {"input": "$outbox", "cond": {"$not": [{"$in": ["$$this._id", ids]}]}}}}},
        {"$set": {"pending": {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", "$pending"]}}},
    ]
    for name, collection in {collection.name: collection for collection, _, _ in batch}.items():
        emptied = collection.with_options(write_concern=_LET_GO)
        names = list(dict.fromkeys(document for owner, document, _ in batch if owner.name == name))
        # Mostly nothing else waits there: then all goes at once, which costs the server a third less.
        done = await emptied.update_many(
            {"_id": {"$in": names}, "outbox": {"$not": others}}, {"$set": {"outbox": []}, "$unset": {"pending": ""}}
        )
        if done.matched_count < len(names):
            await emptied.update_many({"_id": {"$in": names}, "outbox._id": {"$in": ids}}, some)


def _show(relay: Relay) -> None:
    meter = metrics.get_meter("throughline.relay")
    meter.create_observable_gauge(
        "throughline_relay_oldest_unsent",
        callbacks=[lambda _: [metrics.Observation(relay.oldest_unsent)]],
        unit="s",
        description="Age of the oldest event that waits for the broker.",
    )
    meter.create_observable_gauge(
        "throughline_relay_waiting",
        callbacks=[lambda _: [metrics.Observation(relay.waiting)]],
        description="Entries written here that are not yet in the journal, or not yet published.",
    )
