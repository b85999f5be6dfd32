"""Bookings as documents: what each cause claims, what is open of it, and which claims meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.claims import End, Evidence, Gain, Origin, Outage, Place, Standing
from services.metrics.rules.fact import Channel, Exclusion, State, Type
from services.metrics.rules.ledger import Booking, EntryRecorded, Judged, Unbooked, booking_name
from services.metrics.rules.money import Category
from services.metrics.rules.period import Period
from services.metrics.store.ledger import decode_entry, encode_entry
from services.metrics.store.packing import pack_counts, unpack_counts
from services.metrics.wire import ledger as wire
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

_ENUMS = {"state": State, "exclusion": Exclusion, "standing": Standing, "origin": Origin, "category": Category}
_PLACE = {"channel": Channel, "type": Type}
_TUPLES = ("sites", "tickets", "affected", "traces")


def _plain(value: Any) -> dict[str, Any]:
    """A claim as a document: its fields by name, enums by value."""
    found: dict[str, Any] = {}
    for one in fields(value):
        held = getattr(value, one.name)
        if one.name in _ENUMS or one.name in _PLACE:
            held = held.value
        elif one.name == "place":
            held = _plain(held)
        elif one.name == "hours":
            held = pack_counts(held)
        elif one.name == "evidence":
            held = [[each.resource, each.version, each.note] for each in held]
        elif isinstance(held, tuple):
            held = list(held)
        found[one.name] = held
    return found


def _claim(kind: type[Any], document: Mapping[str, Any] | None) -> Any:
    """Reads what `_plain` wrote."""
    if document is None:
        return None
    given = dict(document)
    for name, held in document.items():
        if name in _ENUMS and kind is not Place:
            given[name] = _ENUMS[name](held)
        elif name in _PLACE and kind is Place:
            given[name] = _PLACE[name](held)
        elif name == "place":
            given[name] = _claim(Place, held)
        elif name == "hours":
            given[name] = unpack_counts(held)
        elif name == "evidence":
            given[name] = tuple(Evidence(*one) for one in held)
        elif name in _TUPLES:
            given[name] = tuple(held)
    return kind(**given)


def _encode(booking: Booking) -> dict[str, Any]:
    span = booking.span
    judged = booking.judged
    return {
        "ticket": booking.cause if booking.cause.startswith("tickets/") else "",
        "cause": booking.cause,
        "service": booking.service,
        "end": None if booking.end is None else _plain(booking.end),
        "outage": None if booking.outage is None else _plain(booking.outage),
        "gain": None if booking.gain is None else _plain(booking.gain),
        "turn": booking.turn,
        "entries": booking.entries,
        "judged": None if judged is None else _plain(judged),
        "open": None if booking.open is None else encode_entry(booking.open),
        "unbooked": booking.unbooked.name,
        "seq": booking.seq,
        # For look-ups alone.
        "start": span[0] if span else None,
        "until": span[1] if span else None,
        "names": list(booking.outage.tickets) if booking.outage else [],
    }


def _decode(document: Mapping[str, Any]) -> Booking:
    entry = document["open"]
    return Booking(
        cause=document["cause"],
        service=document["service"],
        end=_claim(End, document["end"]),
        outage=_claim(Outage, document["outage"]),
        gain=_claim(Gain, document["gain"]),
        turn=document["turn"],
        entries=document["entries"],
        judged=_claim(Judged, document["judged"]),
        open=None if entry is None else decode_entry(entry),
        unbooked=Unbooked[document["unbooked"]],
        seq=document["seq"],
    )


def _told(event: EntryRecorded, _stamp: Stamp) -> Message:
    return wire.told(event)


BOOKINGS: Kind[Booking] = Kind(
    collection="bookings",
    encode=_encode,
    decode=_decode,
    message=_told,
    indexes=(
        IndexModel([("state.unbooked", ASCENDING)]),
        IndexModel([("state.cause", ASCENDING)]),
        IndexModel([("state.service", ASCENDING), ("state.until", ASCENDING), ("state.start", ASCENDING)]),
        IndexModel([("state.names", ASCENDING)]),
        IndexModel([("state.outage.name", ASCENDING)], sparse=True),
        IndexModel([("state.start", DESCENDING), ("_id", DESCENDING)]),
    ),
)


class Claims:
    """The bookings as the bookkeeper looks them up; what a call returns is as of now."""

    def __init__(self, records: Records[Booking]) -> None:
        self._records = records

    async def of(self, causes: Sequence[str]) -> list[Booking]:
        """All bookings of these causes, in whichever business service."""
        names = [booking_name(one) for one in causes]
        return await self._found({"$or": [{"_id": {"$in": names}}, {"state.cause": {"$in": list(causes)}}]})

    async def near(self, bookings: Iterable[Booking]) -> list[Booking]:
        """Those that may share time with any of these."""
        wheres: list[dict[str, Any]] = []
        for one in bookings:
            if one.span is None:
                continue
            meets = {"state.start": {"$lt": one.span[1]}, "state.until": {"$gt": one.span[0]}}
            if one.service:
                wheres.append({"state.service": one.service, **meets})
            wheres.append({"state.names": one.cause, **meets})
            if one.outage is not None and one.outage.tickets:
                wheres.append({"state.cause": {"$in": list(one.outage.tickets)}, **meets})
        return await self._found({"$or": wheres}) if wheres else []

    async def any_outage(self) -> bool:
        """Whether any outage was ever booked."""
        return await self._records.count({"state.outage.name": {"$gt": ""}}, 1) > 0

    async def _found(self, where: Mapping[str, Any]) -> list[Booking]:
        rows = self._records.collection.find(where)
        return [_decode(one["state"]) async for one in rows]


async def page_of_bookings(
    bookings: Records[Booking], period: Period, service: str, page: PageRequest, *, unbooked: bool
) -> Page[Record[Booking]]:
    """What claims time in a period, the newest first."""
    where: dict[str, Any] = {"state.start": {"$lt": period.end}, "state.until": {"$gt": period.start}}
    if service:
        where["state.service"] = service
    if unbooked:
        where["state.unbooked"] = {"$ne": Unbooked.NONE.name}
    return await bookings.page(where, [("state.start", DESCENDING)], page)
