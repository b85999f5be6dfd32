"""A Refusal as google.rpc.Status and back: one code a kind, ErrorInfo with the reason, details that a form can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from services.runtime.refusal import Kind, Refusal

DOMAIN = "throughline"
DETAILS_KEY = "grpc-status-details-bin"

CODES: dict[Kind, grpc.StatusCode] = {
    Kind.INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Kind.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Kind.FORBIDDEN: grpc.StatusCode.PERMISSION_DENIED,
    Kind.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Kind.EXISTS: grpc.StatusCode.ALREADY_EXISTS,
    Kind.PRECONDITION: grpc.StatusCode.FAILED_PRECONDITION,
    Kind.CONFLICT: grpc.StatusCode.ABORTED,
    Kind.EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Kind.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
}
_KINDS = {code: kind for kind, code in CODES.items()}


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that breaks its contract. rule: the contract's rule id, such as "string.min_len"."""

    field: str
    rule: str
    description: str


class Refused(Refusal):
    """A Refusal that another service answered. violations: its fields at fault, when the request broke the contract."""

    def __init__(self, refusal: Refusal, violations: Sequence[Violation] = ()) -> None:
        super().__init__(refusal.kind, refusal.reason, refusal.message, refusal.field, retry_after=refusal.retry_after)
        self.violations = tuple(violations)


def details(
    code: grpc.StatusCode,
    reason: str,
    message: str,
    field: str = "",
    *,
    violations: Iterable[Violation] = (),
    retry_after: timedelta | None = None,
) -> bytes:
    """The serialised google.rpc.Status that travels in the trailing metadata `DETAILS_KEY`."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata={"field": field} if field else {})
    parts: list[Message] = [info]
    fields = [
        error_details_pb2.BadRequest.FieldViolation(field=one.field, reason=one.rule, description=one.description)
        for one in violations
    ]
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        if not fields and field:
            fields = [error_details_pb2.BadRequest.FieldViolation(field=field, reason=reason, description=message)]
        parts.append(error_details_pb2.BadRequest(field_violations=fields))
    if code is grpc.StatusCode.FAILED_PRECONDITION:
        one = error_details_pb2.PreconditionFailure.Violation(type=reason, subject=field, description=message)
        parts.append(error_details_pb2.PreconditionFailure(violations=[one]))
    if retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(retry_after)
        parts.append(retry)
    status = status_pb2.Status(code=code.value[0], message=message)
    for part in parts:
        status.details.add().Pack(part)
    return bytes(status.SerializeToString())


def refusal_of(error: Any) -> Refused:
    """The Refusal inside a failed call, sync or aio: what the portal shows and `tl` prints.

    error: a grpc.RpcError that has been answered. A failure that no service named becomes UNAVAILABLE with the code's
    own name as its reason (DEADLINE_EXCEEDED, INTERNAL), because trying again later is all that a caller can do.
    """
    code: grpc.StatusCode = error.code()
    status = _status(error.trailing_metadata())
    kind = _KINDS.get(code, Kind.UNAVAILABLE)
    if status is None:
        return Refused(Refusal(kind, code.name, str(error.details() or "The service gave no answer.")))
    info = _unpacked(status.details, error_details_pb2.ErrorInfo)
    bad = _unpacked(status.details, error_details_pb2.BadRequest)
    retry = _unpacked(status.details, error_details_pb2.RetryInfo)
    return Refused(
        Refusal(
            kind,
            info.reason or code.name,
            status.message,
            info.metadata.get("field", ""),
            retry_after=retry.retry_delay.ToTimedelta() if retry.HasField("retry_delay") else None,
        ),
        [Violation(one.field, one.reason, one.description) for one in bad.field_violations],
    )


def _status(metadata: Iterable[tuple[str, str | bytes]] | None) -> Any:
    for key, value in metadata or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def _unpacked(parts: Iterable[AnyMessage], kind: Any) -> Any:
    found = kind()
    for part in parts:
        if part.Is(kind.DESCRIPTOR):
            part.Unpack(found)
            break
    return found
