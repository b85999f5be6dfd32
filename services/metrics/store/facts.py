"""Facts as documents, and the lists made of them; whoever reads gets only what lies in the unit and below it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.bottleneck import Cause, bottleneck
from services.metrics.rules.cells import Packed
from services.metrics.rules.fact import DONE, Channel, Exclusion, Fact, Judged, State, Type
from services.metrics.rules.friction import Touchpoint, happened
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.rows import VERSION, packed
from services.metrics.rules.waits import Wait
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When an open ticket ends, so that one range finds what was open at an instant."""
OPENED, RESOLVED, CLOSED = "opened_at", "resolved_at", "closed_at"

_TEXTS = ("ticket", "title", "service", "category", "team", "site", "item", "unit", "source")
_NUMBERS = (
    *("impact", "urgency", "priority", "waited", "worked", "repaired", "reassignments", "assignment_changes"),
    *("reopens", "asks", "contacts", "handovers", "revision"),
)
_FLAGS = ("known", "importing", "ping_pong", "knowledge_used", "by_person")
_MANY = ("reopened_at", "teams", "caused_by", "days", "stale")
_PAIRS = ("urges", "problems")
_PLAIN = (*_TEXTS, *_NUMBERS, *_FLAGS)
_MARKS = (
    *("opened_at", "updated_at", "acked_at", "responded_at", "first_resolved_at", "resolved_at", "closed_at"),
    *("ended_at", "waited_since", "working_since", "standing_since"),
)


def encode(fact: Fact) -> dict[str, Any]:
    """A fact as a document; what is empty is left out."""
    document: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(fact, name))}
    document.update((name, at) for name in _MARKS if (at := getattr(fact, name)) is not None)
    document["type"] = fact.type.value
    document["state"] = fact.state.value
    document["until"] = fact.ended_at or NEVER
    for name in ("channel", "exclusion"):
        word: str = getattr(fact, name).value
        if word not in ("", "UNSPECIFIED"):
            document[name] = word
    for name in _MANY:
        if many := getattr(fact, name):
            document[name] = list(many)
    for name in ("response", "resolution"):
        judged: Judged = getattr(fact, name)
        if judged != _NOTHING:
            document[name] = [judged.finished_at, judged.met, judged.elapsed, judged.breached_at]
    document.update(_waits(fact))
    document.update(_for_lists(fact))
    document["rules"] = VERSION
    if rows := packed(fact):
        document["adds"] = rows
    return document


def _waits(fact: Fact) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if fact.waits:
        document["waits"] = [[wait.value, seconds] for wait, seconds in fact.waits]
    if fact.standing is not None:
        document["standing"] = fact.standing.value
    for name in _PAIRS:
        if pairs := getattr(fact, name):
            document[name] = [list(one) for one in pairs]
    return document


def _for_lists(fact: Fact) -> dict[str, Any]:
    """What lists look for and nobody reads back."""
    document: dict[str, Any] = {}
    if fact.signature and fact.type is Type.INCIDENT and fact.exclusion is Exclusion.NONE:
        document["signature"] = fact.signature
    if fact.is_met and not fact.is_excluded:
        document["met"] = True
    if (late := bottleneck(fact)) is not None:
        document["late"], document["late_for"] = late.cause.value, late.seconds
    if friction := happened(fact):
        document["friction"] = [one.value for one in friction]
    if fact.problems:
        document["problem"] = [name for name, _ in fact.problems]
    return document


def decode(document: Mapping[str, Any]) -> Fact:
    """Reads what `encode` wrote."""
    given: dict[str, Any] = {name: document[name] for name in (*_PLAIN, *_MARKS) if name in document}
    for name in _MANY:
        if name in document:
            given[name] = tuple(document[name])
    for name in _PAIRS:
        if name in document:
            given[name] = tuple(tuple(one) for one in document[name])
    for name in ("response", "resolution"):
        if name in document:
            given[name] = Judged(*document[name])
    if "standing" in document:
        given["standing"] = Wait(document["standing"])
    return Fact(
        waits=tuple((Wait(wait), seconds) for wait, seconds in document.get("waits", ())),
        type=Type(document["type"]),
        state=State(document["state"]),
        channel=Channel(document.get("channel", "UNSPECIFIED")),
        exclusion=Exclusion(document.get("exclusion", "")),
        **given,
    )


PACKED = {f"state.{name}": 1 for name in (*Packed._fields[:-1], "adds")} | {"_id": 0}
"""What of a fact's document `packed_of` reads."""


def packed_of(document: Mapping[str, Any]) -> Packed:
    """A fact as cells see it, without decoding the rest of it."""
    get = document.get
    return Packed(
        get("service", ""),
        get("team", ""),
        get("site", ""),
        get("item", ""),
        get("unit", ""),
        get("source", ""),
        Channel(get("channel", "UNSPECIFIED")),
        Type(document["type"]),
        get("priority", 0),
        get("adds", b""),
    )


