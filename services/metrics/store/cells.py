"""Cells as documents: how they are written and found, and which of them are up to date.

`cell_days` holds, for each 64 days, how often each day was made anew, and how often that had been when the cells of
eight and of 64 days were: those are up to date when the two agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pymongo import ASCENDING, DeleteOne, IndexModel, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.board import DAYS_SHOWN
from services.metrics.rules.cells import LEVELS, Cell, CellKey, Ints
from services.metrics.rules.pieces import NO_SLOTS, Slots
from services.metrics.rules.rows import COUNTED, SLOTTED, SUMMED
from services.metrics.rules.selection import NOTHING, Rows

CELLS, SLOTS, DAYS = "cells", "cell_slots", "cell_days"
SPAN = LEVELS[-1]
BLOCKS_SHOWN = DAYS_SHOWN // SPAN + 2
"""More than a chart needs: the last block may end in days without an event."""
_PLACE = ("dimension", "value", "scope", "fine")
_COUNTS, _SUMS = ("drawn", "rest"), ("drawn_sums", "rest_sums")

Document = dict[str, Any]
Write = ReplaceOne[Document] | DeleteOne | UpdateOne


@dataclass(slots=True)
class Calendar:
    """Which days were made anew how often, and which blocks of days are up to date."""

    revisions: dict[int, int] = field(default_factory=dict)
    made: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def days(self) -> range:
        """From the first day that has a cell to the last."""
        return range(min(self.revisions), max(self.revisions) + 1) if self.revisions else range(0)

    def stale(self, level: int) -> list[int]:
        """The blocks of a level that are behind their days."""
        sums: dict[int, int] = {}
        for day, revision in self.revisions.items():
            sums[day // level] = sums.get(day // level, 0) + revision
        return sorted(block for block, revision in sums.items() if self.made.get((level, block)) != revision)

    def usable(self) -> dict[int, frozenset[int]]:
        """The blocks of each level above days that agree with their days."""
        days = self.days
        return {
            level: frozenset(range(days.start // level, days.stop // level + 1)) - frozenset(self.stale(level))
            for level in LEVELS[1:]
        }


def encode(key: CellKey, cell: Cell) -> Document:
    """A cell as a document; the slots of a day stand elsewhere."""
    drawn, drawn_sums, rest, rest_sums = cell.parts
    return {
        "_id": identity(key),
        **key._asdict(),
        "drawn": drawn.tobytes(),
        "drawn_sums": drawn_sums.tobytes(),
        "rest": rest.tobytes(),
        "rest_sums": rest_sums.tobytes(),
    }


def decode(document: Mapping[str, Any]) -> tuple[CellKey, Cell]:
    """Reads what `encode` wrote."""
    counts = np.frombuffer(b"".join(document[name] for name in _COUNTS), COUNTED)
    sums = np.frombuffer(b"".join(document[name] for name in _SUMS), SUMMED)
    return CellKey(*(document[name] for name in CellKey._fields)), Cell(counts, sums)


def identity(key: CellKey) -> str:
    """The name of a cell's document."""
    return "\x1e".join((str(key.level), str(key.block), *key[2:6], "fine" if key.fine else ""))


def slots_of(key: CellKey, cell: Cell) -> tuple[str, Document, str, bytes]:
    """Where the slots of a cell of a day stand: the document, its place, its field for the day; and their rows."""
    block, number = divmod(key.block, SPAN)
    place = {"block": block, **{name: getattr(key, name) for name in (*_PLACE, "source")}}
    rows = b"" if cell.slots is None else cell.slots.tobytes()
    return identity(key._replace(level=SPAN, block=block)), place, f"d{number}", rows


