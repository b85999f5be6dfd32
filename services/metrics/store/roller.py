"""The roller makes cells anew from facts, those of longer stretches from those of days, and adds up the ledger.

A fact names, in its own write, the days whose cells do not hold it yet; so a mark is never lost and never early.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import pymongo
from opentelemetry import metrics
from pymongo import UpdateOne, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure
from pymongo.read_concern import ReadConcern

from services.metrics.rules.cells import LEVELS, above, roll
from services.metrics.rules.fact import Fact
from services.metrics.rules.fold import measured_anew
from services.metrics.rules.rows import VERSION
from services.metrics.store.cells import CellStore
from services.metrics.store.facts import PACKED, decode, encode, packed_of
from services.metrics.store.money_cells import MoneyCells
from services.runtime.away import is_away
from services.runtime.precedence import give_way
from services.runtime.records import Records

PACE_SECONDS, IDLE_SECONDS = 0.2, 1.0
"""The roller also rests as long as it worked, so that a mass of changes cannot starve the rest."""
DAYS_AT_ONCE = 8
BLOCKS_AT_ONCE = 4
ENTRIES_AT_ONCE = 500
ABOVE_SECONDS = 30.0
"""A board does without the cells of longer stretches at little cost, so they follow their days at leisure."""
_ROLL_SECONDS = 60
_BATCH = 500
# TransactionTooLargeForCache: how much one may hold depends on what else the store is doing.
_TOO_LARGE = 388

_rolled = metrics.get_meter("throughline.metrics").create_counter(
    "throughline_cells_rolled_days", description="Days whose cells were made anew."
)
T = TypeVar("T")


class Roller:
    """Makes the cells of stale days anew, one day a transaction; any number of replicas may run it."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact]) -> None:
        self._db = db
        self._facts = facts.collection
        self._cells = CellStore(db)
        self._money = MoneyCells(db)
        self._last = -1
        self._ready = False
        self._above_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Rolls whatever is stale until `stop` is set."""
        rest = PACE_SECONDS
        while not stop.is_set():
            began, worked = time.monotonic(), False
            try:
                worked = await self._step(began)
            except Exception as error:
                if not is_away(error):
                    raise
            # With nothing to do it looks ever more rarely: a board counts by itself what is not in the cells yet.
            rest = max(PACE_SECONDS, time.monotonic() - began if worked else min(2 * rest, IDLE_SECONDS))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await stop.wait()

    async def roll_stale(self, most: int) -> int:
        """Rolls up to `most` stale days, in turn, so that none waits for ever; how many it rolled."""
        await self._prepare()
        stale = sorted(await self._facts.distinct("state.stale", {"state.stale": {"$gte": 0}}))
        ahead = [day for day in stale if day > self._last]
        chosen = (ahead or stale)[:most]
        for day in chosen:
            await give_way()
            await self.roll_day(day)
            self._last = day
        return len(chosen)

    async def roll_day(self, day: int) -> None:
        """Makes all cells of a UTC day anew; then the facts read, if they are still the same, are no longer stale."""
        read = await self._in_one_step(lambda session: self._made_anew(day, session))
        if read:
            # Not through Records: the mark is about cells, and taking it off must not look like a change.
            cleared = [
                UpdateOne({"_id": name, "version": version}, {"$pull": {"state.stale": day}})
                for name, version in read.items()
            ]
            await self._facts.bulk_write(cleared, ordered=False)
        _rolled.add(1)

    async def roll_above(self, most: int) -> int:
        """Makes up to `most` blocks of eight and of 64 days anew whose days have changed; how many it made."""
        await self._prepare()
        done = 0
        for level, below in zip(LEVELS[1:], LEVELS, strict=False):
            async with self._db.client.start_session() as session:
                stale = (await self._cells.calendar(session)).stale(level)
            for block in stale[: most - done]:
                await self._in_one_step(partial(self._block_anew, level, below, block))
                done += 1
        return done

    async def add_entries(self, most: int) -> int:
        """Adds up to `most` entries of the ledger to its sums; how many it added."""
        await self._prepare()
        while await self._money.wait():
            try:
                return await self._in_one_step(partial(self._money.add, most))
            except OperationFailure as error:
                if not is_too_large(error) or most == 1:
                    raise
                most //= 2
        return 0

    async def _step(self, began: float) -> bool:
        """A bit of everything that waits; whether anything did."""
        added = await self.add_entries(ENTRIES_AT_ONCE)
        rolled = await self.roll_stale(DAYS_AT_ONCE)
        if rolled == 0 and began - self._above_at >= ABOVE_SECONDS and not await self.roll_above(BLOCKS_AT_ONCE):
            self._above_at = began
        return bool(added or rolled)

    async def _prepare(self) -> None:
        if not self._ready:
            await self._cells.ensure_indexes()
            await self._money.ensure_indexes()
            await self._measure_anew()
            self._ready = True

    async def _measure_anew(self) -> None:
        """Facts that an earlier release measured are measured by the definitions of this one."""
        old = self._facts.find({"state.known": True, "state.rules": {"$ne": VERSION}}, {"state": 1, "version": 1})
        async for document in old:
            fact = measured_anew(decode(document["state"]))
            where = {"_id": document["_id"], "version": document["version"]}
            await self._facts.update_one(where, {"$set": {"state": encode(fact)}})

    async def _in_one_step(self, work: Callable[[AsyncClientSession], Awaitable[T]]) -> T:
        with pymongo.timeout(_ROLL_SECONDS):
            async with self._db.client.start_session() as session:
                done: T = await session.with_transaction(
                    work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
                )
                return done

    async def _made_anew(self, day: int, session: AsyncClientSession) -> dict[str, int]:
        """Writes the cells that differ from what they were; the stale facts that are now in, with their versions."""
        where = {"$or": [{"state.days": day}, {"state.stale": day}]}
        projection = {**PACKED, "_id": 1, "version": 1, "state.stale": 1}
        facts = []
        stale: dict[str, int] = {}
        async for document in self._facts.find(where, projection, session=session, batch_size=_BATCH):
            await give_way()
            state = document["state"]
            if day in state.get("stale", ()):
                stale[document["_id"]] = document["version"]
            facts.append(packed_of(state))
        cells = await asyncio.to_thread(roll, day, facts)
        await self._cells.replace_day(day, cells, session)
        return stale

    async def _block_anew(self, level: int, below: int, block: int, session: AsyncClientSession) -> None:
        width = level // below
        calendar = await self._cells.calendar(session)
        days = range(block * level, (block + 1) * level)
        revision = sum(calendar.revisions.get(day, 0) for day in days)
        if below > 1 and any(lower // width == block for lower in calendar.stale(below)):
            return
        found = await self._cells.of_blocks(below, range(block * width, (block + 1) * width), session)
        cells = await asyncio.to_thread(above, level, block, found)
        await self._cells.replace_above(level, block, cells, revision, session)


def is_too_large(error: OperationFailure) -> bool:
    """Whether a transaction does not fit into the store's cache."""
    # A write among many tells it in its own place, under the code of them all.
    writes = (error.details or {}).get("writeErrors", ()) if isinstance(error, BulkWriteError) else ()
    return _TOO_LARGE in (error.code, *(one.get("code") for one in writes))
