"""Policies as documents: the latest version of each; earlier ones are in the journal, and in the clocks they drive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel

from services.runtime.records import Kind, Stamp
from services.sla.rules.policy import ClockKind, Match, Policy, StopMark, Target
from services.sla.rules.ticket import TicketState, TicketType
from services.sla.wire import policy as wire

POLICY_ORDER = (("state.order", ASCENDING), ("_id", ASCENDING))


def encode_target(one: Target) -> dict[str, Any]:
    """A promise as a document."""
    return {
        "kind": one.kind.value,
        "seconds": one.duration // timedelta(seconds=1),
        "stop": one.stop_mark.value,
        "pauses": sorted(state.value for state in one.pause_states),
        "warn": one.warn_percent,
    }


def decode_target(document: Mapping[str, Any]) -> Target:
    """Reads what `encode_target` wrote."""
    return Target(
        ClockKind(document["kind"]),
        timedelta(seconds=document["seconds"]),
        StopMark(document["stop"]),
        frozenset(TicketState(one) for one in document["pauses"]),
        document["warn"],
    )


def _encode(one: Policy) -> dict[str, Any]:
    return {
        "name": one.name,
        "order": one.order,
        "priorities": sorted(one.match.priorities),
        "types": sorted(kind.value for kind in one.match.types),
        "services": sorted(one.match.services),
        "sources": sorted(one.match.sources),
        "targets": [encode_target(target) for target in one.targets],
        "calendar": one.calendar,
        "display_names": dict(one.display_names),
        "retired": one.retired,
        "version": one.version,
    }


def _decode(document: Mapping[str, Any]) -> Policy:
    match = Match(
        frozenset(document["priorities"]),
        frozenset(TicketType(one) for one in document["types"]),
        frozenset(document["services"]),
        frozenset(document["sources"]),
    )
    return Policy(
        name=document["name"],
        order=document["order"],
        match=match,
        targets=tuple(decode_target(one) for one in document["targets"]),
        calendar=document["calendar"],
        display_names=document["display_names"],
        retired=document["retired"],
        version=document["version"],
    )


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.published(event, stamp.etag)


POLICIES = Kind[Policy](
    collection="policies",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(IndexModel(list(POLICY_ORDER)),),
)
