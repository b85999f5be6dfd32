"""An OTLP export request as the counts that it comes to, in one pass over its spans."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from throughline.metrics.v1 import metrics_pb2 as pb

from services.metrics.rules import span as spans
from services.metrics.rules.availability import (
    EARLY,
    LATE,
    SLICE,
    Availability,
    Cell,
    Edge,
    Export,
    Lost,
    Sums,
    Way,
    weight,
)
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.span import Outcome
from services.metrics.wire.instants import timestamp
from services.runtime.refusal import Refusal

UNKNOWN_SERVICE = "unknown_service"
_LONGEST_NAME = 100
_HAS_REMOTE, _REMOTE = 0x100, 0x200
_SERVER, _CLIENT, _ERROR = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_ERROR
_MS_NS = 1_000_000
_SLICE_NS = SLICE // timedelta(microseconds=1) * 1000
# What is read of a span's attributes: how it ended, and whether anybody asked.
_CODES = frozenset(
    {"rpc.grpc.status_code", "rpc.response.status_code", "http.response.status_code", "http.status_code"}
)
_PATHS = frozenset({"url.path", "http.route", "http.target"})
_READ = _CODES | _PATHS | {"rpc.service", "peer.service", "user_agent.synthetic.type"}

_weight = lru_cache(maxsize=4096)(weight)
_own = lru_cache(maxsize=4096)(spans.is_own)


def measured(data: bytes, received_at: datetime) -> Export:
    """What an export request comes to. received_at: aware UTC, when it came.

    Raises:
        Refusal: SPANS_UNREADABLE, when the bytes are no such request.
    """
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError as error:
        raise Refusal.invalid("", "SPANS_UNREADABLE", f"This is no OTLP trace export: {error}.") from error
    return _Pass(request, Export(hashlib.sha256(data).digest(), received_at)).export


class _Pass:
    """One pass over a request."""

    def __init__(self, request: ExportTraceServiceRequest, export: Export) -> None:
        self._request = request
        self.export = export
        self._received_ns = (export.received_at - EPOCH) // timedelta(microseconds=1) * 1000
        self._earliest = self._received_ns - LATE // timedelta(microseconds=1) * 1000
        self._latest = self._received_ns + EARLY // timedelta(microseconds=1) * 1000
        self._owners: dict[bytes, str] | None = None
        for resource in request.resource_spans:
            service = _service(resource.resource.attributes)
            for scope in resource.scope_spans:
                self._scope(service, scope.spans)

    def _scope(self, service: str, found: Any) -> None:
        self.export.spans += len(found)
        for span in found:
            kind = span.kind
            if kind == _SERVER:
                flags = span.flags
                if flags & _REMOTE if flags & _HAS_REMOTE else self._is_entry(span.parent_span_id, service):
                    self._server(service, span)
            elif kind == _CLIENT:
                self._client(service, span)

    def _is_entry(self, parent: bytes, service: str) -> bool:
        """Whether a span whose exporter does not say so was called from outside: its parent is not of this service."""
        return not parent or self._owner(parent) != service

    def _owner(self, span_id: bytes) -> str | None:
        if self._owners is None:
            self._owners = {
                span.span_id: service
                for resource in self._request.resource_spans
                for service in (_service(resource.resource.attributes),)
                for scope in resource.scope_spans
                for span in scope.spans
            }
        return self._owners.get(span_id)

    def _server(self, service: str, span: Any) -> None:
        if _own(span.name):
            return
        outcome = _outcome(span)
        if outcome is not Outcome.GOOD and (parent := span.parent_span_id):
            self.export.answered.add(parent)
        if outcome is None or outcome is Outcome.LEFT_OUT:
            return
        ended = self._ended(span)
        cell = Cell(ended // _SLICE_NS, service)
        sums = self.export.cells.get(cell)
        if sums is None:
            sums = self.export.cells[cell] = Sums()
        state = span.trace_state
        weight = _weight(state) if state else 1.0
        sums.valid += weight
        sums.squares += weight * weight
        sums.n += 1
        if outcome is Outcome.GOOD:
            sums.good += weight
        else:
            sums.bad += 1
        sums.last_ms = max(sums.last_ms, ended // _MS_NS)

    def _client(self, service: str, span: Any) -> None:
        if _own(span.name):
            return
        read = _attributes(span)
        callee = read.get("peer.service")
        if callee is None or _is_nobodys(read):
            return
        name = _name(callee.string_value)
        if not name:
            return
        ended = self._ended(span)
        slice, ended_ms = ended // _SLICE_NS, ended // _MS_NS
        way = Way(slice, service, name)
        calls, last_ms = self.export.ways.get(way, (0, 0))
        self.export.ways[way] = (calls + 1, max(last_ms, ended_ms))
        if span.status.code == _ERROR and _has_no_answer(read):
            state = span.trace_state
            self.export.lost.append(Lost(span.span_id, slice, name, _weight(state) if state else 1.0, ended_ms))

    def _ended(self, span: Any) -> int:
        ended: int = span.end_time_unix_nano
        if self._earliest <= ended <= self._latest:
            return ended
        self.export.moved += 1
        return self._received_ns


def _service(attributes: Iterable[Any]) -> str:
    for one in attributes:
        if one.key == "service.name":
            return _name(one.value.string_value) or UNKNOWN_SERVICE
    return UNKNOWN_SERVICE


def _name(text: str) -> str:
    return text[:_LONGEST_NAME]


def _attributes(span: Any) -> dict[str, Any]:
    found = {}
    for one in span.attributes:
        key = one.key
        if key in _READ:
            found[key] = one.value
    return found


def _outcome(span: Any) -> Outcome | None:
    """How a request ended; None when it was nobody's."""
    read = _attributes(span)
    if _is_nobodys(read):
        return None
    code = _grpc_code(read)
    if code is not None:
        return spans.of_grpc(code)
    status = read.get("http.response.status_code") or read.get("http.status_code")
    if status is not None and status.int_value:
        return spans.of_http(status.int_value)
    return spans.of_status(error=span.status.code == _ERROR)


def _grpc_code(read: dict[str, Any]) -> int | None:
    if (old := read.get("rpc.grpc.status_code")) is not None:
        return int(old.int_value)
    if (new := read.get("rpc.response.status_code")) is not None:
        return spans.GRPC_NUMBERS.get(new.string_value)
    return None


def _is_nobodys(read: dict[str, Any]) -> bool:
    if "user_agent.synthetic.type" in read:
        return True
    service = read.get("rpc.service")
    if service is not None:
        return _own(service.string_value)
    return any(spans.is_own_path(read[path].string_value) for path in _PATHS & read.keys())


def _has_no_answer(read: dict[str, Any]) -> bool:
    """Whether a failed call got none: gRPC says UNAVAILABLE, other protocols have no status to tell."""
    code = _grpc_code(read)
    return code == spans.GRPC_UNAVAILABLE if code is not None else not (_CODES & read.keys())


def availability_message(one: Availability) -> pb.ServiceAvailability:
    """A service's availability as its readers see it."""
    return pb.ServiceAvailability(
        service=one.service,
        valid=one.valid,
        good=one.good,
        availability=one.share,
        low=one.low,
        high=one.high,
        enough=one.enough,
        last_seen_time=timestamp(one.last_seen_at),
    )


def edge_message(one: Edge) -> pb.ServiceEdge:
    """A way from service to service as its readers see it."""
    return pb.ServiceEdge(
        caller=one.caller, callee=one.callee, calls=one.calls, last_seen_time=timestamp(one.last_seen_at)
    )
