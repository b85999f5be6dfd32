"""Counts of spans: each export request kept once under its digest, then folded into parts of hours.

A part names the exports that its last fold took in, and is changed only as it was read; so neither a crash between
two writes nor a second replica that folds too loses an export or counts it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from bson.codec_options import CodecOptions
from opentelemetry import metrics
from pymongo import ASCENDING, IndexModel, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from services.metrics.rules.availability import Cell, Export, Lost
from services.metrics.rules.span_parts import MOST_ROWS, PARTS, Counts, by_place
from services.metrics.store.span_parts import FULL_BYTES, Parts
from services.metrics.store.span_rows import encoded, taken_in
from services.metrics.store.whole_hours import HOURS, take_over
from services.runtime.away import is_away
from services.runtime.door import now
from services.runtime.precedence import give_way

EXPORTS, PARTS_OF_HOURS = "span_exports", "span_parts"
SETTLE = timedelta(seconds=60)
"""How long a lost call waits for a server's span under it, from a process that exports less often."""
EVERY_SECONDS = 15.0
_FORGET_SECONDS = 7_200
"""How long a digest is remembered after its export is folded; senders give up resending far earlier."""
_AT_ONCE, _MOST_LOST = 2_000, 20_000
"""Exports that a fold takes, and calls without an answer in them."""
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)

_log = structlog.get_logger(__name__)
_meter = metrics.get_meter("throughline.metrics")
_folded = _meter.create_counter(
    "throughline_spans_exports_folded", description="Export requests folded into parts of an hour."
)
_merged = _meter.create_counter(
    "throughline_spans_rows_merged", description="Rows of an export beyond what a fold adds, counted as (others)."
)


