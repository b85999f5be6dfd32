"""What would have been: a past ticket's clocks folded again under drafts, and each verdict that this would flip.

Nothing that was published is touched: the old verdict is compared with, never replaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.runtime.worktime import SegmentKind
from services.sla.rules.book import Book
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clock import judged as judged_clock
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.fold import fold
from services.sla.rules.history import Step
from services.sla.rules.policy import ClockKind, Target
from services.sla.rules.segment import NOTHING, Segment
from services.sla.rules.target import StartMark
from services.sla.rules.ticket import Seen, TicketState
from services.sla.rules.trial import Trial


class Verdict(StrEnum):
    """How a clock stands. OPEN: neither kept nor broken yet; NONE: nothing was promised, or no longer."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"
    NONE = "none"


GIVEN = frozenset({Verdict.MET, Verdict.MISSED})


class Reason(StrEnum):
    """What made the difference. EDITION: no draft, but a version published since the ticket was judged."""

    POLICY = "policy"
    TARGET = "target"
    CALENDAR = "calendar"
    PAUSES = "pauses"
    EDITION = "edition"
    START = "start"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One clock as it was judged, without its segments.

    elapsed: business time up to the stop or the latest event. pauses: states in which it stands still.
    start: from where it counts.
    """

    kind: ClockKind
    verdict: Verdict
    policy: str
    calendar: str
    target: timedelta
    elapsed: timedelta
    pauses: frozenset[TicketState]
    due_at: datetime | None
    breached_at: datetime | None
    stopped_at: datetime | None
    start: StartMark = StartMark.OPENED


@dataclass(frozen=True, slots=True)
class Filed:
    """A past ticket: what was published of it, by which versions, and what it was folded from."""

    ticket: str
    opened_at: datetime
    unit: str
    priority: int
    policy_version: int
    calendar_version: int
    outcomes: tuple[Outcome, ...]
    history: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Flip:
    """A verdict that would have been another. segment: the span of the clock that decided it, where one did."""

    filed: Filed
    kind: ClockKind
    before: Outcome | None
    after: Outcome | None
    reasons: tuple[Reason, ...]
    segment: Segment | None


def outcome(clock: Clock, policy: str, calendar: str, now: datetime) -> Outcome:
    """A clock as it is judged at `now`."""
    clock = judged_clock(clock, now)
    return Outcome(
        clock.kind,
        verdict(clock.state, breached=clock.breached_at is not None),
        policy,
        calendar,
        clock.terms.duration,
        clock.elapsed,
        clock.terms.pause_states,
        clock.due_at,
        clock.breached_at,
        clock.stopped_at,
        clock.terms.start_mark,
    )


def verdict(state: ClockState, *, breached: bool) -> Verdict:
    """What a clock in a state comes to; a promise that was taken back gives no verdict."""
    if state is ClockState.CANCELLED:
        return Verdict.NONE
    if breached:
        return Verdict.MISSED
    return Verdict.MET if state is ClockState.MET else Verdict.OPEN


def refolded(filed: Filed, book: Book) -> TicketClocks | None:
    """The ticket's clocks as the same events would have turned them under a book; None without a history."""
    clocks: TicketClocks | None = None
    for step in filed.history:
        seen = Seen(
            name=filed.ticket,
            state=step.state,
            facts=step.facts,
            requester="",
            unit=filed.unit,
            team=step.team,
            opened_at=filed.opened_at,
            responded_at=step.responded_at,
            importing=False,
            hold=step.hold,
            updated=step.updated,
            impact_at=step.impact_at,
        )
        clocks, _ = fold(clocks, seen, step.at, "", book)
    return clocks


def judge(filed: Filed, trial: Trial, now: datetime) -> tuple[tuple[Outcome, ...], tuple[Flip, ...]]:
    """The outcomes under the drafts, and the flips; those published, and none, when the drafts do not concern it.

    filed.history: whole. now: up to when clocks that still run are judged, the same for both sides.
    """
    if not trial.concerns({one.policy for one in filed.outcomes}, {step.facts for step in filed.history}):
        return filed.outcomes, ()
    kept = _by_targets(filed, trial)
    if kept is not None:
        return kept, ()
    clocks = refolded(filed, trial.drafted)
    again = {} if clocks is None else {one.kind: one for one in clocks.clocks}
    policy, calendar = (clocks.policy, clocks.calendar) if clocks is not None else ("", "")
    after = {kind: outcome(one, policy, calendar, now) for kind, one in again.items()}
    before = {one.kind: one for one in filed.outcomes}
    return tuple(after.values()), tuple(_flips(filed, before, after, again, trial))


