"""The book of all policies and calendars, held in memory and read again when somebody has published."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

from pymongo.read_concern import ReadConcern

from services.runtime.paging import MAX_SIZE, PageRequest
from services.runtime.records import Records
from services.sla.rules.book import Book
from services.sla.rules.calendar import Calendar
from services.sla.rules.publication import Publication, bound

S = TypeVar("S")


class Shelf:
    """Holds the book as it was at the last `refresh`; rules and handlers take it from here without waiting."""

    def __init__(self, policies: Records[Publication], calendars: Records[Calendar]) -> None:
        self._policies = policies
        self._calendars = calendars
        self._lock = asyncio.Lock()
        self._stamp: tuple[int, int] | None = None
        self.book = Book()

    async def refresh(self) -> None:
        """Reads the book again when anything was published since; costs one small query when nothing was.

        Raises:
            pymongo.errors.PyMongoError: the store is away; the book stays as it was.
        """
        async with self._lock:
            # Read before the documents: they are then at least as new as the stamp under which they are kept.
            stamp = await self._published()
            if stamp == self._stamp:
                return
            calendars = await _all(self._calendars)
            files = await _all(self._policies)
            self.book = bound(files, calendars)
            self._stamp = stamp

    async def _published(self) -> tuple[int, int]:
        """How many documents there are and the sum of their versions: nothing can change without raising these."""
        count: dict[str, Any] = {"$group": {"_id": None, "documents": {"$sum": 1}, "versions": {"$sum": "$version"}}}
        other = self._calendars.collection.name
        pipeline = [count, {"$unionWith": {"coll": other, "pipeline": [count]}}]
        settled = self._policies.collection.with_options(read_concern=ReadConcern("majority"))
        counts = await (await settled.aggregate(pipeline)).to_list()
        return sum(one["documents"] for one in counts), sum(one["versions"] for one in counts)


async def _all(records: Records[S]) -> list[S]:
    found: list[S] = []
    token = ""
    while True:
        page = await records.page({}, [("_id", 1)], PageRequest(MAX_SIZE, token))
        found += [record.state for record in page.items]
        token = page.next_token
        if not token:
            return found
