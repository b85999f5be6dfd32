"""The one exception that rules raise: why a command is refused, and what the caller can do about it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class Kind(StrEnum):
    """What sort of refusal; the door maps each to one gRPC status."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    EXISTS = "exists"
    PRECONDITION = "precondition"
    CONFLICT = "conflict"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"


class Refusal(Exception):
    """A command that is not carried out; nothing has changed.

    reason: UPPER_SNAKE, listed in docs/reasons.md and translated by the portal.
    message: one English sentence that names the way out.
    field: the request's field at fault ("" when it is the state, not the input).
    retry_after: how long to wait when waiting helps.
    """

    def __init__(
        self,
        kind: Kind,
        reason: str,
        message: str,
        field: str = "",
        *,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.kind = kind
        self.reason = reason
        self.message = message
        self.field = field
        self.retry_after = retry_after

    @classmethod
    def invalid(cls, field: str, reason: str, message: str) -> Refusal:
        """The input is wrong whatever the state: `field` names where."""
        return cls(Kind.INVALID, reason, message, field)

    @classmethod
    def forbidden(cls, reason: str, message: str) -> Refusal:
        """The caller is known and may not do this."""
        return cls(Kind.FORBIDDEN, reason, message)

    @classmethod
    def not_found(cls, name: str) -> Refusal:
        """No such resource, or none that the caller may know of."""
        return cls(Kind.NOT_FOUND, "NOT_FOUND", f"There is no {name}, or you may not see it.", "name")

    @classmethod
    def precondition(cls, reason: str, message: str, field: str = "") -> Refusal:
        """The input is fine, the state is not: something must happen first."""
        return cls(Kind.PRECONDITION, reason, message, field)

    @classmethod
    def conflict(cls, reason: str, message: str) -> Refusal:
        """Somebody else changed it meanwhile: read again and decide again."""
        return cls(Kind.CONFLICT, reason, message)


class NotYet(Exception):
    """An event came before one that it builds on; it must be tried again later, and is not at fault."""
