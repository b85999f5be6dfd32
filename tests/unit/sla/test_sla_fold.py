"""What each event does to the clocks, case by case."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from services.runtime.refusal import NotYet
from services.runtime.worktime import CalendarVersion, SegmentKind
from services.sla.rules.book import Book
from services.sla.rules.calendar import Calendar, Edition
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clocks import (
    ClockBreached,
    ClocksChanged,
    ClocksStarted,
    ClockStopped,
    ClockWarned,
    Moment,
    TicketClocks,
    moments,
)
from services.sla.rules.fold import fold, pass_deadline
from services.sla.rules.policy import ClockKind, StopMark
from services.sla.rules.segment import MOST, ClockDisagreesError, Segment, bounded, prove, used_up
from services.sla.rules.ticket import TicketState
from tests.unit.sla.history import (
    ALWAYS_OPEN,
    MINUTE,
    TICKET,
    Step,
    at,
    book,
    calendar,
    cause,
    policy,
    run,
    seen,
    target,
)

NEW, WORK, ASKED, HELD = (
    TicketState.NEW,
    TicketState.IN_PROGRESS,
    TicketState.AWAITING_REQUESTER,
    TicketState.ON_HOLD,
)
DONE, SHUT, GONE = TicketState.RESOLVED, TicketState.CLOSED, TicketState.CANCELLED
WAITS = frozenset({ASKED, HELD})
RULES = book(
    policy(
        3,
        target(ClockKind.RESPONSE, 60),
        target(ClockKind.RESOLUTION, 480, pauses=WAITS, warn=50),
        version=ALWAYS_OPEN,
    )
)


def _names(told: list[object]) -> list[str]:
    return [type(one).__name__ for one in told]


def _clock(clocks: TicketClocks, kind: ClockKind) -> Clock:
    return next(one for one in clocks.clocks if one.kind is kind)


def test_the_response_clock_ends_at_the_reply_and_else_at_the_solution() -> None:
    """A reply told of by a later event still ends it when it was made; solving without a reply is the response."""
    late = run([Step(0, NEW), Step(90, WORK)], RULES)[0]
    heard, _ = fold(late, replace(seen(Step(120, WORK), at(100))), at(120), "x", RULES)
    solved, _ = run([Step(0, NEW), Step(30, DONE)], RULES)

    assert _clock(heard, ClockKind.RESPONSE).stopped_at == at(100)
    assert _clock(heard, ClockKind.RESPONSE).state is ClockState.MISSED
    assert _clock(solved, ClockKind.RESPONSE).state is ClockState.MET


def test_one_pause_after_another_is_two_segments_with_their_own_causes() -> None:
    """From waiting for the requester to on hold: the clock stands still throughout, and each wait names its event."""
    steps = [Step(0, NEW), Step(10, ASKED), Step(30, HELD), Step(60, WORK), Step(70, DONE)]
    clocks, told = run(steps, RULES)

    parts = _clock(clocks, ClockKind.RESOLUTION).segments
    assert [(one.kind, one.cause, one.ticket_state) for one in parts] == [
        (SegmentKind.RUNNING, cause(0), None),
        (SegmentKind.PAUSED, cause(1), ASKED),
        (SegmentKind.PAUSED, cause(2), HELD),
        (SegmentKind.RUNNING, cause(3), None),
    ]
    assert _names(list(told)) == [
        "ClocksStarted", "ClocksChanged", "ClocksChanged", "ClockBreached", "ClockStopped", "ClockStopped",
    ]  # fmt: skip


def test_reopening_runs_on_with_elapsed_time_and_breach_kept() -> None:
    """The time between solution and reopening is a pause; a breach from before stays, and the stop is missed again."""
    steps = [Step(0, NEW), Step(480, DONE), Step(500, WORK), Step(510, DONE)]
    clocks, told = run(steps, RULES)

    clock = _clock(clocks, ClockKind.RESOLUTION)
    assert clock.elapsed == 490 * MINUTE
    assert clock.breached_at == at(480)
    assert clock.state is ClockState.MISSED
    assert [one.kind for one in told if isinstance(one, ClockBreached)] == [ClockKind.RESPONSE, ClockKind.RESOLUTION]
    assert [one.kind for one in told if isinstance(one, ClockStopped)].count(ClockKind.RESOLUTION) == 2


def test_used_up_to_the_last_moment_is_a_breach() -> None:
    """A minute before the target is met, the very moment of it is not: a timer could not tell the two apart."""
    just, _ = run([Step(0, NEW), Step(479, DONE)], RULES)
    past, _ = run([Step(0, NEW), Step(480, DONE)], RULES)

    assert _clock(just, ClockKind.RESOLUTION).state is ClockState.MET
    assert _clock(past, ClockKind.RESOLUTION).state is ClockState.MISSED


def test_a_cancelled_ticket_has_cancelled_clocks_and_waits_for_nothing() -> None:
    """Clocks of a cancelled ticket are neither met nor missed; should it come back, they go on, paused meanwhile."""
    clocks, told = run([Step(0, NEW), Step(10, GONE)], RULES)

    assert {one.state for one in clocks.clocks} == {ClockState.CANCELLED}
    assert _names(list(told)) == ["ClocksStarted", "ClockStopped", "ClockStopped"]
    assert not list(moments(clocks))
    back, _ = fold(clocks, seen(Step(20, WORK), None), at(20), "back", RULES)
    assert _clock(back, ClockKind.RESOLUTION).due_at == at(490)


def test_a_warning_is_told_while_it_can_be_acted_on() -> None:
    """Found by a later event it is told while the clock runs on; not when it has ended, nor of a history."""
    steps = [Step(0, NEW), Step(300, WORK)]
    running, told = run(steps, RULES)
    ended, quiet = run([Step(0, NEW), Step(300, DONE)], RULES)
    _, silent = run([replace(step, importing=True) for step in steps], RULES)

    assert [one.kind for one in told if isinstance(one, ClockWarned)] == [ClockKind.RESOLUTION]
    assert not [one for one in (*quiet, *silent) if isinstance(one, ClockWarned)]
    for clocks in (running, ended):
        assert _clock(clocks, ClockKind.RESOLUTION).warned_at == at(240)


def test_an_event_that_turns_nothing_tells_nothing() -> None:
    """A comment or another team changes no clock; the team is kept for the lists."""
    clocks, _ = run([Step(0, NEW)], RULES)
    after, told = fold(clocks, replace(seen(Step(5, WORK), None), team="teams/net"), at(5), "x", RULES)

    assert told == ()
    assert after.team == "teams/net"
    assert after.clocks == clocks.clocks


def test_an_event_dated_before_its_predecessor_counts_with_it() -> None:
    """Clocks of machines differ a little; time of a ticket never runs backwards."""
    clocks, _ = run([Step(0, NEW), Step(10, ASKED)], RULES)
    after, _ = fold(clocks, seen(Step(9, WORK), None), at(9), "x", RULES)

    assert _clock(after, ClockKind.RESOLUTION).since.at == at(10)
    assert after.last_at == at(10)


def test_another_priority_keeps_time_and_finds_when_the_new_target_was_used_up() -> None:
    """Three hours under P3 count against P1's one: used up after the first. Back at P3 nothing is breached."""
    rules = book(
        policy(1, target(ClockKind.RESOLUTION, 60), version=ALWAYS_OPEN),
        policy(3, target(ClockKind.RESOLUTION, 480), version=ALWAYS_OPEN),
    )
    raised, told = run([Step(0, NEW, 3), Step(180, WORK, 1)], rules)
    lowered, more = run([Step(0, NEW, 3), Step(180, WORK, 1), Step(200, WORK, 3)], rules)

    assert raised.clocks[0].breached_at == at(60)
    assert _names(list(told)) == ["ClocksStarted", "ClockBreached"]
    assert lowered.clocks[0].breached_at is None
    assert lowered.clocks[0].due_at == at(480)
    assert isinstance(more[-1], ClocksChanged)


