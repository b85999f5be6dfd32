"""Recurring dates against dateutil, and rules made to run for ever, which must end at once."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, datetime
from itertools import takewhile

import pytest
from dateutil import rrule  # type: ignore[import-untyped]  # has no types
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.refusal import Refusal
from services.sla.rules.recurrence import Effort, Every, Rule, occurrences
from tests.unit.worktime.cases import seeded

CASES = 300
FIRST = date(2020, 1, 1)
FREQUENCIES = {
    Every.DAILY: rrule.DAILY,
    Every.WEEKLY: rrule.WEEKLY,
    Every.MONTHLY: rrule.MONTHLY,
    Every.YEARLY: rrule.YEARLY,
}
DAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)


@st.composite
def rules(draw: st.DrawFn) -> tuple[Rule, date]:
    """A rule that RFC 5545 allows, and the date from which it starts."""
    every = draw(st.sampled_from(list(Every)))
    months = draw(st.lists(st.integers(1, 12), max_size=3, unique=True))
    month_days: list[int] = []
    if every is not Every.WEEKLY:
        month_days = draw(st.lists(st.sampled_from((1, 2, 13, 28, 29, 30, 31, -1, -2, -31)), max_size=2, unique=True))
    nths = st.just(0)
    if every in (Every.MONTHLY, Every.YEARLY) and not month_days:
        # Both at once are either to RFC 5545, and both to dateutil.
        nths = draw(st.sampled_from((nths, st.sampled_from((1, 2, 4, 5, -1, -2)))))
    weekdays = draw(st.lists(st.tuples(nths, st.integers(0, 6)), max_size=3, unique=True))
    # dateutil takes positions only beside another part, and counts those of the first week from the first date on.
    most = 2 if (months or weekdays) and every in (Every.MONTHLY, Every.YEARLY) else 0
    positions = draw(st.lists(st.sampled_from((1, 2, 3, -1, -2)), max_size=most, unique=True))
    count = draw(st.none() | st.integers(1, 12))
    rule = Rule(
        every=every,
        interval=draw(st.integers(1, 4)),
        count=count,
        until=None if count else draw(st.none() | st.dates(FIRST, date(2030, 12, 31))),
        months=tuple(months),
        month_days=tuple(month_days),
        weekdays=tuple(weekdays),
        positions=tuple(positions),
        week_start=draw(st.sampled_from((0, 6))),
    )
    return rule, draw(st.dates(FIRST, date(2024, 12, 31)))


def by_dateutil(rule: Rule, start: date, last: date) -> list[date]:
    """The same dates by dateutil, taken one by one: left alone it would go on up to the year 9999."""
    found = rrule.rrule(
        FREQUENCIES[rule.every],
        dtstart=datetime.combine(start, datetime.min.time()),
        interval=rule.interval,
        wkst=rule.week_start,
        count=rule.count,
        bymonth=rule.months or None,
        bymonthday=rule.month_days or None,
        byweekday=[DAYS[day](nth) if nth else DAYS[day] for nth, day in rule.weekdays] or None,
        bysetpos=rule.positions or None,
    )
    end = min(rule.until or last, last)
    return list(takewhile(lambda day: day <= end, (at.date() for at in found)))


def test_dates_agree_with_dateutil() -> None:
    """Every drawn rule has the dates that dateutil finds, in its order."""
    met: Counter[str] = Counter()
    last = date(2032, 12, 31)

    @seeded(CASES)
    @given(rules())
    def agree(drawn: tuple[Rule, date]) -> None:
        rule, start = drawn
        ours = _found(rule, start, last)
        met.update({"dated": bool(ours), "ended": rule.until is not None, "counted": rule.count is not None})
        # dateutil would look for ever for a rule that has no date.
        if ours:
            assert ours == by_dateutil(rule, start, last)

    agree()

    print(f"\n{dict(met)}")
    assert met["dated"] > CASES // 2
    assert min(met["ended"], met["counted"]) > CASES // 10


def _found(rule: Rule, start: date, last: date) -> list[date]:
    """Our dates; none when there are more than one entry may have."""
    try:
        return occurrences(rule, start, start, last, Effort(10**6))
    except Refusal:
        return []


def test_what_came_before_counts_but_is_not_told() -> None:
    """Of ten days from 1 January the last three, when dates from the 8th on are asked for."""
    rule = Rule(Every.DAILY, count=10)
    found = occurrences(rule, date(2026, 1, 1), date(2026, 1, 8), date(2030, 1, 1), Effort(100))

    assert found == [date(2026, 1, day) for day in (8, 9, 10)]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule(Every.DAILY), "RECURRENCE_TOO_LONG"),
        (Rule(Every.DAILY, count=2**31 - 1), "RECURRENCE_TOO_LONG"),
        (Rule(Every.YEARLY, months=(2,), month_days=(30,)), "RECURRENCE_TOO_LONG"),
        (Rule(Every.DAILY, months=(2,), month_days=(30,), count=1), "RECURRENCE_TOO_LONG"),
        (Rule(Every.DAILY, interval=0), "RECURRENCE_INVALID"),
        (Rule(Every.DAILY, interval=-1), "RECURRENCE_INVALID"),
        (Rule(Every.DAILY, count=0), "RECURRENCE_INVALID"),
        (Rule(Every.DAILY, count=3, until=FIRST), "RECURRENCE_INVALID"),
        (Rule(Every.YEARLY, months=(13,)), "RECURRENCE_INVALID"),
        (Rule(Every.MONTHLY, month_days=(0,)), "RECURRENCE_INVALID"),
        (Rule(Every.WEEKLY, month_days=(1,)), "RECURRENCE_INVALID"),
        (Rule(Every.WEEKLY, weekdays=((1, 0),)), "RECURRENCE_INVALID"),
        (Rule(Every.MONTHLY, weekdays=((54, 0),)), "RECURRENCE_INVALID"),
        (Rule(Every.MONTHLY, positions=(0,)), "RECURRENCE_INVALID"),
    ],
)
def test_hostile_rules_end_at_once(rule: Rule, reason: str) -> None:
    """Millions of dates, or none at all, are refused after as many looks as were granted."""
    began = time.process_time()
    with pytest.raises(Refusal) as caught:
        occurrences(rule, date(1, 1, 1), date(1, 1, 1), date(9999, 12, 31), Effort(200_000))

    assert caught.value.reason == reason
    assert time.process_time() - began < 5


def test_the_first_and_the_last_dates_that_there_are() -> None:
    """A week that begins before the first date, a year that is the last."""
    weekly, yearly = Rule(Every.WEEKLY, count=2, week_start=6), Rule(Every.YEARLY)
    first = occurrences(weekly, date(1, 1, 2), date.min, date(1, 2, 1), Effort(99))
    final = occurrences(yearly, date(9998, 12, 31), date.min, date.max, Effort(800))

    assert first == [date(1, 1, 2), date(1, 1, 9)]
    assert final == [date(9998, 12, 31), date(9999, 12, 31)]
