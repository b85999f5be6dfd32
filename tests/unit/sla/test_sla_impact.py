"""Clocks that count from the start of the impact: worked by hand, and judged anew when it is said later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import bson
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.worktime import SegmentKind
from services.sla.rules import clock as clock_rules
from services.sla.rules import trial
from services.sla.rules.book import Book
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clocks import ClockBreached, ClocksChanged, ClocksEvent, Moment, TicketClocks
from services.sla.rules.fold import fold, pass_deadline
from services.sla.rules.history import Step as Kept
from services.sla.rules.history import extended
from services.sla.rules.judgement import Filed, Reason, judge, outcome, refolded
from services.sla.rules.policy import ClockKind, Policy, Target
from services.sla.rules.segment import MOST
from services.sla.rules.target import StartMark
from services.sla.rules.ticket import TicketState
from services.sla.rules.verdict import Supersession
from services.sla.store import CLOCKS
from services.sla.store import history as stored
from tests.unit.sla.history import ALWAYS_OPEN, MINUTE, OFFICE, Step, at, book, cause, policy, seen, target

NEW, WORK, ASKED, DONE = (
    TicketState.NEW,
    TicketState.IN_PROGRESS,
    TicketState.AWAITING_REQUESTER,
    TicketState.RESOLVED,
)
RUNNING, PAUSED, CLOSED = SegmentKind.RUNNING, SegmentKind.PAUSED, SegmentKind.CLOSED
RESPONSE, RESOLUTION = ClockKind.RESPONSE, ClockKind.RESOLUTION
# Thursday 10:00 in Shanghai; the impact began on Wednesday at 16:00, of which three hours are service time.
OPENED, BEGAN = 120, -960
SAID = "tickets/INC-000001/said"
LONG_AFTER = at(10_000_000)
_AWARE: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)


def from_impact(one: Target) -> Target:
    return replace(one, start_mark=StartMark.IMPACT)


RULES = book(
    policy(
        3,
        from_impact(target(RESPONSE, 240)),
        from_impact(target(RESOLUTION, 480, pauses=frozenset({ASKED}), warn=50)),
    )
)


def fold_all(
    steps: Sequence[tuple[Step, int | None]], rules: Book, opened: int = OPENED
) -> tuple[TicketClocks, list[ClocksEvent], tuple[Kept, ...]]:
    """The clocks after all steps, each with the minute at which the ticket then says that its impact began."""
    clocks: TicketClocks | None = None
    told: list[ClocksEvent] = []
    kept: tuple[Kept, ...] = ()
    responded_at: datetime | None = None
    for index, (step, began) in enumerate(steps):
        responded_at = responded_at or (at(step.minute) if step.responded else None)
        ticket = replace(seen(step, responded_at, opened), impact_at=None if began is None else at(began))
        clocks, events = fold(clocks, ticket, at(step.minute), cause(index), rules)
        kept = extended(kept, ticket, clocks.last_at)
        told += events
    assert clocks is not None
    return clocks, told, kept


def clock_of(clocks: TicketClocks, kind: ClockKind = RESOLUTION) -> Clock:
    return next(one for one in clocks.clocks if one.kind is kind)


def spans(clock: Clock) -> list[tuple[int, int, SegmentKind]]:
    return [((one.start - at(0)) // MINUTE, (one.end - at(0)) // MINUTE, one.kind) for one in clock.segments]


def test_a_clock_that_begins_before_the_opening_agrees_with_the_hand() -> None:
    """480 min from Wednesday 16:00: 120 that day, 60 before the opening, 120 to noon, and the rest by 16:00."""
    clocks, _, _ = fold_all([(Step(OPENED, NEW), BEGAN)], RULES)
    clock = clock_of(clocks)

    assert (clock.started_at, clock.elapsed, clock.due_at) == (at(BEGAN), 180 * MINUTE, at(480))
    assert spans(clock) == [(BEGAN, -840, RUNNING), (-840, 60, CLOSED), (60, OPENED, RUNNING)]
    assert clock_of(clocks, RESPONSE).due_at == at(180)
    plain, _, _ = fold_all([(Step(OPENED, NEW), OPENED + 30)], RULES)
    assert (clock_of(plain).started_at, clock_of(plain).due_at) == (at(OPENED), at(1560))


def test_said_late_it_leaves_the_old_verdict_beside_the_new_one() -> None:
    """Solved in time by the opening, too late by the impact; told as a breach, and taken back it is in time again."""
    story = [(Step(OPENED, NEW), None), (Step(150, WORK, responded=True), None), (Step(540, DONE), None)]
    before, _, _ = fold_all(story, RULES)
    late = [*story, (Step(550, DONE), BEGAN)]
    after, told, _ = fold_all(late, RULES)
    back, told_back, _ = fold_all([*late, (Step(560, DONE), None)], RULES)

    old, new = clock_of(before), clock_of(after)
    assert (old.state, old.elapsed, old.stopped_at) == (ClockState.MET, 360 * MINUTE, at(540))
    assert (new.state, new.elapsed, new.stopped_at) == (ClockState.MISSED, 540 * MINUTE, at(540))
    assert (new.breached_at, new.due_at, new.warned_at) == (at(480), at(480), at(120 + 60))
    (verdict,) = new.verdicts
    assert (verdict.state, verdict.elapsed, verdict.started_at) == (ClockState.MET, 360 * MINUTE, at(OPENED))
    assert (verdict.superseded_at, verdict.superseded_by) == (at(550), cause(3))
    assert verdict.reason is Supersession.IMPACT_MOVED
    assert new.segments[0].cause == cause(3)
    assert new.segments[3:] == old.segments
    assert [one.kind for one in told[-1:] if isinstance(one, ClockBreached)] == [RESOLUTION]
    again = clock_of(back)
    assert replace(again, verdicts=()) == old
    assert [one.state for one in again.verdicts] == [ClockState.MET, ClockState.MISSED]
    assert isinstance(told_back[-1], ClocksChanged)


def test_a_running_clock_takes_the_time_before_the_opening() -> None:
    """Less is left, a breach that a timer found is another one, and one that is undone waits for its own moment."""
    story = [(Step(OPENED, NEW), None), (Step(300, WORK), None)]
    plain, _, _ = fold_all(story, RULES)
    dated, told, _ = fold_all([*story, (Step(310, WORK), BEGAN)], RULES)
    assert (clock_of(plain).due_at, clock_of(dated).due_at) == (at(1560), at(480))
    assert clock_of(dated).since == clock_of(plain).since
    assert [one.kind for one in told if isinstance(one, ClockBreached)] == [RESPONSE]

    due = at(480)
    fired, _ = pass_deadline(dated, Moment(RESOLUTION, warning=False, at=due), due)
    ticket = replace(seen(Step(600, WORK), None, OPENED), impact_at=at(90))
    corrected, _ = fold(fired, ticket, at(600), SAID, RULES)
    clock = clock_of(corrected)
    assert (clock.breached_at, clock.fired_at, clock.due_at) == (None, None, at(1530))
    assert [(one.reason, one.breached_at) for one in clock.verdicts] == [(Supersession.IMPACT_MOVED, due)]


def test_a_pause_stays_a_pause() -> None:
    """What waits for the requester waits on, by the same event, and has less left."""
    story = [(Step(OPENED, NEW), None), (Step(200, ASKED), None), (Step(210, ASKED), BEGAN)]
    clock = clock_of(fold_all(story, RULES)[0])

    assert (clock.state, clock.due_at, clock.elapsed) == (ClockState.PAUSED, None, 260 * MINUTE)
    assert (clock.since.at, clock.since.cause) == (at(200), cause(1))


def test_closed_hours_before_the_opening_change_no_verdict() -> None:
    """An impact in the night before a ticket filed when work begins: another start, the same time used."""
    story = [(Step(60, NEW), None), (Step(100, DONE), None), (Step(110, DONE), -60)]
    clocks, _, _ = fold_all(story, RULES, opened=60)

    assert (clock_of(clocks).started_at, clock_of(clocks).elapsed) == (at(-60), 40 * MINUTE)
    assert clock_of(clocks).verdicts == ()


def test_what_counts_from_the_opening_or_began_anew_stays() -> None:
    """Another start mark, and a clock of the next word that has been given since."""
    rules = book(policy(3, target(RESOLUTION, 480), from_impact(target(ClockKind.UPDATE, 480))))
    clocks, _ = fold(None, seen(Step(OPENED, NEW), None, OPENED), at(OPENED), "opened", rules)
    word = replace(seen(Step(150, WORK), at(150), OPENED), updated=True)
    clocks, _ = fold(clocks, word, at(150), "word", rules)
    after, told = fold(clocks, replace(word, updated=False, impact_at=at(BEGAN)), at(160), SAID, rules)

    assert after.clocks == clocks.clocks
    assert told == ()


def test_another_policy_counts_from_where_its_target_says() -> None:
    """From the opening to the impact and back; what ran since the opening is kept, and nothing is judged twice."""
    rules = book(
        policy(2, from_impact(target(RESOLUTION, 480)), version=OFFICE),
        policy(3, target(RESOLUTION, 240), version=ALWAYS_OPEN),
    )
    story = [(Step(OPENED, NEW), BEGAN), (Step(420, WORK), BEGAN), (Step(430, WORK, 2), BEGAN)]
    raised = clock_of(fold_all(story, rules)[0])
    lowered = clock_of(fold_all([*story, (Step(440, WORK, 3), BEGAN)], rules)[0])

    assert (raised.started_at, raised.elapsed, raised.breached_at) == (at(BEGAN), (180 + 310) * MINUTE, at(420))
    assert [one.reason for one in raised.verdicts] == [Supersession.RETARGETED]
    assert (lowered.started_at, lowered.elapsed, lowered.breached_at) == (at(OPENED), 320 * MINUTE, at(360))


def test_a_long_time_before_the_opening_stays_small_and_can_be_taken_back() -> None:
    """A year of office hours is summed up, and goes again without a trace in what was counted since."""
    rules = book(policy(3, from_impact(target(RESOLUTION, 200_000))))
    story = [(Step(OPENED, NEW), None), *((Step(OPENED + 30 * n, (WORK, NEW)[n % 2]), None) for n in range(1, 9))]
    plain = clock_of(fold_all(story, rules)[0])
    year = clock_of(fold_all([*story, (Step(400, NEW), OPENED - 366 * 24 * 60)], rules)[0])
    back = clock_of(fold_all([*story, (Step(400, NEW), OPENED - 366 * 24 * 60), (Step(410, NEW), None)], rules)[0])

    assert year.lead <= MOST
    assert year.elapsed > plain.elapsed + 100_000 * MINUTE
    assert replace(back, verdicts=()) == replace(plain, verdicts=())


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[Step], int, int, Policy]:
    """Steps of a ticket under one policy, the minute at which the impact began, and after which step that is said."""
    opened = draw(st.integers(0, 3000))
    steps, minute, responded = [Step(opened, NEW)], opened, False
    for gap in draw(st.lists(st.integers(0, 1500), min_size=1, max_size=6)):
        minute += gap
        responded = responded or draw(st.integers(0, 3)) == 0
        steps.append(Step(minute, draw(st.sampled_from((WORK, ASKED, WORK, DONE))), 3, responded))
    pauses = draw(st.sampled_from((frozenset(), frozenset({ASKED}))))
    promised = (
        from_impact(target(RESPONSE, draw(st.integers(1, 900)), pauses=pauses)),
        from_impact(target(RESOLUTION, draw(st.integers(1, 2500)), pauses=pauses, warn=draw(st.sampled_from((0, 60))))),
    )
    rules = policy(3, *promised, version=draw(st.sampled_from((OFFICE, ALWAYS_OPEN))))
    return steps, opened - draw(st.integers(0, 4000)), draw(st.integers(1, len(steps))), rules


def bare(clock: Clock) -> Clock:
    """A clock without what differs by when the start was said: causes, and how it was judged before."""
    segments = tuple(replace(one, cause="") for one in clock.segments)
    return replace(clock, segments=segments, since=replace(clock.since, cause=""), verdicts=(), fired_at=None)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(story=stories())
def test_said_early_or_late_the_clocks_come_to_the_same(story: tuple[list[Step], int, int, Policy]) -> None:
    """Whenever the start is said, each clock ends as if it had been known at the opening, and its segments prove it."""
    steps, began, after, rules = story
    shelf = book(rules)
    early, _, _ = fold_all([(one, began) for one in steps], shelf, steps[0].minute)
    said = [(one, began if place >= after else None) for place, one in enumerate(steps)]
    late, _, kept = fold_all([*said, (steps[-1], began)], shelf, steps[0].minute)

    for one, other in zip(early.clocks, late.clocks, strict=True):
        clock_rules.check(other)
        assert bare(other) == bare(one)
    document = bson.decode(bson.encode(CLOCKS.encode(late)), _AWARE)
    assert CLOCKS.decode(document) == late
    whole = stored.decode(stored.encode(kept))
    filed = Filed(late.ticket, late.trail[0].at, "", 3, 1, 1, (), whole)
    again = refolded(filed, shelf)
    assert again is not None
    found, wanted = ([outcome(one, "", "", LONG_AFTER) for one in each.clocks] for each in (again, late))
    assert found == wanted


def test_a_draft_that_counts_from_the_impact_flips_for_that_reason() -> None:
    """Kept by the opening, broken by the impact; the span that decided lies where the target was used up."""
    published = book(policy(3, target(RESOLUTION, 480)))
    story = [(Step(OPENED, NEW), BEGAN), (Step(540, DONE), BEGAN)]
    clocks, _, kept = fold_all(story, published)
    outcomes = tuple(outcome(one, clocks.policy, clocks.calendar, LONG_AFTER) for one in clocks.clocks)
    filed = Filed(clocks.ticket, at(OPENED), "", 3, 1, 1, outcomes, kept)
    tried = trial.draft(published, [policy(3, from_impact(target(RESOLUTION, 480)))], [])
    _, (flip,) = judge(filed, tried, LONG_AFTER)

    assert flip.reasons == (Reason.START,)
    assert flip.segment is not None
    assert flip.segment.start < at(480) <= flip.segment.end
