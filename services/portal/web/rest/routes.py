"""A route of the interface: one address, one call. Its parameters, body and answer are the messages of the call."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from throughline.changes.v1 import changes_service_pb2
from throughline.knowledge.v1 import knowledge_service_pb2
from throughline.metrics.v1 import (
    availability_service_pb2,
    comparisons_service_pb2,
    governance_service_pb2,
    ledger_service_pb2,
    metrics_service_pb2,
    reports_service_pb2,
)
from throughline.portal.v1 import people_service_pb2
from throughline.sla.v1 import escalation_service_pb2, judgement_service_pb2, sla_service_pb2
from throughline.tickets.v1 import tickets_service_pb2

from services.portal.web.backends import backends
from services.portal.web.rest import contract, query
from services.runtime.refusal import Refusal

KEY = "Idempotency-Key"
_SERVICES = {
    "tickets": tickets_service_pb2.DESCRIPTOR.services_by_name["TicketsService"],
    "sla": sla_service_pb2.DESCRIPTOR.services_by_name["SlaService"],
    "escalations": escalation_service_pb2.DESCRIPTOR.services_by_name["EscalationService"],
    "judgements": judgement_service_pb2.DESCRIPTOR.services_by_name["JudgementService"],
    "knowledge": knowledge_service_pb2.DESCRIPTOR.services_by_name["KnowledgeService"],
    "changes": changes_service_pb2.DESCRIPTOR.services_by_name["ChangesService"],
    "metrics": metrics_service_pb2.DESCRIPTOR.services_by_name["MetricsService"],
    "availability": availability_service_pb2.DESCRIPTOR.services_by_name["AvailabilityService"],
    "comparisons": comparisons_service_pb2.DESCRIPTOR.services_by_name["ComparisonsService"],
    "governance": governance_service_pb2.DESCRIPTOR.services_by_name["GovernanceService"],
    "ledger": ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"],
    "reports": reports_service_pb2.DESCRIPTOR.services_by_name["ReportsService"],
    "people": people_service_pb2.DESCRIPTOR.services_by_name["PeopleService"],
}


@dataclass(frozen=True)
class Route:
    """One address and the call behind it.

    path: below /api/v1, with {id}. binds: fields of the request that the path gives, such as
    {"name": "tickets/{id}"}. status: of success. view: what answers, where it is more than the call. body: a JSON
    Schema of the body by media type where it is not the request message. answer: the media type, or several
    with commas, "" for none. open: anybody may ask.
    """

    method: str
    path: str
    service: str
    rpc: str
    summary: str
    status: int = 200
    binds: Mapping[str, str] = field(default_factory=dict)
    view: Callable[..., ResponseReturnValue] | None = None
    body: Mapping[str, Any] | None = None
    answer: str = "application/json"
    open: bool = False

    @property
    def call(self) -> MethodDescriptor:
        """The method of the contract."""
        return _SERVICES[self.service].methods_by_name[self.rpc]

    @property
    def request(self) -> type[Message]:
        """The class of the request message."""
        return message_factory.GetMessageClass(self.call.input_type)

    @property
    def endpoint(self) -> str:
        """The name of the address within the application: "list_tickets"."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.rpc).lower()

    @property
    def has_body(self) -> bool:
        """Whether it reads a body; others read parameters."""
        return self.method in ("POST", "PUT")

    @property
    def keyed(self) -> bool:
        """Whether a sender must give a key, so that a second try changes nothing."""
        return self.has_body and not self.open and "request_id" in self.call.input_type.fields_by_name

    @property
    def given(self) -> frozenset[str]:
        """Fields of the request that neither body nor parameters may give."""
        return frozenset({*self.binds, "request_id"})


def mount(blueprint: Blueprint, routes: tuple[Route, ...]) -> None:
    """Makes the addresses answer."""
    for route in routes:
        path = re.sub(r"\{(\w+)\}", r"<\1>", route.path)
        blueprint.add_url_rule(path, route.endpoint, route.view or _answering(route), methods=[route.method])


def asked(route: Route, ids: Mapping[str, str]) -> Message:
    """The request message of a call: address, header, and body or parameters.

    Raises:
        Refusal: IDEMPOTENCY_KEY_REQUIRED, IDEMPOTENCY_KEY_INVALID, BODY_INVALID or INVALID_FIELDS.
    """
    message = route.request()
    if route.has_body:
        contract.from_json(body(), message, without=tuple(route.given))
    else:
        query.from_query(request.args, message, without=tuple(route.given))
    for name, pattern in route.binds.items():
        setattr(message, name, pattern.format(**ids))
    if route.keyed:
        message.request_id = key()  # type: ignore[attr-defined]  # a keyed request has it
    etag = request.headers.get("If-Match", "")
    if etag and etag != "*" and "etag" in message.DESCRIPTOR.fields_by_name:
        message.etag = etag  # type: ignore[attr-defined]  # asked above
    return message


def body() -> object:
    """The JSON of the body; an empty body is an empty object.

    Raises:
        Refusal: BODY_INVALID.
    """
    if not request.get_data(cache=True):
        return {}
    if request.mimetype != "application/json":
        raise Refusal.invalid("body", "BODY_INVALID", "Send the body as application/json.")
    try:
        return request.get_json(force=True)
    except Exception as error:
        raise Refusal.invalid("body", "BODY_INVALID", "The body is no JSON.") from error


def key() -> str:
    """The sender's key of the change.

    Raises:
        Refusal: IDEMPOTENCY_KEY_REQUIRED or IDEMPOTENCY_KEY_INVALID.
    """
    given = request.headers.get(KEY, "").strip().strip('"')
    if not given:
        raise Refusal.invalid(KEY, "IDEMPOTENCY_KEY_REQUIRED", f"Give each change a UUID of its own in {KEY}.")
    try:
        return str(uuid.UUID(given))
    except ValueError:
        raise Refusal.invalid(KEY, "IDEMPOTENCY_KEY_INVALID", f"{KEY} is a UUID.") from None


def told(message: Message, status: int = 200) -> Response:
    """The answer as JSON, with its etag."""
    response = jsonify(contract.to_json(message))
    response.status_code = status
    if etag := getattr(message, "etag", ""):
        response.headers["ETag"] = etag
    if status == 201 and (name := getattr(message, "name", "")):
        collection, _, id = name.partition("/")
        response.headers["Location"] = f"/api/v1/{collection}/{id}"
    return response


def _answering(route: Route) -> Callable[..., ResponseReturnValue]:
    def answer(**ids: str) -> ResponseReturnValue:
        call = getattr(getattr(backends(), route.service), route.rpc)
        return told(call(asked(route, ids)), route.status)

    return answer
