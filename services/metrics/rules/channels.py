"""Channels side by side: where one serves worse than another by more than a margin that somebody has set (A017).

Two channels differ only when the whole 95 % interval of their difference lies beyond the margin, and when enough
tickets came by either: what chance could do is no alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

from services.metrics.rules.business_service import EDITORS
from services.metrics.rules.fact import EPOCH, IN_PERSON, Channel
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS, Unit
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import LEAST_FOR_CHANGE, Standing, Value, change_of, undefined, value_of
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

COMPARED = ("first_response_time", "sla_met_response", "sla_met_resolution", "csat")
CHANNELS = tuple(one for one in Channel if one is not Channel.UNSPECIFIED)
NAME = "channelRules/default"
SETTLED = timedelta(days=7)
"""How long after its end a month is still looked at: clocks stop and replies come in late."""


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """By how much channels may differ: per cent of time to respond, points of promises kept and of satisfaction.

    least: fewer tickets than this on either channel are not compared, never below LEAST_FOR_CHANGE.
    """

    response: int = 50
    promises: int = 10
    satisfaction: int = 10
    least: int = LEAST_FOR_CHANGE
    author: str = ""
    set_at: datetime = EPOCH

    def margin(self, metric: str) -> int:
        """What it allows of a metric, in the unit of the metric's change."""
        return {"first_response_time": self.response, "csat": self.satisfaction}.get(metric, self.promises)


@dataclass(frozen=True, slots=True)
class RuleChanged:
    """Somebody set what channels may differ by."""

    rule: ChannelRule


@dataclass(frozen=True, slots=True)
class Gap:
    """A channel that serves worse. metric: its id. difference: the worse less the better, with its interval."""

    metric: str
    worse: Channel
    better: Channel
    difference: Value
    margin: int


@dataclass(frozen=True, slots=True)
class Divergence:
    """A gap of a whole month, as it was found; it is told once."""

    period: Period
    gap: Gap
    found_at: datetime


@dataclass(frozen=True, slots=True)
class Diverged:
    """Channels differ in a month, for the first time in it."""

    divergence: Divergence


def set_rule(before: ChannelRule | None, wanted: ChannelRule, *, by: Actor, at: datetime) -> tuple[
    ChannelRule, tuple[RuleChanged, ...]
]:  # fmt: skip
    """The rule as wanted; the same again changes nothing.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED.
    """
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", "Only a person may set by how much channels may differ.")
    by.require(*EDITORS, to="set by how much channels may differ")
    kept = before or ChannelRule()
    if before is not None and replace(wanted, author=kept.author, set_at=kept.set_at) == before:
        return before, ()
    after = replace(wanted, author=by.sub, set_at=at)
    return after, (RuleChanged(after),)


def found(divergence: Divergence) -> tuple[Divergence, tuple[Diverged]]:
    """The alert of a month, a metric and a pair; its name is its cause, so that it is told once."""
    return divergence, (Diverged(divergence),)


def divergence_name(divergence: Divergence) -> str:
    """ "channelDivergences/2026-11.first_response_time.EMAIL.PORTAL": one name, whichever of the two is worse."""
    gap = divergence.gap
    pair = ".".join(sorted((gap.worse.value, gap.better.value)))
    return f"channelDivergences/{divergence.period.start:%Y-%m}.{gap.metric}.{pair}"


def values(channel: Channel, tally: Tally, period: Period, now: datetime) -> tuple[Value, ...]:
    """What is compared, of one channel, in the order of COMPARED."""
    return tuple(_value(id, channel, tally, period, now) for id in COMPARED)


def gaps(tallies: Mapping[Channel, Tally], rule: ChannelRule) -> tuple[Gap, ...]:
    """Every pair of channels of which one is worse beyond the margin for certain, by metric, the widest first."""
    made: list[Gap] = []
    for id in COMPARED:
        margin, of_metric = rule.margin(id), []
        for worse, better in permutations(tallies, 2):
            difference = change_of(METRICS[id], tallies[worse], tallies[better])
            if difference.n >= rule.least and _is_beyond(id, difference, margin):
                of_metric.append(Gap(id, worse, better, difference, margin))
        made += sorted(of_metric, key=lambda one: (-abs(one.difference.value), one.worse.value, one.better.value))
    return tuple(made)


def months(at: datetime) -> tuple[Period, ...]:
    """The months of UTC that are looked at: the one that runs, and the one before until it has settled."""
    start = datetime(at.year, at.month, 1, tzinfo=UTC)
    following = (start + timedelta(days=32)).replace(day=1)
    running = Period(start, following)
    if at - start >= SETTLED:
        return (running,)
    return running, Period((start - timedelta(days=1)).replace(day=1), start)


def _value(id: str, channel: Channel, tally: Tally, period: Period, now: datetime) -> Value:
    metric = METRICS[id]
    if id == "first_response_time" and channel in IN_PERSON:
        return undefined(metric, "answered in person: nobody waits for a first response")
    return value_of(metric, tally, period, now)


def _is_beyond(id: str, difference: Value, margin: int) -> bool:
    """Whether even the nearer end of the interval is worse by more than the margin; longer is worse, less kept is."""
    if difference.standing is not Standing.SHOWN:
        return False
    return (difference.low if METRICS[id].unit is Unit.SECONDS else -difference.high) > margin
