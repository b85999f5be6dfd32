"""The touchpoints of tickets by service or by team, read from the same cells as the board, at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.fact import Fact
from services.metrics.rules.friction import By, FrictionMap, Touchpoint, friction_map, narrowed
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.tally import Tally
from services.metrics.store.cells import CELLS
from services.metrics.store.counts import Counts
from services.metrics.store.facts import chosen, page_of_friction
from services.metrics.store.instant import at_one_instant
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Record, Records


class Frictions:
    """Reads them."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact]) -> None:
        self._db = db
        self._facts = facts

    async def by_place(self, period: Period, filter: Filter, by: By, scope: str) -> FrictionMap:
        """The map of a period: all places together, and each by itself."""

        async def read(session: AsyncClientSession) -> tuple[Tally, Mapping[str, Tally]]:
            counts = Counts(self._db, self._facts, session, scope)
            whole = (await counts.sums(period, filter, courses=False)).whole
            places = await self._places(period, filter, by, scope, session)
            found = {one: (await counts.sums(period, narrowed(filter, by, one), courses=False)).whole for one in places}
            return whole, found

        return friction_map(*await at_one_instant(self._db, read))

    async def tickets(
        self, period: Period, filter: Filter, scope: str, touchpoint: Touchpoint, page: PageRequest
    ) -> Page[Record[Fact]]:
        """The tickets behind a cell, those that ended last first."""
        return await page_of_friction(self._facts, period, filter, scope, touchpoint, page)

    async def _places(
        self, period: Period, filter: Filter, by: By, scope: str, session: AsyncClientSession
    ) -> list[str]:
        """Where something counts in the period: as cells of its days have it, and what no cell holds yet."""
        if one := getattr(filter, by.value):
            return [one]
        days = period.days
        inside = {"$gte": days.start, "$lt": days.stop}
        cells = {"dimension": by.value, "scope": scope, "fine": False, "level": 1, "block": inside}
        rolled = await self._db[CELLS].distinct("value", cells, session=session)
        fresh = {**chosen(filter, scope), "state.stale": {"$elemMatch": inside}}
        newly = await self._facts.collection.distinct(f"state.{by.value}", fresh, session=session)
        return sorted({*rolled, *newly} - {"", None})
