"""When the steps of a plan come, for one clock as it stands: they move with its due time and stand still with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.runtime.worktime import CalendarVersion, SegmentKind
from services.sla.rules.clock import LIVE, ClockState, reached
from services.sla.rules.escalation import Anchor, Measure, Plan, Step, held
from services.sla.rules.policy import ClockKind

_MINUTE = timedelta(minutes=1)
_NOTHING = timedelta()

Span = tuple[datetime, datetime, SegmentKind]
"""[start, end) and what a clock did in it."""


@dataclass(frozen=True, slots=True)
class ClockSeen:
    """A clock as its events show it.

    spans: without gap from started_at to since, the moment at which an event turned it last. elapsed: business time in
    them. due_at: None while paused with time left.
    """

    kind: ClockKind
    state: ClockState
    target: timedelta
    started_at: datetime
    since: datetime
    elapsed: timedelta
    due_at: datetime | None
    breached_at: datetime | None
    spans: tuple[Span, ...] = ()

    @property
    def live(self) -> bool:
        """Whether it runs or is paused."""
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Rung:
    """One time at which a step of the plan is told. step, round: from 1.

    planned_at: by the clock alone; at: when it is told, later where quiet hours hold it.
    """

    step: int
    round: int
    clock: ClockKind
    planned_at: datetime
    at: datetime

    @property
    def key(self) -> tuple[int, int]:
        """Which of the plan's it is."""
        return self.step, self.round

    @property
    def place(self) -> tuple[datetime, datetime, int, int]:
        """What rungs are sorted by."""
        return self.at, self.planned_at, self.step, self.round


def rungs(plan: Plan, clocks: tuple[ClockSeen, ...], calendar: CalendarVersion, priority: int) -> tuple[Rung, ...]:
    """All rungs of a plan whose moment is known now, in the order in which they are told."""
    return tuple(sorted(_rungs(plan, clocks, calendar, priority), key=lambda one: one.place))


def _rungs(plan: Plan, clocks: tuple[ClockSeen, ...], calendar: CalendarVersion, priority: int) -> Iterator[Rung]:
    by_kind = {one.kind: one for one in clocks if one.live}
    for number, step in enumerate(plan.steps, 1):
        clock = by_kind.get(step.clock)
        if clock is None:
            continue
        for count in range(step.repeats + 1):
            planned = moment(step, count, clock, calendar)
            if planned is not None:
                yield Rung(number, count + 1, step.clock, planned, held(plan.quiet, priority, planned))


def moment(step: Step, count: int, clock: ClockSeen, calendar: CalendarVersion) -> datetime | None:
    """When a step comes for the (count + 1)-th time; None while that cannot be told, because the clock stands still."""
    later = count * step.every
    if step.measure is Measure.PERCENT:
        return _used(clock, calendar, clock.target * step.amount / 100 + later)
    total = step.amount * _MINUTE + later
    if step.measure is Measure.BUSINESS:
        return _used(clock, calendar, total + (clock.target if step.anchor is Anchor.DUE else _NOTHING))
    if step.anchor is Anchor.START:
        return _walked(clock, clock.started_at, total)
    due = clock.breached_at or clock.due_at
    if due is None:
        return None
    return max(due + total, clock.started_at) if total <= _NOTHING else _walked(clock, due, total)


def _used(clock: ClockSeen, calendar: CalendarVersion, business: timedelta) -> datetime | None:
    """When so much business time of the clock is used up; the start for none or less."""
    left = max(business, _NOTHING)
    if not left:
        return clock.started_at
    for start, end, kind in clock.spans:
        if kind is SegmentKind.RUNNING:
            if end - start >= left:
                return start + left
            left -= end - start
    return reached(calendar, clock.since, left) if clock.state is ClockState.RUNNING else None


def _walked(clock: ClockSeen, origin: datetime, length: timedelta) -> datetime | None:
    """The instant so much wall time after another, the clock's pauses left out."""
    left = length
    for start, end, kind in clock.spans:
        begin = max(start, origin)
        if kind is SegmentKind.PAUSED or end <= begin:
            continue
        if end - begin >= left:
            return begin + left
        left -= end - begin
    return max(clock.since, origin) + left if clock.state is ClockState.RUNNING else None
