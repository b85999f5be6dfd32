"""Counts of spans: each export request kept once under its digest, then folded into hours, and the sums read from both.

An hour names the exports that its last fold took in, and is replaced only as it was read; so a crash between two writes,
or a second replica that folds too, neither loses an export nor counts it twice.
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
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from services.metrics.rules.availability import (
    ENOUGH,
    SLICES_AN_HOUR,
    Cell,
    Edge,
    Export,
    Lost,
    Sums,
    Way,
    availability,
    slices_of,
    unanswered,
)
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.values import Standing, Value, too_few, undefined
from services.runtime.away import is_away
from services.runtime.door import now

EXPORTS, HOURS = "span_exports", "span_hours"
SETTLE = timedelta(seconds=60)
"""How long a lost call waits for a server's span under it, from a process that exports less often."""
EVERY_SECONDS = 15.0
_FORGET_SECONDS = 7_200
"""How long a digest is remembered after its export is folded; senders give up resending far earlier."""
_AT_ONCE = 2_000
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_NUMBERS = (("v", "valid"), ("g", "good"), ("q", "squares"), ("n", "n"), ("b", "bad"))

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
        if not export.hours and not export.answered:
            return True
        try:
            await self._exports.insert_one(_encode(export))
        except DuplicateKeyError:
            # It may have been seen on the primary alone: a write without effect waits for the majority.
            await self._exports.update_one({"_id": export.digest}, {"$max": {"spans": 0}})
            return False
        return True

    async def by_service(self, period: Period) -> dict[str, Sums]:
        """The requests of every service in the slices that begin in the period."""
        wanted = slices_of(period)
        found: dict[str, Sums] = {}
        whole, ragged = _hours_of(wanted)
        for collection, pipeline in (
            (self._hours, [{"$match": {"_id": whole}}, *_summed("sums", {})]),
            (self._hours, [{"$match": {"_id": ragged}}, *_summed("cells", _inside(wanted))]),
            (self._exports, await self._open(wanted, _summed("cells", _inside(wanted)))),
        ):
            async for row in await collection.aggregate(pipeline):
                found.setdefault(row["_id"], Sums()).merge(_sums(row))
        settled = now() - SETTLE
        lost = [
            Lost(*one)
            async for document in self._exports.find(
                {"lost.0": {"$exists": True}, "at": {"$lt": settled}, "hours": _between(wanted)}, {"lost": 1}
            )
            for one in document["lost"]
        ]
        for cell, sums in unanswered(await self._still_lost(one for one in lost if one.slice in wanted)).items():
            found.setdefault(cell.service, Sums()).merge(sums)
        return dict(sorted(found.items()))

    async def edges(self, period: Period) -> list[Edge]:
        """The ways from service to service that were seen in the slices that begin in the period."""
        wanted = slices_of(period)
        group = [
            {"$unwind": "$ways"},
            {"$match": _inside(wanted, "ways.t")},
            {
                "$group": {
                    "_id": ["$ways.a", "$ways.s"],
                    "n": {"$sum": "$ways.n"},
                    "l": {"$max": "$ways.l"},
                }
            },
        ]
        found: dict[tuple[str, str], tuple[int, int]] = {}
        hours: list[dict[str, Any]] = [{"$match": {"_id": _between(wanted)}}, *group]
        for collection, pipeline in ((self._hours, hours), (self._exports, await self._open(wanted, group, "ways"))):
            async for row in await collection.aggregate(pipeline):
                caller, callee = row["_id"]
                calls, last_ms = found.get((caller, callee), (0, 0))
                found[caller, callee] = (calls + row["n"], max(last_ms, row["l"]))
        return [
            Edge(caller, callee, calls, EPOCH + timedelta(milliseconds=last_ms))
            for (caller, callee), (calls, last_ms) in sorted(found.items())
        ]

    async def availability(self, period: Period, _scope: str) -> Value:
        """E19 of all requests that any service answered; spans belong to no unit."""
        metric, whole = METRICS["availability"], Sums()
        for sums in (await self.by_service(period)).values():
            whole.merge(sums)
        if not whole.n:
            return undefined(metric, "no span was received in the period")
        one = availability("", whole)
        if not one.enough:
            return too_few(metric, int(whole.effective), int(ENOUGH))
        return Value(
            metric.name,
            Standing.SHOWN,
            round(100 * one.share, 6),
            whole.n,
            round(one.good),
            round(one.valid),
            low=round(100 * one.low, 6),
            high=round(100 * one.high, 6),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Folds what has settled, until the service stops."""
        await self.ensure_indexes()
        while not stop.is_set():
            try:
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
                IndexModel([("done_at", ASCENDING)], expireAfterSeconds=_FORGET_SECONDS, sparse=True),
            ]
        )

    async def fold(self, at: datetime) -> bool:
        """Folds exports that came more than a minute before `at` into one hour; False when none waits."""
        waiting = {"at": {"$lt": at - SETTLE}, "hours": {"$gte": 0}}
        first = await self._exports.find_one(waiting, {"hours": 1}, sort=[("hours", ASCENDING)])
        if first is None:
            return False
        hour = min(first["hours"])
        document = await self._hours.find_one({"_id": hour}) or {"_id": hour, "version": 0, "folded": []}
        await self._let_go(document["folded"], hour, at)
        taken = await self._exports.find({**waiting, "hours": hour}).limit(_AT_ONCE).to_list()
        if not taken:
            return True
        after = await self._with(document, taken)
        if document["version"]:
            where = {"_id": hour, "version": document["version"]}
            if (await self._hours.replace_one(where, after)).matched_count == 0:
                return True
        else:
            try:
                await self._hours.insert_one(after)
            except DuplicateKeyError:
                return True
        await self._let_go(after["folded"], hour, at)
        _folded.add(len(taken))
        return True

    async def _with(self, document: Mapping[str, Any], taken: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The hour with those exports in it."""
        hour: int = document["_id"]
        cells: dict[Cell, Sums] = {}
        ways: dict[Way, tuple[int, int]] = {}
        lost: list[Lost] = []
        for one in (document, *taken):
            for row in one.get("cells", ()):
                if row["t"] // SLICES_AN_HOUR == hour:
                    cells.setdefault(Cell(row["t"], row["s"]), Sums()).merge(_sums(row))
            for row in one.get("ways", ()):
                if row["t"] // SLICES_AN_HOUR == hour:
                    way = Way(row["t"], row["a"], row["s"])
                    calls, last_ms = ways.get(way, (0, 0))
                    ways[way] = (calls + row["n"], max(last_ms, row["l"]))
            lost += [Lost(*row) for row in one.get("lost", ())]
        for cell, sums in unanswered(await self._still_lost(one for one in lost if one.slice // 360 == hour)).items():
            cells.setdefault(cell, Sums()).merge(sums)
        by_service: dict[str, Sums] = {}
        for cell, sums in cells.items():
            by_service.setdefault(cell.service, Sums()).merge(sums)
        return {
            "_id": hour,
            "version": document["version"] + 1,
            "folded": [one["_id"] for one in taken],
            "cells": [_row(sums, t=cell.slice, s=cell.service) for cell, sums in sorted(cells.items())],
            "sums": [_row(sums, s=service) for service, sums in sorted(by_service.items())],
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

    async def _open(self, wanted: range, then: Sequence[dict[str, Any]], rows: str = "cells") -> list[dict[str, Any]]:
        """The pipeline over exports that no hour holds yet; a fold that is half done is looked through."""
        half = [
            {"_id": {"$in": document["folded"]}, f"{rows}.hour": document["_id"]}
            async for document in self._hours.find({"_id": _between(wanted)}, {"folded": 1})
            if document["folded"]
        ]
        hour = {"$floor": {"$divide": [f"${rows}.t", SLICES_AN_HOUR]}}
        unwind, *rest = then
        return [
            {"$match": {"hours": _between(wanted)}},
            unwind,
            {"$set": {f"{rows}.hour": hour}},
            {"$match": {"$expr": {"$in": [f"${rows}.hour", "$hours"]}, **({"$nor": half} if half else {})}},
            *rest,
        ]

    async def _still_lost(self, lost: Iterable[Lost]) -> list[Lost]:
        """Those of the calls under which no server's span has turned up."""
        asked = list(lost)
        if not asked:
            return []
        spans = [one.span for one in asked]
        answered: set[bytes] = set()
        async for document in self._exports.find({"answered": {"$in": spans}}, {"answered": 1}):
            answered.update(document["answered"])
        return [one for one in asked if one.span not in answered]


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
    if export.moved:
        document["moved"] = export.moved
    if not export.hours:
        document["done_at"] = export.received_at
    return document


def _row(sums: Sums, **place: Any) -> dict[str, Any]:
    return {**place, **{key: getattr(sums, name) for key, name in _NUMBERS}, "l": sums.last_ms}


def _sums(row: Mapping[str, Any]) -> Sums:
    return Sums(*(row[key] for key, _ in _NUMBERS), row["l"])


def _way_rows(ways: Mapping[Way, tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {"t": way.slice, "a": way.caller, "s": way.callee, "n": calls, "l": last_ms}
        for way, (calls, last_ms) in sorted(ways.items())
    ]


def _summed(rows: str, where: dict[str, Any]) -> list[dict[str, Any]]:
    totals: dict[str, Any] = {key: {"$sum": f"${rows}.{key}"} for key, _ in _NUMBERS}
    return [
        {"$unwind": f"${rows}"},
        *([{"$match": where}] if where else []),
        {"$group": {"_id": f"${rows}.s", **totals, "l": {"$max": f"${rows}.l"}}},
    ]


def _inside(wanted: range, path: str = "cells.t") -> dict[str, Any]:
    return {path: {"$gte": wanted.start, "$lt": wanted.stop}}


def _between(wanted: range) -> dict[str, int]:
    """The hours that slices touch."""
    return {"$gte": wanted.start // SLICES_AN_HOUR, "$lte": (wanted.stop - 1) // SLICES_AN_HOUR}


def _hours_of(wanted: range) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hours of which every slice is wanted, and those at the ends of which some are."""
    first, last = -(-wanted.start // SLICES_AN_HOUR), wanted.stop // SLICES_AN_HOUR
    touched = _between(wanted)
    ends = {touched["$gte"], touched["$lte"]} - set(range(first, last))
    return {"$gte": first, "$lt": last}, {"$in": sorted(ends)}
