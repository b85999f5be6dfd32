"""An invented shop of six services as a generator of traces: seeded, without a clock, with one fault that is known.

What it yields are spans alone; what was injected stays with the test.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Status

SERVER, CLIENT = 2, 3
OK, CANCELLED, DEADLINE, INTERNAL, UNAVAILABLE = 0, 1, 4, 13, 14
CALLS = {
    "web": ("cart", "orders"),
    "cart": ("stock",),
    "orders": ("payments", "stock", "mail"),
    "payments": ("bank",),
    "stock": (),
    "mail": (),
}
"""bank is somebody else's and sends no spans."""
KINDS = ("kill", "error", "latency", "dead callee", "partial")
PATIENCE_MS, SLOW_MS = 1_000, 3_000
QUIET = 0.0005
SITES = ("shanghai", "beijing", "chengdu")
_EXPORT = timedelta(seconds=5)
_COLLECTORS = (("web", "orders", "mail"), ("cart", "payments", "stock"))
_MS_NS = 1_000_000


@dataclass(frozen=True)
class Fault:
    """What is wrong with whom, from when to when, and how often."""

    kind: str
    target: str
    start: datetime
    end: datetime
    share: float = 1.0


@dataclass(slots=True)
class Spoken:
    """One span. code: of gRPC. began, ended: milliseconds since 1970."""

    service: str
    trace: bytes
    span: bytes
    parent: bytes
    kind: int
    name: str
    began: int
    ended: int = 0
    code: int = OK
    callee: str = ""
    user: str = ""
    site: str = ""


