"""The incidents of problems, as facts have their links, and what the ledger has of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pymongo import DESCENDING

from services.metrics.rules.fact import OUT_OF_ALL, Fact, Type
from services.metrics.rules.losses import Part
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.problem_loss import (
    KnownProblem,
    Link,
    Occurrence,
    ProblemLoss,
    RepeatLoss,
    known_problems,
    occurrences,
    problem_loss,
    repeat_loss,
)
from services.metrics.store.facts import chosen, decode, within
from services.metrics.store.losses import Losses
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Record, Records
from services.runtime.refusal import Refusal

MOST = 5_000
"""So many incidents, the latest ones, are added up; of further ones their number is told."""


class ProblemLosses:
    """Reads them. currency: of the board, ISO 4217.

    Since when a problem is known is one instant for everybody; whose incidents it sums is the reader's.
    """

    def __init__(self, facts: Records[Fact], losses: Losses, currency: str) -> None:
        self._facts = facts
        self._losses = losses
        self._currency = currency

    async def of_problem(self, name: str, scope: str, now: datetime) -> ProblemLoss:
        """What the problem's incidents have cost.

        Raises:
            Refusal: NOT_FOUND, when no ticket that the reader may see is of it.
        """
        problem = await self._known_one(name)
        where = _of(problem, chosen(Filter(), scope))
        incidents, left_out = await self._latest(where)
        if not incidents and not await self._facts.count({**chosen(Filter(), scope), "state.problem": name}, 1):
            raise Refusal.not_found(name)
        parts = await self._parts(incidents, now)
        return problem_loss(problem, occurrences(problem, incidents, parts), left_out)

    async def incidents(self, name: str, scope: str, now: datetime, page: PageRequest) -> tuple[list[Occurrence], str]:
        """A page of the problem's incidents, the latest first, and the token of the next."""
        problem = await self._known_one(name)
        order = [("state.opened_at", DESCENDING), ("_id", DESCENDING)]
        found: Page[Record[Fact]] = await self._facts.page(_of(problem, chosen(Filter(), scope)), order, page)
        incidents = [one.state for one in found.items]
        return occurrences(problem, incidents, await self._parts(incidents, now)), found.next_token

    async def repeated(self, period: Period, filter: Filter, scope: str, now: datetime) -> RepeatLoss:
        """What incidents that were opened in a period have cost whose problem was known when they began."""
        problems = known_problems(await self._links({}))
        signatures = sorted({one for problem in problems.values() for one in problem.signatures})
        if not problems:
            return RepeatLoss((), (), 0)
        of_any = {"$or": [{"state.problem": {"$exists": True}}, {"state.signature": {"$in": signatures}}]}
        where = {"$and": [_incidents(chosen(filter, scope)), of_any], "state.opened_at": within(period)}
        incidents, left_out = await self._latest(where)
        parts = await self._parts(incidents, now)
        return repeat_loss(problems.values(), incidents, parts, self._currency, left_out)

    async def _known_one(self, name: str) -> KnownProblem:
        found = known_problems(one for one in await self._links({"state.problem": name}) if one[0] == name)
        if name not in found:
            raise Refusal.not_found(name)
        return found[name]

    async def _links(self, where: dict[str, Any]) -> list[Link]:
        """The first link of each problem and signature, whoever may see the tickets."""
        linked: list[dict[str, Any]] = [
            {"$match": {"state.problem": {"$exists": True}, **where}},
            {"$project": {"_id": 0, "link": "$state.problems", "signature": "$state.signature"}},
            {"$unwind": "$link"},
            {
                "$group": {
                    "_id": {"problem": {"$first": "$link"}, "signature": "$signature"},
                    "at": {"$min": {"$last": "$link"}},
                }
            },
        ]
        rows = await self._facts.collection.aggregate(linked)
        return [(one["_id"]["problem"], one["_id"].get("signature", ""), one["at"]) async for one in rows]

    async def _latest(self, where: dict[str, Any]) -> tuple[list[Fact], int]:
        order = [("state.opened_at", DESCENDING), ("_id", DESCENDING)]
        rows = await self._facts.collection.find(where).sort(order).limit(MOST + 1).to_list()
        left_out = 0
        if len(rows) > MOST:
            left_out = await self._facts.collection.count_documents(where) - MOST
        return [decode(one["state"]) for one in rows[:MOST]], left_out

    async def _parts(self, incidents: Sequence[Fact], now: datetime) -> list[Part]:
        return await self._losses.of_facts({one.ticket: one for one in incidents}, now)


def _incidents(where: dict[str, Any]) -> dict[str, Any]:
    return {
        **where,
        "state.type": Type.INCIDENT.value,
        "state.exclusion": {"$nin": sorted(OUT_OF_ALL)},
    }


def _of(problem: KnownProblem, where: dict[str, Any]) -> dict[str, Any]:
    """The incidents of a problem, by link or by a signature that was known to be its when they were opened."""
    alike = [
        {"state.signature": signature, "state.opened_at": {"$gt": at}} for signature, at in problem.signatures.items()
    ]
    return {"$and": [_incidents(where), {"$or": [{"state.problem": problem.name}, *alike]}]}
