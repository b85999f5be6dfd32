"""Hours of spans that were one document each go over into parts, and exports that wait for an hour into those of it.

Every process does so before it folds: a part that is there already is one that another has brought over.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from services.metrics.rules.availability import SLICES_AN_HOUR, Cell, Way
from services.metrics.rules.span_parts import PARTS, VOLUMES, Counts, place_of
from services.metrics.store.span_rows import cell_rows, sum_rows, sums_of, way_rows

Collection = AsyncCollection[dict[str, Any]]

HOURS = "span_hours"
_INDEX = "hours_1_at_1"


async def take_over(hours: Collection, exports: Collection, parts: Collection) -> None:
    """Brings over what is there; again after a crash, and to no effect once nothing is left."""
    async for hour in hours.find():
        # Those of a fold that was cut off are in the hour.
        held = {"_id": {"$in": hour.get("folded", [])}}
        await exports.update_many(held, {"$pull": {"hours": hour["_id"]}})
        for place, counts in _by_place(hour).items():
            with contextlib.suppress(DuplicateKeyError):
                await parts.insert_one(_volume(place, counts))
        await hours.delete_one({"_id": hour["_id"]})
    async for export in exports.find({"hours.0": {"$exists": True}}):
        where = {"_id": export["_id"], "hours": export["hours"]}
        await exports.update_one(where, {"$set": _waiting(export), "$unset": {"hours": ""}})
    done = {"places": [], "done_at": {"$ifNull": ["$done_at", "$at"]}}
    await exports.update_many({"hours": []}, [{"$set": done}, {"$unset": "hours"}])
    if _INDEX in await exports.index_information():
        await exports.drop_index(_INDEX)


def _by_place(hour: Mapping[str, Any]) -> dict[int, Counts]:
    found: dict[int, Counts] = {}
    for row in hour.get("cells", ()):
        found.setdefault(place_of(row["t"], row["s"]), Counts()).request(Cell(row["t"], row["s"]), sums_of(row))
    for row in hour.get("ways", ()):
        way = Way(row["t"], row["a"], row["s"])
        found.setdefault(place_of(row["t"], row["a"]), Counts()).way(way, row["n"], row["l"])
    return found


def _volume(place: int, counts: Counts) -> dict[str, Any]:
    return {
        "_id": place * VOLUMES,
        "hour": place // PARTS,
        "part": place % PARTS,
        "version": 1,
        "folded": [],
        "cells": cell_rows(counts.cells),
        "sums": sum_rows(counts.sums()),
        "ways": way_rows(counts.ways),
    }


def _waiting(export: Mapping[str, Any]) -> dict[str, Any]:
    """The rows with their places, and the places of those that no hour holds."""
    rows = {
        "cells": [{**row, "p": place_of(row["t"], row["s"])} for row in export.get("cells", ())],
        "ways": [{**row, "p": place_of(row["t"], row["a"])} for row in export.get("ways", ())],
    }
    places = {row["p"] for part in rows.values() for row in part if row["t"] // SLICES_AN_HOUR in export["hours"]}
    lost = ((row[1], row[2]) for row in export.get("lost", ()))
    places |= {place_of(slice, callee) for slice, callee in lost if slice // SLICES_AN_HOUR in export["hours"]}
    return {**rows, "places": sorted(places)}
