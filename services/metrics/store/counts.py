"""What a board asks of the tickets of a period, all of it at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import DESCENDING

from services.metrics.rules.change_fact import add_changes, is_about_changes
from services.metrics.rules.fact import DONE, OUT_OF_ALL
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import FIRST, Filter, Period
from services.metrics.rules.pieces import Sums, summed, with_course
from services.metrics.rules.recurrence import WITHIN, recurrences
from services.metrics.store.changes import ended_changes
from services.metrics.store.facts import chosen, seen_by, within
from services.metrics.store.kept import kept_days
from services.metrics.store.pieces import Pieces

EXACT_BELOW = 1_000
"""Fewer tickets than this in a period are counted one by one, so that its quantiles are exact."""
PRIORITIES = (1, 2, 3, 4)


class Counts(Pieces):
    """The same view, and what is asked of it."""

    async def sums(self, period: Period, filter: Filter, *, courses: bool = True) -> Sums:
        """Everything that counts in the period; `courses`: by stretches, by priority and by quarter hour too."""
        made_of, kept = await self._made_of(period), kept_days(self._db).sums
        # Few tickets are counted in another way than many: the bound belongs to what is kept.
        key = (self._db.name, self._scope, filter, period, courses, EXACT_BELOW)
        found = None if made_of is None else kept.of(key, made_of)
        if found is None:
            found = await self._summed(period, filter, courses=courses)
            if made_of is not None:
                kept.keep(key, made_of, found, found.bytes)
        return found.copy()

    async def _summed(self, period: Period, filter: Filter, *, courses: bool) -> Sums:
        piece = await self._of_cells(period, filter, courses=courses)
        sums = None if piece is None else summed(piece)
        few = sums is None or max(map(sums.whole.count, ("tickets_opened", "tickets_ended"))) < EXACT_BELOW
        if piece is None or sums is None or few:
            piece = await self._of_facts(period, filter)
            sums = summed(piece)
        return with_course(sums, piece) if courses else sums

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
        piece = await self._of_cells(Period(FIRST, at), filter, courses=False, rest=False)
        if piece is None:
            where = {**chosen(filter, self._scope), "state.opened_at": {"$lt": at}, "state.until": {"$gte": at}}
            where["state.exclusion"] = {"$nin": sorted(OUT_OF_ALL)}
            return await self._facts.count_documents(where, session=self._session)
        found = summed(piece).whole
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

    async def kept_promises(self, period: Period, filter: Filter, most: int) -> Sequence[str]:
        """Tickets that ended in the period with every clock met, the most urgent first."""
        made_of = await self._made_of(period)
        if made_of is None:
            return await self._promises(period, filter, most)
        kept, key = kept_days(self._db).promises, (self._db.name, self._scope, filter, period, most)
        found = kept.of(key, made_of)
        if found is None:
            found = await self._promises(period, filter, most)
            kept.keep(key, made_of, found, len(found))
        return found

    async def _promises(self, period: Period, filter: Filter, most: int) -> Sequence[str]:
        where = {**chosen(filter, self._scope), "state.met": True, "state.until": within(period)}
        where["state.priority"] = {"$in": sorted(filter.priorities or PRIORITIES)}
        # As the index has them: a walk along it, and no sort of all.
        found = self._find(where, {"_id": 0, "state.ticket": 1})
        found = found.sort([("state.priority", 1), ("state.until", 1)]).limit(most)
        return [row["state"]["ticket"] async for row in found]
