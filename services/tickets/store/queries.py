"""What a list asks for as a query; what the reader may not see is left out of it before anything is counted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pymongo import ASCENDING, DESCENDING

from services.tickets.rules.access import Sight
from services.tickets.rules.selection import Order, Selection
from services.tickets.rules.ticket import State
from services.tickets.store.words import conditions

ORDERS: dict[Order, list[tuple[str, int]]] = {
    Order.NEWEST_FIRST: [("state.opened_at", DESCENDING), ("_id", DESCENDING)],
    Order.PRIORITY_THEN_OLDEST: [("state.priority", ASCENDING), ("state.opened_at", ASCENDING), ("_id", ASCENDING)],
    Order.RECENTLY_UPDATED: [("state.updated_at", DESCENDING), ("_id", DESCENDING)],
}


def query(selection: Selection, sight: Sight) -> dict[str, Any]:
    """The filter for the tickets selected, within what the reader sees."""
    clauses: list[dict[str, Any]] = [*_seen(sight)]
    clauses += _any_of("state.state", (one.value for one in selection.states))
    clauses += _any_of("state.type", (one.value for one in selection.types))
    clauses += _any_of("state.priority", selection.priorities)
    for name in ("team", "assignee", "service", "source", "external_id"):
        if value := getattr(selection, name):
            clauses.append({f"state.{name}": value})
    if selection.requester:
        # `whose` has the index; it holds who filed it as well.
        clauses.append({"state.whose": selection.requester, "state.requester": selection.requester})
    if selection.owes_answer:
        clauses.append({"state.state": State.AWAITING_REQUESTER.value})
    if selection.text.strip():
        clauses += conditions(selection.text, "state.words") or [{"_id": {"$in": []}}]
    return {"$and": clauses} if clauses else {}


def binding(selection: Selection, order: Order, sight: Sight) -> str:
    """What a page token belongs to: this very list, for this very reader."""
    parts = [
        sorted(selection.states),
        sorted(selection.types),
        sorted(selection.priorities),
        *(selection.requester, selection.team, selection.assignee, selection.service),
        *(selection.owes_answer, selection.source, selection.external_id, selection.text),
        *(order.value, sight.unit, sight.own),
    ]
    return repr(parts)


def _seen(sight: Sight) -> list[dict[str, Any]]:
    if sight.is_everything:
        return []
    own = {"state.whose": sight.own}
    return [own if sight.unit is None else {"$or": [{"state.units": sight.unit}, own]}]


def _any_of(path: str, values: Iterable[Any]) -> list[dict[str, Any]]:
    wanted = sorted(values)
    if not wanted:
        return []
    return [{path: wanted[0] if len(wanted) == 1 else {"$in": wanted}}]
