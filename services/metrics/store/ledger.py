"""Ledger entries as documents, and the list of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.claims import Evidence, Place
from services.metrics.rules.exact import Amounts
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.formulas import Measured, numbers_of
from services.metrics.rules.ledger import Entry, LeftOut
from services.metrics.rules.money import Category
from services.metrics.rules.people_model import Inputs
from services.metrics.rules.period import Filter, Period
from services.metrics.store.facts import seen_by
from services.metrics.store.packing import pack_hours, unpack_hours
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

NEWEST_FIRST = (("state.recorded_at", DESCENDING), ("_id", DESCENDING))
TEXTS = ("service", "team", "site", "item", "unit", "source")
_LISTED = ("last_hour", "first_hour", "category", "service", "team", "site", "unit", "channel", "priority")
ROWS = ("amounts", "lows", "highs")
TOTALS = ("total", "low", "high")


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
        **{name: getattr(place, name) for name in TEXTS},
        "channel": place.channel.value,
        "type": place.type.value,
        "priority": place.priority,
        "first_hour": amounts.first_hour,
        "middle": amounts.middle,
        # For the sums alone.
        "model": [model.resource, model.version],
        "last_hour": amounts.first_hour + (len(amounts.amounts) - 1) * timedelta(hours=1),
        **{name: list(getattr(amounts, name)) for name in ROWS},
        **{name: getattr(entry, name) for name in TOTALS},
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
            **{name: document.get(name, "") for name in TEXTS},
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
    amounts, lows, highs = (tuple(document[name]) for name in ROWS)
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
        # All that a list asks for, so that it passes over what it does not show without fetching it.
        IndexModel([*NEWEST_FIRST, *((f"state.{name}", ASCENDING) for name in _LISTED)]),
        IndexModel([("state.ticket", ASCENDING), *NEWEST_FIRST]),
        IndexModel([("state.cause", ASCENDING), *NEWEST_FIRST]),
        IndexModel([("state.last_hour", ASCENDING), ("state.first_hour", ASCENDING)]),
        IndexModel([("summed", ASCENDING), ("state.last_hour", ASCENDING), ("state.first_hour", ASCENDING)]),
        # Those that match little, or nothing, are found without a walk along all others.
        *(
            IndexModel([(f"state.{name}", ASCENDING) for name in (*one, "last_hour", "first_hour")])
            for one in (("site", "service"), ("service",), ("team",), ("category",))
        ),
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
    where = lasting(period, filter, scope)
    if category is not None:
        where["state.category"] = category.value
    if cause:
        where["state.cause"] = cause
    return await entries.page(where, NEWEST_FIRST, page)


def lasting(period: Period, filter: Filter, scope: str) -> dict[str, Any]:
    """What finds the entries that may have an hour in a period, of what a filter lets pass and the reader sees."""
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
