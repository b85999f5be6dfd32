"""The verbs of a change: what each needs, who may, and that nothing runs outside approval and window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.changes.rules import work
from services.changes.rules.change import Change, Plan, Result, Risk, State, Type, Window
from services.runtime.actor import Actor, system
from services.runtime.refusal import Refusal

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ANN = Actor("people/ann", frozenset({"agent"}), unit="cn/east")
BEN = Actor("people/ben", frozenset({"agent"}), unit="cn/east")
MAY = Actor("people/may", frozenset({"approver"}), unit="cn")
BOSS = Actor("people/boss", frozenset({"change_manager"}))
FAR = Actor("people/far", frozenset({"agent"}), unit="cn/west")
NAME = "changes/CHG-000001"

PLAN = Plan(
    type=Type.NORMAL,
    risk=Risk.MEDIUM,
    title="Raise the session limit",
    plan="Set it to 400 and reload.",
    rollback_plan="Set it back to 200 and reload.",
    checks=work.checks_of((("Open sessions", "under 400"), ("Error rate", "under 1 %"))),
    services=("services/checkout",),
    window=Window(NOW + HOUR, NOW + 2 * HOUR),
    implementer="people/ben",
)


def in_state(state: State) -> Change:
    change, _ = work.draft(PLAN, by=ANN, now=NOW)
    return replace(change, state=state)


def test_the_whole_way_ends_in_success_by_checks() -> None:
    """Draft, submit, approve, start inside the window, two passed checks, finish: each step tells one event."""
    change, drafted = work.draft(PLAN, by=ANN, now=NOW)
    change, submitted = work.submit(change, name=NAME, by=ANN, now=NOW)
    change, approved = work.approve(change, "fine", name=NAME, by=MAY, now=NOW)
    change, started = work.start(change, name=NAME, by=BEN, now=NOW + HOUR)
    for step in ("1", "2"):
        change, _ = work.verify(change, step, Result.PASSED, "", name=NAME, by=BEN, now=NOW + HOUR)
    change, finished = work.finish(change, "done", name=NAME, by=BEN, now=NOW + 2 * HOUR)
    told = [type(event).__name__ for event in (*drafted, *submitted, *approved, *started, *finished)]
    assert told == ["ChangeDrafted", "ChangeSubmitted", "ChangeApproved", "ChangeStarted", "ChangeSucceeded"]
    assert (change.state, change.approvals[0].approver, change.finished_at) == (
        State.SUCCEEDED,
        "people/may",
        NOW + 2 * HOUR,
    )


def test_one_failed_check_makes_it_failed_whatever_the_note_says() -> None:
    """Nobody grades themselves."""
    change = in_state(State.IN_PROGRESS)
    change, _ = work.verify(change, "1", Result.PASSED, "", name=NAME, by=BEN, now=NOW)
    change, _ = work.verify(change, "2", Result.FAILED, "3 %", name=NAME, by=BEN, now=NOW)
    change, [event] = work.finish(change, "a great success", name=NAME, by=BEN, now=NOW)
    assert (change.state, type(event).__name__) == (State.FAILED, "ChangeFailed")


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ({"plan": " "}, "PLAN_MISSING"),
        ({"rollback_plan": ""}, "ROLLBACK_PLAN_MISSING"),
        ({"services": ()}, "SERVICES_MISSING"),
        ({"checks": ()}, "CHECKS_MISSING"),
        ({"window": None}, "WINDOW_MISSING"),
        ({"window": Window(NOW - 2 * HOUR, NOW)}, "WINDOW_PAST"),
    ],
)
def test_an_incomplete_plan_is_not_submitted(lacking: dict[str, object], reason: str) -> None:
    """The refusal names what is missing."""
    change, _ = work.draft(replace(PLAN, **lacking), by=ANN, now=NOW)  # type: ignore[arg-type]  # fields by name
    with pytest.raises(Refusal) as refused:
        work.submit(change, name=NAME, by=ANN, now=NOW)
    assert refused.value.reason == reason
    assert refused.value.field.startswith("plan.")


@pytest.mark.parametrize("at", [NOW, NOW + HOUR - timedelta(milliseconds=1), NOW + 2 * HOUR])
def test_it_does_not_start_outside_its_window(at: datetime) -> None:
    """A millisecond before and the end itself are outside."""
    with pytest.raises(Refusal) as refused:
        work.start(in_state(State.APPROVED), name=NAME, by=BEN, now=at)
    assert refused.value.reason == "OUTSIDE_WINDOW"


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (replace(ANN, roles=frozenset({"approver"})), "OWN_CHANGE"),
        (replace(BEN, roles=frozenset({"change_manager"})), "OWN_CHANGE"),
        (replace(BOSS, roles=frozenset({"agent"})), "ROLE_REQUIRED"),
        (system("tickets"), "VOTE_NEEDS_A_PERSON"),
        (replace(MAY, unit="cn/west"), "NOT_FOUND"),
    ],
)
def test_who_may_not_vote(by: Actor, reason: str) -> None:
    """Neither author nor implementer, no wrong role, no service, nobody from elsewhere."""
    with pytest.raises(Refusal) as refused:
        work.approve(in_state(State.AWAITING_APPROVAL), "", name=NAME, by=by, now=NOW)
    assert refused.value.reason == reason


VERBS: dict[str, tuple[Callable[[Change], work.Decision], set[State]]] = {
    "edit": (
        lambda change: work.edit(change, PLAN, name=NAME, by=ANN, now=NOW),
        {State.DRAFT, State.REJECTED},
    ),
    "submit": (lambda change: work.submit(change, name=NAME, by=ANN, now=NOW), {State.DRAFT}),
    "approve": (
        lambda change: work.approve(change, "", name=NAME, by=MAY, now=NOW),
        {State.AWAITING_APPROVAL},
    ),
    "reject": (
        lambda change: work.reject(change, "no", name=NAME, by=MAY, now=NOW),
        {State.AWAITING_APPROVAL},
    ),
    "start": (lambda change: work.start(change, name=NAME, by=BEN, now=NOW + HOUR), {State.APPROVED}),
    "verify": (
        lambda change: work.verify(change, "1", Result.PASSED, "", name=NAME, by=BEN, now=NOW),
        {State.IN_PROGRESS},
    ),
    "roll back": (
        lambda change: work.roll_back(change, "", name=NAME, by=BEN, now=NOW),
        {State.IN_PROGRESS, State.FAILED, State.SUCCEEDED},
    ),
    "cancel": (
        lambda change: work.cancel(change, "", name=NAME, by=ANN, now=NOW),
        {State.DRAFT, State.AWAITING_APPROVAL, State.APPROVED, State.REJECTED},
    ),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_in_every_state(verb: str, state: State) -> None:
    """The table of states, whole: what is not allowed is refused and says the way out."""
    decide, allowed = VERBS[verb]
    if state in allowed:
        decide(in_state(state))
        return
    with pytest.raises(Refusal) as refused:
        decide(in_state(state))
    assert refused.value.reason == "CHANGE_STATE"
    assert len(refused.value.message) > len(f"You cannot {verb} this change now: .")


def test_a_check_without_result_holds_the_finish() -> None:
    """It names the check."""
    change, _ = work.verify(in_state(State.IN_PROGRESS), "1", Result.PASSED, "", name=NAME, by=BEN, now=NOW)
    with pytest.raises(Refusal) as refused:
        work.finish(change, "", name=NAME, by=BEN, now=NOW)
    assert (refused.value.reason, "check 2" in refused.value.message) == ("CHECKS_OPEN", True)


def test_an_edit_takes_the_votes_away() -> None:
    """Who rejected one plan has said nothing about another."""
    rejected, _ = work.reject(in_state(State.AWAITING_APPROVAL), "too late", name=NAME, by=MAY, now=NOW)
    edited, _ = work.edit(rejected, replace(PLAN, title="Later"), name=NAME, by=ANN, now=NOW)
    assert (edited.state, edited.approvals) == (State.DRAFT, ())


def test_others_see_nothing() -> None:
    """Another unit's agent meets the same answer as for a change that does not exist."""
    with pytest.raises(Refusal) as refused:
        work.submit(in_state(State.DRAFT), name=NAME, by=FAR, now=NOW)
    assert refused.value.reason == "NOT_FOUND"
