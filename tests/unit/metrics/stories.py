"""Short lives of tickets for tests of metrics: what happened when, in hours from a Monday, and the fact after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from services.metrics.rules.fact import Channel, Fact, Judged, State, Type
from services.metrics.rules.fold import Seen, SeenClocks, fold_clocks, fold_ticket

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)

NEW, WORK, ASKED, HELD = State.NEW, State.IN_PROGRESS, State.AWAITING_REQUESTER, State.ON_HOLD
DONE, CLOSED, CANCELLED = State.RESOLVED, State.CLOSED, State.CANCELLED


def at(hours: float) -> datetime:
    """So many hours after the Monday."""
    return MONDAY + timedelta(hours=hours)


FILED = Seen(
    name="tickets/INC-000001", type=Type.INCIDENT, state=NEW, title="Printer offline", importing=False, impact=2,
    urgency=2, priority=3, service="services/print", category="hardware", team="", given=False, site="sites/shanghai",
    unit="cn/east", channel=Channel.PORTAL, source="", opened_at=at(0), responded_at=None, no_fault=False,
    duplicate=False, knowledge_used=False,
)  # fmt: skip


def story(*steps: tuple[float, dict[str, Any]], first: Seen = FILED, human: bool = True, **opening: Any) -> Fact:
    """The fact after the opening and the steps, each (hours, what changes). What an event does is of its step."""
    seen = replace(first, **opening)
    seen = replace(seen, opened_at=opening.get("opened_at", at(0)))
    fact, _ = fold_ticket(None, seen, seen.opened_at, human=human)
    for hours, change in steps:
        acts = change.pop("human", human)
        seen = replace(replace(seen, given=False, passed_on=False, asked=False, contacted=False), **change)
        fact, _ = fold_ticket(fact, seen, at(hours), human=acts)
    return fact


def clocked(fact: Fact, hours: float, *, response: Judged | None = None, resolution: Judged | None = None) -> Fact:
    """The fact after its clocks were told."""
    seen = SeenClocks(fact.ticket, response or fact.response, resolution or fact.resolution)
    return fold_clocks(fact, seen, at(hours))[0]
