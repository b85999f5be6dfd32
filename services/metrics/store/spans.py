"""Counts of spans: each export request kept once under its digest, then folded into hours.

An hour names the exports that its last fold took in, and is replaced only as it was read; so neither a crash between
two writes nor a second replica that folds too loses an export or counts it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.codec_options import CodecOptions
from opentelemetry import metrics
from pymongo import ASCENDING, IndexModel, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from services.metrics.rules.availability import SLICES_AN_HOUR, Cell, Export, Lost, Sums, Way, unanswered
from services.runtime.away import is_away
from services.runtime.door import now

EXPORTS, HOURS = "span_exports", "span_hours"
SETTLE = timedelta(seconds=60)
"""How long a lost call waits for a server's span under it, from a process that exports less often."""
EVERY_SECONDS = 15.0
NUMBERS = (
    *(("v", "valid"), ("g", "good"), ("q", "squares"), ("n", "n"), ("b", "bad"), ("c", "called")),
    *(("k", "begun"), ("w", "begun_weight"), ("x", "begun_squares")),
)
"""The keys of a row and its sums; "l" is the latest end, "t" the slice, "s" the service. What is 0 is left out."""
_FORGET_SECONDS = 7_200
"""How long a digest is remembered after its export is folded; senders give up resending far earlier."""
_AT_ONCE = 2_000
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)

_folded = metrics.get_meter("throughline.metrics").create_counter(
    "throughline_spans_exports_folded", description="Export requests folded into hours."
)


