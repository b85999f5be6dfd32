"""The span of an event that is heard, under that of its publisher, so that one trace runs through both services."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.runtime.binding import Heard

# The lowest bit of the flags, the last hexadecimal digit of a traceparent.
_SAMPLED = frozenset("13579bdf")

_tracer = trace.get_tracer("throughline.listener")


def span_of(heard: Heard[Any]) -> trace.Span | None:
    """A consumer span under the publisher's, for a sampled trace; an unsampled one costs nothing."""
    if heard.traceparent[-1:] not in _SAMPLED:
        return None
    context = TraceContextTextMapPropagator().extract({"traceparent": heard.traceparent})
    return _tracer.start_span(
        f"{heard.type.rpartition('.')[2]} process",
        context=context,
        kind=trace.SpanKind.CONSUMER,
        attributes={"messaging.system": "nats", "messaging.destination.name": heard.type,
                    "messaging.message.id": heard.cause.id},
    )  # fmt: skip


def traceparent(span: trace.Span) -> str:
    """How the span is named to what comes of it."""
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
