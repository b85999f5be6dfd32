"""The door for spans, and OTLP over gRPC: counted and stored before it is acknowledged.

Senders need no token; one that is given must be genuine. When too much waits, senders are told to come back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import grpc
from opentelemetry import metrics
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from pymongo.errors import PyMongoError

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
        promises: Callable[[], Promises] = dict,
        clock: Callable[[], datetime] = now,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._spans = spans
        self._keys = keys
        self._promises = promises
        self._clock = clock
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._requests = 0
        self._bytes = 0

    async def Export(self, request: bytes, context: Any) -> pb.ExportTraceServiceResponse:
        try:
            await self.take(request, str(dict(context.invocation_metadata()).get("x-service-token", "")))
        except Refusal as refusal:
            await _abort(context, refusal)
        return _DONE

    async def take(self, request: bytes, token: str) -> None:
        """Counts and stores an export request; returns when a majority of the store holds it.

        Raises:
            Refusal: SPANS_BUSY, STORE_UNAVAILABLE, SPANS_UNREADABLE, or what a token that is not genuine deserves.
        """
        self._requests += 1
        self._bytes += len(request)
        try:
            await self._take(request, token)
        except PyMongoError as error:
            if not is_away(error):
                raise
            waiting = "The store does not answer; send the spans again."
            raise Refusal(Kind.UNAVAILABLE, "STORE_UNAVAILABLE", waiting, retry_after=_COME_BACK) from error
        finally:
            self._requests -= 1
            self._bytes -= len(request)

    async def _take(self, request: bytes, token: str) -> None:
        if self._requests > self._most_requests or self._bytes > self._most_bytes:
            waiting = "Too many exports wait to be stored; send the spans again in a moment."
            raise Refusal(Kind.EXHAUSTED, "SPANS_BUSY", waiting, retry_after=_COME_BACK)
        if token:
            self._keys.prove("", token)
        export = measured(request, self._clock(), self._promises())
        if await self._spans.keep(export):
            _taken.add(export.spans)
        else:
            _repeated.add(1)


def add_to_server(door: TraceDoor, server: grpc.aio.Server) -> None:
    """Serves the door; like the generated function, but it hands on the bytes of a request unread."""
    handler: Any = grpc.unary_unary_rpc_method_handler(
        door.Export, response_serializer=pb.ExportTraceServiceResponse.SerializeToString
    )
    service = pb.DESCRIPTOR.services_by_name["TraceService"].full_name
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {_METHOD: handler}),))


async def _abort(context: Any, refusal: Refusal) -> None:
    code = CODES[refusal.kind]
    status = details(code, refusal.reason, refusal.message, refusal.field, retry_after=refusal.retry_after)
    await context.abort(code, refusal.message, ((DETAILS_KEY, status),))
