"""Numbers for new resources: each replica leases a hundred at a time, so gaps are allowed and twins are not."""

from __future__ import annotations

import asyncio
from typing import Any

from pymongo import ReturnDocument, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase

LEASE = 100
WIDTH = 6
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)


class Numbers:
    """Numbers "<prefix>-000001" and up, kept in the collection `numbers` of the service's database.

    A number is given once, also across replicas and restarts; what a stopped process had leased is never used.
    """

    def __init__(self, database: AsyncDatabase[dict[str, Any]], prefix: str) -> None:
        self._leases = database.get_collection("numbers", write_concern=_ACKNOWLEDGED)
        self._prefix = prefix
        self._lock = asyncio.Lock()
        self._next = 1
        self._last = 0

    async def next(self) -> str:
        """The next number, such as "INC-000123"; at least six digits.

        Raises:
            pymongo.errors.PyMongoError: no lease could be had; ask again.
        """
        return (await self.take(1))[0]

    async def take(self, count: int) -> list[str]:
        """The next `count` numbers, ascending; a large count costs one lease."""
        taken: list[str] = []
        async with self._lock:
            while len(taken) < count:
                if self._next > self._last:
                    await self._lease(max(LEASE, count - len(taken)))
                end = min(self._last, self._next + count - len(taken) - 1)
                taken += [f"{self._prefix}-{number:0{WIDTH}d}" for number in range(self._next, end + 1)]
                self._next = end + 1
        return taken

    async def _lease(self, count: int) -> None:
        counter = await self._leases.find_one_and_update(
            {"_id": self._prefix}, {"$inc": {"last": count}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert counter is not None, "an upsert returns what it made"  # noqa: S101 - says why to the type checker
        self._last = int(counter["last"])
        self._next = self._last - count + 1
