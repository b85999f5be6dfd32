"""The contributions of a period, read at one instant: from cells where whole days are asked for, else from facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.cells import ALL, CellKey, roll
from services.metrics.rules.fact import DONE, OUT_OF_ALL, Fact
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import FIRST, Filter, Period, Windows
from services.metrics.rules.recurrence import WITHIN, recurrences
from services.metrics.rules.tally import Tally
from services.metrics.store import cells as cell_store
from services.metrics.store.facts import chosen, decode, seen_by, within
from services.runtime.records import Records

EXACT_BELOW = 2_000
"""Fewer facts than this in a period are counted one by one, so that its quantiles are exact."""
FRESH_FACTS = 30_000
"""Days whose cells are out of date are counted from facts; if these are more, the cells must do for a while."""
_BATCH = 2_000

Cells = list[tuple[CellKey, Tally]]


class Counts:
    """One reader's view of facts and cells: a session on a snapshot, and the unit below which he sees."""

    def __init__(
        self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact], session: AsyncClientSession, scope: str
    ) -> None:
        self._facts = facts.collection
        self._cells = db[cell_store.CELLS]
        self._days = db[cell_store.DAYS]
        self._session = session
        self._scope = scope

    async def cells(self, period: Period, filter: Filter) -> Cells:
        """Everything that counts in the period, as cells of days, scopes and priorities."""
        days = period.days
        where = chosen(filter, self._scope)
        inside = {"$elemMatch": {"$gte": days.start, "$lt": days.stop}}
        everything = {**where, "state.days": inside}
        few = await self._facts.count_documents(everything, limit=EXACT_BELOW, session=self._session)
        if few < EXACT_BELOW or len(filter.dimensions) > 1:
            return await self._from_facts(everything, Windows(period))
        windows = Windows(period)
        stale = await self._stale(days)
        apart = windows.ragged | stale
        if stale and await self._count(where, apart, FRESH_FACTS) == FRESH_FACTS:
            apart = windows.ragged
        found = await self._from_cells(days, apart, filter)
        if apart:
            part = {**where, "state.days": {"$in": sorted(apart)}}
            found += await self._from_facts(part, Windows(period, apart))
        return found

    async def revision(self, period: Period) -> int:
        """How often days of the period were made anew, those that are about to be included."""
        days = period.days
        pipeline: list[dict[str, Any]] = [
            {"$match": {"_id": {"$gte": days.start, "$lt": days.stop}}},
            {"$group": {"_id": None, "revision": {"$sum": "$revision"}}},
        ]
        sums = await (await self._days.aggregate(pipeline, session=self._session)).to_list()
        return (sums[0]["revision"] if sums else 0) + len(await self._stale(days))

    async def newest(self) -> datetime | None:
        """When the newest event happened that a fact of the reader's unit has taken."""
        where = {"state.known": True, **seen_by(self._scope)}
        order = [("state.updated_at", DESCENDING)]
        document = await self._facts.find_one(where, {"state.updated_at": 1}, sort=order, session=self._session)
        return None if document is None else document["state"]["updated_at"]

    async def backlog(self, at: datetime, filter: Filter) -> Lengths:
        """The ages of the tickets that were open at an instant, in seconds."""
        where = {
            **chosen(filter, self._scope),
            "state.opened_at": {"$lt": at},
            "state.until": {"$gte": at},
            "state.exclusion": {"$nin": sorted(OUT_OF_ALL)},
        }
        ages = Lengths()
        async for document in self._find(where, {"_id": 0, "state.opened_at": 1}):
            ages.add((at - document["state"]["opened_at"]) // timedelta(seconds=1))
        return ages

    async def recurrences(self, period: Period, filter: Filter) -> tuple[int, int]:
        """E11: incidents whose fault had been resolved within 90 days before, and all that name their fault."""
        named: dict[str, Any] = {"$exists": True}
        where = {**chosen(filter, self._scope), "state.signature": named, "state.opened_at": within(period)}
        opened = [
            (one["state"]["signature"], one["state"]["opened_at"])
            async for one in self._find(where, {"_id": 0, "state.signature": 1, "state.opened_at": 1})
        ]
        if not opened:
            return 0, 0
        earlier = Period(max(FIRST, min(at for _, at in opened) - WITHIN), period.end)
        where = {
            "state.signature": {"$in": sorted({signature for signature, _ in opened})},
            "state.resolved_at": within(earlier),
            "state.state": {"$in": [one.value for one in DONE]},
            **seen_by(self._scope),
        }
        resolved = [
            (one["state"]["signature"], one["state"]["resolved_at"])
            async for one in self._find(where, {"_id": 0, "state.signature": 1, "state.resolved_at": 1})
        ]
        return recurrences(opened, resolved)

    async def kept_promises(self, period: Period, filter: Filter, most: int) -> dict[str, str]:
        """Tickets that ended in the period with every clock met, and their titles; the most urgent first."""
        triaged = {"state.priority": {"$gt": 0}}
        where = {**triaged, **chosen(filter, self._scope), "state.met": True, "state.until": within(period)}
        found = self._find(where, {"state.title": 1, "state.ticket": 1})
        rows = found.sort([("state.priority", 1), ("state.opened_at", 1)]).limit(most)
        return {row["state"]["ticket"]: row["state"].get("title", "") async for row in rows}

    async def _stale(self, days: range) -> frozenset[int]:
        where = {"state.stale": {"$elemMatch": {"$gte": days.start, "$lt": days.stop}}}
        found = await self._facts.distinct("state.stale", where, session=self._session)
        return frozenset(day for day in found if day in days)

    async def _count(self, where: Mapping[str, Any], days: frozenset[int], most: int) -> int:
        inside = {**where, "state.days": {"$in": sorted(days)}}
        return await self._facts.count_documents(inside, limit=most, session=self._session)

    async def _from_cells(self, days: range, apart: frozenset[int], filter: Filter) -> Cells:
        dimension, value = next(iter(filter.dimensions), (ALL, ""))
        where: dict[str, Any] = {"dimension": dimension, "value": value, **seen_by(self._scope, "")}
        where["day"] = {"$gte": days.start, "$lt": days.stop, "$nin": sorted(apart)}
        if filter.source:
            where["source"] = filter.source
        if filter.type is not None:
            where["type"] = filter.type.value
        if filter.priorities:
            where["priority"] = {"$in": list(filter.priorities)}
        found = self._cells.find(where, session=self._session, batch_size=_BATCH)
        return [cell_store.decode(document) async for document in found]

    async def _from_facts(self, where: Mapping[str, Any], windows: Windows) -> Cells:
        facts = [decode(document["state"]) async for document in self._find(where, {"_id": 0, "state": 1})]
        return list(roll(facts, windows, dimensions=()).items())

    def _find(self, where: Mapping[str, Any], projection: Mapping[str, Any]) -> Any:
        return self._facts.find(where, projection, session=self._session, batch_size=_BATCH)
