"""Cells and sums of facts and entries, written at once into a store that has none: what the roller would make of them.

Each stretch of 64 days is a piece of work of its own, so that several processes share them.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from datetime import timedelta
from typing import Any

from pymongo import MongoClient, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.synchronous.database import Database

from services.metrics.rules.cells import LEVELS, Cell, CellKey, Packed, above, roll
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.money_cells import rolled
from services.metrics.rules.money_sheets import EMPTY, LINES_A_SHEET, by_day, written
from services.metrics.store import cells, money_cells
from services.metrics.store.cells import SPAN, CellStore
from services.metrics.store.facts import FACTS, PACKED, packed_of
from services.metrics.store.ledger import ENTRIES
from services.metrics.store.money_cells import MoneyCells

KEPT = (cells.CELLS, cells.SLOTS, cells.DAYS, money_cells.CELLS, money_cells.SHEETS)
_READ, _WRITTEN = 5_000, 10_000

Document = dict[str, Any]


async def fill(db: AsyncDatabase[Document], uri: str, pool: Executor) -> None:
    """Makes all cells and sums of what the store has. Facts and entries must not change meanwhile."""
    days = await db[FACTS.collection].distinct("state.days")
    more = await _days_of_entries(db)
    blocks = sorted({day // SPAN for day in (*days, *more)})
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(pool, fill_block, uri, db.name, block) for block in blocks))
    await asyncio.gather(CellStore(db).ensure_indexes(), MoneyCells(db).ensure_indexes())
    await MoneyCells(db).count_turn()


async def _days_of_entries(db: AsyncDatabase[Document]) -> range:
    """The days that have an hour of an entry."""
    entries = db[ENTRIES.collection]
    first = await entries.find_one({}, {"state.first_hour": 1}, sort=[("state.first_hour", 1)])
    last = await entries.find_one({}, {"state.last_hour": 1}, sort=[("state.last_hour", -1)])
    if first is None or last is None:
        return range(0)
    return range((first["state"]["first_hour"] - EPOCH).days, (last["state"]["last_hour"] - EPOCH).days + 1)


def fill_block(uri: str, database: str, block: int) -> None:
    """Writes what is kept of 64 days; the work of a process."""
    db = open_store(uri, database)
    _Stretch(db, block).fill()
    _fill_sums(db, block)


def insert(db: Database[Document], collection: str, documents: Iterable[Document]) -> None:
    """In any order, a few thousand at a time."""
    left = iter(documents)
    while some := list(itertools.islice(left, _WRITTEN)):
        db[collection].insert_many(some, ordered=False)


@functools.cache
def open_store(uri: str, database: str) -> Database[Document]:
    """A process's own connection: what is lost in a crash is made again, so it waits for no disk and no majority."""
    client: MongoClient[Document] = MongoClient(uri, tz_aware=True)
    return client.get_database(database, write_concern=WriteConcern(w=1, j=False))


class _Stretch:
    """The cells of 64 days and of all levels, the quarter hours of the days, and the calendar of both."""

    def __init__(self, db: Database[Document], block: int) -> None:
        self._db = db
        self._block = block
        self._slots: dict[str, Document] = {}
        self._days: dict[int, list[Packed]] = {}

    def fill(self) -> None:
        """Writes them."""
        days = range(self._block * SPAN, (self._block + 1) * SPAN)
        inside = {"state.days": {"$elemMatch": {"$gte": days.start, "$lt": days.stop}}}
        for one in self._db[FACTS.collection].find(inside, {**PACKED, "state.days": 1}, batch_size=_READ):
            fact = packed_of(one["state"])
            for day in one["state"]["days"]:
                if day in days:
                    self._days.setdefault(day, []).append(fact)
        if not self._days:
            return
        self._made(SPAN, self._block)
        insert(self._db, cells.SLOTS, self._slots.values())
        made: dict[str, dict[str, int]] = {}
        for level, day in itertools.product(LEVELS[1:], self._days):
            of = made.setdefault(str(level), {})
            of[str(day // level)] = of.get(str(day // level), 0) + 1
        calendar = {"_id": self._block, "days": {str(day): 1 for day in sorted(self._days)}, "above": made}
        insert(self._db, cells.DAYS, [calendar])

    def _made(self, level: int, block: int) -> Mapping[CellKey, Cell]:
        if level == 1:
            found = roll(block, self._days.get(block, []))
            for key, cell in found.items():
                id, place, field, rows = cells.slots_of(key, cell)
                self._slots.setdefault(id, {"_id": id, **place})[field] = rows
        else:
            below = LEVELS[LEVELS.index(level) - 1]
            lower = range(block * level // below, (block + 1) * level // below)
            found = above(level, block, itertools.chain.from_iterable(self._made(below, one).items() for one in lower))
        insert(self._db, cells.CELLS, itertools.starmap(cells.encode, found.items()))
        return found


def _fill_sums(db: Database[Document], block: int) -> None:
    days = range(block * SPAN, (block + 1) * SPAN)
    start, end = (EPOCH + timedelta(days=day) for day in (days.start, days.stop))
    lasting = {"state.last_hour": {"$gte": start}, "state.first_hour": {"$lt": end}}
    found = db[ENTRIES.collection].find(lasting, money_cells.POSTED, batch_size=_READ)
    entries = [money_cells.posted(one["state"]) for one in found]
    sums = ((key, rows) for key, rows in rolled(entries).items() if key.block == block)
    insert(db, money_cells.CELLS, itertools.starmap(money_cells.cell_document, sums))
    for day, lines in by_day(entries).items():
        parts = range(0, len(lines), LINES_A_SHEET) if day in days else ()
        sheets = (written(EMPTY, lines[at : at + LINES_A_SHEET]) for at in parts)
        insert(db, money_cells.SHEETS, (money_cells.document(day, *one) for one in enumerate(sheets)))
