"""Hand-worked instants, every kind of clock change, and the laws that tie `elapsed`, `add` and `segments` together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.refusal import Refusal
from services.runtime.worktime import (
    ALL_DAY,
    ALWAYS,
    CLOSED,
    HORIZON,
    CalendarVersion,
    DateOverride,
    Hours,
    add,
    elapsed,
    hours,
    is_open,
    next_open,
    segments,
    workweek,
)
from tests.unit.worktime.cases import CASES, SINCE, ZONES, calendars, durations, instants, seeded

OFFICE = hours("09:00-12:00", "13:00-18:00")
HOUR = timedelta(hours=1)
# The State Council's notice for 2026: Spring Festival 15 to 23 February, work on 14 and 28 February (Saturdays).
SPRING_2026 = (
    DateOverride(date(2026, 2, 14), OFFICE, "make-up workday"),
    *(DateOverride(date(2026, 2, day), CLOSED, "Spring Festival") for day in range(15, 24)),
    DateOverride(date(2026, 2, 28), OFFICE, "make-up workday"),
)


def calendar(zone: str, weekly: tuple[Hours, ...], *overrides: DateOverride) -> CalendarVersion:
    return CalendarVersion("calendars/tested", 1, zone, SINCE, weekly, overrides)


CHINA = calendar("Asia/Shanghai", workweek(OFFICE), *SPRING_2026)


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def length(zone: str, opening: str, day: str) -> timedelta:
    """The business time of one opening on one date (its neighbours closed), looked at from two days around it."""
    only = calendar(zone, workweek(CLOSED), DateOverride(date.fromisoformat(day), hours(opening)))
    middle = utc(day)
    return elapsed(only, middle - timedelta(days=2), middle + timedelta(days=3))


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        ("2026-02-13T17:00:00", 4 * HOUR, "2026-02-14T12:00:00"),
        ("2026-02-13T17:00:00", 4 * HOUR + timedelta(seconds=1), "2026-02-14T13:00:01"),
        ("2026-02-14T17:30:15", HOUR, "2026-02-24T09:30:15"),
        ("2026-02-14T18:00:00", timedelta(0), "2026-02-14T18:00:00"),
        ("2026-02-20T03:00:00", timedelta(microseconds=1), "2026-02-24T09:00:00.000001"),
        ("2026-02-27T17:59:59", 8 * HOUR, "2026-02-28T17:59:59"),
        ("2026-02-27T12:15:00", 40 * HOUR, "2026-03-05T12:00:00"),
    ],
)
def test_make_up_saturdays_and_spring_festival_2026_by_hand(start: str, duration: timedelta, due: str) -> None:
    """Worked out on paper to the second: a Saturday that is worked counts, nine days of Spring Festival do not."""
    assert add(CHINA, china(start), duration) == china(due)
    assert elapsed(CHINA, china(start), china(due)) == duration


def test_february_2026_in_china_by_hand() -> None:
    """Twenty weekdays, less six of Spring Festival, and two Saturdays that are worked, at eight hours each."""
    assert elapsed(CHINA, china("2026-02-01T00:00:00"), china("2026-03-01T00:00:00")) == 16 * 8 * HOUR


@pytest.mark.parametrize(
    ("zone", "opening", "day", "expected"),
    [
        # New York, 8 March 2026: 02:00 to 03:00 is never shown; 1 November: 01:00 to 02:00 is shown twice.
        ("America/New_York", "00:00-24:00", "2026-03-08", 23 * HOUR),
        ("America/New_York", "00:00-24:00", "2026-11-01", 25 * HOUR),
        ("America/New_York", "02:15-02:45", "2026-03-08", timedelta(0)),
        ("America/New_York", "02:30-05:00", "2026-03-08", 2 * HOUR),
        ("America/New_York", "01:00-02:30", "2026-03-08", HOUR),
        ("America/New_York", "01:30-03:00", "2026-11-01", 2 * HOUR + timedelta(minutes=30)),
        ("America/New_York", "00:30-01:30", "2026-11-01", 2 * HOUR),
        ("America/New_York", "00:00-01:00", "2026-11-01", HOUR),
        # London, 25 October 2026: the night shift works the hour twice.
        ("Europe/London", "00:00-06:00", "2026-10-25", 7 * HOUR),
        # Lord Howe changes by half an hour.
        ("Australia/Lord_Howe", "00:00-24:00", "2026-04-05", 24 * HOUR + timedelta(minutes=30)),
        ("Australia/Lord_Howe", "00:00-24:00", "2026-10-04", 23 * HOUR + timedelta(minutes=30)),
        ("Australia/Lord_Howe", "02:00-02:40", "2026-10-04", timedelta(minutes=10)),
        # Troll changes by two hours.
        ("Antarctica/Troll", "00:00-24:00", "2026-03-29", 22 * HOUR),
        ("Antarctica/Troll", "00:00-24:00", "2026-10-25", 26 * HOUR),
        # Samoa has no 30 December 2011.
        ("Pacific/Apia", "09:00-17:00", "2011-12-29", 8 * HOUR),
        ("Pacific/Apia", "09:00-17:00", "2011-12-30", timedelta(0)),
        ("Pacific/Apia", "00:00-24:00", "2011-12-30", timedelta(0)),
        ("Pacific/Apia", "09:00-17:00", "2011-12-31", 8 * HOUR),
        # Havana shows 00:00 to 01:00 twice on 1 November; the day before ends when its date does.
        ("America/Havana", "18:00-24:00", "2026-10-31", 6 * HOUR),
        ("America/Havana", "00:00-24:00", "2026-11-01", 25 * HOUR),
        # Goose Bay fell back at 00:01: for an hour it was the day before once more.
        ("America/Goose_Bay", "23:00-24:00", "2010-11-06", 2 * HOUR),
        # Sao Paulo skipped 00:00 to 01:00.
        ("America/Sao_Paulo", "00:00-02:00", "2018-11-04", HOUR),
        # Kathmandu moved by fifteen minutes.
        ("Asia/Kathmandu", "00:00-24:00", "1986-01-01", 23 * HOUR + timedelta(minutes=45)),
        # POSIX time knows no leap second: 2016 ended with one.
        ("UTC", "23:00-24:00", "2016-12-31", HOUR),
    ],
)
def test_openings_across_clock_changes(zone: str, opening: str, day: str, expected: timedelta) -> None:
    """An opening lasts from the first to the last moment at which the local clock shows a time inside it."""
    assert length(zone, opening, day) == expected


def test_round_the_clock_is_wall_time_whatever_the_clock_does() -> None:
    """In every zone, 24 hours a day on seven days is one opening without end, across twenty years of clock changes."""
    start, end = utc("2007-03-04T05:06:07"), utc("2026-11-23T00:00:00.000001")
    for zone in sorted(set(ZONES) & available_timezones()):
        always = calendar(zone, ALWAYS)
        assert elapsed(always, start, end) == end - start
        assert segments(always, start, end) == [(start, end, True)]


def test_monday_to_friday_round_the_clock() -> None:
    """24 hours a day on weekdays closes on Saturday 00:00 and opens on Monday 00:00, local time."""
    weekdays = calendar("Europe/London", workweek(ALL_DAY))
    friday, sunday = utc("2026-10-23T22:00:00"), utc("2026-10-25T12:00:00")
    assert segments(weekdays, friday, sunday) == [
        (friday, utc("2026-10-23T23:00:00"), True),
        (utc("2026-10-23T23:00:00"), sunday, False),
    ]
    assert next_open(weekdays, sunday) == utc("2026-10-26T00:00:00")
    assert elapsed(weekdays, friday, utc("2026-10-30T23:00:00")) == timedelta(days=5)


def test_hours_past_midnight_are_two_openings_that_join() -> None:
    """22:00-24:00 and 00:00-06:00 of the next date are one night without a seam."""
    nights = calendar("Asia/Shanghai", (hours("00:00-06:00", "22:00-24:00"),) * 7)
    stretches = segments(nights, china("2026-05-04T20:00:00"), china("2026-05-05T07:00:00"))
    assert [one.open for one in stretches] == [False, True, False]
    assert stretches[1].end - stretches[1].start == 8 * HOUR


@seeded(CASES // 8)
@given(st.data())
def test_add_is_the_inverse_of_elapsed_and_earliest(data: st.DataObject) -> None:
    """elapsed(start, add(start, d)) is d, and a microsecond earlier it is less; refused is only what takes too long."""
    zone = data.draw(st.sampled_from(ZONES))
    start = data.draw(instants(zone))
    drawn = data.draw(calendars(zone, start.date()))
    duration = data.draw(durations(400)) + timedelta(microseconds=1)
    if drawn.weekly == workweek(CLOSED, CLOSED):
        return
    if elapsed(drawn, start, start + HORIZON) < duration:
        with pytest.raises(Refusal, match="BEYOND_HORIZON"):
            add(drawn, start, duration)
        return
    due = add(drawn, start, duration)
    assert elapsed(drawn, start, due) == duration
    assert elapsed(drawn, start, due - timedelta(microseconds=1)) == duration - timedelta(microseconds=1)


@seeded(CASES // 8)
@given(st.data())
def test_elapsed_adds_up_and_segments_cover_wall_time(data: st.DataObject) -> None:
    """Two halves are the whole; stretches alternate, follow one another and their open time is what elapsed."""
    zone = data.draw(st.sampled_from(ZONES))
    start = data.draw(instants(zone))
    drawn = data.draw(calendars(zone, start.date()))
    middle = start + data.draw(durations(2000))
    end = middle + data.draw(durations(2000))
    whole = elapsed(drawn, start, end)
    assert elapsed(drawn, start, middle) + elapsed(drawn, middle, end) == whole
    stretches = segments(drawn, start, end)
    assert [one.start for one in stretches] + [end] == [start] + [one.end for one in stretches]
    assert all(one.start < one.end for one in stretches)
    assert all(one.open != following.open for one, following in pairwise(stretches))
    assert sum((one.end - one.start for one in stretches if one.open), timedelta(0)) == whole
    assert all(is_open(drawn, one.start) == one.open for one in stretches)
    opens = next((one.start for one in stretches if one.open), None)
    if opens is not None:
        assert next_open(drawn, start) == opens


def test_a_year_that_was_asked_for_later_changes_no_answer() -> None:
    """Answers are the same whether the years were compiled one by one, backwards or at once."""
    at_once, step_by_step = CHINA, calendar("Asia/Shanghai", workweek(OFFICE), *SPRING_2026)
    years = [datetime(year, 7, 1, 3, tzinfo=UTC) for year in (2020, 2026, 2015, 2040, 2001)]
    one_by_one = [elapsed(step_by_step, at, at + timedelta(days=200)) for at in years]
    elapsed(at_once, years[-1], years[-2])
    assert one_by_one == [elapsed(at_once, at, at + timedelta(days=200)) for at in years]


def test_threads_share_a_calendar() -> None:
    """Eight threads that make one timetable grow at the same time all get the right answers."""
    shared = calendar("America/New_York", workweek(OFFICE), DateOverride(date(2026, 1, 1)))
    years = range(1990, 2022)
    wrong: list[int] = []

    def work(order: list[int]) -> None:
        for year in order:
            start = datetime(year, 1, 1, 5, tzinfo=UTC)
            days = sum(date.fromordinal(date(year, 1, 1).toordinal() + n).weekday() < 5 for n in range(28))
            if elapsed(shared, start, start + timedelta(days=28)) != days * 8 * HOUR:
                wrong.append(year)

    threads = [threading.Thread(target=work, args=([*years[n:], *years[:n]],)) for n in range(0, 32, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_cannot_be_answered_is_refused_by_name() -> None:
    """Each refusal names its reason and the field, and nothing is guessed."""
    start, never = utc("2026-11-23T00:00:00"), calendar("UTC", workweek(CLOSED))
    sparse = calendar("UTC", workweek(CLOSED), DateOverride(date(2026, 12, 1), hours("09:00-10:00")))
    calls: dict[tuple[str, str], Callable[[], object]] = {
        ("BEYOND_HORIZON", "duration"): lambda: add(never, start, HOUR),
        ("BEYOND_HORIZON", "at"): lambda: next_open(never, start),
        ("DURATION_NEGATIVE", "duration"): lambda: add(CHINA, start, -HOUR),
        ("END_BEFORE_START", "end"): lambda: elapsed(CHINA, start, start - HOUR),
        ("TIME_NOT_AWARE", "start"): lambda: elapsed(CHINA, start.replace(tzinfo=None), start),
        ("TIME_NOT_AWARE", "at"): lambda: is_open(CHINA, start.replace(tzinfo=None)),
        ("TIME_OUT_OF_RANGE", "start"): lambda: elapsed(CHINA, utc("1969-12-31T23:59:59"), start),
        ("TIME_OUT_OF_RANGE", "end"): lambda: elapsed(CHINA, start, utc("2200-01-01T00:00:00")),
    }
    for expected, call in calls.items():
        with pytest.raises(Refusal) as refused:
            call()
        assert (refused.value.reason, refused.value.field) == expected
    assert add(sparse, start, HOUR) == utc("2026-12-01T10:00:00")
    with pytest.raises(Refusal, match="less than 1:00:01 of business time"):
        add(sparse, start, HOUR + timedelta(seconds=1))
    with pytest.raises(Refusal, match="BEYOND_HORIZON"):
        add(sparse, start, HOUR, horizon=timedelta(days=7))


def test_the_edge_of_the_known_years_is_exact() -> None:
    """The first and the last instant that have an answer have the right one."""
    always = calendar("Pacific/Apia", ALWAYS)
    first, last = utc("1970-01-01T00:00:00"), utc("2199-12-31T23:59:59.999999")
    assert elapsed(always, first, last) == last - first
    assert add(always, utc("2199-12-31T00:00:00"), HOUR) == utc("2199-12-31T01:00:00")
    with pytest.raises(Refusal, match="BEYOND_HORIZON"):
        add(always, utc("2199-12-31T00:00:00"), timedelta(days=2))
