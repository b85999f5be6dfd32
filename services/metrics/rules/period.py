"""Periods, filters and days: which part of time, which tickets, and whose calendar of days."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.metrics.rules.fact import EPOCH, Channel, Type, day_of
from services.runtime.refusal import Refusal

DAY = timedelta(days=1)
FIRST = EPOCH
LAST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open stretch [start, end) of aware UTC instants; since ever is 1970, for ever is 2200."""

    start: datetime = FIRST
    end: datetime = LAST

    def holds(self, at: datetime) -> bool:
        """Whether the instant lies inside."""
        return self.start <= at < self.end

    @property
    def days(self) -> range:
        """The UTC days that it touches, counted from 1970-01-01."""
        if self.end <= self.start:
            return range(0)
        return range(day_of(self.start), day_of(self.end - timedelta(milliseconds=1)) + 1)

    def part(self, day: int) -> tuple[datetime, datetime] | None:
        """The part of a UTC day that lies inside, None when all of it does."""
        days = self.days
        if days.start < day < days.stop - 1:
            return None
        begin = EPOCH + day * DAY
        inside = (max(begin, self.start), min(begin + DAY, self.end))
        return None if inside == (begin, begin + DAY) else inside


class Windows:
    """Which UTC days of a period count: all of them, or a choice; of each the part that lies inside."""

    def __init__(self, period: Period, days: Container[int] | None = None) -> None:
        self._all = period.days
        self._days = days
        edges = (self._all.start, self._all.stop - 1) if len(self._all) else ()
        self._parts = {day: period.part(day) for day in edges}

    def __contains__(self, day: int) -> bool:
        return day in self._all and (self._days is None or day in self._days)

    def part(self, day: int) -> tuple[datetime, datetime] | None:
        """The half-open part of a day that counts, None for the whole of it."""
        return self._parts.get(day)

    @property
    def ragged(self) -> frozenset[int]:
        """The days of which only a part counts."""
        return frozenset(day for day, part in self._parts.items() if part is not None)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tickets; "" and None and () let everything pass."""

    service: str = ""
    team: str = ""
    site: str = ""
    channel: Channel = Channel.UNSPECIFIED
    type: Type | None = None
    priorities: tuple[int, ...] = ()
    source: str = ""
    item: str = ""

    @property
    def dimensions(self) -> tuple[tuple[str, str], ...]:
        """The dimensions that it asks for a value of, as (name, value)."""
        channel = "" if self.channel is Channel.UNSPECIFIED else self.channel.value
        asked = (("service", self.service), ("team", self.team), ("site", self.site), ("item", self.item))
        return tuple((name, value) for name, value in (*asked, ("channel", channel)) if value)


def period(start: datetime | None, end: datetime | None, field: str) -> Period:
    """The period between two instants, either of which may be missing.

    Raises:
        Refusal: PERIOD_EMPTY, when it holds no instant.
    """
    found = Period(max(start or FIRST, FIRST), min(end or LAST, LAST))
    if found.end <= found.start:
        raise Refusal.invalid(field, "PERIOD_EMPTY", "A period ends after it starts.")
    return found


def zone(name: str) -> ZoneInfo:
    """The IANA zone; "" is UTC.

    Raises:
        Refusal: TIME_ZONE_UNKNOWN.
    """
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refusal.invalid(
            "time_zone", "TIME_ZONE_UNKNOWN", 'Name the zone as IANA does, such as "Asia/Shanghai".'
        ) from None


def dates(of: Period, zone: ZoneInfo, data: range, most: int) -> list[date]:
    """The calendar days of a zone that a period touches, at most the last `most` of them.

    An end that is open, or so far out that the days would be too many, is where the data ends (UTC days `data`).
    """
    data_start, data_end = EPOCH + data.start * DAY, EPOCH + data.stop * DAY
    far = (of.end - of.start) > most * DAY
    start = max(of.start, data_start) if of.start == FIRST or far else of.start
    end = min(of.end, data_end) if of.end == LAST or far else of.end
    if end <= start:
        return []
    first = start.astimezone(zone).date()
    last = (end - timedelta(milliseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)][-most:]