def test_a_judged_clock_keeps_its_verdict_under_another_priority() -> None:
    """The response met under P3 stays met when the ticket is raised to P1 afterwards."""
    rules = book(
        policy(1, target(ClockKind.RESPONSE, 5), target(ClockKind.RESOLUTION, 60), version=ALWAYS_OPEN),
        policy(3, target(ClockKind.RESPONSE, 60), version=ALWAYS_OPEN),
    )
    clocks, told = run([Step(0, NEW, 3), Step(30, WORK, 3, responded=True), Step(40, WORK, 1, responded=True)], rules)

    response, resolution = clocks.clocks
    assert (response.state, response.terms.duration) == (ClockState.MET, 60 * MINUTE)
    assert (resolution.started_at, resolution.due_at) == (at(0), at(60))
    assert _names(list(told)) == ["ClocksStarted", "ClockStopped", "ClocksChanged"]


def test_versions_are_pinned_until_the_policy_is_chosen_anew() -> None:
    """A calendar or policy published meanwhile is taken with the next choice, not by a clock that runs."""
    newer = replace_version(ALWAYS_OPEN, 2)
    both = Calendar(ALWAYS_OPEN.name, (Edition(ALWAYS_OPEN, {}), Edition(newer, {})))
    clocks, _ = run([Step(0, NEW)], RULES)
    fresh = replace(RULES.policies[0], version=2)
    later = Book((fresh, replace(fresh, name="policies/p1", match=replace(fresh.match, priorities=frozenset({1})))),
                 {both.name: both})  # fmt: skip
    same, _ = fold(clocks, seen(Step(5, ASKED), None), at(5), "x", later)
    moved, _ = fold(same, seen(Step(9, WORK, 1), None), at(9), "y", later)

    assert (same.policy_version, same.calendar_version) == (1, 1)
    assert (moved.policy, moved.policy_version, moved.calendar_version) == ("policies/p1", 2, 2)
    with pytest.raises(NotYet):
        fold(moved, seen(Step(12, ASKED, 1), None), at(12), "z", RULES)


