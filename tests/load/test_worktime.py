"""Business time between two instants a year apart, beside businesstimedelta and pandas, which count the same hours."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

import businesstimedelta  # type: ignore[import-untyped]  # has no types
import pandas as pd
import pytest

from services.runtime.worktime import CalendarVersion, elapsed, hours, workweek
from tests.load.rounds import ROUNDS, Rounds

SHANGHAI = ZoneInfo("Asia/Shanghai")
START, END = datetime(2025, 11, 24, 9, tzinfo=SHANGHAI), datetime(2026, 11, 24, 9, tzinfo=SHANGHAI)
# From a Monday to the Tuesday a year later: 261 weekdays of eight hours.
HOURS = 261 * 8
OURS, THEIRS, PANDAS = 5000, 3, 5

pytestmark = pytest.mark.timeout(300)


def _rate(call: Callable[[], object], count: int) -> float:
    """How many calls a second, of so many in a row."""
    began = time.perf_counter()
    for _ in range(count):
        call()
    return count / (time.perf_counter() - began)


def test_a_year_of_business_time() -> None:
    """At least a hundred times as fast as businesstimedelta and ten times as fast as pandas, and the same hours."""
    version = CalendarVersion(
        "calendars/office", 1, "Asia/Shanghai", datetime(2020, 1, 1, tzinfo=UTC),
        workweek(hours("09:00-12:00", "13:00-18:00")),
    )  # fmt: skip
    utc_start, utc_end = START.astimezone(UTC), END.astimezone(UTC)
    morning, afternoon = (
        businesstimedelta.WorkDayRule(clock(opens), clock(closes), working_days=[0, 1, 2, 3, 4])
        for opens, closes in ((9, 12), (13, 18))
    )
    rules = businesstimedelta.Rules([morning, afternoon])
    offset = pd.offsets.CustomBusinessHour(start=["09:00", "13:00"], end=["12:00", "18:00"])
    naive_start, naive_end = START.replace(tzinfo=None), END.replace(tzinfo=None)

    def ours() -> timedelta:
        return elapsed(version, utc_start, utc_end)

    def theirs() -> timedelta:
        found: timedelta = rules.difference(naive_start, naive_end).timedelta
        return found

    def by_pandas() -> int:
        return len(pd.date_range(naive_start, naive_end, freq=offset, inclusive="left"))

    assert ours() == theirs() == timedelta(hours=by_pandas()) == timedelta(hours=HOURS)
    figures = Rounds("Business time between instants a year apart", unit="calls a second")
    for _ in range(ROUNDS):
        figures.add("ours", _rate(ours, OURS))
        figures.add("businesstimedelta", _rate(theirs, THEIRS))
        figures.add("pandas", _rate(by_pandas, PANDAS))
    figures.hold_peer("elapsed", "ours", "businesstimedelta", least=100)
    figures.hold_peer("elapsed", "ours", "pandas", least=10)
    figures.close()
