"""The clocks of a ticket by walking through every minute of its history: slow, plain, and without any of the rules.

It says the same thing as the rules in another way: it keeps what each single minute was, and asks of each minute anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from services.runtime.worktime import CalendarVersion
from services.sla.rules.book import Book
from services.sla.rules.policy import ClockKind, Policy, StopMark, Target
from services.sla.rules.ticket import TicketState
from tests.unit.sla.history import MINUTE, Step, at

FAR = 60 * 24 * 60


@dataclass
class Walked:
    """A clock as the walk found it. kinds: one letter a minute from the opening: Running, Paused, Closed."""

    terms: Target
    kinds: list[str] = field(default_factory=list)
    mode: str = "run"
    stopped: int | None = None

    @property
    def ran(self) -> list[int]:
        return [index for index, kind in enumerate(self.kinds) if kind == "R"]

    def breached(self) -> int | None:
        """The minute (since the opening) at whose beginning the target was used up."""
        needed = self.terms.duration // MINUTE
        ran = self.ran
        return ran[needed - 1] + 1 if len(ran) >= needed else None


def is_open(calendar: CalendarVersion, instant: datetime) -> bool:
    """Whether a minute is open, read off the wall."""
    local = instant.astimezone(ZoneInfo(calendar.zone))
    second = local.hour * 3600 + local.minute * 60
    return any(one.opens <= second < one.closes for one in calendar.hours_on(local.date()))


def mode_for(terms: Target, state: TicketState, *, responded: bool) -> str:
    """What a clock does while a ticket is like this."""
    if terms.kind is ClockKind.RESPONSE:
        if responded or state in (TicketState.RESOLVED, TicketState.CLOSED):
            return "stop"
    elif state is TicketState.CLOSED or (state is TicketState.RESOLVED and terms.stop_mark is StopMark.RESOLVED):
        return "stop"
    return "pause" if state in terms.pause_states else "run"


def walk(steps: Sequence[Step], book: Book) -> dict[ClockKind, tuple[Walked, str]]:
    """Per kind the clock after the last step, and its state by name."""
    clocks: dict[ClockKind, Walked] = {}
    policy: Policy | None = None
    calendar: CalendarVersion | None = None
    chosen_for: int | None = None
    opened = steps[0].minute
    before = opened
    for index, step in enumerate(steps):
        for clock in clocks.values():
            _pass(clock, before, step.minute, calendar)
        before = step.minute
        for clock in clocks.values():
            _turn(clock, step, step.minute - opened)
        live = any(clock.mode in ("run", "pause") for clock in clocks.values())
        is_closed = step.state in (TicketState.RESOLVED, TicketState.CLOSED)
        if step.priority == chosen_for or not (live or not is_closed):
            continue
        chosen_for = step.priority
        policy = next((one for one in book.policies if step.priority in one.match.priorities), None)
        calendar = book.calendars[policy.calendar].latest.version if policy else None
        for kind in ClockKind:
            terms = next((one for one in policy.targets if one.kind is kind), None) if policy else None
            clock_or_none = clocks.get(kind)
            if clock_or_none is not None and clock_or_none.mode in ("run", "pause"):
                if terms is None:
                    clock_or_none.mode = "cancel"
                else:
                    clock_or_none.terms = terms
                    clock_or_none.mode = mode_for(terms, step.state, responded=False)
                    if clock_or_none.mode == "stop":
                        clock_or_none.stopped = step.minute - opened
            elif terms is not None and (clock_or_none is None or clock_or_none.mode == "cancel"):
                assert calendar is not None
                clocks[kind] = _afresh(terms, steps[: index + 1], calendar)
    return {kind: (clock, _state(clock)) for kind, clock in clocks.items()}


def due(clock: Walked, opened: int, last: int, calendar: CalendarVersion) -> int | None:
    """The minute since the opening at which a running clock is due, found by walking on; None beyond sixty days."""
    left = clock.terms.duration // MINUTE - len(clock.ran)
    for minute in range(last, last + FAR):
        if is_open(calendar, at(minute)):
            left -= 1
            if left == 0:
                return minute + 1 - opened
    return None


def _pass(clock: Walked, start: int, end: int, calendar: CalendarVersion | None) -> None:
    for minute in range(start, end):
        if clock.mode == "run":
            assert calendar is not None
            clock.kinds.append("R" if is_open(calendar, at(minute)) else "C")
        else:
            clock.kinds.append("P")


def _turn(clock: Walked, step: Step, minute: int) -> None:
    mode = mode_for(clock.terms, step.state, responded=step.responded)
    if clock.mode in ("run", "pause"):
        clock.mode = mode
        clock.stopped = minute if mode == "stop" else None
    elif clock.mode == "stop" and clock.terms.kind is ClockKind.RESOLUTION and mode != "stop":
        clock.mode, clock.stopped = mode, None


def _afresh(terms: Target, steps: Sequence[Step], calendar: CalendarVersion) -> Walked:
    """The clock as if its promise had held since the opening."""
    clock = Walked(terms)
    opened = before = steps[0].minute
    for step in steps:
        _pass(clock, before, step.minute, calendar)
        before = step.minute
        _turn(clock, step, step.minute - opened)
    return clock


def _state(clock: Walked) -> str:
    if clock.mode == "stop":
        return "met" if clock.breached() is None else "missed"
    return {"run": "running", "pause": "paused", "cancel": "cancelled"}[clock.mode]
