"""The verbs: draft, edit, submit, approve, reject, start, verify, finish, roll back, cancel."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.changes.rules import access
from services.changes.rules.change import (
    Approval,
    Change,
    ChangeApproved,
    ChangeCancelled,
    ChangeDrafted,
    ChangeEdited,
    ChangeEvent,
    ChangeFailed,
    ChangeRejected,
    ChangeRolledBack,
    ChangeStarted,
    ChangeSubmitted,
    ChangeSucceeded,
    ChangeVerified,
    Check,
    Plan,
    Result,
    State,
    Vote,
)
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

Decision = tuple[Change, tuple[ChangeEvent, ...]]

_WAY_OUT = {
    State.DRAFT: "submit it first",
    State.AWAITING_APPROVAL: "it waits for its approval",
    State.APPROVED: "it is approved: start it inside its window, or cancel it",
    State.REJECTED: "it was rejected: edit it and submit it again",
    State.IN_PROGRESS: "it is being executed: finish it or roll it back",
    State.SUCCEEDED: "it is done",
    State.FAILED: "it has failed: plan another change",
    State.ROLLED_BACK: "it was rolled back: plan another change",
    State.CANCELLED: "it was cancelled: plan another change",
}


def draft(plan: Plan, *, by: Actor, now: datetime) -> Decision:
    """A new change of the actor's unit.

    Raises:
        Refusal: ROLE_REQUIRED, WINDOW_EMPTY, CHECK_INCOMPLETE.
    """
    access.require_planner(by, "plan changes")
    _require_sound(plan)
    change = Change(plan=plan, state=State.DRAFT, author=by.sub, unit=by.unit, created_at=now, updated_at=now)
    return change, (ChangeDrafted(change),)


def edit(change: Change, plan: Plan, *, name: str, by: Actor, now: datetime) -> Decision:
    """Another plan; a rejected change becomes a draft again, without its votes.

    Raises:
        Refusal: NOT_FOUND, NOT_YOUR_CHANGE, CHANGE_STATE, WINDOW_EMPTY, CHECK_INCOMPLETE.
    """
    access.require_sight(by, change, name)
    access.require_author(by, change, "edit this change")
    _require_state(change, "edit", State.DRAFT, State.REJECTED)
    _require_sound(plan)
    if change.state is State.DRAFT and change.plan == plan:
        return change, ()
    after = replace(change, plan=plan, state=State.DRAFT, approvals=(), submitted_at=None, updated_at=now)
    return after, (ChangeEdited(after),)


def submit(change: Change, *, name: str, by: Actor, now: datetime) -> Decision:
    """Asks for approval.

    Raises:
        Refusal: NOT_FOUND, NOT_YOUR_CHANGE, CHANGE_STATE, PLAN_MISSING, ROLLBACK_PLAN_MISSING, WINDOW_MISSING,
            WINDOW_PAST, CHECKS_MISSING, SERVICES_MISSING.
    """
    access.require_sight(by, change, name)
    access.require_author(by, change, "submit this change")
    _require_state(change, "submit", State.DRAFT)
    plan = change.plan
    missing = [
        ("plan.plan", "PLAN_MISSING", "Write what will be done.", plan.plan.strip()),
        ("plan.rollback_plan", "ROLLBACK_PLAN_MISSING", "Write how it is taken back.", plan.rollback_plan.strip()),
        ("plan.services", "SERVICES_MISSING", "Name the services that it touches.", plan.services),
        ("plan.steps", "CHECKS_MISSING", "Give at least one check that tells whether it works.", plan.checks),
        ("plan.window", "WINDOW_MISSING", "Say when it will be executed.", plan.window),
    ]
    for field, reason, message, given in missing:
        if not given:
            raise Refusal.precondition(reason, message, field)
    if plan.window is not None and plan.window.end <= now:
        raise Refusal.precondition("WINDOW_PAST", "The window is over; choose a later one.", "plan.window")
    after = replace(change, state=State.AWAITING_APPROVAL, submitted_at=now, updated_at=now)
    return after, (ChangeSubmitted(after),)


def approve(change: Change, note: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """The one approval that it takes.

    Raises:
        Refusal: NOT_FOUND, VOTE_NEEDS_A_PERSON, ROLE_REQUIRED, OWN_CHANGE, CHANGE_STATE.
    """
    after = _vote(change, Vote.APPROVED, note, name=name, by=by, now=now)
    after = replace(after, state=State.APPROVED, approved_at=now)
    return after, (ChangeApproved(after),)


def reject(change: Change, note: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """Sends it back to its author.

    Raises:
        Refusal: as `approve`.
    """
    after = replace(_vote(change, Vote.REJECTED, note, name=name, by=by, now=now), state=State.REJECTED)
    return after, (ChangeRejected(after),)


def start(change: Change, *, name: str, by: Actor, now: datetime) -> Decision:
    """Begins the execution, with approval and inside the window alone.

    Raises:
        Refusal: NOT_FOUND, NOT_IMPLEMENTER, CHANGE_STATE, OUTSIDE_WINDOW.
    """
    access.require_sight(by, change, name)
    access.require_implementer(by, change, "start this change")
    _require_state(change, "start", State.APPROVED)
    window = change.plan.window
    if window is None or not window.start <= now < window.end:
        raise Refusal.precondition(
            "OUTSIDE_WINDOW",
            "It may be executed inside its window only; wait for it, or plan a change with another window.",
            "plan.window",
        )
    after = replace(change, state=State.IN_PROGRESS, started_at=now, updated_at=now)
    return after, (ChangeStarted(after),)


def verify(change: Change, step: str, result: Result, note: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """Records how a check came out; a later look replaces an earlier one, and both stay in the journal.

    Raises:
        Refusal: NOT_FOUND, NOT_IMPLEMENTER, CHANGE_STATE, CHECK_UNKNOWN.
    """
    access.require_sight(by, change, name)
    access.require_implementer(by, change, "verify this change")
    _require_state(change, "verify", State.IN_PROGRESS)
    known = {check.id: check for check in change.plan.checks}
    if step not in known:
        raise Refusal.invalid("step_id", "CHECK_UNKNOWN", f"There is no check {step}; there are {', '.join(known)}.")
    looked = replace(known[step], result=result, note=note, verifier=by.sub, verified_at=now)
    checks = tuple(looked if check.id == step else check for check in change.plan.checks)
    after = replace(change, plan=replace(change.plan, checks=checks), updated_at=now)
    return after, (ChangeVerified(after, looked),)


def finish(change: Change, note: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """Ends the execution: succeeded when every check passed, failed otherwise. Nobody grades themselves.

    Raises:
        Refusal: NOT_FOUND, NOT_IMPLEMENTER, CHANGE_STATE, CHECKS_OPEN.
    """
    access.require_sight(by, change, name)
    access.require_implementer(by, change, "finish this change")
    _require_state(change, "finish", State.IN_PROGRESS)
    unseen = [check.id for check in change.plan.checks if check.result is None]
    if unseen:
        raise Refusal.precondition("CHECKS_OPEN", f"Record the result of check {', '.join(unseen)} first.", "steps")
    passed = all(check.result is Result.PASSED for check in change.plan.checks)
    after = replace(
        change,
        state=State.SUCCEEDED if passed else State.FAILED,
        finished_at=now,
        updated_at=now,
        outcome_note=note,
    )
    return after, ((ChangeSucceeded(after) if passed else ChangeFailed(after)),)


def roll_back(change: Change, note: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """The change was taken back, during its execution or after it failed.

    Raises:
        Refusal: NOT_FOUND, NOT_IMPLEMENTER, CHANGE_STATE.
    """
    access.require_sight(by, change, name)
    access.require_implementer(by, change, "roll this change back")
    _require_state(change, "roll back", State.IN_PROGRESS, State.FAILED, State.SUCCEEDED)
    after = replace(change, state=State.ROLLED_BACK, finished_at=now, updated_at=now, outcome_note=note)
    return after, (ChangeRolledBack(after),)


def cancel(change: Change, reason: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """It will not be done; only what has not begun can be cancelled.

    Raises:
        Refusal: NOT_FOUND, NOT_YOUR_CHANGE, CHANGE_STATE.
    """
    access.require_sight(by, change, name)
    access.require_author(by, change, "cancel this change")
    _require_state(change, "cancel", State.DRAFT, State.AWAITING_APPROVAL, State.APPROVED, State.REJECTED)
    after = replace(change, state=State.CANCELLED, updated_at=now)
    return after, (ChangeCancelled(after, reason),)


def _vote(change: Change, vote: Vote, note: str, *, name: str, by: Actor, now: datetime) -> Change:
    access.require_sight(by, change, name)
    access.require_independent_voter(by, change)
    _require_state(change, "vote on", State.AWAITING_APPROVAL)
    approvals = (*change.approvals, Approval(by.sub, vote, note, now))
    return replace(change, approvals=approvals, updated_at=now)


def _require_state(change: Change, verb: str, *allowed: State) -> None:
    if change.state not in allowed:
        way_out = _WAY_OUT[change.state]
        raise Refusal.precondition("CHANGE_STATE", f"You cannot {verb} this change now: {way_out}.", "state")


def _require_sound(plan: Plan) -> None:
    if plan.window is not None and plan.window.end <= plan.window.start:
        raise Refusal.invalid("plan.window", "WINDOW_EMPTY", "The window must end after it starts.")
    for index, check in enumerate(plan.checks):
        if not check.check.strip() or not check.pass_mark.strip():
            raise Refusal.invalid(
                f"plan.steps[{index}]", "CHECK_INCOMPLETE", "Say what is checked and what counts as passed."
            )


def checks_of(pairs: tuple[tuple[str, str], ...]) -> tuple[Check, ...]:
    """Fresh checks, numbered from "1", of (check, pass mark)."""
    return tuple(Check(str(number), check, mark) for number, (check, mark) in enumerate(pairs, start=1))
