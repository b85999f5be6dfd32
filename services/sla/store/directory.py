"""People and teams as the portal's events told them last; copies, never changed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, IndexModel

from services.runtime.records import Kind, Stamp
from services.sla.rules.directory import Colleague, Group


def _encode_person(one: Colleague) -> dict[str, Any]:
    return {"display_name": one.display_name, "staff": one.staff, "gone": one.gone, "vip": one.vip}


def _decode_person(document: Mapping[str, Any]) -> Colleague:
    return Colleague(document["display_name"], document["staff"], document["gone"], document.get("vip", False))


def _encode_team(one: Group) -> dict[str, Any]:
    return {"display_names": dict(one.display_names), "lead": one.lead, "retired": one.retired}


def _decode_team(document: Mapping[str, Any]) -> Group:
    return Group(document["display_names"], document["lead"], document["retired"])


def _untold(event: Any, stamp: Stamp) -> Message:
    raise AssertionError(f"{stamp.name} is the portal's to tell of, and it was to tell {event}")


PEOPLE = Kind[Colleague](
    collection="people",
    encode=_encode_person,
    decode=_decode_person,
    message=_untold,
    # They cover the question whether anything changed since.
    indexes=(
        IndexModel([("state.staff", ASCENDING), ("version", ASCENDING)], name="staff"),
        IndexModel(
            [("state.vip", ASCENDING), ("version", ASCENDING)],
            name="vip",
            partialFilterExpression={"state.vip": True},
        ),
    ),
)
TEAMS = Kind[Group](collection="teams", encode=_encode_team, decode=_decode_team, message=_untold)
