"""The arithmetic against pandas CustomBusinessHour, where that can say the same: one day's hours, no clock change."""

from __future__ import annotations

import timeit
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.worktime import (
    CLOSED,
    CalendarVersion,
    DateOverride,
    Hours,
    Opening,
    add,
    elapsed,
    hours,
    is_open,
    next_open,
    workweek,
)
from tests.unit.worktime.cases import CASES, SINCE, STEADY, durations, seeded

PANDAS_CASES = CASES // 2
SEEN = timedelta(days=150)
NINE_TO_SIX = hours("09:00-12:00", "13:00-18:00")


def business_hour(calendar: CalendarVersion, day_hours: Hours, count: int, around: date) -> pd.offsets.BaseOffset:
    """The offset of `count` hours; it can open no Saturday, so every date that is closed is named as a holiday."""
    dates = [around + timedelta(days=days) for days in range(-7, SEEN.days)]
    return pd.offsets.CustomBusinessHour(
        n=count,
        start=[str(one).split("-")[0] for one in day_hours],
        end=[str(one).split("-")[1] for one in day_hours],
        weekmask="1111111",
        holidays=[day for day in dates if not calendar.hours_on(day)],
    )


@st.composite
def same_hours_every_day(draw: st.DrawFn) -> tuple[CalendarVersion, Hours, datetime]:
    """A calendar whose open dates all have the same hours (two a day at least), and a local instant to start from."""
    starts = draw(st.integers(0, 18 * 60)) * 60
    lunch = draw(st.sampled_from(((), ((60, 30),), ((45, 15), (30, 60)))))
    edges = [starts]
    for work, rest in lunch:
        edges += [edges[-1] + work * 60, edges[-1] + (work + rest) * 60]
    edges.append(edges[-1] + 120 * 60)
    day_hours = tuple(Opening(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True))
    open_days = draw(st.sets(st.integers(0, 6), min_size=3, max_size=5))
    week = tuple(day_hours if weekday in open_days else CLOSED for weekday in range(7))
    day = date(2007, 1, 1) + timedelta(days=draw(st.integers(0, 8766)))
    own = draw(st.dictionaries(st.integers(-1, 14), st.sampled_from((CLOSED, day_hours)), max_size=8))
    overrides = tuple(DateOverride(day + timedelta(days=days), one) for days, one in own.items())
    zone = draw(st.sampled_from(STEADY))
    at = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + draw(durations(24))
    return CalendarVersion("calendars/even", 1, zone, SINCE, week, overrides), day_hours, at


@pytest.mark.timeout(600 + CASES // 10)
def test_adding_and_elapsing_agree_with_pandas() -> None:
    """`add` ends where pandas does, or at the end of the opening before, and `elapsed` up to there is what it added."""
    met: Counter[str] = Counter()

    @seeded(PANDAS_CASES)
    @given(same_hours_every_day(), st.integers(4, 48))
    def agree(drawn: tuple[CalendarVersion, Hours, datetime], count: int) -> None:
        calendar, day_hours, start = drawn
        moved = pd.Timestamp(start.replace(tzinfo=None)) + business_hour(calendar, day_hours, count, start.date())
        theirs = moved.to_pydatetime().replace(tzinfo=start.tzinfo)
        ours = add(calendar, start, timedelta(hours=count))
        assert elapsed(calendar, start, theirs) == timedelta(hours=count)
        # pandas counts the end of an opening as the start of the next one.
        assert theirs == (ours if is_open(calendar, ours) else next_open(calendar, ours))
        within = range((theirs.date() - start.date()).days + 1)
        dates = [start.date() + timedelta(days=days) for days in within]
        closed = any(not calendar.hours_on(day) for day in dates)
        made_up = any(
            bool(one.hours) and not calendar.weekly[one.day.weekday()] and one.day in dates
            for one in calendar.overrides
        )
        met.update({"cases": 1, "closed": closed, "made_up": made_up})

    agree()

    print(f"\n{dict(met)}")
    assert met["cases"] >= PANDAS_CASES
    assert met["closed"] >= PANDAS_CASES // 2
    assert met["made_up"] >= PANDAS_CASES // 10


def test_a_year_costs_microseconds() -> None:
    """Business hours between instants a year apart: as many as pandas counts, at least ten times as fast."""
    week = workweek(NINE_TO_SIX)
    calendar = CalendarVersion("calendars/office", 1, "Asia/Shanghai", SINCE, week)
    zone = ZoneInfo("Asia/Shanghai")
    start, end = datetime(2025, 11, 24, 9, tzinfo=zone), datetime(2026, 11, 24, 9, tzinfo=zone)
    utc_start, utc_end = start.astimezone(UTC), end.astimezone(UTC)
    offset = pd.offsets.CustomBusinessHour(start=["09:00", "13:00"], end=["12:00", "18:00"])

    def by_pandas() -> int:
        return len(pd.date_range(start.replace(tzinfo=None), end.replace(tzinfo=None), freq=offset, inclusive="left"))

    assert elapsed(calendar, utc_start, utc_end) == timedelta(hours=by_pandas())
    ours = min(timeit.repeat(lambda: elapsed(calendar, utc_start, utc_end), number=2000, repeat=5)) / 2000
    theirs = min(timeit.repeat(by_pandas, number=1, repeat=3))
    print(f"\na year apart: {ours * 1e6:.1f} us, pandas {theirs * 1e6:.0f} us, {theirs / ours:.0f} times as fast")
    assert theirs >= 10 * ours
