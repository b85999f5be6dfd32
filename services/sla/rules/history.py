"""What the clocks were folded from, kept beside them: enough to fold them again, exactly, under other promises.

Only events that could turn a clock or choose a policy leave a step; the others could not have made a difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from services.sla.rules.ticket import Facts, HoldReason, Seen, TicketState

MOST = 2000


@dataclass(frozen=True, slots=True)
class Step:
    """From `at` on (as the fold took it: never before the step that it follows) the ticket was like this.

    updated: the event was a public word of ours, which turns clocks though the ticket stays as it was.
    """

    at: datetime
    state: TicketState
    facts: Facts
    responded_at: datetime | None
    hold: HoldReason | None = None
    team: str = ""
    updated: bool = False
    impact_at: datetime | None = None


def extended(history: tuple[Step, ...], seen: Seen, at: datetime) -> tuple[Step, ...]:
    """The history with what an event shows, if that differs from the step before.

    A ticket that passes 2,000 such steps is kept no further, and cannot be judged again (see `whole`).
    """
    step = Step(at, seen.state, seen.facts, seen.responded_at, seen.hold, seen.team, seen.updated, seen.impact_at)
    if history and not step.updated and replace(history[-1], at=at, updated=False) == step:
        return history
    return (*history, step) if len(history) <= MOST else history


def whole(history: tuple[Step, ...]) -> bool:
    """Whether all is there that the clocks were folded from."""
    return 0 < len(history) <= MOST
