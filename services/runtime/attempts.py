"""Counts the runs of a message that began and never ended: the sign of one that kills its worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase


class Attempts:
    """Unfinished attempts by message, in the collection `attempts`; a run that ends in any way takes its own away."""

    LIMIT = 4
    """After this many unfinished runs a message is not run again."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._collection = db["attempts"]

    async def unfinished(self, keys: Sequence[str]) -> set[str]:
        """Those of the messages that have a run without an end."""
        if not keys:
            return set()
        found = self._collection.find({"_id": {"$in": list(keys)}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def begin(self, key: str) -> int:
        """Counts a run before it begins; the number of runs without an end, this one included."""
        found = await self._collection.find_one_and_update(
            {"_id": key}, _counted(), upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(found["count"]) if found else 1

    async def begin_together(self, keys: Sequence[str]) -> int:
        """Counts a run of each before all of them begin in one; how many these are."""
        if not keys:
            return 0
        await self._collection.bulk_write(
            [UpdateOne({"_id": key}, _counted(), upsert=True) for key in keys], ordered=False
        )
        return len(keys)

    async def end(self, keys: Sequence[str]) -> None:
        """The runs came to an end, good or bad."""
        await self._collection.delete_many({"_id": {"$in": list(keys)}})


def _counted() -> dict[str, Any]:
    return {"$inc": {"count": 1}, "$set": {"at": datetime.now(UTC)}}
