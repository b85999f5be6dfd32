"""The value ledger as boards read it: what its entries add up to, and what single tickets have cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.read_concern import ReadConcern

from services.metrics.rules.cells import place
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.ledger import Entry
from services.metrics.rules.money import Category, LossSum, MoneySum
from services.metrics.rules.money_cells import cut, totals
from services.metrics.rules.outage_record import outage_name
from services.metrics.rules.period import Filter, Period
from services.metrics.store.instant import at_one_instant
from services.metrics.store.kept import kept_money
from services.metrics.store.ledger import ROWS, TOTALS, lasting
from services.metrics.store.money_cells import UNSUMMED, MoneyCells
from services.runtime.records import Records


class ValueLedger:
    """Sums and losses; both are of what the majority holds."""

    def __init__(self, entries: Records[Entry]) -> None:
        self._db = entries.collection.database
        self._cells = MoneyCells(self._db)
        self._kept = kept_money(self._db)
        # A session on a snapshot has a read concern of its own.
        self._snapshots = entries.collection.with_options(read_concern=ReadConcern())
        self._entries = entries.collection.with_options(read_concern=ReadConcern("majority"))

    async def money_lines(self, period: Period, filter: Filter, scope: str, *, root: str = "") -> Sequence[MoneySum]:
        """The sums of the lines whose hour lies in the period, by category and currency, within a unit and below.

        root: only lines of outages of this service of spans.
        """

        async def read(session: AsyncClientSession) -> Sequence[MoneySum]:
            turn, key = await self._cells.turn(session), (self._db.name, period, filter, scope, root)
            found = None if turn is None else self._kept.lines.of(key, turn)
            if found is None:
                found = await self._lines(period, filter, scope, root, session)
                if turn is not None:
                    self._kept.lines.keep(key, turn, found, len(found) + 1)
            return found

        return await at_one_instant(self._db, read)

    async def _lines(
        self, period: Period, filter: Filter, scope: str, root: str, session: AsyncClientSession
    ) -> list[MoneySum]:
        where = {**lasting(period, filter, scope), **_of_root(root)}
        if root or place(filter) is None:
            return await self._of_entries(where, period, session)
        fresh = await self._of_entries({**UNSUMMED, **where}, period, session)
        begin, rest = await self._cells.sums(cut(period), filter, scope, session)
        return totals(begin, rest, fresh)

    async def _of_entries(
        self, where: Mapping[str, Any], period: Period, session: AsyncClientSession
    ) -> list[MoneySum]:
        """The same of all entries that match, one by one."""
        count = {"$subtract": ["$until", "$from"]}
        sums = {
            name: {
                "$sum": {
                    "$cond": [
                        {"$eq": [count, {"$size": "$state.amounts"}]},
                        f"$state.{total}",
                        {"$sum": {"$slice": [f"$state.{name}", "$from", count]}},
                    ]
                }
            }
            for name, total in zip(ROWS, TOTALS, strict=True)
        }
        pipeline: list[dict[str, Any]] = [
            {"$match": where},
            {
                "$set": {
                    "from": {"$max": [0, _hours_to(period.start)]},
                    "until": {"$min": [{"$size": "$state.amounts"}, _hours_to(period.end)]},
                }
            },
            # A period of less than an hour may begin after the one hour that it touches.
            {"$match": {"$expr": {"$lt": ["$from", "$until"]}}},
            {
                "$group": {
                    "_id": ["$state.category", "$state.currency"],
                    "entries": {"$sum": 1},
                    **sums,
                    "provisional": {"$sum": {"$cond": ["$state.provisional", sums["amounts"]["$sum"], 0]}},
                }
            },
            {"$sort": {"_id": 1}},
        ]
        found = await (await self._snapshots.aggregate(pipeline, session=session)).to_list()
        return [_money_sum(one) for one in found]

    async def costliest(self, tickets: Sequence[str], currency: str, most: int) -> Mapping[str, LossSum]:
        """The losses of those of some tickets that have cost the most in a currency."""

        async def read(session: AsyncClientSession) -> Mapping[str, LossSum]:
            turn, key = await self._cells.turn(session), (self._db.name, tuple(tickets), currency, most)
            found = None if turn is None else self._kept.losses.of(key, turn)
            if found is None:
                found = await self._costliest(tickets, currency, most, session)
                if turn is not None:
                    self._kept.losses.keep(key, turn, found, len(tickets))
            return found

        return await at_one_instant(self._db, read)

    async def _costliest(
        self, tickets: Sequence[str], currency: str, most: int, session: AsyncClientSession
    ) -> Mapping[str, LossSum]:
        of_them = {"state.ticket": {"$in": list(tickets)}, "state.category": Category.INCURRED_LOSS.value}
        pipeline: list[dict[str, Any]] = [
            {"$match": {**of_them, "state.currency": currency}},
            {"$group": {"_id": "$state.ticket", "amount": {"$sum": "$state.total"}}},
            {"$match": {"amount": {"$gt": 0}}},
            {"$sort": {"amount": -1, "_id": 1}},
            {"$limit": most},
        ]
        chosen = [one["_id"] async for one in await self._snapshots.aggregate(pipeline, session=session)]
        if not chosen:
            return {}
        losses = await (await self._snapshots.aggregate(_losses(chosen), session=session)).to_list()
        return _loss_sums(one for one in losses if one["_id"][1] == currency)

    async def losses_of(self, tickets: Sequence[str]) -> dict[str, LossSum]:
        """The incurred loss of each ticket that has one, by "tickets/INC-000123"."""
        return _loss_sums(await (await self._entries.aggregate(_losses(tickets))).to_list())


def _losses(tickets: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"$match": {"state.ticket": {"$in": list(tickets)}, "state.category": Category.INCURRED_LOSS.value}},
        {"$sort": {"state.recorded_at": 1, "_id": 1}},
        {
            "$group": {
                "_id": ["$state.ticket", "$state.currency"],
                "amount": {"$sum": "$state.total"},
                "formula": {"$last": "$state.formula"},
                "model": {"$last": "$state.model"},
                "provisional": {"$last": "$state.provisional"},
            }
        },
        {"$match": {"amount": {"$ne": 0}}},
        {"$sort": {"_id": 1}},
    ]


def _loss_sums(rows: Iterable[Mapping[str, Any]]) -> dict[str, LossSum]:
    found: dict[str, LossSum] = {}
    for one in rows:
        ticket, currency = one["_id"]
        model, version = one["model"]
        formula = f"{one['formula']}, {model} version {version}"
        found[ticket] = LossSum(currency, int(one["amount"]), provisional=bool(one["provisional"]), formula=formula)
    return found


def _money_sum(row: Mapping[str, Any]) -> MoneySum:
    category, currency = row["_id"]
    amount, low, high = (int(row[name]) for name in ROWS)
    return MoneySum(Category(category), currency, amount, low, high, row["entries"], int(row["provisional"] or 0))


def _hours_to(at: Any) -> dict[str, Any]:
    """How many of an entry's hours begin before an instant, as an expression."""
    since = {"$subtract": [at, "$state.first_hour"]}
    return {"$toInt": {"$ceil": {"$divide": [since, HOUR_MS]}}}


def _of_root(root: str) -> dict[str, Any]:
    if not root:
        return {}
    prefix = outage_name(root, 0).rpartition(".")[0]
    return {"state.cause": {"$regex": rf"^{re.escape(prefix)}\.[0-9]+$"}}
