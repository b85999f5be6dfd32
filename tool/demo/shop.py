"""An invented online shop of six services: each has an OpenTelemetry SDK of its own and exports to the running system.

Requests are played for a stretch of time, in that time: a minute that is over is told as fast as it can be sent. What
goes from service to service is a W3C traceparent, as it would over a wire.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import TracebackType
from typing import Self

import grpc
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

ENTRY = "shop-web"
CALLS: Mapping[str, tuple[str, ...]] = {
    ENTRY: ("shop-cart", "shop-orders"),
    "shop-cart": ("shop-stock",),
    "shop-orders": ("shop-payments", "shop-stock", "shop-mail"),
    "shop-payments": ("bank",),
    "shop-stock": (),
    "shop-mail": (),
}
"""Who calls whom. The bank is somebody else's: it sends no spans."""
BANK = "bank"
SITES = ("shanghai", "beijing", "chengdu")
WARM_UP = timedelta(minutes=6)
"""How much of an ordinary time is told before a fault: as much as closes an earlier outage."""
PATIENCE_MS = 1_000
_OK, _CANCELLED, _DEADLINE, _INTERNAL, _UNAVAILABLE = 0, 1, 4, 13, 14
_MS_NS = 1_000_000
_FAILED_KEPT = 200
_FLUSH_MS = 10_000
_PROPAGATOR = TraceContextTextMapPropagator()


class Kind(StrEnum):
    """What can go wrong with a service."""

    KILL = "kill"
    ERRORS = "errors"
    LATENCY = "latency"
    DEAD_CALLEE = "dead-callee"
    PARTIAL = "partial"


SHARES = {Kind.ERRORS: 0.9, Kind.PARTIAL: 0.35}
"""Of the requests that it strikes; of the other kinds all."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with whom, from when on, and how much of it. root: whom the board should name."""

    kind: Kind
    service: str
    start: datetime
    end: datetime | None = None

    @property
    def share(self) -> float:
        """The share of requests that it strikes."""
        return SHARES.get(self.kind, 1.0)


@dataclass
class Shop:
    """The shop. endpoint: "host:port" of OTLP/gRPC; secret: the sender's; seed: of everything that is left to chance;
    rate: how many customers come in a second.

    Use it as `with`: at the end every span has been sent, or given up.
    """

    endpoint: str
    secret: str
    seed: int = 0
    rate: float = 8.0
    fault: Fault | None = None
    failed: deque[str] = field(default_factory=lambda: deque(maxlen=_FAILED_KEPT))
    """The traces of customers' requests that failed, as an error page names them."""
    asked: int = 0
    lost: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._providers = {service: self._provider(service) for service in CALLS}
        self._tracers = {service: one.get_tracer("shop") for service, one in self._providers.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for provider in self._providers.values():
            provider.shutdown()

    def flush(self) -> None:
        """Sends what waits."""
        for provider in self._providers.values():
            provider.force_flush(_FLUSH_MS)

    def play(self, start: datetime, end: datetime) -> None:
        """Plays the customers who come in between."""
        at, last = start.timestamp(), end.timestamp()
        while (at := at + self._chance.expovariate(self.rate)) < last:
            who = {"enduser.id": f"customer-{self._chance.randrange(2_000)}", "site": self._chance.choice(SITES)}
            self.asked += 1
            _, code, trace_id = self._serve(ENTRY, int(at * 1000), {}, who)
            if code != _OK:
                self.lost += 1
                self.failed.append(trace_id)

    def _provider(self, service: str) -> TracerProvider:
        exporter = OTLPSpanExporter(
            endpoint=self.endpoint,
            insecure=True,
            headers={"authorization": f"Bearer {self.secret}"} if self.secret else None,
            compression=grpc.Compression.Gzip,
            timeout=5,
        )
        resource = Resource.create({"service.name": service, "service.namespace": "demo-shop"})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=32_768, schedule_delay_millis=1_000, max_export_batch_size=512)
        )
        return provider

    def _serve(self, service: str, at: int, carrier: Mapping[str, str], who: Mapping[str, str]) -> tuple[int, int, str]:
        """A request that a service answers. at: milliseconds since 1970. Answers its end, its code and its trace."""
        context = _PROPAGATOR.extract(carrier)
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": "Do", **who}
        span = self._tracers[service].start_span(
            f"{service}/Do", context, SpanKind.SERVER, attributes, start_time=at * _MS_NS
        )
        now = at + self._chance.randrange(2, 12)
        code = _INTERNAL if self._strikes(service, at, Kind.ERRORS, Kind.PARTIAL) else _OK
        if self._strikes(service, at, Kind.LATENCY):
            # Whoever asked has gone away by then.
            now, code = at + PATIENCE_MS, _CANCELLED
        for callee in CALLS[service] if code == _OK else ():
            now, answered = self._call(service, callee, now, span, who)
            if answered != _OK:
                code = _INTERNAL
                break
        end = now + self._chance.randrange(1, 6) if code != _CANCELLED else now
        _end(span, code, end)
        return end, code, trace.format_trace_id(span.get_span_context().trace_id)

    def _call(self, service: str, callee: str, at: int, within: Span, who: Mapping[str, str]) -> tuple[int, int]:
        """A call to another; answers its end and its code."""
        attributes = {"rpc.system": "grpc", "rpc.service": callee, "rpc.method": "Do", "peer.service": callee}
        context = trace.set_span_in_context(within)
        span = self._tracers[service].start_span(
            f"{callee}/Do", context, SpanKind.CLIENT, attributes, start_time=at * _MS_NS
        )
        if self._strikes(callee, at, Kind.KILL, Kind.DEAD_CALLEE):
            end, code = at + 3, _UNAVAILABLE
        elif callee not in CALLS:
            end, code = at + 20, _OK
        else:
            carrier: dict[str, str] = {}
            _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
            served, code, _ = self._serve(callee, at + 1, carrier, who)
            end, code = served + 1, _DEADLINE if code == _CANCELLED else code
        _end(span, code, end)
        return end + 1, code

    def _strikes(self, service: str, at: int, *kinds: Kind) -> bool:
        fault = self.fault
        if fault is None or fault.service != service or fault.kind not in kinds:
            return False
        moment = at / 1000
        over = fault.end is not None and moment >= fault.end.timestamp()
        return moment >= fault.start.timestamp() and not over and self._chance.random() < fault.share


def chosen(kind: Kind, service: str, start: datetime) -> Fault:
    """The fault as it was asked for. service: "payments", "shop-payments", or "" for the one that suits it.

    Raises:
        ValueError: the shop has no such service, or it cannot fail so; names what there is.
    """
    if kind is Kind.DEAD_CALLEE:
        if service not in ("", BANK):
            raise ValueError(f"Only {BANK}, which is not the shop's own, can be a dead callee.")
        return Fault(kind, BANK, start)
    known = [one for one in CALLS if one != ENTRY]
    name = service or "payments"
    name = name if name.startswith("shop-") else f"shop-{name}"
    if name not in known:
        raise ValueError(f"The shop has no {service}; choose one of {', '.join(known)}.")
    return Fault(kind, name, start)


def _end(span: Span, code: int, at: int) -> None:
    span.set_attribute("rpc.grpc.status_code", code)
    if code not in (_OK, _CANCELLED):
        span.set_status(Status(StatusCode.ERROR))
    span.end(at * _MS_NS)
