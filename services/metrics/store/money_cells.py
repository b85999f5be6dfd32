"""Sums of the ledger as documents: each entry is added to them once, in the transaction that marks it as summed.

So at any instant an entry is either in these sums or without the mark, and a reader counts those without one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pymongo import ASCENDING, IndexModel, ReplaceOne, UpdateOne
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.cells import place
from services.metrics.rules.claims import Place
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.money import Category
from services.metrics.rules.money_cells import HOUR, MONEY, SPAN, Cut, Ints, MoneyKey, Posted, joined, of_class, rolled
from services.metrics.rules.money_sheets import EMPTY, LINE, LINES_A_SHEET, Sheet, by_day, of_edge, written
from services.metrics.rules.period import Filter
from services.metrics.rules.sharing import millis
from services.metrics.store.ledger import ENTRIES, ROWS, TEXTS

CELLS, SHEETS = "money_cells", "money_sheets"
UNSUMMED: Mapping[str, Any] = {"summed": None}
"""Entries that no sum holds yet; an index on the mark finds them."""
_TURN = "turn"
POSTED = {
    f"state.{name}": 1
    for name in (*TEXTS, *ROWS, "channel", "type", "priority", "category", "currency", "provisional", "first_hour")
}
"""What of an entry's document `posted` reads."""
_AT_ONCE = 5_000

Document = dict[str, Any]