class Spans:
    """The counts of spans in MongoDB."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], *, full_bytes: int = FULL_BYTES) -> None:
        """full_bytes: from where on a part goes on in another volume."""
        strict = ReadConcern("majority")
        self._exports = db.get_collection(EXPORTS, _AWARE, write_concern=_ACKNOWLEDGED, read_concern=strict)
        self._whole = db.get_collection(HOURS, _AWARE, write_concern=_ACKNOWLEDGED, read_concern=strict)
        self._volumes = db.get_collection(PARTS_OF_HOURS, _AWARE, write_concern=_ACKNOWLEDGED, read_concern=strict)
        self._parts = Parts(self._volumes, full_bytes)

    async def keep(self, export: Export) -> bool:
        """Stores an export request so that a majority holds it; False when the same one was stored before.

        Raises:
            pymongo.errors.PyMongoError: what became of it is unknown; the same request may be sent again.
        """
        if not (export.cells or export.ways or export.lost or export.answered or export.bones):
            return True
        try:
            await self._exports.insert_one(encoded(export))
        except DuplicateKeyError:
            # It may have been seen on the primary alone: a write without effect waits for the majority.
            await self._exports.update_one({"_id": export.digest}, {"$max": {"spans": 0}})
            return False
        return True

    async def run(self, stop: asyncio.Event) -> None:
        """Folds what has settled, until the service stops."""
        indexed = False
        while not stop.is_set():
            try:
                if not indexed:
                    await take_over(self._whole, self._exports, self._volumes)
                    await self.ensure_indexes()
                    indexed = True
                while await self.fold(now()):
                    pass
            except Exception as error:
                if not is_away(error):
                    raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()

    async def ensure_indexes(self) -> None:
        """Creates what is missing."""
        await self._exports.create_indexes(
            [
                IndexModel([("places", ASCENDING), ("at", ASCENDING)]),
                IndexModel([("answered", ASCENDING)], sparse=True),
                IndexModel([("at", ASCENDING)], partialFilterExpression={"bones": {"$exists": True}}, name="bones"),
                IndexModel([("hits.s", ASCENDING), ("hits.t", ASCENDING)], sparse=True),
                IndexModel([("done_at", ASCENDING)], expireAfterSeconds=_FORGET_SECONDS, sparse=True),
            ]
        )

    async def fold(self, at: datetime) -> bool:
        """Folds exports that came more than a minute before `at` into the parts of one hour; False when none waits."""
        waiting: dict[str, Any] = {"at": {"$lt": at - SETTLE}, "places": {"$gte": 0}}
        first = await self._exports.find_one(waiting, {"places": 1}, sort=[("places", ASCENDING)])
        if first is None:
            return False
        hour = min(first["places"]) // PARTS
        heads = await self._parts.heads(hour)
        # Those of a fold that was cut off are in the part, and must be gone before others are looked for.
        cut = [one for one in heads.values() if one.folded]
        for head in cut:
            await self._let_go(head.folded, [head.place], at)
        await self._parts.end(cut)
        counts, taken = await self._taken(waiting, range(hour * PARTS, (hour + 1) * PARTS))
        written = await self._parts.fold(heads, counts, taken)
        digests = {digest for one in written for digest in one.folded}
        await self._let_go(list(digests), [one.place for one in written], at)
        await self._parts.end(written)
        _folded.add(len(digests))
        return True

    async def _taken(
        self, waiting: Mapping[str, Any], places: range
    ) -> tuple[dict[int, Counts], dict[int, list[bytes]]]:
        """Exports that wait for parts of an hour, as many as a fold adds: what they count in each, their digests."""
        stages: list[dict[str, Any]] = [
            {"$match": {**waiting, "places": {"$elemMatch": {"$gte": places.start, "$lt": places.stop}}}},
            {"$limit": _AT_ONCE},
            {"$project": {"places": 1, "cells": 1, "ways": 1, "lost": 1}},
        ]
        counts: dict[int, Counts] = {}
        taken: dict[int, list[bytes]] = {}
        lost: list[Lost] = []
        losing: set[Cell] = set()
        async for export in await self._exports.aggregate(stages):
            await give_way()
            here = {place: counts.get(place, Counts()) for place in export["places"] if place in places}
            calls = len(export.get("lost", ()))
            # A lost call is a bad request where it ended, and where it started.
            rows = len(export["cells"]) + len(export["ways"]) + 2 * calls + len(losing)
            too_much = rows + max(one.rows for one in here.values()) > MOST_ROWS or len(lost) + calls > _MOST_LOST
            if taken and too_much:
                break
            for place in here:
                taken.setdefault(place, []).append(export["_id"])
            counts |= here
            found = taken_in(here, export)
            lost += found
            losing |= {Cell(slice, one.callee) for one in found for slice in (one.slice, one.begun)}
        for place, unanswered in by_place(await still_lost(self._exports, lost)).items():
            counts[place].lose(unanswered)
        for place, one in counts.items():
            if merged := one.few(MOST_ROWS):
                _merged.add(merged)
                _log.warning("an export of too many services", hour=place // PARTS, part=place % PARTS, rows=merged)
        return counts, taken

    async def _let_go(self, digests: Sequence[bytes], places: Sequence[int], at: datetime) -> None:
        """The exports no longer stand for parts that hold them; of the last part's, the digest alone stays."""
        if not digests:
            return
        done = {"$eq": ["$places", []]}
        gone = {name: {"$cond": [done, "$$REMOVE", f"${name}"]} for name in ("cells", "ways", "lost")}
        await self._exports.update_many(
            {"_id": {"$in": list(digests)}, "places": {"$in": list(places)}},
            [
                {"$set": {"places": {"$setDifference": ["$places", list(places)]}}},
                {"$set": {**gone, "done_at": {"$cond": [done, at, "$$REMOVE"]}}},
            ],
        )


async def still_lost(exports: AsyncCollection[dict[str, Any]], lost: Iterable[Lost], session: Any = None) -> list[Lost]:
    """Those of the calls under which no server's span has turned up."""
    asked = list(lost)
    if not asked:
        return []
    spans = [one.span for one in asked]
    answered: set[bytes] = set()
    async for document in exports.find({"answered": {"$in": spans}}, {"answered": 1}, session=session):
        answered.update(document["answered"])
    return [one for one in asked if one.span not in answered]
