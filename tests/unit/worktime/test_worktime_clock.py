"""Clocks by hand: what runs, what pauses, when it is due and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.runtime.refusal import Refusal
from services.runtime.worktime import (
    CalendarVersion,
    DateOverride,
    Mark,
    Reading,
    Segment,
    SegmentKind,
    check,
    hours,
    read,
    workweek,
)

RUNNING, PAUSED, CLOSED = SegmentKind.RUNNING, SegmentKind.PAUSED, SegmentKind.CLOSED
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
OFFICE = CalendarVersion("calendars/office", 3, "Asia/Shanghai", SINCE, workweek(hours("09:00-12:00", "13:00-18:00")))


def at(day: int, text: str) -> datetime:
    """A local instant of November 2026; the 20th is a Friday."""
    return datetime.fromisoformat(f"2026-11-{day:02}T{text}").replace(tzinfo=ZoneInfo("Asia/Shanghai"))


OPENED = Mark(at(20, "11:30:20"), running=True, cause="opened")
ASKED = Mark(at(20, "17:15:05"), running=False, cause="asked")
ANSWERED = Mark(at(23, "10:00:00"), running=True, cause="answered")


def test_a_hand_worked_clock_to_the_second() -> None:
    """Eight hours from Friday 11:30:20 with a question over the weekend: due on Monday at 14:15:15, one reason a span.

    Friday runs 0:29:40 before lunch and 4:15:05 after it, so 3:15:15 are left on Monday at 10:00:00: two hours until
    lunch, and 1:15:15 from 13:00:00 on.
    """
    reading = read(OFFICE, 8 * HOUR, [OPENED, ASKED, ANSWERED], at(23, "13:00:00"))
    check(reading)
    assert reading.due_at == at(23, "14:15:15")
    assert reading.elapsed == timedelta(hours=6, minutes=44, seconds=45)
    assert reading.remaining == timedelta(hours=1, minutes=15, seconds=15)
    assert not reading.overdue
    assert list(reading.segments) == [
        Segment(at(20, "11:30:20"), at(20, "12:00:00"), RUNNING, "opened"),
        Segment(at(20, "12:00:00"), at(20, "13:00:00"), CLOSED, "calendars/office@3"),
        Segment(at(20, "13:00:00"), at(20, "17:15:05"), RUNNING, "opened"),
        Segment(at(20, "17:15:05"), at(23, "10:00:00"), PAUSED, "asked"),
        Segment(at(23, "10:00:00"), at(23, "12:00:00"), RUNNING, "answered"),
        Segment(at(23, "12:00:00"), at(23, "13:00:00"), CLOSED, "calendars/office@3"),
    ]


def test_a_paused_clock_has_no_due_instant_from_the_moment_of_the_pause() -> None:
    """At the very instant of the pause nothing is projected any more; just before it still is."""
    before = read(OFFICE, 8 * HOUR, [OPENED, ASKED], at(20, "17:15:04"))
    during = read(OFFICE, 8 * HOUR, [OPENED, ASKED], at(20, "17:15:05"))
    assert before.due_at == at(23, "11:30:20")
    assert during.due_at is None
    assert during.remaining == before.remaining - SECOND


def test_a_clock_used_up_before_its_pause_stays_overdue() -> None:
    """A pause after the breach neither hides it nor moves it."""
    reading = read(OFFICE, HOUR, [OPENED, ASKED], at(22, "00:00:00"))
    assert reading.due_at == at(20, "13:30:20")
    assert reading.overdue
    assert reading.remaining == timedelta(hours=-3, minutes=-44, seconds=-45)


@pytest.mark.parametrize(("until", "overdue"), [("13:30:19.999999", False), ("13:30:20", True)])
def test_a_clock_is_overdue_from_the_due_instant_on(until: str, overdue: bool) -> None:
    """Used up is used up at the instant itself, not a microsecond before."""
    assert read(OFFICE, HOUR, [OPENED], at(20, until)).overdue is overdue


def test_a_target_that_ends_with_an_opening_is_due_there_even_if_paused_at_that_instant() -> None:
    """Reaching the target exactly when the pause begins is reaching it."""
    pause = Mark(at(20, "12:00:00"), running=False, cause="lunch")
    reading = read(OFFICE, timedelta(minutes=29, seconds=40), [OPENED, pause], at(20, "12:00:00"))
    assert reading.due_at == at(20, "12:00:00")
    assert reading.overdue


def test_a_clock_may_start_paused() -> None:
    """Nothing runs until the first mark that lets it."""
    waiting = Mark(at(20, "09:00:00"), running=False, cause="waiting")
    reading = read(OFFICE, HOUR, [waiting, OPENED], at(20, "11:45:20"))
    check(reading)
    assert reading.elapsed == timedelta(minutes=15)
    assert [one.kind for one in reading.segments] == [PAUSED, RUNNING]


def test_late_marks_fall_into_place_and_later_ones_are_not_known_yet() -> None:
    """The order in which marks arrive does not matter; what happens after `until` changes nothing."""
    marks = [ANSWERED, OPENED, ASKED]
    until = at(23, "09:30:00")
    assert read(OFFICE, 8 * HOUR, marks, until) == read(OFFICE, 8 * HOUR, [OPENED, ASKED], until)


def test_of_marks_at_one_instant_the_last_given_holds() -> None:
    """Opened and put on hold by the same instant is on hold, and the first leaves no empty segment."""
    held = Mark(OPENED.at, running=False, cause="held")
    reading = read(OFFICE, HOUR, [OPENED, held], at(20, "12:30:00"))
    check(reading)
    assert [one.cause for one in reading.segments] == ["held"]
    assert reading.due_at is None


def test_a_reading_at_the_start_has_a_due_instant_and_no_segments() -> None:
    """What is promised at the moment of opening."""
    reading = read(OFFICE, 2 * HOUR, [OPENED], OPENED.at)
    check(reading)
    assert reading.segments == ()
    assert reading.due_at == at(20, "14:30:20")


def test_a_change_of_target_keeps_what_elapsed() -> None:
    """Read up to the change, then carried on under the other target: as if it had been the target all along."""
    change = Mark(at(20, "15:00:00"), running=True, cause="priority")
    before = read(OFFICE, 8 * HOUR, [OPENED], change.at)
    after = read(OFFICE, 4 * HOUR, [change], at(20, "17:00:00"), carried=before.elapsed)
    check(after)
    assert after.due_at == read(OFFICE, 4 * HOUR, [OPENED], at(20, "17:00:00")).due_at
    assert after.elapsed == before.elapsed + 2 * HOUR
    used_up = read(OFFICE, HOUR, [change], at(20, "17:00:00"), carried=before.elapsed)
    assert used_up.due_at == change.at


def test_all_instants_are_told_in_utc() -> None:
    """Whatever zone the marks came in."""
    reading = read(OFFICE, HOUR, [OPENED, ASKED], at(20, "18:00:00"))
    assert {one.start.tzinfo for one in reading.segments} == {UTC}
    assert reading.start.tzinfo is UTC
    assert reading.until.tzinfo is UTC


def test_what_is_no_clock_is_refused() -> None:
    """No mark, none yet, no target, a target out of reach, a naive instant."""
    until, reasons = at(20, "18:00:00"), []
    never = replace(
        OFFICE, weekly=workweek(()), overrides=(DateOverride(at(20, "00:00:00").date(), hours("00:00-24:00")),)
    )
    for call in (
        lambda: read(OFFICE, HOUR, [], until),
        lambda: read(OFFICE, HOUR, [OPENED], OPENED.at - SECOND),
        lambda: read(OFFICE, timedelta(0), [OPENED], until),
        lambda: read(OFFICE, HOUR, [OPENED], until, carried=-SECOND),
        lambda: read(never, 100 * HOUR, [OPENED], until),
        lambda: Mark(datetime(2026, 11, 20), running=True, cause="naive"),  # noqa: DTZ001 - what it refuses
    ):
        with pytest.raises(Refusal) as refused:
            call()
        reasons.append(refused.value.reason)
    assert reasons == [
        "CLOCK_NOT_STARTED",
        "CLOCK_NOT_STARTED",
        "TARGET_NOT_POSITIVE",
        "DURATION_NEGATIVE",
        "BEYOND_HORIZON",
        "TIME_NOT_AWARE",
    ]


def test_the_check_finds_every_way_in_which_segments_can_disagree() -> None:
    """A gap, an overlap, a short or a long end, an empty segment, a changed kind: none passes."""
    right = read(OFFICE, 8 * HOUR, [OPENED, ASKED, ANSWERED], at(23, "13:00:00"))
    first, *rest = right.segments
    *most, last = right.segments
    empty = replace(first, end=first.start)
    wrong: list[tuple[Segment, ...]] = [
        (),
        tuple(rest),
        tuple(most),
        (replace(first, end=first.end - SECOND), *rest),
        (replace(first, end=first.end + SECOND), *rest),
        (*most, replace(last, end=last.end + SECOND)),
        (empty, *right.segments),
        (replace(first, kind=PAUSED), *rest),
        (first, replace(rest[0], kind=RUNNING), *rest[1:]),
    ]
    check(right)
    for one in wrong:
        with pytest.raises(Refusal, match="SEGMENTS_DISAGREE"):
            check(reading_with(right, one))
    with pytest.raises(Refusal, match="SEGMENTS_DISAGREE"):
        check(replace(right, elapsed=right.elapsed + SECOND))


def reading_with(reading: Reading, told: tuple[Segment, ...]) -> Reading:
    return replace(reading, segments=told)
