"""Which spans are requests to a service, and whether the service did its part.

After the OpenTelemetry conventions for RPC and HTTP: a server answers for its own faults, not for its callers'.
"""

from __future__ import annotations

from enum import Enum

GRPC_OK, GRPC_CANCELLED, GRPC_UNAVAILABLE = 0, 1, 14
GRPC_NUMBERS = {
    name: number
    for number, name in enumerate((
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ))
}  # fmt: skip
# UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS
_GRPC_FAULTS = frozenset({2, 4, 12, 13, 14, 15})
_HTTP_CLOSED_BY_CLIENT = 499
# Nobody waits for these: machines ask whether a service lives, or send it what it is to look at.
_OWN_SERVICES = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "opentelemetry.proto.collector.trace.v1.TraceService",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "opentelemetry.proto.collector.logs.v1.LogsService",
)
_OWN_PATHS = frozenset(
    {"/metrics", "/health", "/healthz", "/livez", "/readyz", "/live", "/ready", "/ping", "/v1/traces", "/favicon.ico"}
)


class Outcome(Enum):
    """How a request ended for the service. LEFT_OUT: it says nothing of it, and is no valid request."""

    GOOD = "good"
    BAD = "bad"
    LEFT_OUT = "left out"


def of_grpc(code: int) -> Outcome:
    """By a gRPC status code: the server's own faults are bad, a caller that went away is left out."""
    if code == GRPC_CANCELLED:
        return Outcome.LEFT_OUT
    return Outcome.BAD if code in _GRPC_FAULTS else Outcome.GOOD


def of_http(status: int) -> Outcome:
    """By an HTTP status: 5xx is bad, a caller that went away is left out, 4xx is the caller's doing."""
    if status == _HTTP_CLOSED_BY_CLIENT:
        return Outcome.LEFT_OUT
    return Outcome.BAD if status >= 500 else Outcome.GOOD


def of_status(*, error: bool) -> Outcome:
    """By the span's own status, when no protocol says more."""
    return Outcome.BAD if error else Outcome.GOOD


def is_own(name: str) -> bool:
    """Whether an RPC, as "package.Service/Method" or "package.Service", is no request of anybody."""
    return name.partition("/")[0] in _OWN_SERVICES


def is_own_path(path: str) -> bool:
    """Whether an HTTP path or route is no request of anybody."""
    return path.partition("?")[0] in _OWN_PATHS
