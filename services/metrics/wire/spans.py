"""An OTLP export request as the counts that it comes to, in one pass over its spans."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
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
from services.metrics.wire import otlp
from services.metrics.wire.instants import timestamp
from services.runtime.refusal import Refusal

UNKNOWN_SERVICE = "unknown_service"
_LONGEST_NAME = 100
_HAS_REMOTE, _REMOTE = 0x100, 0x200
_SERVER, _CLIENT, _ERROR = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Status.STATUS_CODE_ERROR
_MS_NS = 1_000_000
_SLICE_NS = SLICE // timedelta(microseconds=1) * 1000
_KNOWN_ATTRIBUTES = 20_000


# What an attribute tells of its span: plain numbers, because they are compared for every one of them.
_NOTHING, _NOBODYS, _GRPC, _HTTP, _CALLEE = range(5)
_GOOD, _LEFT_OUT = Outcome.GOOD, Outcome.LEFT_OUT

_Said = tuple[int, Any, Outcome]
_SAYS_NOTHING: _Said = (_NOTHING, None, _GOOD)
_GRPC_CODES = ("rpc.grpc.status_code", "rpc.response.status_code")
_HTTP_CODES = ("http.response.status_code", "http.status_code")
_PATHS = ("url.path", "http.route", "http.target")
_READ = frozenset(
    name.encode()
    for name in (*_GRPC_CODES, *_HTTP_CODES, *_PATHS, "rpc.service", "peer.service", "user_agent.synthetic.type")
)
_weight = lru_cache(maxsize=4096)(lambda state: weight(state.decode(errors="replace")))
_own = lru_cache(maxsize=4096)(lambda name: spans.is_own(name.decode(errors="replace")))
_known: dict[bytes, _Said] = {}


def measured(data: bytes, received_at: datetime) -> Export:
    """What an export request comes to. received_at: aware UTC, when it came.

    Raises:
        Refusal: SPANS_UNREADABLE, when the bytes are no such request.
    """
    try:
        return _Pass(otlp.Request.FromString(data), Export(hashlib.sha256(data).digest(), received_at)).export
    except DecodeError as error:
        raise Refusal.invalid("", "SPANS_UNREADABLE", f"This is no OTLP trace export: {error}.") from error


class _Pass:
    """One pass over a request."""

    def __init__(self, request: Any, export: Export) -> None:
        self._request = request
        self.export = export
        self._received_ns = (export.received_at - EPOCH) // timedelta(microseconds=1) * 1000
        self._earliest = self._received_ns - LATE // timedelta(microseconds=1) * 1000
        self._latest = self._received_ns + EARLY // timedelta(microseconds=1) * 1000
        self._owners: dict[bytes, str] | None = None
        self._cells: dict[tuple[int, str], Sums] = {}
        self._ways: dict[tuple[int, str, str], tuple[int, int]] = {}
        for resource in request.resource_spans:
            service = _service(resource.resource.attributes)
            for scope in resource.scope_spans:
                self._scope(service, scope.spans)
        export.cells = {Cell(*place): sums for place, sums in self._cells.items()}
        export.ways = {Way(*place): seen for place, seen in self._ways.items()}

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
        outcome = _outcome(span)
        if outcome is not _GOOD:
            if outcome is None:
                return
            if parent := span.parent_span_id:
                self.export.answered.add(parent)
            if outcome is _LEFT_OUT:
                return
        ended = self._ended(span)
        # A plain tuple equals the cell, and costs a third of making one.
        sums = self._cells.get((ended // _SLICE_NS, service))
        if sums is None:
            sums = self._cells[ended // _SLICE_NS, service] = Sums()
        state = span.trace_state
        weight = _weight(state) if state else 1.0
        sums.valid += weight
        sums.squares += weight * weight
        sums.n += 1
        if outcome is _GOOD:
            sums.good += weight
        else:
            sums.bad += 1
        ended_ms = ended // _MS_NS
        sums.last_ms = max(sums.last_ms, ended_ms)

    def _client(self, service: str, span: Any) -> None:
        if _own(span.name):
            return
        callee, grpc, answered = "", None, False
        known = _known.get
        for attribute in span.attributes:
            says, value, _ = known(attribute) or _learnt(attribute)
            if says == _CALLEE:
                callee = value
            elif says == _GRPC:
                grpc = value
            elif says == _HTTP:
                answered = True
            elif says == _NOBODYS:
                return
        if not callee:
            return
        ended = self._ended(span)
        slice, ended_ms = ended // _SLICE_NS, ended // _MS_NS
        way = (slice, service, callee)
        calls, last_ms = self._ways.get(way, (0, 0))
        self._ways[way] = (calls + 1, max(last_ms, ended_ms))
        # gRPC says UNAVAILABLE when there was no answer; other protocols then have no status to tell.
        lost = grpc == spans.GRPC_UNAVAILABLE if grpc is not None else not answered
        if lost and span.status.code == _ERROR:
            state = span.trace_state
            self.export.lost.append(Lost(span.span_id, slice, callee, _weight(state) if state else 1.0, ended_ms))

    def _ended(self, span: Any) -> int:
        ended: int = span.end_time_unix_nano
        if self._earliest <= ended <= self._latest:
            return ended
        self.export.moved += 1
        return self._received_ns


def _service(attributes: Iterable[bytes]) -> str:
    for attribute in attributes:
        one = KeyValue.FromString(attribute)
        if one.key == "service.name":
            return one.value.string_value[:_LONGEST_NAME] or UNKNOWN_SERVICE
    return UNKNOWN_SERVICE


def _outcome(span: Any) -> Outcome | None:
    """How a request ended; None when it was nobody's."""
    if _own(span.name):
        return None
    found: Outcome | None = None
    known = _known.get
    for attribute in span.attributes:
        says, _, outcome = known(attribute) or _learnt(attribute)
        if says == _GRPC or (says == _HTTP and found is None):
            found = outcome
        elif says == _NOBODYS:
            return None
    return found or spans.of_status(error=span.status.code == _ERROR)


def _learnt(attribute: bytes) -> _Said:
    """What an attribute says, by its bytes, kept for the next span that says the same."""
    # A key comes first and is short: tag, length, then its letters.
    if attribute[:1] == b"\n" and attribute[2 : 2 + attribute[1]] not in _READ:
        said = _SAYS_NOTHING
    else:
        said = _read(KeyValue.FromString(attribute))
    if len(_known) >= _KNOWN_ATTRIBUTES:
        _known.clear()
    _known[attribute] = said
    return said


def _read(attribute: KeyValue) -> _Said:
    key, value = attribute.key, attribute.value
    if key == "rpc.grpc.status_code":
        return _GRPC, value.int_value, spans.of_grpc(value.int_value)
    if key == "rpc.response.status_code" and value.string_value in spans.GRPC_NUMBERS:
        code = spans.GRPC_NUMBERS[value.string_value]
        return _GRPC, code, spans.of_grpc(code)
    if key in _HTTP_CODES and value.int_value:
        return _HTTP, value.int_value, spans.of_http(value.int_value)
    if key == "peer.service" and value.string_value:
        return _CALLEE, value.string_value[:_LONGEST_NAME], _GOOD
    own_path = key in _PATHS and spans.is_own_path(value.string_value)
    own_service = key == "rpc.service" and spans.is_own(value.string_value)
    nobodys = own_path or own_service or key == "user_agent.synthetic.type"
    return (_NOBODYS, None, _GOOD) if nobodys else _SAYS_NOTHING


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
