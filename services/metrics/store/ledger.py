"""Ledger entries as documents, and the list of them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from bson.regex import Regex
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
from services.metrics.store.packing import pack_hours, unpack_hours
from services.runtime.records import Kind, Stamp

NEWEST_FIRST = (("state.recorded_at", DESCENDING), ("_id", DESCENDING))
TEXTS = ("service", "team", "site", "item", "unit", "source")
_HOURS = ("last_hour", "first_hour")
_TAIL = ("unit", "type", "priority", "channel")
_FILTERED = ("service", "team", "site", "item", "source", *_TAIL)
ROWS = ("amounts", "lows", "highs")
TOTALS = ("total", "low", "high")
LAGS = tuple(timedelta(days=days) for days in (2, 8, 32, 128))
"""The classes of how long after its first hour an entry was recorded: within each of these, or later."""
AHEAD = -1
"""The class of what was recorded before its last hour."""


def encode_entry(entry: Entry) -> dict[str, Any]:
    """An entry as a document; one amount an hour, from `first_hour` on."""
    place, amounts, inputs = entry.place, entry.amounts, entry.inputs
    measured = {"hours": pack_hours(inputs.hours), "seed": inputs.seed} if isinstance(inputs, Measured) else {}
    model = next((one for one in entry.evidence if one.resource.startswith("costModels/")), Evidence("", ""))
    last_hour = amounts.first_hour + (len(amounts.amounts) - 1) * timedelta(hours=1)
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
        "last_hour": last_hour,
        # For lists alone.
        "lag": AHEAD if entry.recorded_at < last_hour else bisect_right(LAGS, entry.recorded_at - amounts.first_hour),
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


def _by(*names: str) -> list[tuple[str, int]]:
    return [(f"state.{name}", ASCENDING) for name in names]


NEWEST = [*_by("category", "lag"), *NEWEST_FIRST, *_by(*_HOURS, *_FILTERED)]
"""The index that lists walk along: with all that they ask for, it passes over what they do not show unfetched."""
HOURS = _by(*_HOURS)
OF_CAUSE = [("state.cause", ASCENDING), *NEWEST_FIRST]
PLACES = (
    _by("site", "service", *_HOURS, "team", *_TAIL),
    _by("service", "team", *_HOURS, *_TAIL),
    _by("team", *_HOURS, *_TAIL),
    _by("unit", *_HOURS, *_TAIL[1:]),
)
"""The indexes by which those of a place are found, also where they are few among many of others."""
CLASSES = _by(*_TAIL[1:], *_HOURS)
"""The same of what comes through a channel, of a type or a priority."""
SELDOM = tuple(_by(name, *_HOURS) for name in ("item", "source"))
"""The same of what most entries do not have."""


ENTRIES: Kind[Entry] = Kind(
    collection="ledger_entries",
    prefix="ledgerEntries",
    encode=encode_entry,
    decode=decode_entry,
    message=_untold,
    indexes=(
        IndexModel(NEWEST),
        IndexModel(OF_CAUSE),
        # What tickets have cost is added up from this alone.
        IndexModel(_by("ticket", "category", "currency", "total")),
        IndexModel(HOURS),
        IndexModel([("summed", ASCENDING), *HOURS]),
        *map(IndexModel, (*PLACES, CLASSES)),
        *(IndexModel(keys, partialFilterExpression={keys[0][0]: {"$gt": ""}}) for keys in SELDOM),
    ),
)


def lasting(period: Period, filter: Filter, scope: str) -> dict[str, Any]:
    """What finds the entries that may have an hour in a period, of what a filter lets pass and the reader sees."""
    where: dict[str, Any] = {
        "state.last_hour": {"$gte": period.start},
        "state.first_hour": {"$lt": period.end},
    }
    if scope:
        # One condition: beside an $or of its own the store can no longer merge walks, and sorts all that it finds.
        where["state.unit"] = {"$in": [scope, Regex(f"^{re.escape(scope)}/")]}
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
