"""Parts of a period, read at one instant: from cells where whole days are asked for, else from facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules import cells as rules
from services.metrics.rules.course import POINTS
from services.metrics.rules.day_facts import DayFacts, on_day
from services.metrics.rules.fact import Channel, Fact, Type
from services.metrics.rules.period import Filter, Period, Windows
from services.metrics.rules.pieces import Piece, Slots, from_facts, joined
from services.metrics.rules.rows import class_of
from services.metrics.rules.selection import Rows, classes_of, needs_classes
from services.metrics.store.cells import Calendar, CellStore
from services.metrics.store.facts import PACKED as PACKED_FACT
from services.metrics.store.facts import chosen, packed_of
from services.metrics.store.kept import kept_days
from services.runtime.records import Records

FRESH_FACTS = 10_000
"""Days whose cells are out of date are counted from facts; if these are more, the cells must do for a while."""
_BATCH = 5_000
PACKED = {"_id": 0, "state.adds": 1, "state.channel": 1, "state.type": 1, "state.priority": 1}


class Pieces:
    """One reader's view of facts and cells: a session on a snapshot, and the unit below which he sees."""

    def __init__(
        self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact], session: AsyncClientSession, scope: str
    ) -> None:
        self._db = db
        self._facts = facts.collection
        self._cells = CellStore(db)
        self._session = session
        self._scope = scope
        self._known: Calendar | None = None
        self._usable: Mapping[int, frozenset[int]] | None = None
        self._all_stale: list[int] | None = None
        self._steady: dict[int, int] = {}

    def _find(self, where: Mapping[str, Any], projection: Mapping[str, Any]) -> Any:
        return self._facts.find(where, projection, session=self._session, batch_size=_BATCH)

    async def _of_cells(self, period: Period, filter: Filter, *, courses: bool, rest: bool = True) -> Piece | None:
        """A period from cells, and from facts what these do not hold; None when a filter asks for what no cell is of.

        courses: with what is drawn as a course. rest: also of measures that never are.
        """
        if rules.place(filter) is None:
            return None
        runs, apart = await self._runs(period, filter)
        closed = await self._closed(filter, runs, courses=courses, rest=rest)
        return joined([closed, *await self._on_days(filter, period, apart)])

    async def _of_facts(self, period: Period, filter: Filter) -> Piece:
        """Every fact of a period by itself, so that quantiles are exact."""
        return await self._read_facts(filter, period, None)

    async def _made_of(self, period: Period) -> tuple[tuple[int, int], ...] | None:
        """How often each day of a period was made anew; None when that does not tell what its facts are by now."""
        if await self._stale(period.days):
            return None
        days = period.days
        return tuple((day, revision) for day, revision in (await self._calendar()).revisions.items() if day in days)

    async def _calendar(self) -> Calendar:
        if self._known is None:
            self._known = await self._cells.calendar(self._session)
        return self._known

    async def _stale(self, days: range) -> frozenset[int]:
        if self._all_stale is None:
            # A skip along the index, from one such day to the next; a board asks for three stretches of time.
            self._all_stale = await self._facts.distinct("state.stale", session=self._session)
        return frozenset(day for day in self._all_stale if day in days)

    async def _usable_blocks(self) -> Mapping[int, frozenset[int]]:
        if self._usable is None:
            self._usable = (await self._calendar()).usable()
        return self._usable

    async def _runs(self, period: Period, filter: Filter) -> tuple[list[range], frozenset[int]]:
        """The days that come from cells, and those that are counted from facts: cut by the period, or out of date."""
        ragged = Windows(period).ragged
        stale = await self._stale(period.days)
        apart = ragged | stale
        made = (await self._calendar()).revisions
        self._steady |= {day: made[day] for day in ragged - stale if day in made}
        if stale and await self._count(filter, apart, FRESH_FACTS) == FRESH_FACTS:
            apart = ragged
        known = (await self._calendar()).days
        days = range(max(period.days.start, known.start), min(period.days.stop, known.stop))
        return rules.runs(days, apart), apart

    async def _count(self, filter: Filter, days: frozenset[int], most: int) -> int:
        inside = {**chosen(filter, self._scope), "state.days": {"$in": sorted(days)}}
        return await self._facts.count_documents(inside, limit=most, session=self._session)

    async def _closed(self, filter: Filter, runs: Sequence[range], *, courses: bool, rest: bool) -> Piece:
        """What cells say of whole days."""
        usable, made = await self._usable_blocks(), (await self._calendar()).revisions
        long = sum(len(run) for run in runs) > POINTS
        course = rules.cover(runs, {8: usable[8] if long else frozenset(), 64: frozenset()}) if courses else {}
        asked = (filter, tuple((run.start, run.stop) for run in runs), courses, rest, tuple(course.get(8, ())))
        made_of = tuple(made.get(day, 0) for run in runs for day in run)

        async def read() -> Piece:
            whole = await self._read(filter, rules.cover(runs, usable), rest=rest)
            if not courses:
                return Piece(whole)
            return Piece(whole, await self._read(filter, course, rest=False), await self._slots(filter, runs))

        return await self._kept(asked, made_of, read)

    async def _on_days(self, filter: Filter, period: Period, days: frozenset[int]) -> list[Piece]:
        """What facts add on some days of a period."""
        found = []
        for day in sorted(days & self._steady.keys()):
            read = partial(self._on_day, day, filter, period)
            found.append(await self._kept((filter, day, period.part(day)), self._steady[day], read))
        rest = days.difference(self._steady)
        return [*found, await self._read_facts(filter, period, rest)] if rest else found

    async def _on_day(self, day: int, filter: Filter, period: Period) -> Piece:
        return (await self._of_day(day)).piece(filter, self._scope, period)

    async def _of_day(self, day: int) -> DayFacts:
        kept, revision = kept_days(self._db).facts, self._steady[day]
        facts = kept.of((self._db.name, day), revision)
        if facts is None:
            found = self._find({"state.known": True, "state.days": day}, PACKED_FACT)
            facts = on_day(day, [packed_of(one["state"]) async for one in found])
            kept.keep((self._db.name, day), revision, facts, len(facts.classes))
        return facts

    async def _kept(self, asked: Hashable, made_of: Hashable, read: Callable[[], Awaitable[Piece]]) -> Piece:
        kept, key = kept_days(self._db).pieces, (self._db.name, self._scope, asked)
        piece = kept.of(key, made_of)
        if piece is None:
            piece = (await read()).fewest()
            kept.keep(key, made_of, piece, piece.bytes)
        return piece

    async def _read(self, filter: Filter, blocks: Mapping[int, Sequence[int]], *, rest: bool) -> Rows:
        fine = needs_classes(filter)
        found = await self._cells.rows(self._where(filter, fine=fine), blocks, self._session, rest=rest)
        return found.chosen(filter, fine=fine)

    async def _slots(self, filter: Filter, runs: Sequence[range]) -> Slots:
        fine = needs_classes(filter)
        slots = await self._cells.slots(self._where(filter, fine=fine), runs, self._session)
        wanted = classes_of(filter, fine=fine)
        if wanted is None:
            return slots
        here = wanted[slots.rows["c"]]
        return Slots(slots.days[here], slots.rows[here])

    async def _read_facts(self, filter: Filter, period: Period, days: frozenset[int] | None) -> Piece:
        packs: list[bytes] = []
        classes: list[int] = []
        async for document in self._find(self._inside(filter, period, days), PACKED):
            state = document["state"]
            packs.append(state.get("adds", b""))
            classes.append(class_in(state))
        return from_facts(packs, classes, period, days)

    def _where(self, filter: Filter, *, fine: bool) -> dict[str, Any]:
        dimension, value = rules.place(filter) or ("", "")
        where: dict[str, Any] = {"dimension": dimension, "value": value, "scope": self._scope, "fine": fine}
        return where | ({"source": filter.source} if filter.source else {})

    def _inside(self, filter: Filter, period: Period, days: frozenset[int] | None) -> dict[str, Any]:
        every = period.days
        inside = {"$in": sorted(days)} if days is not None else {"$elemMatch": {"$gte": every.start, "$lt": every.stop}}
        return {**chosen(filter, self._scope), "state.days": inside}


def class_in(state: Mapping[str, Any]) -> int:
    """The class of the ticket, from the fields of PACKED."""
    channel, type = Channel(state.get("channel", "UNSPECIFIED")), Type(state["type"])
    return class_of(channel, type, state.get("priority", 0))
