"""Improvements as documents, and the backlog in order of expected money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.improvement import Basis, Improvement, Loss, Source, State
from services.metrics.rules.period import Period
from services.metrics.store.facts import seen_by
from services.metrics.wire import improvement as wire
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records, Stamp

DEAREST_FIRST = (("state.expected", DESCENDING), ("_id", ASCENDING))
_PLAIN = (
    *("name", "title", "goal", "owner", "author", "evidence", "metric", "due_at", "started_at", "finished_at", "unit"),
)


def _encode(one: Improvement) -> dict[str, Any]:
    basis, loss = one.basis, one.loss
    return {
        **{name: getattr(one, name) for name in _PLAIN},
        "source": one.source.value,
        "basis": [basis.service, basis.root, list(basis.tickets), basis.period.start, basis.period.end, basis.share],
        "loss": [loss.currency, loss.amount, loss.entries, list(loss.others), loss.read_at],
        # For the list alone.
        "expected": one.expected,
        "standing": one.state.value,
    }


def _decode(document: Mapping[str, Any]) -> Improvement:
    service, root, tickets, start, end, share = document["basis"]
    currency, amount, entries, others, read_at = document["loss"]
    return Improvement(
        **{name: document[name] for name in _PLAIN},
        source=Source(document["source"]),
        basis=Basis(service, root, tuple(tickets), Period(start, end), share),
        loss=Loss(currency, amount, entries, tuple(others), read_at),
    )


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


IMPROVEMENTS: Kind[Improvement] = Kind(
    collection="improvements",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(
        IndexModel(list(DEAREST_FIRST)),
        IndexModel([("state.goal", ASCENDING), *DEAREST_FIRST]),
        IndexModel([("state.standing", ASCENDING), *DEAREST_FIRST]),
    ),
)


async def page_of_improvements(
    improvements: Records[Improvement], goal: str, state: State | None, scope: str, page: PageRequest
) -> Page[Record[Improvement]]:
    """The backlog within a unit and below, those of the largest expected money first."""
    where: dict[str, Any] = {**seen_by(scope)}
    if goal:
        where["state.goal"] = goal
    if state is not None:
        where["state.standing"] = state.value
    return await improvements.page(where, DEAREST_FIRST, page)
