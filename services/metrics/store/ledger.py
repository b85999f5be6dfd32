"""Ledger entries and bookings as documents, the list of entries, and the sums that boards print."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.read_concern import ReadConcern

from services.metrics.rules.claims import Evidence, Place
from services.metrics.rules.exact import HOUR_MS, Amounts
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.formulas import Measured, numbers_of
from services.metrics.rules.ledger import Entry, LeftOut
from services.metrics.rules.money import Category, LossSum, MoneySum
from services.metrics.rules.outage_record import outage_name
from services.metrics.rules.people_model import Inputs
from services.metrics.rules.period import Filter, Period
from services.metrics.store.facts import seen_by
from services.metrics.store.packing import pack_hours, unpack_hours
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

NEWEST_FIRST = (("state.recorded_at", DESCENDING), ("_id", DESCENDING))
_TEXTS = ("service", "team", "site", "item", "unit", "source")
_ROWS = ("amounts", "lows", "highs")
_TOTALS = ("total", "low", "high")


def encode_entry(entry: Entry) -> dict[str, Any]:
    """An entry as a document; one amount an hour, from `first_hour` on."""
    place, amounts, inputs = entry.place, entry.amounts, entry.inputs
    measured = {"hours": pack_hours(inputs.hours), "seed": inputs.seed} if isinstance(inputs, Measured) else {}
    model = next((one for one in entry.evidence if one.resource.startswith("costModels/")), Evidence("", ""))
    return {
        "name": entry.name,
        "cause": entry.cause,
        "ticket": entry.ticket,
        "category": entry.category.value,
        "currency": entry.currency,
        "formula": entry.formula,
        "inputs": numbers_of(inputs),
        **measured,
        "evidence": [[one.resource, one.version, one.note] for one in entry.evidence],
        "left_out": [[one.resource, one.ms, one.why] for one in entry.left_out],
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "reverses": entry.reverses,
        "provisional": entry.provisional,
        **{name: getattr(place, name) for name in _TEXTS},
        "channel": place.channel.value,
        "type": place.type.value,
        "priority": place.priority,
        "first_hour": amounts.first_hour,
        "middle": amounts.middle,
        # For the sums alone.
        "model": [model.resource, model.version],
        "last_hour": amounts.first_hour + (len(amounts.amounts) - 1) * timedelta(hours=1),
        **{name: list(getattr(amounts, name)) for name in _ROWS},
        **{name: getattr(entry, name) for name in _TOTALS},
    }


def decode_entry(document: Mapping[str, Any]) -> Entry:
    """Reads what `encode_entry` wrote."""
    return Entry(
        name=document["name"],
        cause=document["cause"],
        category=Category(document["category"]),
        currency=document["currency"],
        formula=document["formula"],
        inputs=_inputs(document),
        amounts=Amounts(document["first_hour"], *_rows(document), document["middle"]),
        place=Place(
            # An entry of an earlier release names no item.
            **{name: document.get(name, "") for name in _TEXTS},
            channel=Channel(document["channel"]),
            type=Type(document["type"]),
            priority=document["priority"],
        ),
        evidence=tuple(Evidence(*one) for one in document["evidence"]),
        occurred_at=document["occurred_at"],
        recorded_at=document["recorded_at"],
        reverses=document["reverses"],
        provisional=document["provisional"],
        left_out=tuple(LeftOut(*one) for one in document["left_out"]),
    )


def _rows(document: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    amounts, lows, highs = (tuple(document[name]) for name in _ROWS)
    return amounts, lows, highs


def _inputs(document: Mapping[str, Any]) -> Inputs | Measured:
    if "hours" not in document:
        return Inputs(**{one.name: document["inputs"][one.name] for one in fields(Inputs)})
    return Measured(tuple(document["inputs"].items()), unpack_hours(document["hours"]), document["seed"])


def _untold(event: Any, stamp: Stamp) -> Message:
    raise AssertionError(f"the booking has told of {stamp.name} already, and it was to tell {event}")


ENTRIES: Kind[Entry] = Kind(
    collection="ledger_entries",
    prefix="ledgerEntries",
    encode=encode_entry,
    decode=decode_entry,
    message=_untold,
    indexes=(
        IndexModel(list(NEWEST_FIRST)),
        IndexModel([("state.ticket", ASCENDING), *NEWEST_FIRST]),
        IndexModel([("state.cause", ASCENDING), *NEWEST_FIRST]),
        IndexModel([("state.last_hour", ASCENDING), ("state.first_hour", ASCENDING)]),
    ),
)


async def page_of_entries(
    entries: Records[Entry],
    period: Period,
    filter: Filter,
    scope: str,
    page: PageRequest,
    *,
    category: Category | None = None,
    cause: str = "",
) -> Page[Record[Entry]]:
    """The entries that have an hour in the period, the newest first: all that a sum over it is made of."""
    where = _chosen(period, filter, scope)
    if category is not None:
        where["state.category"] = category.value
    if cause:
        where["state.cause"] = cause
    return await entries.page(where, NEWEST_FIRST, page)


class ValueLedger:
    """The ledger as boards read it."""

    def __init__(self, entries: Records[Entry]) -> None:
        self._entries = entries.collection.with_options(read_concern=ReadConcern("majority"))

    async def money_lines(self, period: Period, filter: Filter, scope: str, *, root: str = "") -> list[MoneySum]:
        """The sums of the lines whose hour lies in the period, by category and currency, within a unit and below.

        root: only lines of outages of this service of spans.
        """
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
            for name, total in zip(_ROWS, _TOTALS, strict=True)
        }
        pipeline: list[dict[str, Any]] = [
            {"$match": {**_chosen(period, filter, scope), **_of_root(root)}},
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
        found = await (await self._entries.aggregate(pipeline)).to_list()
        return [_money_sum(one) for one in found]

    async def losses_of(self, tickets: Sequence[str]) -> dict[str, LossSum]:
        """The incurred loss of each ticket that has one, by "tickets/INC-000123"."""
        where = {"state.ticket": {"$in": list(tickets)}, "state.category": Category.INCURRED_LOSS.value}
        pipeline: list[dict[str, Any]] = [
            {"$match": where},
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
        found: dict[str, LossSum] = {}
        async for one in await self._entries.aggregate(pipeline):
            ticket, currency = one["_id"]
            model, version = one["model"]
            formula = f"{one['formula']}, {model} version {version}"
            found[ticket] = LossSum(currency, int(one["amount"]), provisional=bool(one["provisional"]), formula=formula)
        return found


def _money_sum(row: Mapping[str, Any]) -> MoneySum:
    category, currency = row["_id"]
    amount, low, high = (int(row[name]) for name in _ROWS)
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


def _chosen(period: Period, filter: Filter, scope: str) -> dict[str, Any]:
    where: dict[str, Any] = {
        "state.last_hour": {"$gte": period.start},
        "state.first_hour": {"$lt": period.end},
        **seen_by(scope),
    }
    for name in ("service", "team", "site", "item", "source"):
        if value := getattr(filter, name):
            where[f"state.{name}"] = value
    if filter.channel is not Channel.UNSPECIFIED:
        where["state.channel"] = filter.channel.value
    if filter.type is not None:
        where["state.type"] = filter.type.value
    if filter.priorities:
        where["state.priority"] = {"$in": list(filter.priorities)}
    return where
