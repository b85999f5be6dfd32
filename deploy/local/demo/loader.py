"""Calls in the name of the people of the demo; a call made twice is one change: its id is made from what it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, TypeVar

from throughline.changes.v1.changes_service_pb2_grpc import ChangesServiceStub
from throughline.knowledge.v1.knowledge_service_pb2_grpc import KnowledgeServiceStub
from throughline.metrics.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.portal.v1.people_service_pb2_grpc import PeopleServiceStub
from throughline.sla.v1.escalation_service_pb2_grpc import EscalationServiceStub
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub

from deploy.local.demo import company
from tool.connection import Connection

S = TypeVar("S")
T = TypeVar("T")
_AT_ONCE = 4
_NAMESPACE = uuid.UUID("6f1d2a3e-5d0c-4d3a-9b57-71e0c0ffee26")


class Loader:
    """connection: to the system that is loaded. anchor: midnight, in Shanghai, of the day of the first load."""

    def __init__(self, connection: Connection, anchor: datetime) -> None:
        self.anchor = anchor
        self.tickets = connection.stub("tickets", TicketsServiceStub)
        self.sla = connection.stub("sla", SlaServiceStub)
        self.escalations = connection.stub("sla", EscalationServiceStub)
        self.knowledge = connection.stub("knowledge", KnowledgeServiceStub)
        self.changes = connection.stub("changes", ChangesServiceStub)
        self.metrics = connection.stub("metrics", MetricsServiceStub)
        self.availability = connection.stub("metrics", AvailabilityServiceStub)
        self.people = connection.stub("portal", PeopleServiceStub)
        self._by_key = {one.key: connection.acting_as(one.actor) for one in company.PEOPLE}

    def act(self, key: str, method: Callable[..., T], request: Any, item: str = "") -> T:
        """One call by the person of that key. item: what it is of the demo, "people/zhou-yan"; "" for a question.

        Raises:
            Refusal: the service refused, or was away for too long.
        """
        if item:
            request.request_id = str(uuid.uuid5(_NAMESPACE, item))
        return self._by_key[key].call(method, request)

    def each(self, load: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """What `load` gives for each item, in their order; a few at once, so one must not need another's outcome."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(load, items))
