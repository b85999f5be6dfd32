"""Outages as documents, and the lists made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.availability import SLICE
from services.metrics.rules.blame import Share
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.outage_incident import Filing
from services.metrics.rules.outage_record import Attributed, Exemplar, Hour, Origin, Outage, State, Tier
from services.metrics.rules.period import Period
from services.metrics.rules.scope import Scope
from services.metrics.wire import outage as wire
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

_PLAIN = ("service", "first", "last", "looked_at", "root", "lag_seconds", "planned", "revision")


def _encode(outage: Outage) -> dict[str, Any]:
    return {
        **{name: getattr(outage, name) for name in _PLAIN},
        "state": outage.state.value,
        "origin": outage.origin.value,
        "shares": [[one.service, one.failure, one.per_mille] for one in outage.shares],
        "hours": [[one.number, one.valid, one.bad, one.expected, one.seconds] for one in outage.hours],
        "scope": {**asdict(outage.scope), "sites": list(outage.scope.sites)},
        "exemplars": [[one.trace, one.span, one.ended_ms, one.route] for one in outage.exemplars],
        "tickets": [[one.ticket, one.tier.value, one.reason] for one in outage.tickets],
        "affected": list(outage.affected),
        "filing": None if outage.filing is None else {**asdict(outage.filing), "notes": list(outage.filing.notes)},
        "waits": outage.filing is not None and outage.filing.waits,
    }


def _decode(document: Mapping[str, Any]) -> Outage:
    scope, filing = document["scope"], document.get("filing")
    return Outage(
        **{name: document[name] for name in _PLAIN},
        state=State(document["state"]),
        origin=Origin(document["origin"]),
        shares=tuple(Share(*one) for one in document["shares"]),
        hours=tuple(Hour(*one) for one in document["hours"]),
        scope=Scope(**{**scope, "sites": tuple(scope["sites"])}),
        exemplars=tuple(Exemplar(*one) for one in document["exemplars"]),
        tickets=tuple(Attributed(ticket, Tier(tier), reason) for ticket, tier, reason in document["tickets"]),
        affected=tuple(document["affected"]),
        filing=None if filing is None else Filing(**{**filing, "notes": tuple(filing["notes"])}),
    )


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.name, stamp.etag)


OUTAGES: Kind[Outage] = Kind(
    collection="outages",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(
        IndexModel([("state.service", ASCENDING), ("state.last", DESCENDING)]),
        IndexModel([("state.first", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.waits", ASCENDING), ("_id", ASCENDING)], partialFilterExpression={"state.waits": True}),
    ),
)


async def recent(records: Records[Outage], since: int) -> dict[str, list[tuple[str, Outage]]]:
    """Outages by service that last, or that ended in a slice from `since` on; those taken back too."""
    where = {"$or": [{"state.state": {"$in": ["provisional", "open"]}}, {"state.last": {"$gte": since}}]}
    found: dict[str, list[tuple[str, Outage]]] = {}
    token = ""
    while True:
        page = await records.page(where, [("_id", ASCENDING)], PageRequest(200, token, "recent outages"))
        for record in page.items:
            found.setdefault(record.state.service, []).append((record.name, record.state))
        if not (token := page.next_token):
            return found


async def waiting(records: Records[Outage], most: int) -> list[Record[Outage]]:
    """Outages of whose incident something is still to be said."""
    page = await records.page({"state.waits": True}, [("_id", ASCENDING)], PageRequest(most, "", "waiting outages"))
    return list(page.items)


async def page_of_outages(
    records: Records[Outage], period: Period, service: str, page: PageRequest, *, roots: bool, retracted: bool
) -> Page[Record[Outage]]:
    """The outages that touch a period, the newest first."""
    first, end = (period.start - EPOCH) // SLICE, -((EPOCH - period.end) // SLICE)
    where: dict[str, Any] = {"state.first": {"$lt": end}, "state.last": {"$gte": first}}
    if service:
        where["state.service"] = service
    if roots:
        where["state.origin"] = {"$ne": Origin.SYMPTOMATIC.value}
    if not retracted:
        where["state.state"] = {"$ne": State.RETRACTED.value}
    return await records.page(where, [("state.first", DESCENDING), ("_id", DESCENDING)], page)