class MoneyCells:
    """What entries add up to, by place and day, and their lines of each day by the hour."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._cells = db[CELLS]
        self._sheets = db[SHEETS]
        self._entries = db[ENTRIES.collection]

    async def ensure_indexes(self) -> None:
        """What sums of a period are found by."""
        names = ("dimension", "value", "scope", "block")
        await self._cells.create_indexes([IndexModel([(name, ASCENDING) for name in names])])
        await self._sheets.create_indexes([IndexModel([("day", ASCENDING)], sparse=True)])

    async def wait(self) -> bool:
        """Whether any entry waits to be added; one whose journal is still being written will, once it is."""
        return await self._entries.find_one(_READY, {"_id": 1}) is not None

    async def turn(self, session: AsyncClientSession) -> int | None:
        """How often entries were added; None while any entry is not added yet."""
        if await self._entries.find_one(UNSUMMED, {"_id": 1}, session=session) is not None:
            return None
        turn = await self._sheets.find_one({"_id": _TURN}, session=session)
        return 0 if turn is None else int(turn["turns"])

    async def count_turn(self, session: AsyncClientSession | None = None) -> None:
        """Says that entries were added: whatever was kept of the ledger before is kept of another one."""
        await self._sheets.update_one({"_id": _TURN}, {"$inc": {"turns": 1}}, upsert=True, session=session)

    async def add(self, most: int, session: AsyncClientSession) -> int:
        """Adds up to `most` entries; how many these were. session: of a transaction, which holds all of it."""
        # Two who add at once meet here, whatever they add: the later begins again.
        await self.count_turn(session)
        # By time, so that a batch of a long history touches few stretches of days.
        order = [("state.last_hour", ASCENDING)]
        ready = self._entries.find(_READY, POSTED, sort=order, limit=most, batch_size=_AT_ONCE, session=session)
        found = await ready.to_list()
        if not found:
            return 0
        entries = [posted(one["state"]) for one in found]
        await self._add_sums(await asyncio.to_thread(rolled, entries), session)
        await self._add_lines(entries, session)
        marked = {"_id": {"$in": [one["_id"] for one in found]}}
        await self._entries.update_many(marked, {"$set": {"summed": True}}, session=session)
        return len(found)

    async def sums(self, cut: Cut, filter: Filter, scope: str, session: AsyncClientSession) -> tuple[list[Ints], ...]:
        """Rows of MONEY of a period: of the day that it begins in, and of the rest. filter: one that cells hold."""
        days = cut.days
        begin: list[Ints] = []
        rest: list[Ints] = []
        parts: list[bytes] = []
        blocks = {"$gte": days.start // SPAN, "$lte": (days.stop - 1) // SPAN}
        where = {**_place(filter, scope), "block": blocks}
        found = await self._cells.find(where, {"_id": 0}, session=session).to_list() if days else []
        for one in found:
            at = one["block"] * SPAN
            for day in range(max(days.start, at), min(days.stop, at + SPAN)):
                if (rows := one.get(f"d{day - at}")) is not None:
                    if day == cut.first:
                        begin.append(of_class(np.frombuffer(rows, MONEY), filter))
                    else:
                        parts.append(rows)
        rest.append(of_class(np.frombuffer(b"".join(parts), MONEY), filter))
        for edge in cut.edges:
            async for one in self._sheets.find({"day": edge.day}, session=session):
                (begin if edge.day == cut.first else rest).append(of_edge(_sheet(one), filter, scope, edge))
        return begin, rest

    async def _add_sums(self, cells: Mapping[MoneyKey, Mapping[int, Ints]], session: AsyncClientSession) -> None:
        fields = {f"d{day % SPAN}": 1 for days in cells.values() for day in days}
        names = [_identity(key) for key in cells]
        before: dict[str, Document] = {}
        for start in range(0, len(names), _AT_ONCE):
            where = {"_id": {"$in": names[start : start + _AT_ONCE]}}
            async for one in self._cells.find(where, fields, session=session, batch_size=_AT_ONCE):
                before[one["_id"]] = one
        writes = []
        for key, days in cells.items():
            id = _identity(key)
            kept = before.get(id, {})
            more = {}
            for day, rows in days.items():
                field = f"d{day % SPAN}"
                more[field] = (joined(np.frombuffer(kept[field], MONEY), rows) if field in kept else rows).tobytes()
            writes.append(UpdateOne({"_id": id}, {"$set": {**key._asdict(), **more}}, upsert=True))
        await self._cells.bulk_write(writes, ordered=False, session=session)

    async def _add_lines(self, entries: Sequence[Posted], session: AsyncClientSession) -> None:
        parts = by_day(entries)
        last: dict[int, tuple[int, int]] = {}
        where = {"day": {"$in": list(parts)}}
        async for one in self._sheets.find(where, {"day": 1, "part": 1, "count": 1}, session=session):
            last[one["day"]] = max(last.get(one["day"], (0, 0)), (one["part"], one["count"]))
        unfilled = [f"{day}/{part}" for day, (part, count) in last.items() if count < LINES_A_SHEET]
        kept = {one["day"]: _sheet(one) async for one in self._sheets.find({"_id": {"$in": unfilled}}, session=session)}
        writes = []
        for day, lines in parts.items():
            sheet = kept.get(day, EMPTY)
            part = last.get(day, (-1, 0))[0] + (day not in kept)
            done = 0
            while done < len(lines):
                upto = done + LINES_A_SHEET - len(sheet.lines)
                filed = document(day, part, written(sheet, lines[done:upto]))
                writes.append(ReplaceOne({"_id": filed["_id"]}, filed, upsert=True))
                sheet, part, done = EMPTY, part + 1, upto
        await self._sheets.bulk_write(writes, ordered=False, session=session)


_READY: Mapping[str, Any] = {**UNSUMMED, "pending": {"$exists": False}}


def _place(filter: Filter, scope: str) -> dict[str, Any]:
    dimension, value = place(filter) or ("", "")
    where = {"dimension": dimension, "value": value, "scope": scope}
    return where | ({"source": filter.source} if filter.source else {})


def cell_document(key: MoneyKey, days: Mapping[int, Ints]) -> Document:
    """The sums of a place as a document: the rows of MONEY of each of its days."""
    return {"_id": _identity(key), **key._asdict(), **{f"d{day % SPAN}": rows.tobytes() for day, rows in days.items()}}


def _identity(key: MoneyKey) -> str:
    return "\x1e".join(map(str, key))


def posted(state: Mapping[str, Any]) -> Posted:
    """An entry as cells see it."""
    # An entry of an earlier release names no item.
    texts = {name: state.get(name, "") for name in TEXTS}
    lines = np.zeros(len(state["amounts"]), HOUR)
    for name, row in zip(HOUR.names or (), ROWS, strict=True):
        lines[name] = state[row]
    return Posted(
        Place(**texts, channel=Channel(state["channel"]), type=Type(state["type"]), priority=state["priority"]),
        Category(state["category"]),
        state["currency"],
        state["provisional"],
        millis(state["first_hour"]) // HOUR_MS,
        lines,
    )


def _sheet(document: Mapping[str, Any]) -> Sheet:
    lines, hours = np.frombuffer(document["lines"], LINE), np.frombuffer(document["hours"], HOUR)
    return Sheet(tuple(document["names"]), lines, hours)


def document(day: int, part: int, sheet: Sheet) -> Document:
    """A sheet as a document."""
    return {
        "_id": f"{day}/{part}",
        "day": day,
        "part": part,
        "count": len(sheet.lines),
        "names": list(sheet.names),
        "lines": sheet.lines.tobytes(),
        "hours": sheet.hours.tobytes(),
    }
