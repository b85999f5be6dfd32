"""Counts the runs of a message that began and never ended: the sign of one that kills its worker."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase


class Attempts:
    """Unfinished attempts by message, in the collection `attempts`; a run that ends in any way takes its own away."""

    LIMIT = 4
    """After this many unfinished runs a message is not run again."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._collection = db["attempts"]

    async def begin(self, key: str) -> int:
        """Counts a run before it begins; the number of runs without an end, this one included."""
        found = await self._collection.find_one_and_update(
            {"_id": key},
            {"$inc": {"count": 1}, "$set": {"at": datetime.now(UTC)}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["count"]) if found else 1

    async def end(self, key: str) -> None:
        """The run came to an end, good or bad."""
        await self._collection.delete_one({"_id": key})
