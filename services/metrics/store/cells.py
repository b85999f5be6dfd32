"""Cells as documents, and the roller that makes them anew from facts.

A fact names, in its own write, the days whose cells do not hold it yet; so a mark is never lost and never early.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Mapping
from typing import Any

import pymongo
from opentelemetry import metrics
from pymongo import ASCENDING, DeleteOne, IndexModel, ReplaceOne, UpdateOne, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from services.metrics.rules.cells import CellKey, roll
from services.metrics.rules.fact import EPOCH, Fact, Type
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import DAY, Period, Windows
from services.metrics.rules.tally import Tally
from services.metrics.store.facts import decode as decode_fact
from services.runtime.away import is_away
from services.runtime.records import Records

CELLS, DAYS = "cells", "cell_days"
PACE_SECONDS = 0.2
"""The roller also rests as long as it worked, so that a mass of changes cannot starve the rest."""
DAYS_AT_ONCE = 8
_ROLL_SECONDS = 60
_BATCH = 500

_rolled = metrics.get_meter("throughline.metrics").create_counter(
    "throughline_cells_rolled_days", description="Days whose cells were made anew."
)


def encode(key: CellKey, tally: Tally) -> dict[str, Any]:
    """A cell as a document."""
    return {
        "_id": "\x1f".join((str(key.day), *key[1:5], key.type.value, str(key.priority))),
        "day": key.day,
        "dimension": key.dimension,
        "value": key.value,
        "unit": key.unit,
        "source": key.source,
        "type": key.type.value,
        "priority": key.priority,
        "counts": tally.counts,
        "slots": {name: pack(bins) for name, bins in tally.slots.items()},
        "shares": tally.shares,
        "spreads": {name: pack(bins) for name, bins in tally.spreads.items()},
        "lengths": {name: _encode_lengths(one) for name, one in tally.lengths.items()},
    }


def decode(document: Mapping[str, Any]) -> tuple[CellKey, Tally]:
    """Reads what `encode` wrote."""
    tally = Tally()
    tally.counts = document["counts"]
    tally.slots = {name: unpack(data) for name, data in document["slots"].items()}
    tally.shares = document["shares"]
    tally.spreads = {name: unpack(data) for name, data in document["spreads"].items()}
    tally.lengths = {name: _decode_lengths(data) for name, data in document["lengths"].items()}
    place = (document["day"], document["dimension"], document["value"], document["unit"], document["source"])
    return CellKey(*place, Type(document["type"]), document["priority"]), tally


def pack(bins: Mapping[int, int]) -> bytes:
    """Small numbers and how often each came, in six bytes a number."""
    ordered = sorted(bins)
    return struct.pack(f"<{len(ordered)}H{len(ordered)}I", *ordered, *(bins[one] for one in ordered))


def unpack(data: bytes) -> dict[int, int]:
    """Reads what `pack` wrote."""
    n = len(data) // 6
    numbers = struct.unpack(f"<{n}H{n}I", data)
    return dict(zip(numbers[:n], numbers[n:], strict=True))


def _encode_lengths(one: Lengths) -> list[Any]:
    # A sum of squares of seconds may pass 64 bits.
    return [one.n, one.total, one.squares.to_bytes(16, "little"), one.logs, one.log_squares, pack(one.bins)]


def _decode_lengths(data: list[Any]) -> Lengths:
    n, total, squares, logs, log_squares, bins = data
    return Lengths(n, total, int.from_bytes(squares, "little"), logs, log_squares, unpack(bins))


class Roller:
    """Makes the cells of stale days anew, one day a transaction; any number of replicas may run it."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact]) -> None:
        self._db = db
        self._facts = facts.collection
        self._cells = db[CELLS]
        self._days = db[DAYS]
        self._last = -1
        self._ready = False

    async def run(self, stop: asyncio.Event) -> None:
        """Rolls whatever is stale until `stop` is set."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                await self.roll_stale(DAYS_AT_ONCE)
            except Exception as error:
                if not is_away(error):
                    raise
            rest = max(PACE_SECONDS, time.monotonic() - began)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await stop.wait()

    async def roll_stale(self, most: int) -> int:
        """Rolls up to `most` stale days, in turn, so that none waits for ever; how many it rolled."""
        if not self._ready:
            await self.ensure_indexes()
            self._ready = True
        stale = sorted(await self._facts.distinct("state.stale", {"state.stale": {"$gte": 0}}))
        ahead = [day for day in stale if day > self._last]
        chosen = (ahead or stale)[:most]
        for day in chosen:
            await self.roll_day(day)
            self._last = day
        return len(chosen)

    async def roll_day(self, day: int) -> None:
        """Makes all cells of a UTC day anew; then the facts read, if they are still the same, are no longer stale."""
        with pymongo.timeout(_ROLL_SECONDS):
            async with self._db.client.start_session() as session:
                read: dict[str, int] = await session.with_transaction(
                    lambda inside: self._made_anew(day, inside),
                    read_concern=ReadConcern("snapshot"),
                    write_concern=WriteConcern("majority"),
                )
            if read:
                # Not through Records: the mark is about cells, and taking it off must not look like a change.
                cleared = [
                    UpdateOne({"_id": name, "version": version}, {"$pull": {"state.stale": day}})
                    for name, version in read.items()
                ]
                await self._facts.bulk_write(cleared, ordered=False)
        _rolled.add(1)

    async def ensure_indexes(self) -> None:
        """The one index that every board reads by."""
        await self._cells.create_indexes(
            [IndexModel([("dimension", ASCENDING), ("value", ASCENDING), ("day", ASCENDING)]), IndexModel("day")]
        )

    async def _made_anew(self, day: int, session: AsyncClientSession) -> dict[str, int]:
        """Writes the cells that differ from what they were; the stale facts that are now in, with their versions."""
        where = {"$or": [{"state.days": day}, {"state.stale": day}]}
        begin = EPOCH + day * DAY
        windows = Windows(Period(begin, begin + DAY))
        cells: dict[CellKey, Tally] = {}
        stale: dict[str, int] = {}
        batch: list[Fact] = []
        async for document in self._facts.find(where, {"state": 1, "version": 1}, session=session, batch_size=_BATCH):
            fact = decode_fact(document["state"])
            if day in fact.stale:
                stale[document["_id"]] = document["version"]
            batch.append(fact)
            if len(batch) == _BATCH:
                roll(batch, windows, into=cells)
                batch.clear()
                await asyncio.sleep(0)
        roll(batch, windows, into=cells)
        now = {document["_id"]: document for document in (encode(key, tally) for key, tally in cells.items())}
        before = {document["_id"]: document async for document in self._cells.find({"day": day}, session=session)}
        writes: list[ReplaceOne[dict[str, Any]] | DeleteOne] = [
            ReplaceOne({"_id": id}, document, upsert=True) for id, document in now.items() if before.get(id) != document
        ]
        writes += [DeleteOne({"_id": id}) for id in before if id not in now]
        # Two rollers of one day meet here: the later begins again, from facts that are newer.
        await self._days.update_one({"_id": day}, {"$inc": {"revision": 1}}, upsert=True, session=session)
        if writes:
            await self._cells.bulk_write(writes, ordered=False, session=session)
        return stale