def test_history_ends_and_deadlines_begin() -> None:
    """While a history comes in nothing is waited for; the last step tells that the clocks live from now on."""
    clocks, _ = run([Step(0, NEW, importing=True)], RULES)
    assert not list(moments(clocks))
    after, told = fold(clocks, seen(Step(5, NEW), None), at(5), "x", RULES)

    assert [type(one) for one in told] == [ClocksChanged]
    assert {(one.kind, one.warning, one.at) for one in moments(after)} == {
        (ClockKind.RESPONSE, False, at(60)),
        (ClockKind.RESOLUTION, False, at(480)),
        (ClockKind.RESOLUTION, True, at(240)),
    }


def test_a_deadline_is_taken_once_and_a_void_one_never() -> None:
    """The same moment again, or one that no longer holds, changes nothing and tells nothing."""
    clocks, _ = run([Step(0, NEW)], RULES)
    due = Moment(ClockKind.RESPONSE, warning=False, at=at(60))
    fired, told = pass_deadline(clocks, due, at(61))

    assert [(type(one), one.kind) for one in told if isinstance(one, ClockBreached)] == [
        (ClockBreached, ClockKind.RESPONSE)
    ]
    assert fired.clocks[0].fired_at == at(61)
    assert pass_deadline(fired, due, at(62)) == (fired, ())
    assert pass_deadline(clocks, replace(due, at=at(59)), at(60)) == (clocks, ())


def test_a_breach_taken_back_comes_again_at_the_same_moment() -> None:
    """A pause in closed hours, heard of too late, moves no deadline: the moment that passed is a breach again."""
    rules = book(policy(3, target(ClockKind.RESOLUTION, 600, pauses=WAITS)))
    clocks, _ = run([Step(0, NEW)], rules)
    (due,) = moments(clocks)
    fired, _ = pass_deadline(clocks, due, due.at)
    evening = int((due.at - at(0)) / MINUTE) - 14 * 60
    paused, _ = fold(fired, seen(Step(evening, ASKED), None), at(evening), "p", rules)
    resumed, told = fold(paused, seen(Step(evening + 30, WORK), None), at(evening + 30), "r", rules)

    assert paused.clocks[0].breached_at is None
    assert resumed.clocks[0].breached_at == due.at
    assert _names(list(told)) == ["ClockBreached"]


