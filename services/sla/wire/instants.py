"""Instants and durations between Python and protobuf."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def timestamp(at: datetime | None) -> Timestamp | None:
    """The message for an aware instant; None leaves a field unset."""
    if at is None:
        return None
    since = at - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def instant(message: Timestamp) -> datetime:
    """The aware UTC instant of a message, truncated to milliseconds as everything that is kept."""
    return _EPOCH + timedelta(seconds=message.seconds, milliseconds=message.nanos // 1_000_000)


def duration(length: timedelta) -> Duration:
    """The message for a duration, negative ones too."""
    micros = length // _MICROSECOND
    sign = -1 if micros < 0 else 1
    seconds, rest = divmod(abs(micros), 1_000_000)
    return Duration(seconds=sign * seconds, nanos=sign * rest * 1000)


def length(message: Duration) -> timedelta:
    """The duration of a message, to the microsecond."""
    return timedelta(seconds=message.seconds, microseconds=message.nanos / 1000)
