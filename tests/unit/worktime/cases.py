"""Random calendars, instants and pauses that lean towards where business time goes wrong."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from services.runtime.worktime import ALL_DAY, CLOSED, CalendarVersion, DateOverride, Hours, Mark, Opening
from tests.unit.worktime.minutes import change_days

CASES = int(os.environ.get("TL_WORKTIME_CASES", "1200"))
SINCE = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = (
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Asia/Shanghai",
    "America/Havana",
    "America/Goose_Bay",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "UTC",
)
STEADY = ("Asia/Shanghai", "Asia/Kathmandu", "Asia/Tokyo", "Africa/Nairobi", "UTC")


def seeded(cases: int) -> settings:
    """The same cases on every run, without a database of earlier ones."""
    return settings(
        max_examples=cases,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


@dataclass(frozen=True)
class Case:
    """A clock to judge: its calendar, its marks from `start` on, the instant `until` which it is read, its target."""

    calendar: CalendarVersion
    start: datetime
    until: datetime
    marks: tuple[Mark, ...]
    target: timedelta


@st.composite
def day_hours(draw: st.DrawFn, latest: int = 1440) -> Hours:
    """One to three openings of a day, on whole minutes, apart from or touching one another."""
    edges = sorted(draw(st.lists(st.integers(0, latest), min_size=2, max_size=6, unique=True)))
    return tuple(Opening(a * 60, b * 60) for a, b in zip(edges[::2], edges[1::2], strict=False))


@st.composite
def calendars(draw: st.DrawFn, zone: str, near: date) -> CalendarVersion:
    """A week of a few kinds of days, and overrides (closed or open) around a date; often a weekend made up for."""
    kinds = [CLOSED, ALL_DAY, draw(day_hours()), draw(day_hours())]
    pick = st.sampled_from(kinds)
    week = draw(st.tuples(*[pick] * 7))
    around = draw(st.dictionaries(st.integers(-2, 6), pick, max_size=3))
    if draw(st.booleans()):
        week = (*week[:5], CLOSED, CLOSED)
        around |= {5 - near.weekday(): draw(st.sampled_from(kinds[1:]))}
    overrides = tuple(DateOverride(near + timedelta(days=days), hours) for days, hours in around.items())
    return CalendarVersion("calendars/drawn", 1, zone, SINCE, week, overrides)


@st.composite
def durations(draw: st.DrawFn, most: int) -> timedelta:
    """Up to `most` hours, drawn evenly (one large integer would be near nothing most of the time)."""
    return timedelta(hours=draw(st.integers(0, most - 1)), seconds=draw(st.integers(0, 3600)))


@st.composite
def instants(draw: st.DrawFn, zone: str) -> datetime:
    """An instant within two days of one of the zone's clock changes, where it has any, or of any day since 2007."""
    changes = change_days(zone)
    day = datetime(2007, 1, 1, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 8766)))
    if changes and draw(st.integers(0, 2)) > 0:
        day = draw(st.sampled_from(changes)) - timedelta(days=draw(st.integers(0, 1)))
    return day + draw(durations(24)) + timedelta(microseconds=draw(st.sampled_from((0, 1, 999_999))))


@st.composite
def clocks(draw: st.DrawFn) -> Case:
    """Up to two days of a clock, with up to three changes between running and paused."""
    zone = draw(st.sampled_from(ZONES))
    start = draw(instants(zone))
    calendar = draw(calendars(zone, start.astimezone(ZoneInfo(zone)).date()))
    length = draw(durations(48))
    running, marks = draw(st.integers(0, 9)) > 0, []
    for share in sorted({0, *draw(st.lists(st.integers(1, 999), max_size=3))}):
        marks.append(Mark(start + length * share // 1000, running, f"event-{share}"))
        running = not running
    target = draw(durations(24)) + timedelta(microseconds=1)
    return Case(calendar, start, start + length, tuple(marks), target)
