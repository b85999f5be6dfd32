"""Tells a store or broker that does not answer from work that is itself at fault: the first is only waited for."""

from __future__ import annotations

from nats.errors import Error as NatsError
from pymongo.errors import ConnectionFailure, PyMongoError


def is_away(error: BaseException) -> bool:
    """Whether MongoDB or NATS could not be asked, so that the same work may simply be tried again."""
    if isinstance(error, PyMongoError):
        return (
            isinstance(error, ConnectionFailure)
            or error.timeout
            or error.has_error_label("RetryableWriteError")
            or error.has_error_label("TransientTransactionError")
        )
    return isinstance(error, NatsError | OSError | TimeoutError)