class CellStore:
    """Cells, the quarter hours of days, and the calendar of both."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._cells = db[CELLS]
        self._slots = db[SLOTS]
        self._days = db[DAYS]

    async def ensure_indexes(self) -> None:
        """What boards and the roller find cells by."""
        place = [(name, ASCENDING) for name in _PLACE]
        await self._cells.create_indexes(
            [
                IndexModel([*place, ("level", ASCENDING), ("block", ASCENDING)]),
                IndexModel([("level", ASCENDING), ("block", ASCENDING)]),
            ]
        )
        await self._slots.create_indexes([IndexModel([*place, ("block", ASCENDING)])])

    async def calendar(self, session: AsyncClientSession) -> Calendar:
        """All of it: one small document for each 64 days."""
        found = Calendar()
        async for document in self._days.find({}, session=session):
            found.revisions.update((int(day), revision) for day, revision in document.get("days", {}).items())
            for level, blocks in document.get("above", {}).items():
                found.made.update(((int(level), int(block)), revision) for block, revision in blocks.items())
        return found

    async def of_blocks(self, level: int, blocks: range, session: AsyncClientSession) -> list[tuple[CellKey, Cell]]:
        """Every cell of some blocks."""
        where = {"level": level, "block": {"$gte": blocks.start, "$lt": blocks.stop}}
        return [decode(one) async for one in self._cells.find(where, session=session, batch_size=2_000)]

    async def replace_day(self, day: int, cells: Mapping[CellKey, Cell], session: AsyncClientSession) -> None:
        """Puts the cells of a day in the place of those that were, and counts the day up."""
        block, field_ = day // SPAN, f"d{day % SPAN}"
        # Two rollers of one day meet here: the later begins again, from facts that are newer.
        await self._days.update_one({"_id": block}, {"$inc": {f"days.{day}": 1}}, upsert=True, session=session)
        gone = await self._replace(1, day, cells, session)
        slots: list[Write] = []
        for key, cell in cells.items():
            id, place, _, rows = slots_of(key, cell)
            slots.append(UpdateOne({"_id": id}, {"$set": {**place, field_: rows}}, upsert=True))
        slots += [UpdateOne({"_id": self._slot_of(id, block)}, {"$unset": {field_: ""}}) for id in gone]
        if slots:
            await self._slots.bulk_write(slots, ordered=False, session=session)

    async def replace_above(
        self, level: int, block: int, cells: Mapping[CellKey, Cell], revision: int, session: AsyncClientSession
    ) -> None:
        """Puts the cells of a block in the place of those that were. revision: of the days that they are made of."""
        await self._replace(level, block, cells, session)
        made = {f"above.{level}.{block}": revision}
        await self._days.update_one({"_id": block * level // SPAN}, {"$set": made}, upsert=True, session=session)

    async def rows(
        self, where: Mapping[str, Any], blocks: Mapping[int, Sequence[int]], session: AsyncClientSession, *, rest: bool
    ) -> Rows:
        """The rows of some blocks of one place; `rest`: also of measures that are not drawn as a course."""
        asked = _in_blocks(blocks)
        if not asked:
            return NOTHING
        names = [*_COUNTS[: 1 + rest], *_SUMS[: 1 + rest]]
        projection = {"_id": 0, "level": 1, "block": 1, **dict.fromkeys(names, 1)}
        found = [one async for one in self._cells.find({**where, "$or": asked}, projection, session=session)]
        starts = [one["level"] * one["block"] for one in found]
        counts = [b"".join(one[name] for name in _COUNTS[: 1 + rest]) for one in found]
        sums = [b"".join(one[name] for name in _SUMS[: 1 + rest]) for one in found]
        return Rows(
            np.frombuffer(b"".join(counts), COUNTED),
            np.repeat(starts, [len(one) // COUNTED.itemsize for one in counts]).astype(np.int64),
            np.frombuffer(b"".join(sums), SUMMED),
            np.repeat(starts, [len(one) // SUMMED.itemsize for one in sums]).astype(np.int64),
        )

    async def counts_by_value(
        self, where: Mapping[str, Any], blocks: Mapping[int, Sequence[int]], session: AsyncClientSession
    ) -> dict[str, Ints]:
        """Rows of COUNTED of some blocks, by the value of their place, in one read. where: may leave the value open."""
        found: dict[str, list[bytes]] = {}
        if asked := _in_blocks(blocks):
            projection = {"_id": 0, "value": 1, **dict.fromkeys(_COUNTS, 1)}
            async for one in self._cells.find({**where, "$or": asked}, projection, session=session, batch_size=2_000):
                found.setdefault(one["value"], []).extend(one[name] for name in _COUNTS)
        return {value: np.frombuffer(b"".join(parts), COUNTED) for value, parts in found.items()}

    async def slots(self, where: Mapping[str, Any], days: Iterable[range], session: AsyncClientSession) -> Slots:
        """The events of some days of one place, by quarter hour; of many, the latest days that a chart can show."""
        wanted = {day for run in days for day in run}
        blocks = sorted({day // SPAN for day in wanted})
        inside = {**where, "block": {"$gte": blocks[0], "$lte": blocks[-1]}} if blocks else {}
        last = (
            await self._slots.find_one(inside, {"block": 1}, sort=[("block", -1)], session=session) if inside else None
        )
        if last is None:
            return NO_SLOTS
        inside["block"] = {"$gte": max(blocks[0], last["block"] - BLOCKS_SHOWN), "$lte": last["block"]}
        parts: list[bytes] = []
        of: list[int] = []
        async for one in self._slots.find(inside, session=session):
            first = one["block"] * SPAN
            for number in range(SPAN):
                if first + number in wanted and (rows := one.get(f"d{number}")):
                    parts.append(rows)
                    of.append(first + number)
        lengths = [len(one) // SLOTTED.itemsize for one in parts]
        return Slots(np.repeat(np.array(of, np.int64), lengths), np.frombuffer(b"".join(parts), SLOTTED))

    async def _replace(
        self, level: int, block: int, cells: Mapping[CellKey, Cell], session: AsyncClientSession
    ) -> list[str]:
        """Writes what differs, deletes what is no more, and says what that was."""
        now = {document["_id"]: document for document in (encode(*one) for one in cells.items())}
        found = self._cells.find({"level": level, "block": block}, session=session, batch_size=2_000)
        before = {document["_id"]: document async for document in found}
        gone = [id for id in before if id not in now]
        writes: list[Write] = [
            ReplaceOne({"_id": id}, document, upsert=True) for id, document in now.items() if before.get(id) != document
        ]
        writes += [DeleteOne({"_id": id}) for id in gone]
        if writes:
            await self._cells.bulk_write(writes, ordered=False, session=session)
        return gone

    @staticmethod
    def _slot_of(id: str, block: int) -> str:
        return "\x1e".join((str(SPAN), str(block), *id.split("\x1e")[2:]))


def _in_blocks(blocks: Mapping[int, Sequence[int]]) -> list[Document]:
    return [
        {"level": level, "block": {"$gte": run.start, "$lt": run.stop}}
        for level, chosen in blocks.items()
        for run in _unbroken(chosen)
    ]


def _unbroken(numbers: Sequence[int]) -> list[range]:
    found: list[range] = []
    for number in sorted(numbers):
        if found and found[-1].stop == number:
            found[-1] = range(found[-1].start, number + 1)
        else:
            found.append(range(number, number + 1))
    return found
