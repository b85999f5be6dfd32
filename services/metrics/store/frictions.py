"""The touchpoints of tickets by service or by team, read from the same cells as the board, at one instant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules import cells as rules
from services.metrics.rules.cells import Ints
from services.metrics.rules.fact import Fact
from services.metrics.rules.friction import By, FrictionMap, Touchpoint, friction_map, narrowed, needed
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.pieces import from_facts
from services.metrics.rules.rows import SUMMED
from services.metrics.rules.selection import classes_of, needs_classes
from services.metrics.rules.tally import Tally, tally
from services.metrics.store.counts import Counts
from services.metrics.store.facts import page_of_friction
from services.metrics.store.instant import at_one_instant
from services.metrics.store.pieces import PACKED, class_in
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Record, Records

_ANY = f"[^{rules.SEVERAL}]+"
_NO_SUMS = np.zeros(0, SUMMED)
"""A map is made of counts; lengths have sums beside them."""


class Frictions:
    """Reads them."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact]) -> None:
        self._db = db
        self._facts = facts

    async def by_place(self, period: Period, filter: Filter, by: By, scope: str) -> FrictionMap:
        """The map of a period: all places together, and each by itself."""

        async def read(session: AsyncClientSession) -> tuple[Tally, Mapping[str, Tally]]:
            counts = PlaceCounts(self._db, self._facts, session, scope)
            whole = (await counts.sums(period, filter, courses=False)).whole
            if one := getattr(filter, by.value):
                return whole, {one: whole}
            return whole, await counts.by_place(period, filter, by)

        return friction_map(*await at_one_instant(self._db, read))

    async def tickets(
        self, period: Period, filter: Filter, scope: str, touchpoint: Touchpoint, page: PageRequest
    ) -> Page[Record[Fact]]:
        """The tickets behind a cell, those that ended last first."""
        return await page_of_friction(self._facts, period, filter, scope, touchpoint, page)


class PlaceCounts(Counts):
    """The same view, of all services or teams at once: the same few reads, however many there are."""

    async def by_place(self, period: Period, filter: Filter, by: By) -> dict[str, Tally]:
        """What a map needs of each place where something counts in the period. filter: one that names no such place."""
        parts: dict[str, list[Ints]] = {}
        where = _cells_of(filter, by)
        if where is None:
            await self._add_facts(parts, period, filter, by, None)
        else:
            fine = needs_classes(filter)
            runs, apart = await self._runs(period, filter)
            blocks = rules.cover(runs, (await self._calendar()).usable())
            where = {**self._where(filter, fine=fine), **where}
            wanted = classes_of(filter, fine=fine)
            for value, counted in (await self._cells.counts_by_value(where, blocks, self._session)).items():
                rows = needed(counted)
                parts[_place_in(value, where["dimension"], by)] = [rows if wanted is None else rows[wanted[rows["c"]]]]
            if apart:
                await self._add_facts(parts, period, filter, by, apart)
        return {place: tally(np.concatenate(rows), _NO_SUMS) for place, rows in parts.items()}

    async def _add_facts(
        self, parts: dict[str, list[Ints]], period: Period, filter: Filter, by: By, days: frozenset[int] | None
    ) -> None:
        """Adds what facts add in a period, or on some days of it."""
        packs: dict[str, tuple[list[bytes], list[int]]] = {}
        field = f"state.{by.value}"
        where = {**self._inside(filter, period, days), field: {"$exists": True}}
        async for document in self._find(where, {**PACKED, field: 1}):
            state = document["state"]
            rows, classes = packs.setdefault(state[by.value], ([], []))
            rows.append(state.get("adds", b""))
            classes.append(class_in(state))
        for place, (rows, classes) in packs.items():
            counts = from_facts(rows, classes, period, days).whole.counts
            parts.setdefault(place, []).append(needed(counts))


def _cells_of(filter: Filter, by: By) -> dict[str, Any] | None:
    """What finds the cells of all places that a filter lets pass; None when no cell holds what it asks for."""
    found = rules.place(narrowed(filter, by, "any"))
    if found is None:
        return None
    names = (_ANY if name == by.value else re.escape(getattr(filter, name)) for name in rules.SETS[found[0]])
    return {"dimension": found[0], "value": {"$regex": f"^{rules.SEVERAL.join(names)}$"}}


def _place_in(value: str, dimension: str, by: By) -> str:
    return value.split(rules.SEVERAL)[rules.SETS[dimension].index(by.value)]
