"""An OTLP export request as the counts that it comes to, in one pass over its spans."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.metrics.rules.availability import Export
from services.metrics.wire import attributes, otlp
from services.metrics.wire.called import Called
from services.metrics.wire.request import Promises, digest, few
from services.metrics.wire.served import Served
from services.metrics.wire.tally import Tally
from services.runtime.refusal import Refusal

UNKNOWN_SERVICE = "unknown_service"
_SERVER, _CLIENT, _CONSUMER = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_CONSUMER


def measured(data: bytes, received_at: datetime, promises: Promises | None = None) -> Export:
    """What an export request comes to. received_at: aware UTC, when it came.

    Raises:
        Refusal: SPANS_UNREADABLE, when the bytes are no such request.
    """
    try:
        request = otlp.Request.FromString(data)
    except DecodeError as error:
        raise Refusal.invalid("", "SPANS_UNREADABLE", f"This is no OTLP trace export: {error}.") from error
    return _Pass(request, Export(digest(data), received_at), promises or {}).export


class _Pass:
    """One pass over a request: its spans by service, those that were served and those that are calls apart."""

    def __init__(self, request: Any, export: Export, promises: Promises) -> None:
        self._request = request
        self.export = export
        self._tally = Tally(export, promises)
        self._owners: dict[bytes, str] | None = None
        self._services: dict[str, tuple[Served, Called]] = {}
        for service, site, found in _scopes(request):
            self._scope(service, site, found)
        for served, called in self._services.values():
            served.sum_up()
            called.sum_up()
        export.bones = few(export.bones)

    def _scope(self, service: str, site: str, found: Any) -> None:
        self.export.spans += len(found)
        served: list[Any] = []
        calls: list[Any] = []
        events: list[Any] = []
        for span in found:
            # Every field that is read of a span costs as much as two steps here, so the kind of all is read, and no
            # more of what is internal.
            kind = span.kind
            if kind == _CLIENT:
                calls.append(span)
            elif kind == _SERVER:
                served.append(span)
            elif kind == _CONSUMER:
                events.append(span)
        sides = self._services.get(service)
        if sides is None:
            sides = Served(service, self._tally, self._owner), Called(service, self._tally)
            self._services[service] = sides
        requests, called = sides
        if served:
            requests.count(served, site)
        if events:
            requests.consume(events)
        if calls:
            called.count(calls)

    def _owner(self, span_id: bytes) -> str | None:
        """Whose a span of this request is; few exporters leave that question, so it is answered when it is asked."""
        if self._owners is None:
            self._owners = {span.span_id: service for service, _, found in _scopes(self._request) for span in found}
        return self._owners.get(span_id)


def _scopes(request: Any) -> Any:
    """Every list of spans of a request, with its service and site."""
    for resource in request.resource_spans:
        service, site = attributes.service_of(resource.resource.attributes)
        for scope in resource.scope_spans:
            yield service or UNKNOWN_SERVICE, site, scope.spans
