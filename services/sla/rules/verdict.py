"""How a clock was judged before: kept beside the new verdict, so that what was told once is not lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

KEPT = 20


class ClockState(StrEnum):
    """How a clock stands; MISSED: stopped after its target was used up."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"
    CANCELLED = "cancelled"


LIVE = frozenset({ClockState.RUNNING, ClockState.PAUSED})
JUDGED = frozenset({ClockState.MET, ClockState.MISSED})


class Supersession(StrEnum):
    """Why a verdict is another now.

    CORRECTED: an event had happened before the breach and came after it. RETARGETED: another promise. REOPENED: its
    ticket is worked on again. REARMED: the clock began anew. IMPACT_MOVED: it counts from the start of the impact, and
    that was said, corrected or taken back.
    """

    CORRECTED = "corrected"
    RETARGETED = "retargeted"
    REOPENED = "reopened"
    REARMED = "rearmed"
    IMPACT_MOVED = "impact_moved"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a clock said until `superseded_at`. state: running or paused when only its breach was judged.

    cause: the event that had turned it last. superseded_by: the event that made it another.
    """

    state: ClockState
    target: timedelta
    elapsed: timedelta
    started_at: datetime
    breached_at: datetime | None
    stopped_at: datetime | None
    cause: str
    superseded_at: datetime
    superseded_by: str
    reason: Supersession


def kept(verdicts: tuple[Verdict, ...], one: Verdict) -> tuple[Verdict, ...]:
    """The verdicts with one more, the oldest left out when there are too many."""
    return (*verdicts, one)[-KEPT:]