def test_clocks_that_stop_at_closing_run_while_resolved() -> None:
    """The policy's mark ends the clock; from solution to closing it runs, unless the policy pauses it there."""
    for pauses, elapsed in ((frozenset(), 100), (frozenset({DONE}), 60)):
        rules = book(
            policy(3, target(ClockKind.RESOLUTION, 480, stop=StopMark.CLOSED, pauses=pauses), version=ALWAYS_OPEN)
        )
        clocks, _ = run([Step(0, NEW), Step(60, DONE), Step(100, SHUT)], rules)
        assert clocks.clocks[0].elapsed == elapsed * MINUTE
        assert clocks.clocks[0].stopped_at == at(100)


def test_a_long_life_stays_small_and_adds_up() -> None:
    """Four hundred pauses: the oldest segments are summed up by kind, and every sum is what it was."""
    steps = [Step(0, NEW)]
    steps += [Step(10 * number, (WORK, ASKED)[number % 2]) for number in range(1, 801)]
    clocks, _ = run(steps, RULES)

    clock = _clock(clocks, ClockKind.RESOLUTION)
    parts: tuple[Segment, ...] = clock.segments
    assert len(parts) <= MOST
    assert sum((one.length for one in parts), timedelta()) == at(8000) - at(0)
    running = sum((one.length for one in parts if one.kind is SegmentKind.RUNNING), timedelta())
    assert running == clock.elapsed == 4000 * MINUTE
    assert sum(one.merged or 1 for one in parts) == 800
    assert used_up(parts, 480 * MINUTE) is not None
    assert bounded(parts) == parts


def test_segments_that_do_not_explain_the_clock_are_a_fault() -> None:
    """A gap, an overlap, a wrong end or a wrong sum is never stored."""
    one = Segment(at(0), at(10), SegmentKind.RUNNING, "a")
    two = Segment(at(10), at(20), SegmentKind.PAUSED, "b", ASKED)
    prove((one, two), at(0), at(20), 10 * MINUTE)
    faults: tuple[tuple[tuple[Segment, ...], datetime, timedelta], ...] = (
        ((two,), at(20), timedelta()),
        ((one, replace(two, start=at(11))), at(20), 10 * MINUTE),
        ((one, two), at(21), 10 * MINUTE),
        ((one, two), at(20), 9 * MINUTE),
        ((one, replace(two, end=at(10))), at(10), 10 * MINUTE),
    )
    for parts, until, elapsed in faults:
        with pytest.raises(ClockDisagreesError):
            prove(parts, at(0), until, elapsed)


def test_no_promise_no_clocks_and_a_lost_promise_cancels() -> None:
    """Priority 4 is promised nothing; coming back to 3 counts from the opening, as if it had always been so."""
    nothing, told = run([Step(0, NEW, 4), Step(10, ASKED, 4)], RULES)
    assert (nothing.clocks, told) == ((), [])
    lost, more = run([Step(0, NEW, 3), Step(10, WORK, 4)], RULES)
    back, _ = run([Step(0, NEW, 3), Step(10, WORK, 4), Step(30, WORK, 3)], RULES)

    assert {one.state for one in lost.clocks} == {ClockState.CANCELLED}
    assert (lost.ticket, lost.policy) == (TICKET, "")
    assert _names(list(more)) == [ClocksStarted.__name__, ClockStopped.__name__, ClockStopped.__name__]
    assert _clock(back, ClockKind.RESOLUTION).due_at == at(480)


def replace_version(version: CalendarVersion, number: int) -> CalendarVersion:
    """The next version of a calendar, with the same hours."""
    return replace(version, version=number)


def test_the_calendar_in_force_is_pinned() -> None:
    """Of several versions a clock takes the one in force at its start; before all of them, the first to come."""
    early = replace(ALWAYS_OPEN, effective_from=at(100))
    late = replace(ALWAYS_OPEN, version=2, effective_from=at(1000))
    kept = Calendar(ALWAYS_OPEN.name, (Edition(early, {}), Edition(late, {})))

    assert [kept.at(at(minute)).version for minute in (0, 100, 999, 1000)] == [1, 1, 1, 2]
    assert calendar(ALWAYS_OPEN).edition(0).version == ALWAYS_OPEN
