"""The other services as the pages see them: one channel each, made in the worker, and calls that refuse as rules do."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import grpc
from flask import current_app
from throughline.changes.v1 import changes_service_pb2_grpc
from throughline.knowledge.v1 import knowledge_service_pb2_grpc
from throughline.metrics.v1 import (
    availability_service_pb2_grpc,
    comparisons_service_pb2_grpc,
    governance_service_pb2_grpc,
    ledger_service_pb2_grpc,
    metrics_service_pb2_grpc,
    reports_service_pb2_grpc,
)
from throughline.portal.v1 import people_service_pb2_grpc
from throughline.sla.v1 import escalation_service_pb2_grpc, judgement_service_pb2_grpc, sla_service_pb2_grpc
from throughline.tickets.v1 import tickets_service_pb2_grpc

from services.runtime.client import refusal_of, sync_channel
from services.runtime.identity import Keys
from services.runtime.refusal import Refusal
from services.runtime.settings import Settings

T = TypeVar("T")

# An attachment travels in one message.
_LARGEST_ANSWER = 8 * 1024 * 1024


class Backends:
    """Stubs by service; a failed call raises the Refusal that the service answered."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        def stub(service: str, make: Callable[[grpc.Channel], Any]) -> Any:
            channel = sync_channel(settings.addresses[service], service, keys, max_receive_bytes=_LARGEST_ANSWER)
            return _Refusing(make(channel))

        self.people: people_service_pb2_grpc.PeopleServiceStub = stub(
            "portal", people_service_pb2_grpc.PeopleServiceStub
        )
        self.tickets: tickets_service_pb2_grpc.TicketsServiceStub = stub(
            "tickets", tickets_service_pb2_grpc.TicketsServiceStub
        )
        self.sla: sla_service_pb2_grpc.SlaServiceStub = stub("sla", sla_service_pb2_grpc.SlaServiceStub)
        self.escalations: escalation_service_pb2_grpc.EscalationServiceStub = stub(
            "sla", escalation_service_pb2_grpc.EscalationServiceStub
        )
        self.judgements: judgement_service_pb2_grpc.JudgementServiceStub = stub(
            "sla", judgement_service_pb2_grpc.JudgementServiceStub
        )
        self.knowledge: knowledge_service_pb2_grpc.KnowledgeServiceStub = stub(
            "knowledge", knowledge_service_pb2_grpc.KnowledgeServiceStub
        )
        self.changes: changes_service_pb2_grpc.ChangesServiceStub = stub(
            "changes", changes_service_pb2_grpc.ChangesServiceStub
        )
        self.metrics: metrics_service_pb2_grpc.MetricsServiceStub = stub(
            "metrics", metrics_service_pb2_grpc.MetricsServiceStub
        )
        self.availability: availability_service_pb2_grpc.AvailabilityServiceStub = stub(
            "metrics", availability_service_pb2_grpc.AvailabilityServiceStub
        )
        self.comparisons: comparisons_service_pb2_grpc.ComparisonsServiceStub = stub(
            "metrics", comparisons_service_pb2_grpc.ComparisonsServiceStub
        )
        self.governance: governance_service_pb2_grpc.GovernanceServiceStub = stub(
            "metrics", governance_service_pb2_grpc.GovernanceServiceStub
        )
        self.ledger: ledger_service_pb2_grpc.LedgerServiceStub = stub(
            "metrics", ledger_service_pb2_grpc.LedgerServiceStub
        )
        self.reports: reports_service_pb2_grpc.ReportsServiceStub = stub(
            "metrics", reports_service_pb2_grpc.ReportsServiceStub
        )


class _Refusing:
    """A stub whose calls raise Refusal instead of RpcError."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._stub, method)

        @functools.wraps(call)
        def asked(request: Any, **options: Any) -> Any:
            try:
                return call(request, **options)
            except grpc.RpcError as error:
                raise refusal_of(error) from error

        setattr(self, method, asked)
        return asked


def backends() -> Backends:
    """The stubs of this worker."""
    found: Backends = current_app.extensions["throughline.backends"]
    return found


def calm(ask: Callable[[], T], otherwise: T) -> T:
    """An answer that a page can do without: `otherwise` when its service refuses or is away."""
    try:
        return ask()
    except Refusal:
        return otherwise


def opened(parts: Any) -> Iterator[Any]:
    """The parts of an answer, once the first has come: a refusal is raised here, before anything is sent.

    What fails later breaks off the answer, so that half of it is not taken for all of it.
    """
    try:
        first = next(parts, None)
    except grpc.RpcError as error:
        raise refusal_of(error) from error

    def all_of_them() -> Iterator[Any]:
        try:
            if first is not None:
                yield first
            yield from parts
        finally:
            parts.cancel()

    return all_of_them()


def new_request_id() -> str:
    """A request id for a form or for a call without one."""
    return str(uuid.uuid4())
