"""The past judged by drafts: folded again exactly, each flip with its reason, nothing that no draft concerns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.runtime.refusal import Refusal
from services.runtime.worktime import SegmentKind
from services.sla.rules import trial
from services.sla.rules.book import Book
from services.sla.rules.calendar import Draft
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.fold import fold
from services.sla.rules.history import MOST, Step, extended, whole
from services.sla.rules.judgement import Filed, Outcome, Reason, Verdict, judge, outcome, refolded
from services.sla.rules.policy import ClockKind, Policy
from services.sla.rules.tally import Dimension, Tally, add
from services.sla.rules.ticket import TicketState
from services.sla.rules.trial import Trial
from services.sla.store import history as stored
from tests.unit.sla import history as made
from tests.unit.sla.history import MINUTE, at, book, books, histories, policy, seen, target

LONG_AFTER = at(10_000_000)
ASKED = frozenset({TicketState.AWAITING_REQUESTER})


def outcomes(clocks: TicketClocks) -> tuple[Outcome, ...]:
    """The clocks as they are judged long after."""
    return tuple(outcome(one, clocks.policy, clocks.calendar, LONG_AFTER) for one in clocks.clocks)


def filed(steps: list[made.Step], rules: Book) -> Filed:
    """The ticket as the service keeps it after these steps."""
    clocks: TicketClocks | None = None
    kept: tuple[Step, ...] = ()
    responded_at = None
    for index, step in enumerate(steps):
        responded_at = responded_at or (at(step.minute) if step.responded else None)
        ticket = seen(step, responded_at, steps[0].minute)
        clocks, _ = fold(clocks, ticket, at(step.minute), made.cause(index), rules)
        kept = extended(kept, ticket, clocks.last_at)
    assert clocks is not None
    kept = stored.decode(stored.encode(kept))
    return Filed(
        ticket=clocks.ticket,
        opened_at=clocks.trail[0].at,
        unit="",
        priority=steps[-1].priority,
        policy_version=clocks.policy_version,
        calendar_version=clocks.calendar_version,
        outcomes=outcomes(clocks),
        history=kept,
    )


def solved(minutes: int, *between: made.Step) -> list[made.Step]:
    """A ticket that is opened on Thursday at 9:00 in Shanghai, and solved so many minutes later."""
    steps = [made.Step(60, TicketState.NEW), made.Step(61, TicketState.IN_PROGRESS), *between]
    return [*steps, made.Step(60 + minutes, TicketState.RESOLVED)]


def promised(minutes: int, pauses: frozenset[TicketState] = frozenset()) -> Policy:
    """A promise to solve within so many minutes."""
    return policy(3, target(ClockKind.RESOLUTION, minutes, pauses=pauses))


@settings(max_examples=250)
@given(histories(), books(), books())
def test_a_history_folds_to_the_very_same_clocks(steps: list[made.Step], rules: Book, others: Book) -> None:
    """Under its own book a ticket gets its own clocks again, under another those that it would have had from it."""
    ticket = filed(steps, rules)
    for each in (rules, others):
        whole_run, _ = made.run(steps, each)
        again = refolded(ticket, each)
        assert again is not None
        assert outcomes(again) == outcomes(whole_run)


@settings(max_examples=120)
@given(histories(), books(), books())
def test_flips_are_the_differences(steps: list[made.Step], rules: Book, others: Book) -> None:
    """A verdict is told as flipped exactly when drafting the other book's policies gives another one."""
    ticket = filed(steps, rules)
    tried = trial.draft(rules, others.policies, ())
    after, flips = judge(ticket, tried, LONG_AFTER)
    under = {one.kind: one.verdict for one in after}
    given_before = {one.kind: one.verdict for one in ticket.outcomes}
    differs = {
        kind
        for kind in ClockKind
        if given_before.get(kind, Verdict.NONE) is not under.get(kind, Verdict.NONE)
        and {given_before.get(kind), under.get(kind)} & {Verdict.MET, Verdict.MISSED}
    }
    assert {one.kind for one in flips} == differs
    assert all(one.reasons for one in flips)
    tally: Tally = {}
    add(tally, ticket, after)
    if tally:
        total = tally[Dimension.TOTAL, ""]
        assert total.to_missed + total.to_met + total.withdrawn == len(flips)


