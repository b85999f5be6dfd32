"""Traces to OTLP in batches, JSON logs that carry the trace id, /metrics with the service's own SLO counters.

No secret, no message body and no bytes reach a log line.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import uuid
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TextIO

import grpc
import structlog
from google.protobuf.message import Message
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace._sampling_experimental import (
    composable_parent_threshold,
    composable_traceid_ratio_based,
    composite_sampler,
)
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, Sampler
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

from services.runtime.identity import Keys

# A server answers for these; every other code is the caller's own doing.
SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_SECRET_NAME = re.compile(r"password|secret|token|authorization|cookie|credential|private|api_?key", re.IGNORECASE)
_SECRET_IN_TEXT = re.compile(r"(?<=://)[^/@\s]+(?=@)|\beyJ[\w-]+\.[\w-]+\.[\w-]+|(?i:(?<=bearer )\S+)")
_METRICS = "metrics"
"""Who takes spans."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_installing = threading.Lock()
_installed: set[str] = set()


class Calls(Collector):
    """The service's own SLO counters: every answered call by method, code and whether the service did its part.

    Kept as plain numbers and read when asked for: on a thin call an instrument would cost a tenth of the door.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, bool], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """One call of `method` ("package.Service/Method") was answered with `code` after `seconds`."""
        key = (method, code.name, code not in SERVER_FAULTS)
        self._counts[key] = self._counts.get(key, 0) + 1
        buckets = self._buckets.get(method)
        if buckets is None:
            buckets = self._buckets.setdefault(method, [0] * (len(_BUCKETS) + 1))
        buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[method] = self._seconds.get(method, 0.0) + seconds

    def collect(self) -> Iterable[Metric]:
        """What Prometheus reads."""
        calls = CounterMetricFamily(
            "throughline_calls", "Calls answered, by method, code and good.", labels=("method", "code", "good")
        )
        for (method, code, good), number in list(self._counts.items()):
            calls.add_metric((method, code, str(good).lower()), number)
        yield calls
        durations = HistogramMetricFamily(
            "throughline_call_duration_seconds", "How long a call took inside the service.", labels=("method",)
        )
        bounds = [*map(str, _BUCKETS), "+Inf"]
        for method, buckets in list(self._buckets.items()):
            durations.add_metric(
                (method,), list(zip(bounds, accumulate(buckets), strict=True)), self._seconds.get(method, 0.0)
            )
        yield durations


class _Exporter(OTLPSpanExporter):
    """OpenTelemetry's own, which signs each export: a token lives for a minute, and the exporter keeps its headers."""

    def __init__(self, endpoint: str, keys: Keys | None) -> None:
        super().__init__(endpoint=endpoint, insecure=True, timeout=5)
        self._keys = keys

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends a batch."""
        if self._keys is not None:
            self._headers = (("x-service-token", self._keys.sign_service(_METRICS)),)
        return super().export(spans)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a process measures and tells about itself. metrics_port: where /metrics is served, 0 when it is not."""

    tracer: trace.Tracer
    meter: metrics.Meter
    calls: Calls
    metrics_port: int
    _tracers: TracerProvider
    _exporter: OTLPSpanExporter | None
    _server: Any

    def close(self, seconds: float = 5.0) -> None:
        """Sends the spans that wait, for at most `seconds`, then stops. It blocks: call it off the event loop."""
        # The flush heeds no timeout: a collector that stands still would hold it five seconds for each batch.
        flush = threading.Thread(target=self._tracers.force_flush, name="last spans", daemon=True)
        flush.start()
        flush.join(seconds)
        if flush.is_alive() and self._exporter is not None:
            # Ends the export that hangs, and those after it fail at once.
            self._exporter.shutdown()
        self._tracers.shutdown()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def set_up(
    service: str,
    otlp_endpoint: str = "",
    *,
    keys: Keys | None = None,
    trace_ratio: float = 1.0,
    log_level: str = "info",
    metrics_listen: str = "",
) -> Telemetry:
    """Starts telemetry for `service`; the first in a process also becomes OpenTelemetry's global one.

    otlp_endpoint: "host:port" of an OTLP/gRPC TraceService, "" to send no spans. keys: with them each export carries
    the service's token. metrics_listen: "host:port" for Prometheus, "" for none. trace_ratio: the share of traces that
    start here and are kept; spans of a kept share below 1 say so in their tracestate (`ot=th`), which is what lets
    availability weigh them.

    Raises:
        OSError: when metrics_listen is in use, naming it.
    """
    set_up_logs(service, log_level)
    resource = Resource.create({"service.name": service, "service.instance.id": str(uuid.uuid4())})
    tracers = TracerProvider(sampler=_sampler(trace_ratio), resource=resource, shutdown_on_exit=False)
    exporter: OTLPSpanExporter | None = None
    if otlp_endpoint:
        exporter = _Exporter(otlp_endpoint, keys)
        tracers.add_span_processor(
            BatchSpanProcessor(exporter, max_queue_size=8192, schedule_delay_millis=1000, max_export_batch_size=512)
        )
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(scope_info_enabled=False, registry=registry)
    meters = MeterProvider([reader], resource, exemplar_filter=AlwaysOffExemplarFilter(), shutdown_on_exit=False)
    with _installing:
        if "global" not in _installed:
            _installed.add("global")
            trace.set_tracer_provider(tracers)
            metrics.set_meter_provider(meters)
    calls = Calls()
    registry.register(calls)
    server, port = None, 0
    if metrics_listen:
        host, _, number = metrics_listen.rpartition(":")
        try:
            server, _ = start_http_server(int(number), host or "127.0.0.1", registry)
        except OSError as error:
            raise OSError(error.errno, f"/metrics cannot listen on {metrics_listen}: {error.strerror}") from None
        port = server.server_port
    return Telemetry(
        tracers.get_tracer("throughline"), meters.get_meter("throughline"), calls, port, tracers, exporter, server
    )


def _sampler(ratio: float) -> Sampler:
    if ratio >= 1.0:
        return ParentBased(ALWAYS_ON)
    return composite_sampler(composable_parent_threshold(composable_traceid_ratio_based(ratio)))


def set_up_logs(service: str, level: str = "info") -> None:
    """One JSON object a line on stdout, from structlog and from the libraries' own warnings."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shape: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _with_trace,
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=20)),
        _Named(service),
        _without_secrets,
    ]
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shape, render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    with _installing:
        if "logs" in _installed:
            return
        _installed.add("logs")
        handler = logging.StreamHandler(_Stdout())
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=[structlog.stdlib.add_logger_name, *shape],
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            )
        )
        handler.setLevel(max(number, logging.WARNING))
        logging.getLogger().addHandler(handler)


class _Stdout:
    """Today's stdout: a handler outlives the one that was there when it was made."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        out: TextIO = sys.stdout
        out.flush()


class _Named:
    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", self._service)
        return event


def _with_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
        event["span_id"] = trace.format_span_id(span.span_id)
    return event


def _without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return "***"
    if isinstance(value, str):
        return _SECRET_IN_TEXT.sub("***", value)
    if isinstance(value, Message):
        return f"<{value.DESCRIPTOR.full_name}, {value.ByteSize()} bytes>"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", part) for part in value]
    return value
