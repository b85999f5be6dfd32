"""What the watch of outages reads: slices by service, failed traces, whom they hit, and the usual traffic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from sys import intern
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.availability import SLICE, SLICES_AN_HOUR, Cell, Hit, Sums
from services.metrics.rules.blame import Bone, few
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.period import Period
from services.metrics.rules.span_parts import PARTS, VOLUMES, parts_of
from services.metrics.store.span_rows import volumes_of
from services.metrics.store.spans import EXPORTS, PARTS_OF_HOURS
from services.metrics.store.traffic import Traffic

WEEKS = 4
_WEEK = 7 * 24 * SLICES_AN_HOUR
BONES_KEPT = timedelta(minutes=20)
"""How long what is left of failed traces is kept for blame."""
MOST_BONES = 40_000
"""Bones in memory for a look, some 25 MB, beside those of the last one: when everything fails, millions are left."""
# Word for word what the index of bones is limited to; else every look reads all exports.
_WITH_BONES: Mapping[str, Any] = {"bones": {"$exists": True}}


class Slices:
    """Reads slices of ten seconds."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._exports = db[EXPORTS]
        self._parts = db[PARTS_OF_HOURS]
        self._traffic = Traffic(db)

    async def failing(self, since: int) -> set[str]:
        """Services with a bad request in a slice from `since` on, or that somebody called without an answer."""
        found: set[str] = set()
        place = since // SLICES_AN_HOUR * PARTS
        bad = {"cells": {"$elemMatch": {"t": {"$gte": since}, "k": {"$gt": 0}}}}
        for collection, where in (
            (self._exports, {"places": {"$gte": place}, **bad}),
            (self._parts, {"_id": {"$gte": place * VOLUMES}, **bad}),
        ):
            stages: list[dict[str, Any]] = [
                {"$match": where},
                {"$unwind": "$cells"},
                {"$match": {"cells.t": {"$gte": since}, "cells.k": {"$gt": 0}}},
                {"$group": {"_id": "$cells.s"}},
            ]
            async for row in await collection.aggregate(stages):
                found.add(row["_id"])
        async for document in self._exports.find({"places": {"$gte": place}, "lost.0": {"$exists": True}}, {"lost": 1}):
            found.update(row[2] for row in document["lost"])
        return found

    async def of(self, services: Sequence[str], wanted: range, at: datetime) -> dict[str, dict[int, Sums]]:
        """The slices of services, as they were known at `at`."""
        period = Period(EPOCH + wanted.start * SLICE, EPOCH + wanted.stop * SLICE)
        cells = await self._traffic.cells(period, services, at)
        found: dict[str, dict[int, Sums]] = {service: {} for service in services}
        for cell, sums in cells.items():
            found[cell.service][cell.slice] = sums
        return found

    async def bones(self, since: datetime, until: datetime, most: int = MOST_BONES) -> list[Bone]:
        """What is left of failed traces that came in between, each span once; of too many a sample."""
        found: dict[tuple[bytes, bytes], Bone] = {}
        where = {**_WITH_BONES, "at": {"$gte": since, "$lte": until}}
        async for document in self._exports.find(where, {"bones": 1}).sort("_id", 1):
            for row in document["bones"]:
                # The same few names, again and again.
                fields: list[Any] = [intern(value) if isinstance(value, str) else value for value in row]
                bone = Bone(*fields)
                found.setdefault((bone.trace, bone.span), bone)
            if len(found) > 2 * most:
                found = {(one.trace, one.span): one for one in few(list(found.values()), most)}
        return few(list(found.values()), most)

    async def hits(self, services: Iterable[str], wanted: range) -> dict[Cell, Hit]:
        """Whom bad requests of services hit, by slice."""
        found: dict[Cell, Hit] = {}
        names = sorted(services)
        place = {"t": {"$gte": wanted.start, "$lt": wanted.stop}, "s": {"$in": names}}
        async for document in self._exports.find({"hits": {"$elemMatch": place}}, {"hits": 1}):
            for row in document["hits"]:
                if row["s"] in names and row["t"] in wanted:
                    hit = Hit(dict(map(tuple, row["u"])), row["p"])
                    found.setdefault(Cell(row["t"], row["s"]), Hit()).merge(hit)
        return found

    async def usual(self, service: str, wanted: range) -> float:
        """How many weighted requests the same stretch of the weeks before had on average; 0 when nothing is known."""
        weeks = [range(wanted.start - week * _WEEK, wanted.stop - week * _WEEK) for week in range(1, WEEKS + 1)]
        hours = [
            hour for one in weeks for hour in range(one.start // SLICES_AN_HOUR, (one.stop - 1) // SLICES_AN_HOUR + 1)
        ]
        inside = [{"cells.t": {"$gte": one.start, "$lt": one.stop}} for one in weeks]
        stages: list[dict[str, Any]] = [
            {"$match": {**volumes_of(hours, parts_of([service])), "cells.s": service}},
            {"$unwind": "$cells"},
            {"$match": {"cells.s": service, "$or": inside}},
            {
                "$group": {
                    "_id": {"$floor": {"$divide": [{"$subtract": ["$cells.t", wanted.start]}, _WEEK]}},
                    "v": {"$sum": "$cells.v"},
                }
            },
        ]
        totals = [row["v"] async for row in await self._parts.aggregate(stages)]
        return sum(totals) / len(totals) if totals else 0.0

    async def forget(self, before: datetime) -> None:
        """Lets go of bones that no vote will ask for again."""
        await self._exports.update_many({**_WITH_BONES, "at": {"$lt": before}}, {"$unset": {"bones": ""}})


def merged(parts: Mapping[int, Sums], wanted: range) -> Sums:
    """The slices of a stretch added up."""
    whole = Sums()
    for slice, sums in parts.items():
        if slice in wanted:
            whole.merge(sums)
    return whole
