"""Changes as documents, and those that ended in a period with what is laid to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.change_fact import ChangeFact, ChangeType, End
from services.metrics.rules.fact import OUT_OF_ALL
from services.metrics.rules.period import Filter, Period
from services.metrics.store.facts import seen_by, within
from services.runtime.records import Kind, Stamp


def encode(fact: ChangeFact) -> dict[str, Any]:
    """A change as a document."""
    return {
        "change": fact.change,
        "type": fact.type.value,
        "end": fact.end.value,
        "services": list(fact.services),
        "unit": fact.unit,
        "drafted_at": fact.drafted_at,
        "ended_at": fact.ended_at,
    }


def decode(document: Mapping[str, Any]) -> ChangeFact:
    """Reads what `encode` wrote."""
    return ChangeFact(
        change=document["change"],
        type=ChangeType(document["type"]),
        end=End(document["end"]),
        services=tuple(document["services"]),
        unit=document["unit"],
        drafted_at=document["drafted_at"],
        ended_at=document["ended_at"],
    )


def _message(event: Any, stamp: Stamp) -> Message:
    raise AssertionError(f"facts tell nothing, but {stamp.name} was to tell {event}")


CHANGE_FACTS: Kind[ChangeFact] = Kind(
    collection="change_facts",
    prefix="changeFacts",
    encode=encode,
    decode=decode,
    message=_message,
    indexes=(IndexModel([("state.ended_at", ASCENDING)]),),
)


async def ended_changes(
    db: AsyncDatabase[dict[str, Any]], session: AsyncClientSession, period: Period, filter: Filter, scope: str
) -> tuple[list[ChangeFact], dict[str, list[datetime]]]:
    """The changes that ended in a period, and when the incidents that are laid to each had opened."""
    where: dict[str, Any] = {"state.ended_at": within(period), **seen_by(scope)}
    if filter.service:
        where["state.services"] = filter.service
    found = [decode(one["state"]) async for one in db[CHANGE_FACTS.collection].find(where, session=session)]
    blamed: dict[str, list[datetime]] = {}
    if found:
        laid = {
            "state.caused_by": {"$in": [one.change for one in found]},
            "state.exclusion": {"$nin": sorted(OUT_OF_ALL)},
        }
        wanted = {"_id": 0, "state.caused_by": 1, "state.opened_at": 1}
        async for one in db["facts"].find(laid, wanted, session=session):
            for change in one["state"]["caused_by"]:
                blamed.setdefault(change, []).append(one["state"]["opened_at"])
    return found, blamed
