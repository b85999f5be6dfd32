"""Which spans are requests to a service, and whether the service did its part.

After the OpenTelemetry conventions for RPC and HTTP: a server answers for its own faults, not for its callers'.
"""

from __future__ import annotations

from enum import Enum

from services.metrics.rules.blame import Ended

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
_GRPC_LATE, _HTTP_LATE = 4, frozenset({408, 504})
SLOW_MS = 500
"""A span that took so long is kept for blame even when it ended well: somebody above may have given up on it."""
# Nobody waits for these: machines ask whether a service lives, or send it what it is to look at.
_OWN_SERVICES = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "opentelemetry.proto.collector.trace.v1.TraceService",
    "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "opentelemetry.proto.collector.logs.v1.LogsService",
)
OWN_PATHS = frozenset(
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


def is_own(name: str) -> bool:
    """Whether an RPC, as "package.Service/Method" or "package.Service", is no request of anybody."""
    return name.partition("/")[0] in _OWN_SERVICES


def is_own_path(path: str) -> bool:
    """Whether an HTTP path or route is no request of anybody."""
    return path.partition("?")[0] in OWN_PATHS


def ended_as_grpc(code: int) -> Ended:
    """What a gRPC status code says of a span to whoever looks for the one to blame."""
    if code == GRPC_OK:
        return Ended.FINE
    if code == _GRPC_LATE:
        return Ended.LATE
    if code == GRPC_CANCELLED:
        return Ended.LEFT
    return Ended.FAULT if code in _GRPC_FAULTS else Ended.CALLERS


def ended_as_http(status: int) -> Ended:
    """What an HTTP status says of a span to whoever looks for the one to blame."""
    if status in _HTTP_LATE:
        return Ended.LATE
    if status == _HTTP_CLOSED_BY_CLIENT:
        return Ended.LEFT
    if status >= 500:
        return Ended.FAULT
    return Ended.CALLERS if status >= 400 else Ended.FINE


def host_service(address: str) -> str:
    """The service behind a host name, when nothing names it: the first label inside a cluster, else the whole host.

    An address in numbers, and this very host, say nothing.
    """
    host = address.rpartition(":")[0] if address.count(":") == 1 else address
    if not host or host == "localhost" or ":" in host or host.replace(".", "").isdigit():
        return ""
    first, _, rest = host.partition(".")
    return first if not rest or ".svc" in f".{rest}." or rest.endswith(".local") else host


def ended_of_request(grpc: int | None, http: int | None, *, bad: bool) -> Ended:
    """How a request ended for its caller; by its status where no protocol says more."""
    if grpc is not None:
        return ended_as_grpc(grpc)
    if http is not None:
        return ended_as_http(http)
    return Ended.FAULT if bad else Ended.FINE


def ended_of_call(grpc: int | None, http: int | None, *, error: bool) -> Ended:
    """How a call ended; SILENT when nobody answered, which gRPC calls UNAVAILABLE and others leave without a status."""
    if grpc is not None:
        how = Ended.SILENT if grpc == GRPC_UNAVAILABLE else ended_as_grpc(grpc)
    elif http is not None:
        how = ended_as_http(http)
    else:
        how = Ended.SILENT if error else Ended.FINE
    return Ended.FAULT if error and how == Ended.FINE else how
