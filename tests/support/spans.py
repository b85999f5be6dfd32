"""A stand between the system and its metrics: it takes every span that is exported, keeps it, and passes it on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

JOURNAL = "throughline.type.v1.JournalService"


@dataclass(frozen=True, slots=True)
class Seen:
    """One span. service: the service.name of the process that ended it; attributes: its texts."""

    service: str
    trace: bytes
    id: bytes
    parent: bytes
    name: str
    kind: int
    attributes: dict[str, str]

    @property
    def reads_journal(self) -> bool:
        """Whether it is part of closing a gap in events, and of no request."""
        return self.attributes.get("rpc.service") == JOURNAL


@dataclass
class Tee(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps spans and passes each export on to `next`, once that is known. port: where it listens."""

    port: int = 0
    next: trace_service_pb2_grpc.TraceServiceStub | None = None
    _spans: list[Seen] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def Export(self, request: Any, context: Any) -> Any:
        """Takes an export as a collector does."""
        found = list(_read(request))
        with self._lock:
            self._spans += found
        if self.next is not None:
            return self.next.Export(request, timeout=10)
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self) -> list[Seen]:
        """All that came so far."""
        with self._lock:
            return list(self._spans)

    def edges(self, *, journal: bool = False) -> set[tuple[str, str]]:
        """(caller, callee) of all calls but those that read another's journal; with `journal`, of these alone."""
        return {
            (span.service, span.attributes["peer.service"])
            for span in self.spans()
            if span.kind == Span.SPAN_KIND_CLIENT and span.reads_journal is journal
        }

    def paths(self, root: Seen, service: str) -> list[list[Seen]]:
        """What lies above each span in which the service consumed an event, topmost first."""
        trace = [span for span in self.spans() if span.trace == root.trace]
        by_id = {span.id: span for span in trace}
        found = []
        for leaf in trace:
            if leaf.service == service and leaf.kind == Span.SPAN_KIND_CONSUMER:
                chain = [leaf]
                while (above := by_id.get(chain[0].parent)) is not None:
                    chain.insert(0, above)
                found.append(chain)
        return found


def _read(request: Any) -> Iterator[Seen]:
    for resource in request.resource_spans:
        named = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                told = {one.key: one.value.string_value for one in span.attributes}
                yield Seen(
                    named.get("service.name", ""),
                    span.trace_id,
                    span.span_id,
                    span.parent_span_id,
                    span.name,
                    span.kind,
                    told,
                )


@contextmanager
def tee() -> Iterator[Tee]:
    """A running stand on a free port."""
    stand = Tee()
    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(stand, server)  # type: ignore[no-untyped-call]  # generated without types
    stand.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield stand
    server.stop(1).wait()
