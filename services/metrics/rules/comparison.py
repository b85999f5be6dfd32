"""Two periods side by side: every metric with its difference and interval, and whether faster was worth more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from services.metrics.rules import statistics
from services.metrics.rules.change_fact import SORTS as CHANGE_SORTS
from services.metrics.rules.measures import SORTS as TICKET_SORTS
from services.metrics.rules.measures import Sort
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import FIRST, LAST, Period
from services.metrics.rules.registry import Metric
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import (
    LEAST_FOR_CHANGE,
    Standing,
    Value,
    change_of,
    told,
    too_few,
    undefined,
    waiting,
)

_SORTS = {**TICKET_SORTS, **CHANGE_SORTS}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two periods: what it adds up to, its values by metric id, and its money."""

    period: Period
    whole: Tally
    values: Mapping[str, Value]
    money: Sequence[MoneySum]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric in both periods."""

    metric: Metric
    value: Value
    baseline: Value
    change: Value


@dataclass(frozen=True, slots=True)
class Worth:
    """The four lines less the incurred loss in both periods, minor units of one currency.

    faster_not_worth_more: time to resolve fell for certain, and the amount did not rise.
    """

    currency: str
    amount: int
    baseline: int
    entries: int
    faster_not_worth_more: bool


def compare(registry: Sequence[Metric], now: Side, before: Side) -> list[Comparison]:
    """Every metric, in the order of the registry."""
    return [
        Comparison(one, now.values[one.id], before.values[one.id], change(one, now, before))
        for one in registry
        if one.id in now.values
    ]


def change(metric: Metric, now: Side, before: Side) -> Value:
    """How a metric differs, or that nobody can tell. Counts are compared by day, in per cent."""
    if not metric.is_live:
        return waiting(metric)
    sort = _SORTS.get(metric.id)
    if sort in (Sort.COUNT, Sort.EVENTS):
        return _rate(metric, now, before)
    if sort is not None or metric.id == "recurrence":
        return change_of(metric, now.whole, before.whole)
    return _apart(metric, now.values[metric.id], before.values[metric.id])


def worth(now: Side, before: Side, currency: str, speed: Value) -> Worth:
    """Money beside speed. speed: the change of the time to resolve."""
    amount, mine = _amount(now.money, currency)
    baseline, other = _amount(before.money, currency)
    faster = speed.standing is Standing.SHOWN and speed.value < 0
    return Worth(currency, amount, baseline, mine + other, faster and mine + other > 0 and amount <= baseline)


def _amount(sums: Sequence[MoneySum], currency: str) -> tuple[int, int]:
    chosen = [one for one in sums if one.currency == currency]
    # A loss is positive in the ledger, and what it takes away.
    amount = sum(-one.amount if one.category is Category.INCURRED_LOSS else one.amount for one in chosen)
    return amount, sum(one.entries for one in chosen)


def _rate(metric: Metric, now: Side, before: Side) -> Value:
    k, k0 = now.whole.count(metric.id), before.whole.count(metric.id)
    if _is_open(now.period) or _is_open(before.period):
        return undefined(metric, "a period without an end has no rate")
    if min(k, k0) < LEAST_FOR_CHANGE:
        return too_few(metric, min(k, k0), LEAST_FOR_CHANGE)
    lengths = [(one.period.end - one.period.start) / timedelta(days=1) for one in (now, before)]
    ratio, low, high = (100 * one for one in statistics.rate_change(k, lengths[0], k0, lengths[1]))
    return told(metric, min(k, k0), ratio, low, high, "% a day")


def _apart(metric: Metric, value: Value, baseline: Value) -> Value:
    """From the two intervals alone, for values that no tally holds."""
    if value.standing is not Standing.SHOWN or baseline.standing is not Standing.SHOWN:
        return undefined(metric, "a change needs a value on both sides")
    if value.low == value.high and baseline.low == baseline.high:
        return undefined(metric, "a plain count has no interval to judge a change by")
    found = statistics.difference((value.value, value.low, value.high), (baseline.value, baseline.low, baseline.high))
    made = told(metric, min(value.n, baseline.n), *found, metric.unit.value)
    return replace(made, provisional=value.provisional or baseline.provisional)


def _is_open(period: Period) -> bool:
    return period.start == FIRST or period.end == LAST
