"""What is promised, as a file: the kinds that it holds, written in a stable order, compared with the system."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub

from services.runtime.actor import Actor
from services.sla.rules import calendar as calendar_rules
from services.sla.rules import policy as policy_rules
from services.sla.wire import calendar as calendar_wire
from services.sla.wire import policy as policy_wire
from tool.connection import Connection

WRITER = Actor("people/tl", frozenset({"administrator", "operator"}))
_PAGE = 200

Items = Mapping[str, Mapping[str, Any]]
"""Messages by name, by the key of their kind."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that a file holds.

    key: of the list in the file. own: fields that the system gives and a file leaves out. skips: items that are not
    written. judge: raises a Refusal for one that could not be published, given the names of all kinds in the file.
    """

    key: str
    message: type[Message]
    listed: str
    listing: type[Message]
    published: str
    publishing: type[Message]
    judge: Callable[[Any, set[str]], object]
    own: tuple[str, ...] = ("etag", "version")
    skips: Callable[[Any], bool] = bool

    @property
    def field(self) -> str:
        """The field of the publishing request that holds one."""
        return self.key.rstrip("s") if self.key != "policies" else "policy"


KINDS: tuple[Kind, ...] = (
    Kind(
        "calendars", sla_pb2.Calendar,
        "ListCalendars", sla_service_pb2.ListCalendarsRequest,
        "PublishCalendar", sla_service_pb2.PublishCalendarRequest,
        judge=lambda one, _names: calendar_rules.publish(None, calendar_wire.draft(one), by=WRITER),
        skips=lambda _one: False,
    ),
    Kind(
        "policies", sla_pb2.Policy,
        "ListPolicies", sla_service_pb2.ListPoliciesRequest,
        "PublishPolicy", sla_service_pb2.PublishPolicyRequest,
        judge=lambda one, names: policy_rules.check(policy_wire.draft(one), names),
        own=("etag", "version", "retired", "author", "reviewer", "publish_time", "state", "note"),
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
    stub = connection.stub("sla", SlaServiceStub)
    found: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        items, token = found.setdefault(kind.key, {}), ""
        while True:
            request: Any = kind.listing(page_size=_PAGE, page_token=token)
            page = connection.call(getattr(stub, kind.listed), request)
            items.update({one.name: one for one in getattr(page, kind.key) if not kind.skips(one)})
            token = page.next_page_token
            if not token:
                break
    return found


def differences(file: Items, system: Items) -> list[Difference]:
    """What publishing the file would change, in the order to do it; what only the system has comes last."""
    found, extra = [], []
    for kind in KINDS:
        wanted, there = file.get(kind.key, {}), system.get(kind.key, {})
        for name, one in wanted.items():
            old = there.get(name)
            before = _dumped(_plain(kind, old)).splitlines() if old is not None else []
            after = _dumped(_plain(kind, one)).splitlines()
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
    getattr(request, change.kind.field).CopyFrom(change.message)
    return connection.call(getattr(connection.stub("sla", SlaServiceStub), change.kind.published), request)


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
