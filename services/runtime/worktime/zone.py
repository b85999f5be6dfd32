"""A zone's clock as pieces of constant offset; local wall time is never turned back into an instant by guessing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.runtime.refusal import Refusal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR = 1970
LAST_YEAR = 2199
_DAY = 86_400
_SECOND = timedelta(seconds=1)
# Files beside the IANA zones: one depends on the machine, the others count leap seconds or mean "not set".
_NOT_ZONES = ("localtime", "posixrules", "Factory")


class Piece(NamedTuple):
    """A span [begin, end) of POSIX seconds in which local time is UTC + offset (seconds)."""

    begin: int
    end: int
    offset: int


def known_zone(name: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        Refusal: CALENDAR_ZONE_UNKNOWN.
    """
    try:
        if name in _NOT_ZONES or name.startswith(("right/", "posix/")):
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal.invalid(
            "zone",
            "CALENDAR_ZONE_UNKNOWN",
            f'{name!r} is no known time zone: use an IANA name such as "Asia/Shanghai".',
        ) from None


def utc(at: datetime, field: str) -> datetime:
    """The same instant in UTC.

    Raises:
        Refusal: TIME_NOT_AWARE, naming the field.
    """
    if at.utcoffset() is None:
        raise Refusal.invalid(field, "TIME_NOT_AWARE", f"Give {field} with its offset from UTC.")
    return at.astimezone(UTC)


@lru_cache(maxsize=256)
def pieces(name: str, begin: int, end: int) -> tuple[Piece, ...]:
    """The zone's pieces that cover [begin, end) POSIX seconds exactly, in order.

    Looks once a day: since 1939 no zone has changed twice within four days.
    """
    zone = known_zone(name)
    found: list[Piece] = []
    since, at, offset = begin, begin, _offset(zone, begin)
    while at < end:
        ahead = min(at + _DAY, end)
        if _offset(zone, ahead) == offset:
            at = ahead
            continue
        low, high = at, ahead
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
        found.append(Piece(since, high, offset))
        since, at, offset = high, high, _offset(zone, high)
    if since < end:
        found.append(Piece(since, end, offset))
    return tuple(found)


def _offset(zone: ZoneInfo, second: int) -> int:
    local = (EPOCH + timedelta(seconds=second)).astimezone(zone).replace(tzinfo=UTC)
    return (local - EPOCH) // _SECOND - second
