"""The wall clock of a zone: the instant at which it first shows a local time, across every change of the clocks.

A time that a change leaves out counts at the change; one that comes twice counts when it comes first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.runtime.refusal import Refusal
from services.runtime.worktime import Opening
from services.runtime.worktime.zone import known_zone

_SECOND = timedelta(seconds=1)
_DAY = 86_400


def zone_of(name: str, field: str) -> ZoneInfo:
    """The IANA zone of that name.

    Raises:
        Refusal: CALENDAR_ZONE_UNKNOWN, naming the field.
    """
    try:
        return known_zone(name)
    except Refusal as refusal:
        raise Refusal(refusal.kind, refusal.reason, refusal.message, field) from refusal


def time_of_day(text: str, field: str) -> int:
    """Seconds since local midnight of "09:00" or "07:30:15"; 24:00 is none.

    Raises:
        Refusal: LOCAL_TIME_INVALID.
    """
    try:
        seconds = Opening.parse(f"{text}-24:00").opens
    except Refusal:
        seconds = _DAY
    if seconds >= _DAY:
        raise Refusal.invalid(field, "LOCAL_TIME_INVALID", f'Write a local time as "09:00", not {text!r}.')
    return seconds


def day_of(text: str, field: str) -> date:
    """The date of "2026-11-02".

    Raises:
        Refusal: LOCAL_DATE_INVALID.
    """
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 1971 <= found.year <= 2198:
        raise Refusal.invalid(field, "LOCAL_DATE_INVALID", f'Write a date as "2026-11-02", 1971 to 2198, not {text!r}.')
    return found


def first_shown(zone: ZoneInfo, day: date, seconds: int) -> datetime:
    """The first instant, in UTC, at which the zone's clock shows `seconds` since midnight of `day`, or later.

    seconds: 0 to 86,400, which is the midnight that ends the day.
    """
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 - local, made aware next
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if local(zone, found) == wall:
        return found
    # A change leaves it out: the change itself lies between the instants that the offsets before and after it give.
    low, high = sorted((found, wall.replace(tzinfo=zone, fold=1).astimezone(UTC)))
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        low, high = (low, middle) if local(zone, middle) >= wall else (middle, high)
    return high


def local(zone: ZoneInfo, at: datetime) -> datetime:
    """What the zone's clock shows at an instant, without the zone."""
    return at.astimezone(zone).replace(tzinfo=None)
