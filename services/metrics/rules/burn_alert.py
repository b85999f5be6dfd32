"""Alerts on budgets that burn too fast: over a long window, so that it matters, and over a short one, so that it lasts.

Factors and windows are those of the Site Reliability Workbook, chapter 5, "Alerting on SLOs", for thirty days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from services.metrics.rules.availability import SLICE, Sums
from services.metrics.rules.business_service import Objective, burn
from services.metrics.rules.fact import EPOCH

FEWEST_BAD, LEAST_WEIGHT = 3, 5.0
"""So many bad spans, and bad requests, must lie in the long window: one failure of ten calls in a night is no alert."""
MOST_EPISODES = 20


class Urgency(Enum):
    """PAGE: somebody has to look now. TICKET: in the next days."""

    PAGE = "page"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True)
class Rule:
    """factor: how many times as fast as even the budget burns over both windows, 1 spends it exactly."""

    id: str
    urgency: Urgency
    factor: float
    long: timedelta
    short: timedelta


RULES: tuple[Rule, ...] = (
    Rule("page-1h", Urgency.PAGE, 14.4, timedelta(hours=1), timedelta(minutes=5)),
    Rule("page-6h", Urgency.PAGE, 6.0, timedelta(hours=6), timedelta(minutes=30)),
    Rule("ticket-1d", Urgency.TICKET, 3.0, timedelta(days=1), timedelta(hours=2)),
    Rule("ticket-3d", Urgency.TICKET, 1.0, timedelta(days=3), timedelta(hours=6)),
)
BY_ID: Mapping[str, Rule] = {one.id: one for one in RULES}


@dataclass(frozen=True, slots=True)
class Seen:
    """One rule over its windows. enough: so much failed that it may open. silent: nothing came in the short window."""

    rule: Rule
    long: float
    short: float
    bad: float
    enough: bool
    silent: bool

    @property
    def burns(self) -> bool:
        """Whether the budget burns too fast over both windows."""
        return self.enough and self.long >= self.rule.factor and self.short >= self.rule.factor

    @property
    def goes_on(self) -> bool:
        """Whether an alert that is open stays so: no data is not good, so silence changes nothing for a while."""
        return self.burns or (self.silent and self.long >= self.rule.factor)


@dataclass(frozen=True, slots=True)
class Episode:
    """From when to when an alert was open, and how fast the budget burnt when it opened; closed_at: None while open."""

    opened_at: datetime
    closed_at: datetime | None
    long: float
    short: float


@dataclass(frozen=True, slots=True)
class BurnAlert:
    """One rule of one business service. episodes: the latest first. looked_at: an older look changes nothing."""

    service: str
    rule: str
    looked_at: datetime
    episodes: tuple[Episode, ...] = ()

    @property
    def open(self) -> bool:
        """Whether the budget burns too fast now."""
        return bool(self.episodes) and self.episodes[0].closed_at is None


@dataclass(frozen=True, slots=True)
class BurnAlertOpened:
    """A budget burns too fast."""

    alert: BurnAlert


@dataclass(frozen=True, slots=True)
class BurnAlertClosed:
    """It does so no more."""

    alert: BurnAlert


Decided = tuple[BurnAlert, tuple[BurnAlertOpened | BurnAlertClosed, ...]]


def alert_name(service: str, rule: str) -> str:
    """The name of the alert of a business service by a rule."""
    return f"burnAlerts/{service.partition('/')[2]}.{rule}"


def rules_of(objective: Objective) -> tuple[Rule, ...]:
    """The rules that fit an objective: a window of an alert that is longer than its own says nothing of it."""
    return tuple(one for one in RULES if one.long <= timedelta(days=objective.days))


def windows_of(objective: Objective) -> tuple[timedelta, ...]:
    """The lengths that its rules look at, each once, the shortest first."""
    return tuple(sorted({length for rule in rules_of(objective) for length in (rule.long, rule.short)}))


def end_of(at: datetime) -> datetime:
    """The end of all windows of a look: the last slice that is over, so that two looks within it see the same."""
    return EPOCH + (at - EPOCH) // SLICE * SLICE


def seen(objective: Objective, sums: Mapping[timedelta, Sums]) -> tuple[Seen, ...]:
    """What each rule sees. sums: the requests of the business service by the length of the window."""
    found = []
    for rule in rules_of(objective):
        long, short = sums[rule.long], sums[rule.short]
        bad = long.valid - long.good
        found.append(
            Seen(
                rule,
                burn(objective, long, rule.long).rate,
                burn(objective, short, rule.short).rate,
                bad,
                enough=long.bad >= FEWEST_BAD and bad >= LEAST_WEIGHT,
                silent=not short.n,
            )
        )
    return tuple(found)


def judged(before: BurnAlert | None, service: str, found: Seen, at: datetime) -> Decided:
    """The alert after a look: it opens once and closes once, however many look.

    An alert that never opened is kept nowhere, so `before` is None then and the caller asks only for what burns.
    """
    kept = before or BurnAlert(service, found.rule.id, EPOCH)
    if kept.looked_at >= at:
        return kept, ()
    if kept.open and not found.goes_on:
        return _closed(kept, at)
    if not kept.open and found.burns:
        episode = Episode(at, None, round(found.long, 6), round(found.short, 6))
        after = replace(kept, looked_at=at, episodes=(episode, *kept.episodes)[: MOST_EPISODES + 1])
        return after, (BurnAlertOpened(after),)
    return kept, ()


def ended(before: BurnAlert, at: datetime) -> Decided:
    """The alert of a service of which nothing is promised any more, or by a rule that fits no more."""
    return _closed(before, at) if before.open and before.looked_at < at else (before, ())


def changes(kept: BurnAlert | None, found: Seen) -> bool:
    """Whether a look would change anything, so that nothing is written when it would not."""
    return not found.goes_on if kept is not None and kept.open else found.burns


def _closed(before: BurnAlert, at: datetime) -> Decided:
    first, *rest = before.episodes
    after = replace(before, looked_at=at, episodes=(replace(first, closed_at=at), *rest))
    return after, (BurnAlertClosed(after),)
