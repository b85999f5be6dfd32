"""Plans, rotas, people and teams held in memory, read again when any of them has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pymongo.read_concern import ReadConcern

from services.runtime.paging import MAX_SIZE, PageRequest
from services.runtime.records import Records
from services.sla.rules.directory import Colleague, Directory, Group
from services.sla.rules.escalation import Plan
from services.sla.rules.rota import Rota
from services.sla.rules.told import Shelved

S = TypeVar("S")

Count = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Read(Generic[S]):
    kind: str
    stamp: Count
    by_name: dict[str, S]


class Roster:
    """Holds all that escalation looks up as it was at the last `refresh`; rules take it from `shelved`."""

    def __init__(
        self, plans: Records[Plan], rotas: Records[Rota], people: Records[Colleague], teams: Records[Group]
    ) -> None:
        self._plans = plans
        self._rotas = rotas
        self._people = people
        self._teams = teams
        self._lock = asyncio.Lock()
        self._stamps: dict[str, Count] = {}
        self.shelved = Shelved()

    async def refresh(self) -> None:
        """Reads again what has changed since; costs a few small queries when nothing has.

        Raises:
            pymongo.errors.PyMongoError: the store is away; all stays as it was.
        """
        async with self._lock:
            plans, rotas, people, teams = await asyncio.gather(
                self._changed(self._plans),
                self._changed(self._rotas),
                self._changed(self._people, {"$or": [{"state.staff": True}, {"state.vip": True}]}),
                self._changed(self._teams),
            )
            now = self.shelved
            directory = Directory(
                now.directory.people if people is None else people.by_name,
                now.directory.teams if teams is None else teams.by_name,
            )
            self.shelved = Shelved(
                now.plans if plans is None else tuple(sorted(plans.by_name.values(), key=lambda one: one.place)),
                now.rotas if rotas is None else rotas.by_name,
                directory,
            )
            self._stamps.update((one.kind, one.stamp) for one in (plans, rotas, people, teams) if one is not None)

    async def _changed(self, records: Records[S], where: Mapping[str, Any] | None = None) -> _Read[S] | None:
        """All of a kind that match; None when they are those that were read before."""
        where, kind = where or {}, records.kind.collection
        # Read before the documents: they are then at least as new as the stamp under which they are kept.
        stamp = await _count(records, where)
        if stamp == self._stamps.get(kind):
            return None
        found: dict[str, S] = {}
        token = ""
        while True:
            page = await records.page(where, [("_id", 1)], PageRequest(MAX_SIZE, token))
            found.update((one.name, one.state) for one in page.items)
            token = page.next_token
            if not token:
                return _Read(kind, stamp, found)


async def _count(records: Records[Any], where: Mapping[str, Any]) -> Count:
    """How many documents match and the sum of their versions: nothing can change without changing these."""
    settled = records.collection.with_options(read_concern=ReadConcern("majority"))
    count = {"$group": {"_id": None, "documents": {"$sum": 1}, "versions": {"$sum": "$version"}}}
    counts = await (await settled.aggregate([{"$match": where}, count])).to_list()
    return (counts[0]["documents"], counts[0]["versions"]) if counts else (0, 0)
