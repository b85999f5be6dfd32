"""Channels to other services: deadline, retry, keepalive, trace and identity on every call; sync and aio.

A call passes on the person assertion and the time that is left of the call it serves.
"""

from __future__ import annotations

import json
import time
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.runtime.identity import Keys
from services.runtime.status import Refused, Violation, refusal_of

__all__ = ["Refused", "Violation", "acting", "channel", "refusal_of", "sync_channel", "within"]

DEADLINE_SECONDS = 5.0
# What a callee leaves its caller to answer in.
_MARGIN_SECONDS = 0.2

_SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        # A replica that is about to stop says so here, and gets no new call.
        "healthCheckConfig": {"serviceName": "accepting"},
        # UNAVAILABLE only, and safe for commands too: every mutation carries a request_id.
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 2,
                    "initialBackoff": "0.1s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
)
OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.service_config", _SERVICE_CONFIG),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    # keepalive_timeout alone does not evict a frozen peer: the ping has a timer of its own, 60 s by default.
    ("grpc.http2.ping_timeout_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    # Channels of one process to one address must not share a connection between services' identities.
    ("grpc.use_local_subchannel_pool", 1),
)

_PROPAGATOR = TraceContextTextMapPropagator()
_acting: ContextVar[str] = ContextVar("acting", default="")
_until: ContextVar[float | None] = ContextVar("until", default=None)


@contextmanager
def acting(token: str) -> Iterator[None]:
    """Calls made inside pass on this person assertion, unchanged; "" makes them calls of the service itself."""
    before = _acting.set(token)
    try:
        yield
    finally:
        _acting.reset(before)


@contextmanager
def within(until: float | None) -> Iterator[None]:
    """Calls made inside end 200 ms before `until` (seconds of time.monotonic) at the latest."""
    before = _until.set(until)
    try:
        yield
    finally:
        _until.reset(before)


def channel(
    address: str, service: str, keys: Keys, *, tracer: trace.Tracer | None = None, max_receive_bytes: int = 4_194_304
) -> grpc.aio.Channel:
    """An aio channel to `service` at `address` ("host:port", "dns:///host:port" or "ipv4:a:1,b:2").

    keys: the calling service's own. A call's failure is a grpc.aio.AioRpcError; `refusal_of` reads it.
    """
    options = [*OPTIONS, ("grpc.max_receive_message_length", max_receive_bytes)]
    return grpc.aio.insecure_channel(address, options=options, interceptors=[_Aio(service, keys, tracer)])


def sync_channel(
    address: str, service: str, keys: Keys, *, tracer: trace.Tracer | None = None, max_receive_bytes: int = 4_194_304
) -> grpc.Channel:
    """The same for threads, as under gunicorn; make it after the fork."""
    options = [*OPTIONS, ("grpc.max_receive_message_length", max_receive_bytes)]
    whole, parts = _Sync(service, keys, tracer), _SyncParts(service, keys, tracer)
    return grpc.intercept_channel(grpc.insecure_channel(address, options=options), whole, parts)


_Details = namedtuple(  # noqa: PYI024 - gRPC reads these names, its own stubs type them
    "_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")
)


class _SyncDetails(_Details, grpc.ClientCallDetails):
    pass


class _Outgoing:
    """What both kinds of channel add to a call."""

    def __init__(self, service: str, keys: Keys, tracer: trace.Tracer | None) -> None:
        self._service = service
        self._keys = keys
        self._tracer = tracer or trace.get_tracer("throughline")

    def _span(self, method: str | bytes) -> trace.Span:
        name = (method.decode() if isinstance(method, bytes) else method).removeprefix("/")
        service, _, short = name.partition("/")
        attributes = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": short,
            "peer.service": self._service,
        }
        return self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)

    def _metadata(self, span: trace.Span, given: Any) -> list[tuple[str, str | bytes]]:
        metadata = list(given or ())
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
        metadata.extend(carrier.items())
        metadata.append(("x-service-token", self._keys.sign_service(self._service)))
        person = _acting.get()
        if person:
            metadata.append(("authorization", f"Bearer {person}"))
        return metadata

    def _timeout(self, given: float | None) -> float:
        asked = DEADLINE_SECONDS if given is None else given
        until = _until.get()
        return asked if until is None else max(0.001, min(asked, until - time.monotonic() - _MARGIN_SECONDS))


def _end(span: trace.Span, code: grpc.StatusCode) -> None:
    span.set_attribute("rpc.grpc.status_code", code.value[0])
    if code is not grpc.StatusCode.OK:
        span.set_status(Status(StatusCode.ERROR, code.name))
    span.end()


class _Sync(_Outgoing, grpc.UnaryUnaryClientInterceptor):
    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        span = self._span(details.method)
        exact = _SyncDetails(
            details.method,
            self._timeout(details.timeout),
            self._metadata(span, details.metadata),
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        outcome = continuation(exact, request)
        outcome.add_done_callback(lambda done: _end(span, done.code()))
        return outcome


class _SyncParts(_Outgoing, grpc.UnaryStreamClientInterceptor):
    """Answers in parts: the deadline is for all of them, so whoever asks for many gives one of its own."""

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        span = self._span(details.method)
        exact = _SyncDetails(
            details.method,
            self._timeout(details.timeout),
            self._metadata(span, details.metadata),
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        parts = continuation(exact, request)
        if not parts.add_callback(lambda: _end(span, parts.code())):
            _end(span, parts.code())
        return parts


class _Aio(_Outgoing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        span = self._span(details.method)
        metadata: Sequence[tuple[str, str | bytes]] = self._metadata(span, details.metadata)
        exact = grpc.aio.ClientCallDetails(
            details.method,
            self._timeout(details.timeout),
            grpc.aio.Metadata(*metadata),
            details.credentials,
            details.wait_for_ready,
        )
        call = await continuation(exact, request)
        call.add_done_callback(lambda done: _ended(span, done))
        return call


def _ended(span: trace.Span, call: Any) -> None:
    # The call is done, so its code is known; aio offers it only as a coroutine, which then never waits.
    try:
        call.code().send(None)
    except StopIteration as answer:
        _end(span, answer.value)