class Spans:
    """The counts of spans in MongoDB."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        strict = ReadConcern("majority")
        self._exports = db.get_collection(EXPORTS, _AWARE, write_concern=_ACKNOWLEDGED, read_concern=strict)
        self._hours = db.get_collection(HOURS, _AWARE, write_concern=_ACKNOWLEDGED, read_concern=strict)

    async def keep(self, export: Export) -> bool:
        """Stores an export request so that a majority holds it; False when the same one was stored before.

        Raises:
            pymongo.errors.PyMongoError: what became of it is unknown; the same request may be sent again.
        """
        if not export.hours and not export.answered and not export.bones:
            return True
        try:
            await self._exports.insert_one(_encode(export))
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
                IndexModel([("hours", ASCENDING), ("at", ASCENDING)]),
                IndexModel([("answered", ASCENDING)], sparse=True),
                IndexModel([("at", ASCENDING)], partialFilterExpression={"bones": {"$exists": True}}, name="bones"),
                IndexModel([("hits.s", ASCENDING), ("hits.t", ASCENDING)], sparse=True),
                IndexModel([("done_at", ASCENDING)], expireAfterSeconds=_FORGET_SECONDS, sparse=True),
            ]
        )

    async def fold(self, at: datetime) -> bool:
        """Folds exports that came more than a minute before `at` into one hour; False when none waits."""
        waiting: dict[str, Any] = {"at": {"$lt": at - SETTLE}, "hours": {"$gte": 0}}
        first = await self._exports.find_one(waiting, {"hours": 1}, sort=[("hours", ASCENDING)])
        if first is None:
            return False
        hour = min(first["hours"])
        before = await self._hours.find_one({"_id": hour}) or {"_id": hour, "version": 0, "folded": []}
        # Those of a fold that was cut off are in the hour, and must be gone before others are looked for.
        await self._let_go(before["folded"], hour, at)
        taken = await self._exports.find({**waiting, "hours": hour}).limit(_AT_ONCE).to_list()
        if taken and await self._replaced(before, await self._with(before, taken)):
            digests = [one["_id"] for one in taken]
            await self._let_go(digests, hour, at)
            await self._hours.update_one({"_id": hour, "version": before["version"] + 1}, {"$set": {"folded": []}})
            _folded.add(len(taken))
        return True

    async def _replaced(self, before: Mapping[str, Any], after: dict[str, Any]) -> bool:
        """Whether the hour was still as it was read."""
        if before["version"]:
            where = {"_id": before["_id"], "version": before["version"]}
            return (await self._hours.replace_one(where, after)).matched_count == 1
        try:
            await self._hours.insert_one(after)
        except DuplicateKeyError:
            return False
        return True

    async def _with(self, before: Mapping[str, Any], taken: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The hour with those exports in it."""
        hour: int = before["_id"]
        cells: dict[Cell, Sums] = {}
        ways: dict[Way, tuple[int, int]] = {}
        lost: list[Lost] = []
        for one in (before, *taken):
            for row in one.get("cells", ()):
                if row["t"] // SLICES_AN_HOUR == hour:
                    cells.setdefault(Cell(row["t"], row["s"]), Sums()).merge(sums_of(row))
            for row in one.get("ways", ()):
                if row["t"] // SLICES_AN_HOUR == hour:
                    way = Way(row["t"], row["a"], row["s"])
                    calls, last_ms = ways.get(way, (0, 0))
                    ways[way] = (calls + row["n"], max(last_ms, row["l"]))
            lost += [call for row in one.get("lost", ()) if (call := Lost(*row)).slice // SLICES_AN_HOUR == hour]
        for cell, sums in unanswered(await still_lost(self._exports, lost)).items():
            cells.setdefault(cell, Sums()).merge(sums)
        by_service: dict[str, Sums] = {}
        for cell, sums in cells.items():
            by_service.setdefault(cell.service, Sums()).merge(sums)
        return {
            "_id": hour,
            "version": before["version"] + 1,
            "folded": [one["_id"] for one in taken],
            "cells": [_row(sums, t=cell.slice, s=cell.service) for cell, sums in sorted(cells.items(), key=_place)],
            "sums": [_row(sums, s=service) for service, sums in by_service.items()],
            "ways": _way_rows(ways),
        }

    async def _let_go(self, digests: Sequence[bytes], hour: int, at: datetime) -> None:
        """The exports no longer stand for the hour that holds them; of the last hour's, the digest alone stays."""
        if not digests:
            return
        done = {"$eq": ["$hours", []]}
        gone = {name: {"$cond": [done, "$$REMOVE", f"${name}"]} for name in ("cells", "ways", "lost")}
        await self._exports.update_many(
            {"_id": {"$in": list(digests)}, "hours": hour},
            [
                {"$set": {"hours": {"$setDifference": ["$hours", [hour]]}}},
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


def sums_of(row: Mapping[str, Any]) -> Sums:
    """The sums that a row holds."""
    return Sums(last_ms=row["l"], **{name: row.get(key, 0) for key, name in NUMBERS})


def _encode(export: Export) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": export.digest,
        "at": export.received_at,
        "hours": export.hours,
        "spans": export.spans,
        "cells": [_row(sums, t=cell.slice, s=cell.service) for cell, sums in export.cells.items()],
        "ways": _way_rows(export.ways),
    }
    if export.lost:
        document["lost"] = [list(one) for one in export.lost]
    if export.answered:
        document["answered"] = list(export.answered)
    if export.bones:
        document["bones"] = [list(one) for one in export.bones]
    if export.hits:
        document["hits"] = [
            {"t": cell.slice, "s": cell.service, "u": [list(one) for one in hit.users.items()], "p": hit.sites}
            for cell, hit in export.hits.items()
        ]
    if export.moved:
        document["moved"] = export.moved
    if not export.hours:
        document["done_at"] = export.received_at
    return document


def _row(sums: Sums, **place: Any) -> dict[str, Any]:
    numbers = {key: number for key, name in NUMBERS if (number := getattr(sums, name))}
    return {**place, **numbers, "l": sums.last_ms}


def _place(item: tuple[Cell, Sums]) -> Cell:
    return item[0]


def _way_rows(ways: Mapping[Way, tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {"t": way.slice, "a": way.caller, "s": way.callee, "n": calls, "l": last_ms}
        for way, (calls, last_ms) in sorted(ways.items())
    ]
