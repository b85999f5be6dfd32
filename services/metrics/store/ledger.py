"""Ledger entries and bookings as documents, the list of entries, and the sums that boards print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.read_concern import ReadConcern

from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.ledger import Booking, Entry, Evidence, Place, Unbooked, inputs_by_name
from services.metrics.rules.money import Category, LossSum, MoneySum
from services.metrics.rules.people_model import HOUR_MS, Amounts, Inputs
from services.metrics.rules.period import Filter, Period
from services.metrics.store.facts import seen_by
from services.metrics.wire import ledger as wire
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

NEWEST_FIRST = (("state.recorded_at", DESCENDING), ("_id", DESCENDING))
_TEXTS = ("service", "team", "site", "unit", "source")
_ROWS = ("amounts", "lows", "highs")
_TOTALS = ("total", "low", "high")


def encode_entry(entry: Entry) -> dict[str, Any]:
    """An entry as a document; one amount an hour, from `first_hour` on."""
    place, amounts = entry.place, entry.amounts
    return {
        "name": entry.name,
        "ticket": entry.ticket,
        "category": entry.category.value,
        "currency": entry.currency,
        "formula": entry.formula,
        "inputs": inputs_by_name(entry.inputs),
        "evidence": [[one.resource, one.version, one.note] for one in entry.evidence],
        "occurred_at": entry.occurred_at,
        "recorded_at": entry.recorded_at,
        "reverses": entry.reverses,
        **{name: getattr(place, name) for name in _TEXTS},
        "channel": place.channel.value,
        "type": place.type.value,
        "priority": place.priority,
        "first_hour": amounts.first_hour,
        # For the sums alone.
        "last_hour": amounts.first_hour + (len(amounts.amounts) - 1) * timedelta(hours=1),
        **{name: list(getattr(amounts, name)) for name in _ROWS},
        **{name: getattr(entry, name) for name in _TOTALS},
    }


def decode_entry(document: Mapping[str, Any]) -> Entry:
    """Reads what `encode_entry` wrote."""
    return Entry(
        name=document["name"],
        ticket=document["ticket"],
        category=Category(document["category"]),
        currency=document["currency"],
        formula=document["formula"],
        inputs=Inputs(**{one.name: document["inputs"][one.name] for one in fields(Inputs)}),
        amounts=Amounts(document["first_hour"], *(tuple(document[name]) for name in _ROWS)),
        place=Place(
            **{name: document[name] for name in _TEXTS},
            channel=Channel(document["channel"]),
            type=Type(document["type"]),
            priority=document["priority"],
        ),
        evidence=tuple(Evidence(*one) for one in document["evidence"]),
        occurred_at=document["occurred_at"],
        recorded_at=document["recorded_at"],
        reverses=document["reverses"],
    )


def _encode_booking(booking: Booking) -> dict[str, Any]:
    return {
        "ticket": booking.ticket,
        "open": None if booking.open is None else encode_entry(booking.open),
        "unbooked": booking.unbooked.name,
    }


def _decode_booking(document: Mapping[str, Any]) -> Booking:
    entry = document["open"]
    return Booking(document["ticket"], None if entry is None else decode_entry(entry), Unbooked[document["unbooked"]])


def _told(event: Any, _stamp: Stamp) -> Message:
    return wire.told(event)


def _untold(event: Any, stamp: Stamp) -> Message:
    raise AssertionError(f"the booking has told of {stamp.name} already, and it was to tell {event}")


BOOKINGS: Kind[Booking] = Kind(
    collection="bookings",
    encode=_encode_booking,
    decode=_decode_booking,
    message=_told,
    indexes=(IndexModel([("state.unbooked", ASCENDING)]),),
)
ENTRIES: Kind[Entry] = Kind(
    collection="ledger_entries",
    prefix="ledgerEntries",
    encode=encode_entry,
    decode=decode_entry,
    message=_untold,
    indexes=(
        IndexModel(list(NEWEST_FIRST)),
        IndexModel([("state.ticket", ASCENDING), *NEWEST_FIRST]),
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
    ticket: str = "",
) -> Page[Record[Entry]]:
    """The entries that have an hour in the period, the newest first: all that a sum over it is made of."""
    where = _chosen(period, filter, scope)
    if category is not None:
        where["state.category"] = category.value
    if ticket:
        where["state.ticket"] = ticket
    return await entries.page(where, NEWEST_FIRST, page)


class ValueLedger:
    """The ledger as boards read it."""

    def __init__(self, entries: Records[Entry]) -> None:
        self._entries = entries.collection.with_options(read_concern=ReadConcern("majority"))

    async def money_lines(self, period: Period, filter: Filter, scope: str) -> list[MoneySum]:
        """The sums of the lines whose hour lies in the period, by category and currency, within a unit and below.

        An incident that is open has no entry yet, so nothing in the sums is provisional.
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
            {"$match": _chosen(period, filter, scope)},
            {
                "$set": {
                    "from": {"$max": [0, _hours_to(period.start)]},
                    "until": {"$min": [{"$size": "$state.amounts"}, _hours_to(period.end)]},
                }
            },
            # A period of less than an hour may begin after the one hour that it touches.
            {"$match": {"$expr": {"$lt": ["$from", "$until"]}}},
            {"$group": {"_id": ["$state.category", "$state.currency"], "entries": {"$sum": 1}, **sums}},
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
                    "model": {"$last": {"$last": "$state.evidence"}},
                }
            },
            {"$match": {"amount": {"$ne": 0}}},
            {"$sort": {"_id": 1}},
        ]
        found: dict[str, LossSum] = {}
        async for one in await self._entries.aggregate(pipeline):
            ticket, currency = one["_id"]
            model, version, _ = one["model"]
            formula = f"{one['formula']}, {model} version {version}"
            found[ticket] = LossSum(currency, int(one["amount"]), provisional=False, formula=formula)
        return found


def _money_sum(row: Mapping[str, Any]) -> MoneySum:
    category, currency = row["_id"]
    amount, low, high = (int(row[name]) for name in _ROWS)
    return MoneySum(Category(category), currency, amount, low, high, row["entries"])


def _hours_to(at: Any) -> dict[str, Any]:
    """How many of an entry's hours begin before an instant, as an expression."""
    since = {"$subtract": [at, "$state.first_hour"]}
    return {"$toInt": {"$ceil": {"$divide": [since, HOUR_MS]}}}


def _chosen(period: Period, filter: Filter, scope: str) -> dict[str, Any]:
    where: dict[str, Any] = {
        "state.last_hour": {"$gte": period.start},
        "state.first_hour": {"$lt": period.end},
        **seen_by(scope),
    }
    for name in ("service", "team", "site", "source"):
        if value := getattr(filter, name):
            where[f"state.{name}"] = value
    if filter.channel is not Channel.UNSPECIFIED:
        where["state.channel"] = filter.channel.value
    if filter.type is not None:
        where["state.type"] = filter.type.value
    if filter.priorities:
        where["state.priority"] = {"$in": list(filter.priorities)}
    return where
