"""The fold against a walk through every minute, over made-up histories, policies and calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.runtime.worktime import SegmentKind
from services.sla.rules import clock as clock_rules
from services.sla.rules.book import Book
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clocks import ClockBreached, ClockStopped, TicketClocks, moments
from services.sla.rules.fold import fold, pass_deadline
from services.sla.rules.verdict import Supersession
from tests.unit.sla.history import MINUTE, Step, at, books, cause, histories, run, seen
from tests.unit.sla.minutes import FAR, Walked, due, walk

_LETTERS = {SegmentKind.RUNNING: "R", SegmentKind.PAUSED: "P", SegmentKind.CLOSED: "C"}
_settings = settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def _letters(clock: Clock) -> str:
    """What the segments say of every minute; they must be whole minutes here."""
    return "".join(_LETTERS[one.kind] * (one.length // MINUTE) for one in clock.segments)


def _compare(clocks: TicketClocks, clock: Clock, walked: Walked, state: str, steps: list[Step], book: Book) -> None:
    opened, last = steps[0].minute, steps[-1].minute
    assert clock.state == state
    covered = (clock.since.at - at(opened)) // MINUTE
    assert _letters(clock) == "".join(walked.kinds[:covered])
    assert sum((one.length for one in clock.segments), timedelta()) == clock.since.at - clock.started_at
    assert clock.elapsed == walked.kinds[:covered].count("R") * MINUTE
    if state == "cancelled":
        return
    breached = walked.breached()
    assert clock.breached_at == (None if breached is None else at(opened + breached))
    if clock.stopped_at is not None:
        assert walked.stopped is not None
        assert clock.stopped_at == at(opened + walked.stopped)
    if clock.live:
        calendar = book.version(clocks.calendar, clocks.calendar_version)
        assert clock_rules.remaining(clock, calendar, at(last)) == walked.terms.duration - len(walked.ran) * MINUTE
        if state == "running" and breached is None:
            expected = due(walked, opened, last, calendar)
            assert expected is not None, f"not due within {FAR} minutes"
            assert clock.due_at == at(opened + expected)


@_settings
@given(steps=histories(), book=books())
def test_the_fold_agrees_with_every_minute(steps: list[Step], book: Book) -> None:
    """State, elapsed time, every minute of the segments, due, breach and stop are what the walk says."""
    clocks, _ = run(steps, book)
    walked = walk(steps, book)

    assert {one.kind for one in clocks.clocks} == set(walked)
    for clock in clocks.clocks:
        _compare(clocks, clock, *walked[clock.kind], steps, book)


@_settings
@given(steps=histories(), book=books(), seed=st.randoms(use_true_random=False))
def test_timers_change_nothing_but_when_it_was_noticed(steps: list[Step], book: Book, seed: object) -> None:
    """Deadlines fired in time, late, or not at all between any two events: the clocks are the same in the end.

    An event that a timer overtook counts from its own time, so the timer's finding is taken back.
    """
    choose = seed.random  # type: ignore[attr-defined]  # hypothesis's Random
    silent, _ = run(steps, book)
    clocks: TicketClocks | None = None
    responded_at = None
    for index, step in enumerate(steps):
        if step.responded and responded_at is None:
            responded_at = at(step.minute)
        clocks, _told = fold(clocks, seen(step, responded_at, steps[0].minute), at(step.minute), cause(index), book)
        while choose() < 0.7 and (open_moments := sorted(moments(clocks), key=lambda one: one.at)):
            moment = open_moments[0]
            clocks, _told = pass_deadline(clocks, moment, fired_at=moment.at + MINUTE)
            assert moment not in list(moments(clocks))
    assert clocks is not None
    # An event of the end, after all that any timer has seen, settles what was found ahead of the events.
    end = replace(steps[-1], minute=steps[-1].minute + FAR)
    timed, _told = fold(clocks, seen(end, responded_at, steps[0].minute), at(end.minute), "end", book)
    plain, _told = fold(silent, seen(end, responded_at, steps[0].minute), at(end.minute), "end", book)

    assert _without_notices(timed) == _without_notices(plain)


@_settings
@given(steps=histories(), book=books())
def test_a_breach_and_a_stop_are_told_once(steps: list[Step], book: Book) -> None:
    """As often as a clock was found breached and stopped while nothing was taken back, others hear of it."""
    clocks, told = run(steps, book)

    for clock in clocks.clocks:
        breaches = [one for one in told if isinstance(one, ClockBreached) and one.kind is clock.kind]
        stops = [one for one in told if isinstance(one, ClockStopped) and one.kind is clock.kind]
        if clock.breached_at is not None:
            assert breaches
        if clock.state is not ClockState.RUNNING and clock.state is not ClockState.PAUSED:
            assert stops
        one_promise = all(step.priority == steps[0].priority for step in steps)
        if one_promise:
            assert len(breaches) == (clock.breached_at is not None)


def _without_notices(clocks: TicketClocks) -> TicketClocks:
    return replace(clocks, passed=None, clocks=tuple(_unnoticed(one) for one in clocks.clocks))


def _unnoticed(clock: Clock) -> Clock:
    """The clock without what a timer left: when it fired, and the verdict that a late event took back."""
    told = tuple(one for one in clock.verdicts if one.reason is not Supersession.CORRECTED)
    return replace(clock, fired_at=None, verdicts=told)
