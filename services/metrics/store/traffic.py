"""What spans answer: sums and ways of a period, read at one instant from parts of hours and exports not yet folded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.availability import (
    ENOUGH,
    SLICES_AN_HOUR,
    Cell,
    Edge,
    Lost,
    Sums,
    availability,
    slices_of,
    unanswered,
)
from services.metrics.rules.business_service import PREFIX, BusinessService, without
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.span_parts import PARTS, VOLUMES, parts_of, place_of
from services.metrics.rules.values import Standing, Value, too_few, undefined
from services.metrics.store.instant import at_one_instant
from services.metrics.store.span_rows import NUMBERS, sums_of, volumes, volumes_of
from services.metrics.store.spans import EXPORTS, PARTS_OF_HOURS, SETTLE, still_lost
from services.runtime.door import now

PATIENCE = timedelta(seconds=15)
"""How long an outage waits for a server's span under a call without an answer; one that comes later amends it."""

T = TypeVar("T")
Stages = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _View:
    """One instant. half: exports that a part of an hour holds already, and that still stand for it, by place."""

    session: AsyncClientSession
    wanted: range
    half: Mapping[int, Sequence[bytes]]


class Traffic:
    """Reads the counts of spans."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._db = db
        self._exports = db[EXPORTS]
        self._parts = db[PARTS_OF_HOURS]

    async def by_service(self, period: Period) -> dict[str, Sums]:
        """The requests of every service in the slices that begin in the period, in the order of their names."""

        async def read(view: _View) -> dict[str, Sums]:
            found: dict[str, Sums] = {}
            whole, ragged = _whole(view.wanted)
            slices = _summed("cells", _inside(view.wanted, "cells.t"))
            hours: Stages = [{"$match": volumes(_places(whole))}, *_summed("sums", {})]
            ends: Stages = [{"$match": volumes_of(ragged)}, *slices]
            for collection, stages in (
                (self._parts, hours),
                (self._parts, ends),
                (self._exports, _open(view, slices, "cells")),
            ):
                async for row in await collection.aggregate(stages, session=view.session):
                    found.setdefault(row["_id"], Sums()).merge(sums_of(row))
            for cell, sums in unanswered(await self._lost(view, now() - SETTLE)).items():
                if cell.slice not in view.wanted:
                    continue
                found.setdefault(cell.service, Sums()).merge(sums)
            # Of some only calls to them are known, and none that failed.
            return {service: sums for service, sums in sorted(found.items()) if sums.n}

        return await self._at_one_instant(period, read)

    async def cells(self, period: Period, services: Sequence[str], at: datetime) -> dict[Cell, Sums]:
        """The slices of services that begin in the period; a call without an answer counts once it has waited a bit."""

        async def read(view: _View) -> dict[Cell, Sums]:
            found: dict[Cell, Sums] = {}
            chosen = {**_inside(view.wanted, "cells.t"), "cells.s": {"$in": list(services)}}
            totals: dict[str, Any] = {key: {"$sum": f"$cells.{key}"} for key, _ in NUMBERS}
            by_slice: Stages = [
                {"$unwind": "$cells"},
                {"$match": chosen},
                {"$group": {"_id": {"t": "$cells.t", "s": "$cells.s"}, **totals, "l": {"$max": "$cells.l"}}},
            ]
            parts = volumes_of(_hours(view.wanted), parts_of(services))
            hours: Stages = [{"$match": parts}, *by_slice]
            for collection, stages in ((self._parts, hours), (self._exports, _open(view, by_slice, "cells"))):
                async for row in await collection.aggregate(stages, session=view.session):
                    found.setdefault(Cell(row["_id"]["t"], row["_id"]["s"]), Sums()).merge(sums_of(row))
            for cell, sums in unanswered(await self._lost(view, at - PATIENCE)).items():
                if cell.service in services and cell.slice in view.wanted:
                    found.setdefault(cell, Sums()).merge(sums)
            return found

        return await self._at_one_instant(period, read)

    async def promised(
        self, service: BusinessService, period: Period, *, known: dict[Period, dict[str, Sums]] | None = None
    ) -> Sums:
        """The requests of a business service in the slices that begin in the period, without planned maintenance.

        known: periods that were read before, for several services at one instant; what is read is added.
        """
        whole, read = Sums(), {} if known is None else known
        for one in without(period, service):
            if one not in read:
                read[one] = await self.by_service(one)
            by_service = read[one]
            names = [service.name] if service.is_counted_apart else [part.service for part in service.components]
            for name in names:
                whole.merge(by_service.get(name, Sums()))
        return whole

    async def first(self) -> int | None:
        """Milliseconds since 1970 of the first hour of which a span is known; None when there is none."""
        kept = await self._parts.find_one({}, {"hour": 1}, sort=[("_id", 1)])
        fresh = await self._exports.find_one({"places.0": {"$exists": True}}, {"places": 1}, sort=[("at", 1)])
        hours = [kept["hour"]] if kept is not None else []
        hours += [one // PARTS for one in fresh["places"]] if fresh is not None else []
        return min(hours) * HOUR_MS if hours else None

    async def edges(self, period: Period) -> list[Edge]:
        """The ways from service to service that were seen in the slices that begin in the period."""

        async def read(view: _View) -> list[Edge]:
            found: dict[tuple[str, str], tuple[int, int]] = {}
            group: Stages = [
                {"$unwind": "$ways"},
                {"$match": _inside(view.wanted, "ways.t")},
                {"$group": {"_id": ["$ways.a", "$ways.s"], "n": {"$sum": "$ways.n"}, "l": {"$max": "$ways.l"}}},
            ]
            hours: Stages = [{"$match": volumes(_places(_hours(view.wanted)))}, *group]
            for collection, stages in ((self._parts, hours), (self._exports, _open(view, group, "ways"))):
                async for row in await collection.aggregate(stages, session=view.session):
                    caller, callee = row["_id"]
                    calls, last_ms = found.get((caller, callee), (0, 0))
                    found[caller, callee] = (calls + row["n"], max(last_ms, row["l"]))
            return [
                Edge(caller, callee, calls, EPOCH + timedelta(milliseconds=last_ms))
                for (caller, callee), (calls, last_ms) in sorted(found.items())
            ]

        return await self._at_one_instant(period, read)

    async def availability(self, period: Period, _scope: str) -> Value:
        """E19 of all requests that any service answered; spans belong to no unit."""
        metric, whole = METRICS["availability"], Sums()
        for name, sums in (await self.by_service(period)).items():
            if not name.startswith(PREFIX):
                whole.merge(sums)
        if not whole.n:
            return undefined(metric, "no span was received in the period")
        one = availability("", whole)
        if not one.enough:
            return too_few(metric, int(whole.effective), int(ENOUGH))
        return Value(
            metric.name,
            Standing.SHOWN,
            round(100 * one.share, 6),
            whole.n,
            round(one.good),
            round(one.valid),
            low=round(100 * one.low, 6),
            high=round(100 * one.high, 6),
        )

    async def _lost(self, view: _View, came_before: datetime) -> list[Lost]:
        """The calls of open exports that have waited long enough for a server's span, and got none."""
        where = {"lost.0": {"$exists": True}, "at": {"$lt": came_before}, **_waiting(view.wanted)}
        fields = {"lost": 1, "places": 1}
        lost = []
        async for document in self._exports.find(where, fields, session=view.session):
            digest, places = document["_id"], document["places"]
            for one in (Lost(*row) for row in document["lost"]):
                place = place_of(one.slice, one.callee)
                here = one.slice in view.wanted or one.begun in view.wanted
                if here and place in places and digest not in view.half.get(place, ()):
                    lost.append(one)
        return await still_lost(self._exports, lost, view.session)

    async def _at_one_instant(self, period: Period, read: Callable[[_View], Awaitable[T]]) -> T:
        """Reads one view of the period, from one snapshot."""
        wanted = slices_of(period)

        async def look(session: AsyncClientSession) -> T:
            where = {**volumes(_places(_hours(wanted))), "folded.0": {"$exists": True}}
            half: dict[int, list[bytes]] = {}
            async for one in self._parts.find(where, {"folded": 1}, session=session):
                half.setdefault(one["_id"] // VOLUMES, []).extend(one["folded"])
            return await read(_View(session, wanted, half))

        return await at_one_instant(self._db, look)


def _open(view: _View, then: Stages, rows: str) -> Stages:
    """The stages over rows of exports that no part holds; a fold that was cut off is looked through."""
    half = [{"_id": {"$in": list(digests)}, f"{rows}.p": place} for place, digests in view.half.items()]
    unwind, *rest = then
    return [
        {"$match": _waiting(view.wanted)},
        unwind,
        {"$match": {"$expr": {"$in": [f"${rows}.p", "$places"]}, **({"$nor": half} if half else {})}},
        *rest,
    ]


def _summed(rows: str, where: dict[str, Any]) -> Stages:
    totals: dict[str, Any] = {key: {"$sum": f"${rows}.{key}"} for key, _ in NUMBERS}
    return [
        {"$unwind": f"${rows}"},
        {"$match": where},
        {"$group": {"_id": f"${rows}.s", **totals, "l": {"$max": f"${rows}.l"}}},
    ]


def _inside(wanted: range, path: str) -> dict[str, Any]:
    return {path: {"$gte": wanted.start, "$lt": wanted.stop}}


def _waiting(wanted: range) -> dict[str, Any]:
    """Exports that wait for a part of the hours that slices touch."""
    places = _places(_hours(wanted))
    return {"places": {"$gte": places.start, "$lt": places.stop}}


def _places(hours: range) -> range:
    return range(hours.start * PARTS, hours.stop * PARTS)


def _hours(wanted: range) -> range:
    """The hours that slices touch."""
    return range(wanted.start // SLICES_AN_HOUR, -(-wanted.stop // SLICES_AN_HOUR))


def _whole(wanted: range) -> tuple[range, set[int]]:
    """The hours of which every slice is wanted, and those at the ends of which some are."""
    whole, touched = range(-(-wanted.start // SLICES_AN_HOUR), wanted.stop // SLICES_AN_HOUR), _hours(wanted)
    return whole, {*touched[:1], *touched[-1:]} - set(whole)