def _by_targets(filed: Filed, trial: Trial) -> tuple[Outcome, ...] | None:
    """The outcomes where the drafts change nothing but targets and no verdict with them; None where they may do more.

    It spares most tickets the fold: how long a stopped clock ran does not depend on what was promised, and it is late
    exactly when that reaches its target, as the fold proves of every clock that it turns.
    """
    facts = {step.facts for step in filed.history}
    chosen = [[book.choose(one) for one in facts] for book in (trial.published, trial.drafted)]
    if any(one != each[0] for each in chosen for one in each):
        return None
    old, new = chosen[0][0], chosen[1][0]
    if old is None or new is None or (old.name, old.calendar) != (new.name, new.calendar):
        return None
    pinned = trial.published.pin(old, filed.history[0].at).version
    if old.calendar in trial.calendars or (old.version, pinned) != (filed.policy_version, filed.calendar_version):
        return None
    if {one.kind for one in filed.outcomes} != {one.kind for one in new.targets}:
        return None
    found = []
    for one in filed.outcomes:
        was, would = old.target(one.kind), new.target(one.kind)
        if was is None or would is None or one.stopped_at is None or one.verdict not in GIVEN:
            return None
        if one.policy != old.name or one.target != was.duration or _turns_by(was) != _turns_by(would):
            return None
        if (one.elapsed >= would.duration) is not (one.verdict is Verdict.MISSED):
            return None
        found.append(replace(one, target=would.duration))
    return tuple(found)


def _turns_by(target: Target) -> Target:
    return replace(target, duration=NOTHING, warn_percent=0)


def _flips(
    filed: Filed,
    before: Mapping[ClockKind, Outcome],
    after: Mapping[ClockKind, Outcome],
    clocks: Mapping[ClockKind, Clock],
    trial: Trial,
) -> Iterator[Flip]:
    for kind in ClockKind:
        old, new = before.get(kind), after.get(kind)
        was, would = _of(old), _of(new)
        if was is would or not {was, would} & GIVEN:
            continue
        reasons = tuple(_reasons(old, new, trial))
        yield Flip(filed, kind, old, new, reasons, _decisive(clocks.get(kind), would, reasons))


def _of(one: Outcome | None) -> Verdict:
    return Verdict.NONE if one is None else one.verdict


def _reasons(old: Outcome | None, new: Outcome | None, trial: Trial) -> Iterator[Reason]:
    """The differences that explain the flip, those left out that it would have come without."""
    if old is None or new is None or Verdict.NONE in (old.verdict, new.verdict) or old.policy != new.policy:
        yield Reason.POLICY
        return
    target = old.target != new.target
    hours = old.elapsed != new.elapsed and (old.calendar != new.calendar or new.calendar in trial.calendars)
    pauses = old.elapsed != new.elapsed and old.pauses != new.pauses
    start = old.elapsed != new.elapsed and old.start is not new.start
    if old.stopped_at is not None and new.stopped_at is not None:
        # Would the other target alone have done it, or the other time that was counted?
        by_target = target and (old.elapsed >= new.target) is (new.verdict is Verdict.MISSED)
        by_time = (new.elapsed >= old.target) is (new.verdict is Verdict.MISSED)
        target = target and (by_target or not by_time)
        hours, pauses, start = (each and not by_target for each in (hours, pauses, start))
    found = [
        reason
        for reason, differs in (
            (Reason.TARGET, target),
            (Reason.CALENDAR, hours),
            (Reason.PAUSES, pauses),
            (Reason.START, start),
        )
        if differs
    ]
    yield from found or (Reason.EDITION,)


def _decisive(clock: Clock | None, would: Verdict, reasons: tuple[Reason, ...]) -> Segment | None:
    """Where the clock's target was used up, or the longest span in which it stood still and so was kept."""
    if clock is None or Reason.POLICY in reasons:
        return None
    if would is Verdict.MISSED and clock.breached_at is not None:
        ends = clock.breached_at
        return next((one for one in clock.segments if not one.merged and one.start < ends <= one.end), None)
    if would is Verdict.MET and not {Reason.CALENDAR, Reason.PAUSES}.isdisjoint(reasons):
        still = [one for one in clock.segments if one.kind is not SegmentKind.RUNNING and not one.merged]
        return max(still, key=lambda one: one.length, default=None)
    return None
