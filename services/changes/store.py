"""Changes as documents, and their list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.changes import wire
from services.changes.rules.change import Approval, Change, Check, Plan, Result, Risk, State, Type, Vote, Window
from services.runtime.actor import Actor
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records

_PLAIN_PLAN = ("type", "risk", "title", "reason", "plan", "rollback_plan", "implementer")
_PLAIN = (
    "state",
    "author",
    "unit",
    "created_at",
    "updated_at",
    "submitted_at",
    "approved_at",
    "started_at",
    "finished_at",
    "outcome_note",
)


def _encode(change: Change) -> dict[str, Any]:
    plan = change.plan
    window = plan.window
    return {
        **{name: getattr(change, name) for name in _PLAIN},
        "plan": {
            **{name: getattr(plan, name) for name in _PLAIN_PLAN},
            "checks": [
                {
                    "id": check.id,
                    "check": check.check,
                    "pass_mark": check.pass_mark,
                    "result": check.result,
                    "note": check.note,
                    "verifier": check.verifier,
                    "verified_at": check.verified_at,
                }
                for check in plan.checks
            ],
            "services": list(plan.services),
            "tickets": list(plan.tickets),
            "window": {"start": window.start, "end": window.end} if window else None,
        },
        "approvals": [
            {"approver": one.approver, "vote": one.vote, "note": one.note, "voted_at": one.voted_at}
            for one in change.approvals
        ],
    }


def _decode(state: Mapping[str, Any]) -> Change:
    kept = state["plan"]
    window = kept["window"]
    plan = Plan(
        **{
            **{name: kept[name] for name in _PLAIN_PLAN},
            "type": Type(kept["type"]),
            "risk": Risk(kept["risk"]),
            "checks": tuple(
                Check(**{**check, "result": Result(check["result"]) if check["result"] else None})
                for check in kept["checks"]
            ),
            "services": tuple(kept["services"]),
            "tickets": tuple(kept["tickets"]),
            "window": Window(window["start"], window["end"]) if window else None,
        }
    )
    approvals = tuple(Approval(**{**one, "vote": Vote(one["vote"])}) for one in state["approvals"])
    plain = {name: state[name] for name in _PLAIN}
    return Change(**{**plain, "plan": plan, "state": State(state["state"]), "approvals": approvals})


CHANGES: Kind[Change] = Kind(
    collection="changes",
    encode=_encode,
    decode=_decode,
    message=wire.event_to_proto,
    indexes=(
        IndexModel([("state.created_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.state", ASCENDING), ("state.created_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.plan.services", ASCENDING), ("state.created_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.author", ASCENDING), ("state.created_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.plan.tickets", ASCENDING), ("state.created_at", DESCENDING), ("_id", DESCENDING)]),
    ),
)


async def page_of_changes(
    changes: Records[Change],
    actor: Actor,
    page: PageRequest,
    *,
    states: Sequence[State],
    service: str,
    author: str,
    ticket: str,
    window: tuple[datetime, datetime] | None,
) -> Page[Record[Change]]:
    """The changes of the actor's unit and below it, newest first, narrowed by what is given."""
    where: dict[str, Any] = {}
    if actor.unit:
        # A range instead of a pattern: "cn/east/" up to, but without, "cn/east0".
        below = {"$gte": f"{actor.unit}/", "$lt": f"{actor.unit}0"}
        where["$or"] = [{"state.unit": actor.unit}, {"state.unit": below}]
    if states:
        where["state.state"] = {"$in": list(states)}
    if service:
        where["state.plan.services"] = service
    if author:
        where["state.author"] = author
    if ticket:
        where["state.plan.tickets"] = ticket
    if window is not None:
        start, end = window
        where["state.plan.window.start"] = {"$lt": end}
        where["state.plan.window.end"] = {"$gt": start}
    return await changes.page(where, [("state.created_at", DESCENDING), ("_id", DESCENDING)], page)
