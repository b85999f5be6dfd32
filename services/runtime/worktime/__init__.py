"""Business time: pure arithmetic over published calendar versions, exact to the microsecond.

A CalendarVersion says in local wall time of one zone when business is open: a week, and dates with hours of their own.
An opening lasts from the first to the last moment at which the local clock, bearing its date, shows a time inside it.
Compiled to UTC intervals with running totals, so `elapsed` is two bisects and `add`, its inverse, one.
A clock is `read` off marks (running or paused, and why) into segments that add up to wall time exactly.
"""

from services.runtime.worktime.arithmetic import HORIZON, Stretch, add, elapsed, is_open, next_open, segments
from services.runtime.worktime.calendar import (
    ALL_DAY,
    ALWAYS,
    CLOSED,
    CalendarVersion,
    DateOverride,
    Hours,
    Opening,
    hours,
    in_force,
    workweek,
)
from services.runtime.worktime.clock import Mark, Reading, Segment, SegmentKind, check, read
from services.runtime.worktime.zone import FIRST_YEAR, LAST_YEAR, known_zone

__all__ = [
    "ALL_DAY",
    "ALWAYS",
    "CLOSED",
    "FIRST_YEAR",
    "HORIZON",
    "LAST_YEAR",
    "CalendarVersion",
    "DateOverride",
    "Hours",
    "Mark",
    "Opening",
    "Reading",
    "Segment",
    "SegmentKind",
    "Stretch",
    "add",
    "check",
    "elapsed",
    "hours",
    "in_force",
    "is_open",
    "known_zone",
    "next_open",
    "read",
    "segments",
    "workweek",
]
