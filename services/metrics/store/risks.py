"""Risks as documents, and those that an exposure is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.risk import MOST_OPEN, Risk, State
from services.metrics.store.facts import seen_by
from services.metrics.wire import risk as wire
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

_DEAREST_FIRST = (("state.expected", DESCENDING), ("_id", ASCENDING))


def _encode(one: Risk) -> dict[str, Any]:
    # The expected loss is kept for the list alone.
    plain = {field.name: getattr(one, field.name) for field in fields(one)}
    return plain | {"state": one.state.value, "expected": one.expected}


def _decode(document: Mapping[str, Any]) -> Risk:
    given = {name: held for name, held in document.items() if name != "expected"}
    return Risk(**{**given, "state": State(given["state"])})


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


RISKS: Kind[Risk] = Kind(
    collection="risks",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(IndexModel([("state.state", ASCENDING), *_DEAREST_FIRST]), IndexModel(list(_DEAREST_FIRST))),
)


async def page_of_risks(risks: Records[Risk], state: State | None, scope: str, page: PageRequest) -> Page[Record[Risk]]:
    """The register within a unit and below, those of the largest expected loss first."""
    where: dict[str, Any] = {**seen_by(scope)}
    if state is not None:
        where["state.state"] = state.value
    return await risks.page(where, _DEAREST_FIRST, page)


async def every(risks: Records[Risk], state: State, scope: str) -> list[Record[Risk]]:
    """All risks of a state within a unit and below, at most MOST_OPEN of them."""
    found: list[Record[Risk]] = []
    token = ""
    while len(found) < MOST_OPEN:
        page = await page_of_risks(risks, state, scope, PageRequest(200, token, f"every {state.value} risk"))
        found += page.items
        if not (token := page.next_token):
            break
    return found[:MOST_OPEN]


async def open_now(risks: Records[Risk]) -> int:
    """How many are open, counted no further than one may be."""
    return await risks.count({"state.state": State.OPEN.value}, MOST_OPEN)
