"""The door for spans, and OTLP over gRPC: counted and stored before it is acknowledged.

What a sender gives to prove itself must be genuine, and where senders are named one of them must be proven. When too
much waits, senders are told to come back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2
from opentelemetry import metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from pymongo.errors import PyMongoError

from services.metrics.spans.senders import Senders
from services.metrics.store.spans import Spans
from services.metrics.wire.request import Promises
from services.metrics.wire.spans import measured
from services.runtime.away import is_away
from services.runtime.door import now
from services.runtime.identity import Keys
from services.runtime.refusal import Kind, Refusal
from services.runtime.status import CODES, DETAILS_KEY, details

MOST_REQUESTS, MOST_BYTES = 64, 64 * 1024 * 1024
_COME_BACK = timedelta(seconds=1)
_METHOD = "Export"
_DONE = pb.ExportTraceServiceResponse()
_RETRY_KEY = "google.rpc.retryinfo-bin"
"""Where OpenTelemetry's Python exporter looks for the time to wait; others read the status."""

_meter = metrics.get_meter("throughline.metrics")
_taken = _meter.create_counter("throughline_spans_received", description="Spans stored; a request sent again is not.")
_repeated = _meter.create_counter("throughline_spans_exports_repeated", description="Export requests seen before.")


class TraceDoor(trace_service_pb2_grpc.TraceServiceServicer):
    """opentelemetry.proto.collector.trace.v1.TraceService; requests come as bytes, because their digest names them."""

    def __init__(
        self,
        spans: Spans,
        keys: Keys,
        *,
        senders: Mapping[str, str] | None = None,
        promises: Callable[[], Promises] = dict,
        clock: Callable[[], datetime] = now,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._spans = spans
        self._promises = promises
        self._clock = clock
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._requests = 0
        self._bytes = 0
        self.prove = Senders(keys, senders).prove

    async def Export(self, request: bytes, context: Any) -> pb.ExportTraceServiceResponse:
        try:
            self.prove({key: str(value) for key, value in context.invocation_metadata()})
            with self.room() as count:
                count(len(request))
                return await self.take(request)
        except Refusal as refusal:
            await _abort(context, refusal)
        raise AssertionError("unreachable: an abort raises")

    @contextmanager
    def room(self) -> Iterator[Callable[[int], None]]:
        """Counts what an export holds of memory while it is read and stored: call it with the length of each part.

        Raises:
            Refusal: SPANS_BUSY, by that call.
        """
        held = 0

        def count(size: int) -> None:
            nonlocal held
            held += size
            self._bytes += size
            if self._bytes > self._most_bytes:
                raise _busy()

        try:
            yield count
        finally:
            self._bytes -= held

    async def take(self, request: bytes) -> pb.ExportTraceServiceResponse:
        """Counts and stores an export request; returns when a majority of the store holds it.

        The answer says in words, with none rejected, how many spans came too late or too early for their own time.

        Raises:
            Refusal: SPANS_BUSY, STORE_UNAVAILABLE or SPANS_UNREADABLE.
        """
        self._requests += 1
        try:
            if self._requests > self._most_requests:
                raise _busy()
            return await self._take(request)
        except PyMongoError as error:
            if not is_away(error):
                raise
            waiting = "The store does not answer; send the spans again."
            raise Refusal(Kind.UNAVAILABLE, "STORE_UNAVAILABLE", waiting, retry_after=_COME_BACK) from error
        finally:
            self._requests -= 1

    async def _take(self, request: bytes) -> pb.ExportTraceServiceResponse:
        export = measured(request, self._clock(), self._promises())
        if await self._spans.keep(export):
            _taken.add(export.spans)
        else:
            _repeated.add(1)
        if not export.moved:
            return _DONE
        told = f"{export.moved} spans ended too long ago, or in the future; they count when they came. Check clocks."
        return pb.ExportTraceServiceResponse(partial_success=pb.ExportTracePartialSuccess(error_message=told))


def add_to_server(door: TraceDoor, server: grpc.aio.Server) -> None:
    """Serves the door; like the generated function, but it hands on the bytes of a request unread."""
    handler: Any = grpc.unary_unary_rpc_method_handler(
        door.Export, response_serializer=pb.ExportTraceServiceResponse.SerializeToString
    )
    service = pb.DESCRIPTOR.services_by_name["TraceService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {_METHOD: handler}),))


def _busy() -> Refusal:
    waiting = "Too many exports wait to be stored; send the spans again in a moment."
    return Refusal(Kind.EXHAUSTED, "SPANS_BUSY", waiting, retry_after=_COME_BACK)


async def _abort(context: Any, refusal: Refusal) -> None:
    code = CODES[refusal.kind]
    status = details(code, refusal.reason, refusal.message, refusal.field, retry_after=refusal.retry_after)
    trailing: list[tuple[str, bytes]] = [(DETAILS_KEY, status)]
    if refusal.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(refusal.retry_after)
        trailing.append((_RETRY_KEY, retry.SerializeToString()))
    await context.abort(code, refusal.message, tuple(trailing))
