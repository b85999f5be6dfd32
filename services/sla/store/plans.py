"""Escalation plans as documents: the latest version of each; chains that run keep the version that they took."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel

from services.runtime.records import Kind, Stamp
from services.sla.rules.escalation import Anchor, Measure, Plan, PlanMatch, Quiet, Recipient, Role, Step
from services.sla.rules.policy import ClockKind
from services.sla.rules.ticket import TicketType
from services.sla.wire import escalation as wire

PLAN_ORDER = (("state.order", ASCENDING), ("_id", ASCENDING))
_MINUTE = timedelta(minutes=1)


def encode_plan(one: Plan) -> dict[str, Any]:
    """A plan as a document."""
    quiet = one.quiet
    return {
        "name": one.name,
        "order": one.order,
        "priorities": sorted(one.match.priorities),
        "types": sorted(kind.value for kind in one.match.types),
        "services": sorted(one.match.services),
        "teams": sorted(one.match.teams),
        "steps": [encode_step(step) for step in one.steps],
        "quiet": None if quiet is None else [quiet.zone, quiet.start, quiet.end, sorted(quiet.through)],
        "display_names": dict(one.display_names),
        "retired": one.retired,
        "version": one.version,
    }


def decode_plan(document: Mapping[str, Any]) -> Plan:
    """Reads what `encode_plan` wrote."""
    quiet = document["quiet"]
    return Plan(
        name=document["name"],
        order=document["order"],
        match=PlanMatch(
            frozenset(document["priorities"]),
            frozenset(TicketType(one) for one in document["types"]),
            frozenset(document["services"]),
            frozenset(document["teams"]),
        ),
        steps=tuple(decode_step(one) for one in document["steps"]),
        quiet=None if quiet is None else Quiet(quiet[0], quiet[1], quiet[2], frozenset(quiet[3])),
        display_names=document["display_names"],
        retired=document["retired"],
        version=document["version"],
    )


def encode_step(one: Step) -> dict[str, Any]:
    """A step as a document."""
    return {
        "clock": one.clock.value,
        "measure": one.measure.value,
        "anchor": one.anchor.value,
        "amount": one.amount,
        "to": [[to.role.value, to.name] for to in one.recipients],
        "repeats": one.repeats,
        "every": one.every // _MINUTE,
    }


def decode_step(document: Mapping[str, Any]) -> Step:
    """Reads what `encode_step` wrote."""
    return Step(
        ClockKind(document["clock"]),
        Measure(document["measure"]),
        Anchor(document["anchor"]),
        document["amount"],
        tuple(Recipient(Role(role), name) for role, name in document["to"]),
        document["repeats"],
        document["every"] * _MINUTE,
    )


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.published(event, stamp.etag)


PLANS = Kind[Plan](
    collection="escalation_plans",
    prefix="escalationPlans",
    encode=encode_plan,
    decode=decode_plan,
    message=_message,
    indexes=(IndexModel(list(PLAN_ORDER)),),
)
