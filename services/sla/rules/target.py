"""Targets: how much business time is promised, what starts, pauses and stops its clock, and what a reopening does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from services.runtime.refusal import Refusal
from services.sla.rules.ticket import OPEN_STATES, HoldReason, TicketState, Turn

LONGEST = timedelta(days=3650)
_TEAM = 100


class ClockKind(StrEnum):
    """What a clock measures.

    RESPONSE: until somebody of ours answers. RESOLUTION: until it is solved. UPDATE: until our next public word.
    OPERATIONAL: while a team of ours has it. UNDERPINNING: while it waits for a supplier.
    """

    RESPONSE = "response"
    RESOLUTION = "resolution"
    UPDATE = "update"
    OPERATIONAL = "operational"
    UNDERPINNING = "underpinning"


INTERNAL = frozenset({ClockKind.OPERATIONAL, ClockKind.UNDERPINNING})
"""What others owe us: no promise to the requester."""


class StartMark(StrEnum):
    """Where a clock starts to count. IMPACT: at the start of the impact where a ticket knows an earlier one."""

    OPENED = "opened"
    IMPACT = "impact"


class StopMark(StrEnum):
    """What ends a clock."""

    RESPONDED = "responded"
    RESOLVED = "resolved"
    CLOSED = "closed"


class ReopenRule(StrEnum):
    """What becomes of a stopped clock when its ticket is worked on again."""

    CONTINUE = "continue"
    RESTART = "restart"
    NOTHING = "nothing"


MARKS: Mapping[ClockKind, tuple[StopMark, ...]] = {
    ClockKind.RESPONSE: (StopMark.RESPONDED,),
    ClockKind.RESOLUTION: (StopMark.RESOLVED, StopMark.CLOSED),
    ClockKind.UPDATE: (StopMark.RESOLVED,),
    ClockKind.OPERATIONAL: (StopMark.RESOLVED,),
    ClockKind.UNDERPINNING: (StopMark.RESOLVED,),
}
"""The marks that may end each kind of clock, the usual one first."""

REOPENS: Mapping[ClockKind, ReopenRule] = {
    ClockKind.RESPONSE: ReopenRule.NOTHING,
    ClockKind.RESOLUTION: ReopenRule.CONTINUE,
    ClockKind.UPDATE: ReopenRule.RESTART,
    ClockKind.OPERATIONAL: ReopenRule.CONTINUE,
    ClockKind.UNDERPINNING: ReopenRule.CONTINUE,
}
"""What a reopening does to each kind of clock unless its target says otherwise."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is promised: so much business time until the mark, in whole seconds.

    kind, stop_mark, start_mark: what it measures, and from where to where. pause_states: ticket states in which the
    clock stands still; of a hold only for pause_holds, when there are any. warn_percent: of the target; 0 never warns.
    reopen: None is what is usual for the kind. team: of an operational clock, "" for each team anew.
    """

    kind: ClockKind
    duration: timedelta
    stop_mark: StopMark
    pause_states: frozenset[TicketState] = frozenset()
    warn_percent: int = 0
    start_mark: StartMark = StartMark.OPENED
    pause_holds: frozenset[HoldReason] = frozenset()
    reopen: ReopenRule | None = None
    team: str = ""

    @property
    def warn_after(self) -> timedelta | None:
        """The business time at which to warn; None for never."""
        return self.duration * self.warn_percent / 100 if self.warn_percent else None

    @property
    def reopens(self) -> ReopenRule:
        """What a reopening does to its clock."""
        return self.reopen or REOPENS[self.kind]

    def pauses(self, turn: Turn) -> bool:
        """Whether its clock stands still while the ticket, still open, is as the turn made it."""
        if self.kind is ClockKind.UNDERPINNING:
            return turn.state is not TicketState.ON_HOLD or turn.hold is not HoldReason.VENDOR
        if self.kind is ClockKind.OPERATIONAL and (turn.team != self.team if self.team else not turn.team):
            return True
        if turn.state is TicketState.ON_HOLD and self.pause_holds:
            return turn.state in self.pause_states and turn.hold in self.pause_holds
        return turn.state in self.pause_states


def check(target: Target, where: str) -> None:
    """Refuses a target that no clock can keep.

    Raises:
        Refusal: INVALID with the field of the request that is at fault, below `where`.
    """
    if not timedelta() < target.duration <= LONGEST or target.duration.microseconds:
        raise Refusal.invalid(
            f"{where}.duration", "TARGET_DURATION_INVALID", "Promise whole seconds, one at least and ten years at most."
        )
    if target.stop_mark not in MARKS[target.kind]:
        raise Refusal.invalid(
            f"{where}.stop_mark",
            "STOP_MARK_INVALID",
            f"A {target.kind} clock ends when the ticket is {' or '.join(MARKS[target.kind])}.",
        )
    _check_pauses(target, where)
    if not 0 <= target.warn_percent <= 99:
        raise Refusal.invalid(
            f"{where}.warn_percent", "WARN_PERCENT_INVALID", "Warn at 1 to 99 per cent, or give 0 for never."
        )
    if target.team and (target.kind is not ClockKind.OPERATIONAL or not target.team.startswith("teams/")):
        raise Refusal.invalid(
            f"{where}.team", "TARGET_TEAM_INVALID", 'Name a team, "teams/network", of an operational clock alone.'
        )
    if len(target.team) > _TEAM:
        raise Refusal.invalid(f"{where}.team", "TARGET_TEAM_INVALID", f"Name a team in {_TEAM} letters at most.")


def _check_pauses(target: Target, where: str) -> None:
    allowed = OPEN_STATES | ({TicketState.RESOLVED} if target.stop_mark is StopMark.CLOSED else frozenset())
    if target.kind is ClockKind.UNDERPINNING and target.pause_states:
        raise Refusal.invalid(
            f"{where}.pause_states",
            "PAUSE_STATE_INVALID",
            "An underpinning clock runs only while the ticket waits for a supplier: give it no pauses.",
        )
    if not target.pause_states <= allowed:
        raise Refusal.invalid(
            f"{where}.pause_states", "PAUSE_STATE_INVALID", f"Pause in {', '.join(sorted(allowed))} alone."
        )
    if target.pause_holds and TicketState.ON_HOLD not in target.pause_states:
        raise Refusal.invalid(
            f"{where}.pause_hold_reasons",
            "PAUSE_HOLD_INVALID",
            "Reasons of a hold count when on_hold is among the states that pause: add it, or give no reasons.",
        )
