"""Instants and lengths between Python and protobuf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def timestamp(at: datetime | None) -> Timestamp | None:
    """The message for an aware instant; None leaves a field unset."""
    if at is None:
        return None
    since = at - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def instant(message: Timestamp) -> datetime:
    """The aware UTC instant of a message, truncated to milliseconds as everything that is kept."""
    return _EPOCH + timedelta(seconds=message.seconds, milliseconds=message.nanos // 1_000_000)


def set_instant(message: Message, field: str) -> datetime | None:
    """The instant in a field, None when it is unset."""
    return instant(getattr(message, field)) if message.HasField(field) else None


def duration(seconds: int) -> Duration:
    """The message for a length in whole seconds."""
    return Duration(seconds=seconds)
