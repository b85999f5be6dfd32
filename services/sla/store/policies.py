"""Policies as documents: one holds what is written, what is in force and what was, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel

from services.runtime.paging import Page, PageRequest, decode, encode
from services.runtime.records import Kind, Stamp
from services.sla.rules.match import Match
from services.sla.rules.policy import Policy
from services.sla.rules.publication import Draft, Publication
from services.sla.rules.target import ClockKind, ReopenRule, StartMark, StopMark, Target
from services.sla.rules.ticket import HoldReason, TicketState, TicketType
from services.sla.wire import policy as wire
from services.sla.wire.condition import condition

POLICY_ORDER = (("state.order", ASCENDING), ("_id", ASCENDING))


def encode_target(one: Target) -> dict[str, Any]:
    """A promise as a document."""
    return {
        "kind": one.kind.value,
        "seconds": one.duration // timedelta(seconds=1),
        "stop": one.stop_mark.value,
        "pauses": sorted(state.value for state in one.pause_states),
        "warn": one.warn_percent,
        "start": one.start_mark.value,
        "holds": sorted(hold.value for hold in one.pause_holds),
        "reopen": None if one.reopen is None else one.reopen.value,
        "team": one.team,
    }


def decode_target(document: Mapping[str, Any]) -> Target:
    """Reads what `encode_target` wrote, an earlier release's too."""
    reopen = document.get("reopen")
    return Target(
        ClockKind(document["kind"]),
        timedelta(seconds=document["seconds"]),
        StopMark(document["stop"]),
        frozenset(TicketState(one) for one in document["pauses"]),
        document["warn"],
        StartMark(document.get("start", StartMark.OPENED)),
        frozenset(HoldReason(one) for one in document.get("holds", ())),
        None if reopen is None else ReopenRule(reopen),
        document.get("team", ""),
    )


def page_of_versions(file: Publication, page: PageRequest) -> Page[Policy]:
    """The versions of a policy, the latest first."""
    before = decode(page.token, page.bind, 1)[0] if page.token else None
    rest = [one for one in reversed(file.versions) if before is None or one.version < before]
    items = rest[: page.size]
    return Page(items, encode([items[-1].version], page.bind) if len(rest) > len(items) else "")


def _encode(one: Publication) -> dict[str, Any]:
    shown = one.latest or one.drafted.policy
    return {
        "name": one.name,
        "versions": [_encode_policy(version) for version in one.versions],
        "draft": None if one.draft is None else _encode_draft(one.draft),
        # For the lists alone.
        "order": shown.order,
        "published": bool(one.versions),
    }


def _decode(document: Mapping[str, Any]) -> Publication:
    draft = document["draft"]
    return Publication(
        document["name"],
        tuple(_decode_policy(one) for one in document["versions"]),
        None if draft is None else Draft(_decode_policy(draft["policy"]), draft["submitted_at"]),
    )


def _encode_draft(one: Draft) -> dict[str, Any]:
    return {"policy": _encode_policy(one.policy), "submitted_at": one.submitted_at}


def _encode_policy(one: Policy) -> dict[str, Any]:
    return {
        "name": one.name,
        "order": one.order,
        "priorities": sorted(one.match.priorities),
        "types": sorted(kind.value for kind in one.match.types),
        "services": sorted(one.match.services),
        "sources": sorted(one.match.sources),
        "condition": "" if one.match.condition is None else one.match.condition.text,
        "targets": [encode_target(target) for target in one.targets],
        "calendar": one.calendar,
        "display_names": dict(one.display_names),
        "retired": one.retired,
        "version": one.version,
        "effective_at": one.effective_at,
        "author": one.author,
        "reviewer": one.reviewer,
        "published_at": one.published_at,
        "note": one.note,
    }


def _decode_policy(document: Mapping[str, Any]) -> Policy:
    match = Match(
        frozenset(document["priorities"]),
        frozenset(TicketType(one) for one in document["types"]),
        frozenset(document["services"]),
        frozenset(document["sources"]),
        condition(document["condition"]),
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
        effective_at=document["effective_at"],
        author=document["author"],
        reviewer=document["reviewer"],
        published_at=document["published_at"],
        note=document["note"],
    )


def _with_versions(only: dict[str, Any]) -> dict[str, Any]:
    """Of schema 1, which held the latest version and neither drafts nor conditions."""
    version = {**only, "condition": "", "author": "", "reviewer": "", "note": ""}
    version |= {"effective_at": None, "published_at": None}
    return {
        "name": only["name"],
        "versions": [version],
        "draft": None,
        "order": only["order"],
        "published": True,
    }


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.told(event, stamp.etag)


POLICIES = Kind[Publication](
    collection="policies",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(IndexModel(list(POLICY_ORDER)),),
    schema=2,
    upcasts={1: _with_versions},
)
