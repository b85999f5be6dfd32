"""What a late ticket waited for longest, by rules that docs/bottlenecks.md states; told by its fact alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.metrics.rules.fact import Fact
from services.metrics.rules.waits import Wait


class Cause(StrEnum):
    """Why it waited. In this order the first goes before others of the same length."""

    POOR_INTAKE = "POOR_INTAKE"
    WRONG_ROUTING = "WRONG_ROUTING"
    MISSING_KNOWLEDGE = "MISSING_KNOWLEDGE"
    VENDOR = "VENDOR"
    CHANGE = "CHANGE"
    TEAM_QUEUE = "TEAM_QUEUE"
    WORK = "WORK"
    OTHER = "OTHER"
    UNTOLD = "UNTOLD"


_OF_WAIT = {
    Wait.REQUESTER: Cause.POOR_INTAKE,
    Wait.EVIDENCE: Cause.POOR_INTAKE,
    Wait.PROBLEM: Cause.MISSING_KNOWLEDGE,
    Wait.VENDOR: Cause.VENDOR,
    Wait.CHANGE: Cause.CHANGE,
    Wait.OTHER: Cause.OTHER,
}
_ORDER = {one: place for place, one in enumerate(Cause)}


@dataclass(frozen=True, slots=True)
class Longest:
    """The cause under which a late ticket waited longest, how many seconds of wall time in all, and when it ended."""

    cause: Cause
    seconds: int
    ended_at: datetime


def cause_of(wait: Wait, *, rerouted: bool, knowledge_used: bool) -> Cause:
    """The cause that a wait is laid to. rerouted: another team than the first had it (E06)."""
    if wait is Wait.QUEUE:
        return Cause.WRONG_ROUTING if rerouted else Cause.TEAM_QUEUE
    if wait is Wait.WORK:
        return Cause.WORK if knowledge_used else Cause.MISSING_KNOWLEDGE
    return _OF_WAIT[wait]


def longest(waits: Iterable[tuple[Wait, int]], *, rerouted: bool, knowledge_used: bool) -> tuple[Cause, int]:
    """The cause with the most seconds; (UNTOLD, 0) when no second is known."""
    sums: dict[Cause, int] = {}
    for wait, seconds in waits:
        cause = cause_of(wait, rerouted=rerouted, knowledge_used=knowledge_used)
        sums[cause] = sums.get(cause, 0) + seconds
    return min(sums.items(), key=lambda each: (-each[1], _ORDER[each[0]]), default=(Cause.UNTOLD, 0))


def bottleneck(fact: Fact) -> Longest | None:
    """What a ticket that has ended late waited for longest; None when it is open, was in time, or is out by a rule."""
    if fact.ended_at is None or not fact.is_late or fact.exclusion:
        return None
    cause, seconds = longest(fact.waits, rerouted=fact.reassignments > 0, knowledge_used=fact.knowledge_used)
    return Longest(cause, seconds, fact.ended_at)
