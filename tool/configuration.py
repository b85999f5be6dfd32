"""What is promised, as a file: the kinds that it holds, written in a stable order, compared with the system."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import grpc
import yaml
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from throughline.sla.v1 import escalation_pb2, escalation_service_pb2, sla_pb2, sla_service_pb2
from throughline.sla.v1.escalation_service_pb2_grpc import EscalationServiceStub
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub

from services.runtime.actor import Actor
from services.sla.rules import calendar as calendar_rules
from services.sla.rules import escalation as plan_rules
from services.sla.rules import policy as policy_rules
from services.sla.rules import rota_changes as rota_rules
from services.sla.wire import calendar as calendar_wire
from services.sla.wire import escalation as plan_wire
from services.sla.wire import policy as policy_wire
from services.sla.wire import rota as rota_wire
from tool.connection import Connection

WRITER = Actor("people/tl", frozenset({"administrator", "operator"}))
_PAGE = 200

Items = Mapping[str, Mapping[str, Any]]
"""Messages by name, by the key of their kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that a file holds.

    key: of the list in the file; plural, single: of the list in an answer and of the item in a request. own: fields
    that the system gives and a file leaves out. skips: items that are not written. judge: gives one as the system would
    say it, and raises a Refusal for one that could not be published, given the names of all kinds that are there.
    """

    key: str
    plural: str
    single: str
    message: type[Message]
    stub: Callable[[grpc.Channel], Any]
    listed: str
    listing: type[Message]
    published: str
    publishing: type[Message]
    judge: Callable[[Any, AbstractSet[str]], Message]
    own: tuple[str, ...] = ("etag", "version")
    skips: Callable[[Any], bool] = bool


def _calendar(one: sla_pb2.Calendar, _names: AbstractSet[str]) -> Message:
    published, _ = calendar_rules.publish(None, calendar_wire.draft(one), by=WRITER)
    return calendar_wire.calendar(published.latest, "")


def _policy(one: sla_pb2.Policy, names: AbstractSet[str]) -> Message:
    return policy_wire.policy(policy_rules.check(policy_wire.draft(one), names), "")


def _rota(one: escalation_pb2.Rota, _names: AbstractSet[str]) -> Message:
    """Who works here only the system knows, and says when the rota is published."""
    draft = rota_wire.draft(one)
    rota_rules.check(draft)
    return rota_wire.rota(draft, "")


def _plan(one: escalation_pb2.EscalationPlan, names: AbstractSet[str]) -> Message:
    published, _ = plan_rules.publish(None, plan_wire.draft(one), names, by=WRITER)
    return plan_wire.plan(published, "")


KINDS: tuple[Kind, ...] = (
    Kind(
        "calendars", "calendars", "calendar", sla_pb2.Calendar, SlaServiceStub,
        "ListCalendars", sla_service_pb2.ListCalendarsRequest,
        "PublishCalendar", sla_service_pb2.PublishCalendarRequest,
        judge=_calendar,
        skips=lambda _one: False,
    ),
    Kind(
        "policies", "policies", "policy", sla_pb2.Policy, SlaServiceStub,
        "ListPolicies", sla_service_pb2.ListPoliciesRequest,
        "PublishPolicy", sla_service_pb2.PublishPolicyRequest,
        judge=_policy,
        own=("etag", "version", "retired", "author", "reviewer", "publish_time", "state", "note"),
        skips=lambda one: bool(one.retired),
    ),
    Kind(
        "rotas", "rotas", "rota", escalation_pb2.Rota, EscalationServiceStub,
        "ListRotas", escalation_service_pb2.ListRotasRequest,
        "PublishRota", escalation_service_pb2.PublishRotaRequest,
        judge=_rota,
        own=("etag", "version", "overrides", "gaps"),
        # A plan may still name one that is retired, and the file says of it that it is.
        skips=lambda _one: False,
    ),
    Kind(
        "escalation_plans", "plans", "plan", escalation_pb2.EscalationPlan, EscalationServiceStub,
        "ListEscalationPlans", escalation_service_pb2.ListEscalationPlansRequest,
        "PublishEscalationPlan", escalation_service_pb2.PublishEscalationPlanRequest,
        judge=_plan,
        own=("etag", "version", "retired"),
        skips=lambda one: bool(one.retired),
    ),
)  # fmt: skip
"""In the order in which they are published: what one names stands before it. Another kind is one more row."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One item that file and system say differently. text: a unified diff; "" for one that only the system has."""

    kind: Kind
    name: str
    message: Any
    etag: str
    text: str


def written(items: Items) -> str:
    """The items as a file, in the order of KINDS and, within a kind, as they are given."""
    document = {
        kind.key: [_plain(kind, one) for one in items[kind.key].values()] for kind in KINDS if items.get(kind.key)
    }
    return _dumped(document)


def fetched(connection: Connection) -> dict[str, dict[str, Any]]:
    """What the system has published, kind by kind.

    Raises:
        Refusal: it refused, or was away.
    """
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        items, token, stub = found.setdefault(kind.key, {}), "", connection.stub("sla", kind.stub)
        while True:
            request: Any = kind.listing(page_size=_PAGE, page_token=token)
            page = connection.call(getattr(stub, kind.listed), request)
            items.update({one.name: one for one in getattr(page, kind.plural) if not kind.skips(one)})
            token = page.next_page_token
            if not token:
                break
    return found


def differences(file: Items, system: Items) -> list[Difference]:
    """What publishing the file would change, in the order to do it; what only the system has comes last.

    Two ways to write the same are no difference: the file is taken as the system would say it.
    """
    found, extra = [], []
    names = {name for side in (file, system) for items in side.values() for name in items}
    for kind in KINDS:
        wanted, there = file.get(kind.key, {}), system.get(kind.key, {})
        for name, one in wanted.items():
            old = there.get(name)
            before = _dumped(_plain(kind, old)).splitlines() if old is not None else []
            after = _dumped(_plain(kind, kind.judge(one, names))).splitlines()
            text = "\n".join(difflib.unified_diff(before, after, f"system/{name}", f"file/{name}", lineterm=""))
            if text:
                found.append(Difference(kind, name, one, old.etag if old is not None else "", text))
        extra += [Difference(kind, name, one, one.etag, "") for name, one in there.items() if name not in wanted]
    return found + extra


def apply(connection: Connection, change: Difference) -> Any:
    """Publishes one item as it stands in the file; refused when somebody has changed it since it was read.

    Raises:
        Refusal: ETAG_MISMATCH, or what the service objects to.
    """
    request: Any = change.kind.publishing(request_id=str(uuid.uuid4()), etag=change.etag)
    getattr(request, change.kind.single).CopyFrom(change.message)
    return connection.call(getattr(connection.stub("sla", change.kind.stub), change.kind.published), request)


def _plain(kind: Kind, one: Any) -> dict[str, Any]:
    """An item in proto3 JSON names, without what the system gives, its names by language in order."""
    bare = type(one)()
    bare.CopyFrom(one)
    for name in kind.own:
        bare.ClearField(name)
    found: dict[str, Any] = MessageToDict(bare, preserving_proto_field_name=True)
    return {key: dict(sorted(value.items())) if key == "display_names" else value for key, value in found.items()}


def _dumped(document: Any) -> str:
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return text