@settings(max_examples=250)
@given(histories(), books(), st.sampled_from((20, 60, 95, 130, 400)))
def test_targets_alone_give_what_the_fold_gives(steps: list[made.Step], rules: Book, share: int) -> None:
    """Where only targets differ most tickets are judged without a fold, and come to the same verdicts as with one."""
    ticket = filed(steps, rules)
    drafts = [
        replace(one, targets=tuple(replace(each, duration=each.duration * share // 100) for each in one.targets))
        for one in rules.policies
    ]
    whole_minutes = [
        replace(
            one,
            targets=tuple(
                replace(each, duration=max(MINUTE, each.duration // MINUTE * MINUTE)) for each in one.targets
            ),
        )
        for one in drafts
    ]
    tried = trial.draft(rules, whole_minutes, ())
    after, _ = judge(ticket, tried, LONG_AFTER)
    again = refolded(ticket, tried.drafted)
    assert again is not None
    assert {one.kind: one.verdict for one in after} == {one.kind: one.verdict for one in outcomes(again)}


def test_a_lower_target_flips_by_its_target() -> None:
    """Kept in 90 minutes of 120; of 60 promised minutes it is missed, used up while the clock ran."""
    ticket = filed(solved(90), book(promised(120)))
    tried = trial.draft(book(promised(120)), [promised(60)], ())
    _, flips = judge(ticket, tried, LONG_AFTER)
    (flip,) = flips
    assert flip.before is not None
    assert flip.after is not None
    assert (flip.before.verdict, flip.after.verdict) == (Verdict.MET, Verdict.MISSED)
    assert flip.reasons == (Reason.TARGET,)
    assert flip.after.breached_at == at(120)
    assert flip.segment is not None
    assert (flip.segment.kind, flip.segment.start) == (SegmentKind.RUNNING, at(60))


def test_a_pause_rule_flips_by_the_time_that_stood_still() -> None:
    """Two hours with the requester: missed while they count, kept when they do not, and the pause is named."""
    asked = made.Step(70, TicketState.AWAITING_REQUESTER)
    steps = solved(180, asked, made.Step(190, TicketState.IN_PROGRESS))
    rules = book(promised(120))
    _, flips = judge(filed(steps, rules), trial.draft(rules, [promised(120, ASKED)], ()), LONG_AFTER)
    (flip,) = flips
    assert flip.reasons == (Reason.PAUSES,)
    assert flip.segment is not None
    assert (flip.segment.kind, flip.segment.ticket_state) == (SegmentKind.PAUSED, TicketState.AWAITING_REQUESTER)
    assert flip.segment.length == 120 * MINUTE


def test_other_hours_flip_by_the_calendar() -> None:
    """Solved after the lunch break: kept by the office's hours, missed by hours without a break."""
    rules = book(promised(190))
    ticket = filed(solved(200), rules)
    through = Draft("calendars/office", "Asia/Shanghai", tuple((day, (("08:00", "20:00"),)) for day in range(1, 8)))
    _, flips = judge(ticket, trial.draft(rules, (), [through]), LONG_AFTER)
    (flip,) = flips
    assert flip.reasons == (Reason.CALENDAR,)
    assert flip.after is not None
    assert flip.after.elapsed == 200 * MINUTE


def test_another_policy_flips_by_the_policy() -> None:
    """A draft that is tried first takes the ticket, whatever it was promised before."""
    rules = book(promised(120))
    first = replace(promised(30), name="policies/first", order=0)
    _, flips = judge(filed(solved(90), rules), trial.draft(rules, [first], ()), LONG_AFTER)
    assert [one.reasons for one in flips] == [(Reason.POLICY,)]


def test_what_no_draft_concerns_stays_as_published() -> None:
    """A draft for another priority leaves the outcomes untouched, the very same objects."""
    rules = book(promised(120), policy(2, target(ClockKind.RESOLUTION, 60)))
    ticket = filed(solved(90), rules)
    tried = trial.draft(rules, [policy(2, target(ClockKind.RESOLUTION, 1))], ())
    after, flips = judge(ticket, tried, LONG_AFTER)
    assert after is ticket.outcomes
    assert flips == ()


def test_drafts_are_checked_as_publishing_would() -> None:
    """Nothing to try, one name twice, a period without an end, a target of nothing: each is refused by its field."""
    rules = book(promised(120))

    def refused(ask: object) -> tuple[str, str]:
        with pytest.raises(Refusal) as caught:
            ask()  # type: ignore[operator]  # one of three calls
        return caught.value.reason, caught.value.field

    nothing = replace(promised(1), targets=(target(ClockKind.RESOLUTION, 0),))
    assert refused(lambda: trial.draft(rules, (), ())) == ("DRAFT_MISSING", "judgement")
    assert refused(lambda: trial.draft(rules, [promised(1), promised(2)], ())) == ("DRAFT_REPEATED", "judgement")
    assert refused(lambda: trial.draft(rules, [promised(1), nothing], ()))[0] == "DRAFT_REPEATED"
    assert refused(lambda: trial.draft(rules, [nothing], ())) == (
        "TARGET_DURATION_INVALID",
        "judgement.policies[0].targets[0].duration",
    )
    closed = Draft("calendars/office", "UTC", ())
    assert refused(lambda: trial.draft(rules, (), [closed])) == (
        "CALENDAR_NEVER_OPEN",
        "judgement.calendars[0].weekly_hours",
    )
    for start, end in ((None, at(1)), (at(1), None), (at(1), at(1)), (at(0), at(0) + timedelta(days=4000))):
        assert refused(lambda start=start, end=end: trial.period(start, end))[0] == "JUDGEMENT_PERIOD_INVALID"
    assert isinstance(trial.draft(rules, [promised(1)], ()), Trial)


def test_a_history_is_kept_as_far_as_it_can_be_and_says_so() -> None:
    """Events that change nothing leave no step; one that goes on too long is no longer whole."""
    kept: tuple[Step, ...] = ()
    for minute in range(3):
        kept = extended(kept, seen(made.Step(minute, TicketState.NEW), None), at(minute))
    assert len(kept) == 1
    assert whole(kept)
    for minute in range(MOST + 50):
        state = TicketState.ON_HOLD if minute % 2 else TicketState.IN_PROGRESS
        kept = extended(kept, seen(made.Step(minute, state), None), at(minute))
    assert not whole(kept)
    assert not whole(())
