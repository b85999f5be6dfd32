"""The contributions of a period, read at one instant: from cells where whole days are asked for, else from facts."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pymongo import DESCENDING
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules import cells as rules
from services.metrics.rules.board import POINTS, FromFacts, Slots, Sums, from_facts, summed, with_course
from services.metrics.rules.cells import Packed
from services.metrics.rules.change_fact import add_changes, is_about_changes
from services.metrics.rules.fact import DONE, OUT_OF_ALL, Channel, Fact, Type
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import FIRST, Filter, Period, Windows
from services.metrics.rules.recurrence import WITHIN, recurrences
from services.metrics.rules.rows import class_of
from services.metrics.rules.selection import Rows, classes_of, needs_classes
from services.metrics.rules.tally import tally
from services.metrics.store.cells import Calendar, CellStore
from services.metrics.store.changes import ended_changes
from services.metrics.store.facts import PACKED as PACKED_FACT
from services.metrics.store.facts import chosen, packed_of, seen_by, within
from services.metrics.store.kept_days import kept_days
from services.runtime.records import Records

EXACT_BELOW = 1_000
"""Fewer tickets than this in a period are counted one by one, so that its quantiles are exact."""
FRESH_FACTS = 10_000
"""Days whose cells are out of date are counted from facts; if these are more, the cells must do for a while."""
PRIORITIES = (1, 2, 3, 4)
_BATCH = 5_000
PACKED = {"_id": 0, "state.adds": 1, "state.channel": 1, "state.type": 1, "state.priority": 1}


class Counts:
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
        self._all_stale: list[int] | None = None
        self._steady: dict[int, int] = {}

    async def sums(self, period: Period, filter: Filter, *, courses: bool = True) -> Sums:
        """Everything that counts in the period; `courses`: by stretches, by priority and by quarter hour too."""
        if rules.place(filter) is None:
            return await self._of_facts(period, filter)
        fine = needs_classes(filter)
        runs, apart = await self._runs(period, filter)
        blocks = rules.cover(runs, (await self._calendar()).usable())
        whole = await self._read(filter, blocks, rest=True)
        fresh = await self._from_facts(filter, period, apart) if apart else None
        joined = whole.joined(fresh.rows) if fresh else whole
        sums = summed(joined)
        opened, ended = sums.whole.count("tickets_opened"), sums.whole.count("tickets_ended")
        if max(opened, ended) < EXACT_BELOW:
            return await self._of_facts(period, filter)
        if not courses:
            return sums
        length = sum(len(run) for run in runs)
        grain = {1: frozenset[int](), 8: frozenset[int](), 64: frozenset[int]()}
        if length > POINTS:
            grain[8] = (await self._calendar()).usable()[8]
        course = await self._read(filter, rules.cover(runs, grain), rest=False)
        slots = await self._cells.slots(self._where(filter, fine=fine), runs, self._session)
        if fresh:
            course, slots = course.joined(fresh.rows), _joined(slots, fresh.slots)
        wanted = classes_of(filter, fine=fine)
        if wanted is not None:
            here = wanted[slots.rows["c"]]
            slots = Slots(slots.days[here], slots.rows[here])
        return with_course(sums, joined, course, slots)

    async def with_changes(self, sums: Sums, period: Period, filter: Filter) -> Sums:
        """The same with what changes add; none when the filter asks for what a change has not."""
        if is_about_changes(filter):
            add_changes(sums.whole, *await ended_changes(self._db, self._session, period, filter, self._scope))
        return sums

    async def revision(self, period: Period) -> int:
        """How often days of the period were made anew, those that are about to be included."""
        days, made = period.days, (await self._calendar()).revisions
        return sum(revision for day, revision in made.items() if day in days) + len(await self._stale(days))

    async def open_at(self, at: datetime, filter: Filter) -> int:
        """How many tickets were open at an instant (E28): opened before it less ended before it."""
        if at <= FIRST:
            return 0
        if rules.place(filter) is None:
            where = {**chosen(filter, self._scope), "state.opened_at": {"$lt": at}, "state.until": {"$gte": at}}
            where["state.exclusion"] = {"$nin": sorted(OUT_OF_ALL)}
            return await self._facts.count_documents(where, session=self._session)
        period = Period(FIRST, at)
        runs, apart = await self._runs(period, filter)
        rows = await self._read(filter, rules.cover(runs, (await self._calendar()).usable()), rest=False)
        if apart:
            rows = rows.joined((await self._from_facts(filter, period, apart)).rows)
        found = tally(rows.counts, rows.sums)
        return found.count("tickets_opened") - found.count("tickets_ended")

    async def newest(self) -> datetime | None:
        """When the newest event happened that a fact of the reader's unit has taken."""
        where = {"state.known": True, **seen_by(self._scope)}
        order = [("state.updated_at", DESCENDING)]
        document = await self._facts.find_one(where, {"state.updated_at": 1}, sort=order, session=self._session)
        return None if document is None else document["state"]["updated_at"]

    async def ages(self, at: datetime, filter: Filter) -> Lengths:
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

    async def ended(self, period: Period, filter: Filter, most: int) -> dict[str, bytes]:
        """The rows of the tickets that ended in the period, the latest ones when they are more than `most`."""
        where = {**chosen(filter, self._scope), "state.until": within(period)}
        where["state.exclusion"] = {"$nin": sorted(OUT_OF_ALL)}
        found = self._find(where, {"state.ticket": 1, "state.adds": 1}).sort([("state.until", DESCENDING)]).limit(most)
        return {one["state"]["ticket"]: one["state"].get("adds", b"") async for one in found}

    async def kept_promises(self, period: Period, filter: Filter, most: int) -> dict[str, str]:
        """Tickets that ended in the period with every clock met, and their titles; the most urgent first."""
        where = {**chosen(filter, self._scope), "state.met": True, "state.until": within(period)}
        where["state.priority"] = {"$in": sorted(filter.priorities or PRIORITIES)}
        # As the index has them: a walk along it, and no sort of all.
        found = self._find(where, {"state.title": 1, "state.ticket": 1})
        found = found.sort([("state.priority", 1), ("state.until", 1)]).limit(most)
        return {row["state"]["ticket"]: row["state"].get("title", "") async for row in found}

    async def _calendar(self) -> Calendar:
        if self._known is None:
            self._known = await self._cells.calendar(self._session)
        return self._known

    async def _stale(self, days: range) -> frozenset[int]:
        if self._all_stale is None:
            # A skip along the index, from one such day to the next; a board asks for three stretches of time.
            self._all_stale = await self._facts.distinct("state.stale", session=self._session)
        return frozenset(day for day in self._all_stale if day in days)

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

    def _where(self, filter: Filter, *, fine: bool) -> dict[str, Any]:
        dimension, value = rules.place(filter) or ("", "")
        where: dict[str, Any] = {"dimension": dimension, "value": value, "scope": self._scope, "fine": fine}
        return where | ({"source": filter.source} if filter.source else {})

    async def _read(self, filter: Filter, blocks: Mapping[int, Sequence[int]], *, rest: bool) -> Rows:
        fine = needs_classes(filter)
        found = await self._cells.rows(self._where(filter, fine=fine), blocks, self._session, rest=rest)
        return found.chosen(filter, fine=fine)

    async def _of_facts(self, period: Period, filter: Filter) -> Sums:
        found = await self._from_facts(filter, period, None)
        return with_course(summed(found.rows), found.rows, found.rows, found.slots)

    async def _from_facts(self, filter: Filter, period: Period, days: frozenset[int] | None) -> FromFacts:
        """What facts add in a period, or on some days of it."""
        steady = sorted((days or frozenset()) & self._steady.keys())
        rest = days.difference(steady) if days is not None else None
        found = [await self._read_facts(filter, period, rest)] if rest is None or rest else []
        for day in steady:
            facts = rules.passing(await self._of_day(day), filter, self._scope)
            rows, classes = [one.rows for one in facts], [one.ticket_class for one in facts]
            found.append(from_facts(rows, classes, period, frozenset({day})))
        return functools.reduce(_both, found)

    async def _of_day(self, day: int) -> Sequence[Packed]:
        kept, revision = kept_days(self._db), self._steady[day]
        facts = kept.of(self._db.name, day, revision)
        if facts is None:
            found = self._find({"state.known": True, "state.days": day}, PACKED_FACT)
            facts = rules.on_day(day, [packed_of(one["state"]) async for one in found])
            kept.keep(self._db.name, day, revision, facts)
        return facts

    async def _read_facts(self, filter: Filter, period: Period, days: frozenset[int] | None) -> FromFacts:
        packs: list[bytes] = []
        classes: list[int] = []
        async for document in self._find(self._inside(filter, period, days), PACKED):
            state = document["state"]
            packs.append(state.get("adds", b""))
            classes.append(class_in(state))
        return from_facts(packs, classes, period, days)

    def _inside(self, filter: Filter, period: Period, days: frozenset[int] | None) -> dict[str, Any]:
        every = period.days
        inside = {"$in": sorted(days)} if days is not None else {"$elemMatch": {"$gte": every.start, "$lt": every.stop}}
        return {**chosen(filter, self._scope), "state.days": inside}

    def _find(self, where: Mapping[str, Any], projection: Mapping[str, Any]) -> Any:
        return self._facts.find(where, projection, session=self._session, batch_size=_BATCH)


def _both(one: FromFacts, other: FromFacts) -> FromFacts:
    return FromFacts(one.rows.joined(other.rows), _joined(one.slots, other.slots))


def class_in(state: Mapping[str, Any]) -> int:
    """The class of the ticket, from the fields of PACKED."""
    channel, type = Channel(state.get("channel", "UNSPECIFIED")), Type(state["type"])
    return class_of(channel, type, state.get("priority", 0))


def _joined(one: Slots, other: Slots) -> Slots:
    return Slots(np.concatenate((one.days, other.days)), np.concatenate((one.rows, other.rows)))