_NOTHING = Judged()


def _message(event: Any, stamp: Stamp) -> Message:
    raise AssertionError(f"facts tell nothing, but {stamp.name} was to tell {event}")


def seen_by(scope: str, prefix: str = "state.") -> dict[str, Any]:
    """The filter for what lies in a unit and below it."""
    if not scope:
        return {}
    # A range instead of a pattern: "cn/east/" up to, but without, "cn/east0".
    below = {"$gte": f"{scope}/", "$lt": f"{scope}0"}
    return {"$or": [{f"{prefix}unit": scope}, {f"{prefix}unit": below}]}


def chosen(filter: Filter, scope: str) -> dict[str, Any]:
    """The filter for the tickets asked for, within what the reader sees."""
    where: dict[str, Any] = {"state.known": True, **seen_by(scope)}
    for name in ("service", "team", "site", "item", "source"):
        if value := getattr(filter, name):
            where[f"state.{name}"] = value
    if filter.channel is not Channel.UNSPECIFIED:
        where["state.channel"] = filter.channel.value
    if filter.type is not None:
        where["state.type"] = filter.type.value
    if filter.priorities:
        # An unset priority is 0 and left out of the document.
        where["state.priority"] = {"$in": [one or None for one in filter.priorities]}
    return where


def within(period: Period) -> dict[str, datetime]:
    """The range of a mark inside a period."""
    return {"$gte": period.start, "$lt": period.end}


async def page_of_facts(
    records: Records[Fact], period: Period, filter: Filter, scope: str, mark: str, page: PageRequest
) -> Page[Record[Fact]]:
    """The facts whose mark lies in the period, by that mark; those that a named rule excludes are listed too."""
    where = {**chosen(filter, scope), f"state.{mark}": within(period)}
    if mark != OPENED:
        where["state.state"] = {"$in": [one.value for one in DONE]}
    return await records.page(where, [(f"state.{mark}", ASCENDING), ("_id", ASCENDING)], page)


async def page_of_late(
    records: Records[Fact], period: Period, filter: Filter, scope: str, cause: Cause | None, page: PageRequest
) -> Page[Record[Fact]]:
    """The late tickets that ended in the period, of one cause or of every one, those that waited longest first."""
    where = {**chosen(filter, scope), "state.late_for": {"$exists": True}, "state.until": within(period)}
    if cause is not None:
        where["state.late"] = cause.value
    return await records.page(where, [("state.late_for", DESCENDING), ("_id", DESCENDING)], page)


async def page_of_friction(
    records: Records[Fact], period: Period, filter: Filter, scope: str, touchpoint: Touchpoint, page: PageRequest
) -> Page[Record[Fact]]:
    """The tickets that ended in the period and in which this happened, those that ended last first."""
    where = {**chosen(filter, scope), "state.friction": touchpoint.value, "state.until": within(period)}
    return await records.page(where, [("state.until", DESCENDING), ("_id", DESCENDING)], page)


def _index(*paths: str, **options: Any) -> IndexModel:
    return IndexModel([(one if one == "_id" else f"state.{one}", ASCENDING) for one in paths], **options)


FACTS: Kind[Fact] = Kind(
    collection="facts",
    encode=encode,
    decode=decode,
    message=_message,
    indexes=(
        _index("days"),
        _index("service", "days"),
        _index("team", "days"),
        _index("site", "service", "days"),
        _index("site", "service", "until", "opened_at"),
        _index("item", "days", partialFilterExpression={"state.item": {"$exists": True}}),
        _index("stale", sparse=True),
        _index("opened_at", "_id"),
        _index("resolved_at", "_id", sparse=True),
        _index("closed_at", "_id", sparse=True),
        _index("until", "opened_at"),
        _index("updated_at"),
        # Those that an earlier release measured are looked for at each start.
        _index("rules"),
        _index("signature", "opened_at", "resolved_at", sparse=True),
        _index("caused_by", sparse=True),
        _index("problem", "opened_at", "_id", partialFilterExpression={"state.problem": {"$exists": True}}),
        _index("friction", "until", "_id", partialFilterExpression={"state.friction": {"$exists": True}}),
        _index("late_for", "_id", partialFilterExpression={"state.late_for": {"$exists": True}}),
        _index("late", "late_for", "_id", partialFilterExpression={"state.late_for": {"$exists": True}}),
        *(
            _index(*dimension, "met", "priority", "until", partialFilterExpression={"state.met": True})
            for dimension in ((), ("service",), ("team",), ("site",), ("item",))
        ),
    ),
)
