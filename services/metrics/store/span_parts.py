"""Parts of hours as documents: volumes of rows, of which the last one is written, and only as it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from opentelemetry import metrics
from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from services.metrics.rules.availability import Sums
from services.metrics.rules.span_parts import PARTS, VOLUMES, Counts
from services.metrics.store.span_rows import add, cell_rows, sum_rows, sums_of, volumes_of, way_rows

FULL_BYTES = 4 << 20
"""From here on a part goes on in another volume: a document of MongoDB holds four times as much."""

_log = structlog.get_logger(__name__)
_continued = metrics.get_meter("throughline.metrics").create_counter(
    "throughline_spans_parts_continued", description="Volumes begun because the one before was full."
)


@dataclass(frozen=True, slots=True)
class Head:
    """A volume without its rows. folded: the exports of its last fold; version 0: it is not there yet."""

    volume: int
    version: int = 0
    folded: Sequence[bytes] = ()
    size: int = 0

    @property
    def place(self) -> int:
        """Its part."""
        return self.volume // VOLUMES

    @property
    def as_read(self) -> dict[str, int]:
        """Where it is while nobody has changed it."""
        return {"_id": self.volume, "version": self.version}


class Parts:
    """The parts of hours in MongoDB."""

    def __init__(self, volumes: AsyncCollection[dict[str, Any]], full_bytes: int) -> None:
        self._volumes = volumes
        self._full_bytes = full_bytes

    async def heads(self, hour: int) -> dict[int, Head]:
        """The last volume of each part of an hour, by part."""
        stages: list[dict[str, Any]] = [
            {"$match": volumes_of([hour])},
            {"$sort": {"_id": ASCENDING}},
            {"$project": {"version": 1, "folded": 1, "size": {"$bsonSize": "$$ROOT"}}},
        ]
        found = await (await self._volumes.aggregate(stages)).to_list()
        heads = [Head(one["_id"], one["version"], one["folded"], one["size"]) for one in found]
        return {one.place: one for one in heads}

    async def fold(
        self, heads: Mapping[int, Head], counts: Mapping[int, Counts], taken: Mapping[int, Sequence[bytes]]
    ) -> list[Head]:
        """Adds counts of exports to parts; returns the volumes of those that nobody else had changed, as they are now.

        Of what is there only the slices are read and made anew that something is added to, and those after them.
        """
        first = min((one.first for one in counts.values()), default=0)
        goes_on = [self._goes_on(heads.get(place, Head(place * VOLUMES))) for place in counts]
        late = await self._since(first, [one for one in goes_on if one.version])
        written = []
        for head in goes_on:
            whole = counts[head.place]
            sums = whole.sums()
            if head.version:
                if (rows := late.get(head.volume)) is None:
                    continue
                add(whole, rows)
                for row in rows["sums"]:
                    sums[row["s"]] = sums_of(row).merge(sums.get(row["s"], Sums()))
            after = Head(head.volume, head.version + 1, taken[head.place])
            if await self._write(head, after, first, whole, sums):
                written.append(after)
        return written

    async def end(self, heads: Iterable[Head]) -> None:
        """Nothing stands any longer for what was folded into these last."""
        if where := [one.as_read for one in heads]:
            await self._volumes.update_many({"$or": where}, {"$set": {"folded": []}})

    def _goes_on(self, head: Head) -> Head:
        """The volume that is added to."""
        return head if head.size < self._full_bytes else Head(head.volume + 1)

    async def _since(self, first: int, heads: Sequence[Head]) -> dict[int, dict[str, Any]]:
        """The rows from a slice on, of volumes that are still as they were read."""
        if not heads:
            return {}
        late = {name: _slices(name, "$gte", first) for name in ("cells", "ways")}
        stages: list[dict[str, Any]] = [
            {"$match": {"$or": [one.as_read for one in heads]}},
            {"$project": {**late, "sums": 1}},
        ]
        return {one["_id"]: one async for one in await self._volumes.aggregate(stages)}

    async def _write(self, before: Head, after: Head, first: int, counts: Counts, sums: Mapping[str, Sums]) -> bool:
        hour, part = divmod(after.place, PARTS)
        plain = {"hour": hour, "part": part, "version": after.version, "folded": after.folded, "sums": sum_rows(sums)}
        rows = {"cells": cell_rows(counts.cells), "ways": way_rows(counts.ways)}
        if before.version:
            anew = {
                name: {"$concatArrays": [_slices(name, "$lt", first), {"$literal": of_name}]}
                for name, of_name in rows.items()
            }
            changed = {"$set": {**{name: {"$literal": one} for name, one in plain.items()}, **anew}}
            return (await self._volumes.update_one(before.as_read, [changed])).matched_count == 1
        try:
            await self._volumes.insert_one({"_id": after.volume, **plain, **rows})
        except DuplicateKeyError:
            return False
        if after.volume % VOLUMES:
            _continued.add(1)
            _log.info("a part of an hour of spans goes on in another volume", hour=hour, part=part)
        return True


def _slices(rows: str, beyond: str, first: int) -> dict[str, Any]:
    """The rows of the slices from one on ("$gte"), or before it ("$lt")."""
    return {"$filter": {"input": f"${rows}", "cond": {beyond: ["$$this.t", first]}}}
