"""People who call the services as the portal lets them, over channels with the settings of real callers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from throughline.changes.v1 import changes_service_pb2, changes_service_pb2_grpc
from throughline.knowledge.v1 import knowledge_service_pb2, knowledge_service_pb2_grpc
from throughline.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from throughline.portal.v1 import people_service_pb2, people_service_pb2_grpc
from throughline.sla.v1 import sla_service_pb2, sla_service_pb2_grpc
from throughline.tickets.v1 import tickets_service_pb2, tickets_service_pb2_grpc
from throughline.type.v1 import journal_pb2
from throughline.type.v1.journal_pb2_grpc import JournalServiceStub

from services.runtime.actor import Actor
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys
from services.runtime.refusal import Kind
from tests.faults.operations import Operation, Operations, Outcome

UNIT = "cn/east"
ANN = Actor("people/ann", frozenset({"requester"}), unit=UNIT)
BEN = Actor("people/ben", frozenset({"agent"}), unit=UNIT)
LEE = Actor("people/lee", frozenset({"agent", "lead", "knowledge_author"}), unit=UNIT)
MAY = Actor("people/may", frozenset({"approver"}), unit="cn")
ROOT = Actor("people/root", frozenset({"administrator", "operator"}))
FAY = Actor("people/fay", frozenset({"finance"}))
PEOPLE = {actor.sub: actor for actor in (ANN, BEN, LEE, MAY, ROOT, FAY)}

CONTRACTS: Mapping[str, tuple[Any, Any]] = {
    "tickets": (tickets_service_pb2, tickets_service_pb2_grpc.TicketsServiceStub),
    "sla": (sla_service_pb2, sla_service_pb2_grpc.SlaServiceStub),
    "knowledge": (knowledge_service_pb2, knowledge_service_pb2_grpc.KnowledgeServiceStub),
    "changes": (changes_service_pb2, changes_service_pb2_grpc.ChangesServiceStub),
    "metrics": (metrics_service_pb2, metrics_service_pb2_grpc.MetricsServiceStub),
    "portal": (people_service_pb2, people_service_pb2_grpc.PeopleServiceStub),
}
AGAIN = 8
PAUSE_S = 0.4
DEADLINE_S = 6.0
# The service named why it did not do it; anything else leaves in doubt whether it did.
_DEFINITE = frozenset(Kind) - {Kind.UNAVAILABLE}


class Callers:
    """Channels to every service, round robin over its replicas; each change is noted before and after the call."""

    def __init__(self, addresses: Mapping[str, str], keys: Path, operations: Operations) -> None:
        self._keys = Keys(keys, "portal")
        self._channels = {name: channel(at, name, self._keys) for name, at in addresses.items()}
        self._stubs = {name: CONTRACTS[name][1](one) for name, one in self._channels.items()}
        self.operations = operations

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._channels.values():
            await one.close()

    def knows(self, service: str) -> bool:
        """Whether the service runs."""
        return service in self._stubs

    async def read(self, service: str, actor: Actor, method: str, **fields: Any) -> Any:
        """A call that changes nothing; raises grpc.aio.AioRpcError."""
        request = getattr(CONTRACTS[service][0], f"{method}Request")(**fields)
        return await self._asked(service, actor, method, request)

    async def change(
        self, service: str, actor: Actor, method: str, event: str, shows: Mapping[str, Any], **fields: Any
    ) -> Any:
        """A call that changes something, asked again under the same request_id while it gets no answer.

        Returns the answer; None when it was refused or stayed in doubt.
        """
        key = str(uuid.uuid4())
        request = getattr(CONTRACTS[service][0], f"{method}Request")(request_id=key, **fields)
        operation = Operation(
            key, service, method, actor.sub, event, shows, request.SerializeToString().hex(), fields.get("name", "")
        )
        self.operations.note(operation)
        for attempt in range(AGAIN):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            answer = await self._tried(operation, actor, request)
            if operation.outcome is not Outcome.UNKNOWN:
                return answer
        return None

    async def again(self, operation: Operation) -> Any:
        """Asks once more for what was asked before, by the same person in the same bytes.

        Raises:
            grpc.aio.AioRpcError: it was refused, or got no answer.
        """
        request = getattr(CONTRACTS[operation.service][0], f"{operation.method}Request")
        exact = request.FromString(bytes.fromhex(operation.request))
        return await self._asked(operation.service, PEOPLE[operation.sub], operation.method, exact)

    async def verdict(self, service: str) -> str:
        """What the service's own check of its journal finds: "" or the first bad entry and why."""
        token = ""
        stub = JournalServiceStub(self._channels[service])
        while True:
            with acting(self._keys.sign_person(ROOT)):
                page = await stub.VerifyJournal(journal_pb2.VerifyJournalRequest(page_token=token), timeout=10)
            if page.bad_entry:
                return f"{page.bad_entry}: {page.finding}"
            token = page.next_page_token
            if not token:
                return ""

    async def _tried(self, operation: Operation, actor: Actor, request: Any) -> Any:
        try:
            answer = await self._asked(operation.service, actor, operation.method, request)
        except grpc.aio.AioRpcError as error:
            refusal = refusal_of(error)
            if refusal.kind in _DEFINITE and not operation.doubts:
                operation.outcome, operation.reason = Outcome.FAIL, refusal.reason
            elif refusal.kind in _DEFINITE:
                # The attempt before may have done it, or may still do it; this answer is about this attempt alone.
                operation.outcome, operation.reason = Outcome.UNKNOWN, refusal.reason
            else:
                operation.outcome = Outcome.UNKNOWN
                operation.doubts.append(f"{refusal.reason}: {error.details()}")
            self.operations.note(operation)
            return None
        operation.outcome = Outcome.OK
        operation.resource, operation.etag = answer.name, answer.etag
        self.operations.note(operation)
        return answer

    async def _asked(self, service: str, actor: Actor, method: str, request: Any) -> Any:
        with acting(self._keys.sign_person(actor)):
            return await getattr(self._stubs[service], method)(request, timeout=DEADLINE_S)