@dataclass
class Shop:
    """The shop at so many requests a second. retries: whether a call without an answer is tried once more."""

    seed: int
    fault: Fault | None = None
    rate: float = 5.0
    quiet: float = QUIET
    retries: bool = False
    _chance: random.Random = field(init=False)
    _ill: tuple[str, str, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        ill = self.fault
        self._ill = (
            ("", "", 0, 0, 0) if ill is None else (ill.target, ill.kind, _ms(ill.start), _ms(ill.end), ill.share)
        )

    def traces(self, start: datetime, end: datetime) -> Iterator[list[Spoken]]:
        """The traces that begin in between, in the order of time."""
        at, last = float(_ms(start)), _ms(end)
        while (at := at + self._chance.expovariate(self.rate) * 1000) < last:
            yield self._trace(int(at))

    def _trace(self, at: int) -> list[Spoken]:
        spans: list[Spoken] = []
        trace = self._chance.randbytes(16)
        user, site = f"u{self._below(3000)}", SITES[self._below(len(SITES))]
        self._serve("web", at, b"", trace, spans)
        for span in spans:
            span.user, span.site = user, site
        return spans

    def _serve(self, service: str, at: int, parent: bytes, trace: bytes, spans: list[Spoken]) -> Spoken:
        span = Spoken(service, trace, self._chance.randbytes(8), parent, SERVER, f"shop.{service}/Do", at)
        spans.append(span)
        now = at + 2 + self._below(10)
        broken = self._strikes(service, at, ("error", "partial")) or self._chance.random() < self.quiet
        if self._strikes(service, at, ("latency",)):
            # Whoever asked has gone away by then.
            span.ended, span.code = at + PATIENCE_MS, CANCELLED
            return span
        for callee in CALLS[service] if not broken else ():
            now, code = self._call(service, callee, now, span.span, trace, spans)
            if code != OK:
                broken = True
                break
        span.ended = now + 1 + self._below(5)
        span.code = INTERNAL if broken else OK
        return span

    def _call(
        self, service: str, callee: str, at: int, parent: bytes, trace: bytes, spans: list[Spoken]
    ) -> tuple[int, int]:
        tries = 2 if self.retries else 1
        code = OK
        for _ in range(tries):
            call = Spoken(service, trace, self._chance.randbytes(8), parent, CLIENT, f"shop.{callee}/Do", at)
            call.callee = callee
            spans.append(call)
            if self._strikes(callee, at, ("kill", "dead callee")):
                call.ended, call.code = at + 3, UNAVAILABLE
            elif callee in CALLS:
                served = self._serve(callee, at + 1, call.span, trace, spans)
                call.ended = served.ended + 1
                call.code = DEADLINE if served.code == CANCELLED else served.code
            else:
                call.ended = at + 20
            at, code = call.ended + 1, call.code
            if code != UNAVAILABLE:
                break
        return at, code

    def _strikes(self, service: str, at: int, kinds: Sequence[str]) -> bool:
        target, kind, start, end, share = self._ill
        return target == service and kind in kinds and start <= at < end and self._chance.random() < share

    def _below(self, count: int) -> int:
        """What Random.randrange says, draw for draw, without its checks: half of all the time went into these."""
        draw, size = self._chance.getrandbits, count.bit_length()
        while (drawn := draw(size)) >= count:
            pass
        return drawn


def fault(seed: int, start: datetime) -> Fault:
    """The fault of this number: every kind in turn, at some service, for two to four minutes."""
    chance = random.Random(seed * 7919 + 1)
    kind = KINDS[seed % len(KINDS)]
    target = "bank" if kind == "dead callee" else chance.choice(("cart", "orders", "payments", "stock", "mail"))
    share = {"error": chance.uniform(0.3, 1.0), "partial": chance.uniform(0.25, 0.5)}.get(kind, 1.0)
    begin = start + timedelta(seconds=chance.uniform(150, 210))
    return Fault(kind, target, begin, begin + timedelta(seconds=chance.uniform(130, 240)), share)


def failed(spans: Iterable[Spoken]) -> list[tuple[str, int]]:
    """(service, begun in milliseconds) of every request that failed by the rules, counted one by one."""
    everything = list(spans)
    answered = {one.parent for one in everything if one.kind == SERVER}
    found = [(one.service, one.began) for one in everything if one.kind == SERVER and one.code in (DEADLINE, INTERNAL)]
    found += [
        (one.callee, one.began)
        for one in everything
        if one.kind == CLIENT and one.code == UNAVAILABLE and one.span not in answered
    ]
    return found


def exports(spans: Iterable[Spoken], state: str = "", prefix: str = "") -> list[tuple[datetime, bytes]]:
    """The spans as two collectors, each of three services, export them every five seconds: (when it arrives, request).

    Most callers and callees come by different ones, so that blame has to put together what came apart. prefix: of the
    names of this shop's services, where there are several shops.
    """
    batches: dict[tuple[int, int], dict[str, list[Spoken]]] = {}
    step = _EXPORT // timedelta(milliseconds=1)
    for one in spans:
        by_service = batches.setdefault((one.ended // step, one.service in _COLLECTORS[1]), {})
        by_service.setdefault(one.service, []).append(one)
    return [
        (datetime.fromtimestamp((place + 1) * step / 1000, UTC), _request(found, state, prefix))
        for (place, _), found in sorted(batches.items())
    ]


def _request(spans: Mapping[str, Sequence[Spoken]], state: str, prefix: str) -> bytes:
    request = ExportTraceServiceRequest()
    for service, found in sorted(spans.items()):
        resource = request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = prefix + service
        _add(resource.scope_spans.add(), found, state, prefix)
    return request.SerializeToString()


def _add(scope: ScopeSpans, spans: Sequence[Spoken], state: str, prefix: str) -> None:
    for one in spans:
        span = scope.spans.add(
            trace_id=one.trace,
            span_id=one.span,
            parent_span_id=one.parent,
            name=one.name,
            kind=one.kind,
            start_time_unix_nano=one.began * _MS_NS,
            end_time_unix_nano=one.ended * _MS_NS,
            flags=0x301 if one.kind == SERVER else 0x101,
            trace_state=state,
        )
        span.attributes.add(key="rpc.system").value.string_value = "grpc"
        span.attributes.add(key="rpc.grpc.status_code").value.int_value = one.code
        span.attributes.add(key="enduser.id").value.string_value = one.user
        span.attributes.add(key="site").value.string_value = one.site
        if one.callee:
            span.attributes.add(key="peer.service").value.string_value = prefix + one.callee
        if one.code not in (OK, CANCELLED):
            span.status.code = Status.STATUS_CODE_ERROR


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
