"""A number with its doubt, or the reason why there is none. Nothing is ever shown that nothing feeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from services.metrics.rules import statistics
from services.metrics.rules.change_fact import SORTS as CHANGE_SORTS
from services.metrics.rules.change_fact import WARRANTY
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.measures import SORTS as TICKET_SORTS
from services.metrics.rules.measures import Sort
from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS, Metric, Shown
from services.metrics.rules.statistics import moments
from services.metrics.rules.tally import Tally

LEAST = 5
"""Fewer than this show no value."""
LEAST_FOR_CHANGE = 30
"""Fewer than this on either side show no change."""
REOPEN_WITHIN = timedelta(days=14)
SORTS = {**TICKET_SORTS, **CHANGE_SORTS, "recurrence": Sort.SHARE}
"""How what the registry names adds up."""
_DIGITS = 6
_RESTATED = ("reopened", "first_contact_resolution", "no_reassignment_no_reopen", "no_assignment_change_no_reopen")


class Standing(Enum):
    """Whether there is a value, and if not, why."""

    SHOWN = "SHOWN"
    TOO_FEW = "TOO_FEW"
    NOT_DEFINED = "NOT_DEFINED"
    WAITING = "WAITING"
    NOT_SHOWN = "NOT_SHOWN"


@dataclass(frozen=True, slots=True)
class Value:
    """A number of a metric in its unit. low, high: 95 % interval, the value itself when it is a plain count.

    note: why there is no value, or what else must be known to read it.
    """

    metric: str
    standing: Standing
    value: float = 0.0
    n: int = 0
    numerator: int = 0
    denominator: int = 0
    median: float = 0.0
    p90: float = 0.0
    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0
    note: str = ""
    provisional: bool = False


def waiting(metric: Metric) -> Value:
    """The value of a metric that nothing feeds yet."""
    return Value(metric.name, Standing.WAITING, note=metric.waits_for)


def too_few(metric: Metric, n: int, needed: int) -> Value:
    """A value that is not shown because it stands on too little."""
    return Value(metric.name, Standing.TOO_FEW, n=n, note=f"{n}, {needed} needed")


def undefined(metric: Metric, note: str) -> Value:
    """A value that does not exist here."""
    return Value(metric.name, Standing.NOT_DEFINED, note=note)


def value_of(metric: Metric, tally: Tally, period: Period, now: datetime) -> Value:
    """A metric that facts feed, over a tally of the period; E28 and recurrences are reckoned apart."""
    if not metric.is_live:
        return waiting(metric)
    sort = SORTS.get(metric.id)
    if sort in (Sort.COUNT, Sort.EVENTS):
        found = count(metric, tally.count(metric.id))
    elif sort is Sort.SHARE:
        found = share(metric, *tally.shares.get(metric.id, (0, 0)))
    elif sort is Sort.SPREAD:
        found = _spread(metric, tally.spreads.get(metric.id, {}))
    elif sort is Sort.LENGTH:
        found = length(metric, tally.lengths.get(metric.id, Lengths()))
    else:
        return undefined(metric, "no fact feeds it")
    window = REOPEN_WITHIN if metric.id in _RESTATED else WARRANTY if metric.id in CHANGE_SORTS else None
    restated = window is not None and period.end > now - window
    unfinished = period.end > now or (metric.id in ("tickets_opened", "incidents") and tally.count("tickets_open") > 0)
    return replace(found, provisional=restated or unfinished)


def count(metric: Metric, n: int) -> Value:
    """A plain count, which has no doubt."""
    return Value(metric.name, Standing.SHOWN, float(n), n, low=float(n), high=float(n))


def share(metric: Metric, numerator: int, denominator: int) -> Value:
    """A share in per cent."""
    if denominator == 0:
        return undefined(metric, "nothing to take a share of")
    if denominator < LEAST:
        return replace(too_few(metric, denominator, LEAST), numerator=numerator, denominator=denominator)
    low, high = statistics.wilson(numerator, denominator)
    return Value(
        metric.name,
        Standing.SHOWN,
        _rounded(100 * numerator / denominator),
        denominator,
        numerator,
        denominator,
        low=_rounded(100 * low),
        high=_rounded(100 * high),
    )


def length(metric: Metric, lengths: Lengths) -> Value:
    """A length of time in seconds, with median, 90th percentile and mean."""
    if lengths.n == 0:
        return undefined(metric, "nothing reached this mark in the period")
    if lengths.n < LEAST:
        return too_few(metric, lengths.n, LEAST)
    mean, median = lengths.total / lengths.n, lengths.quantile(0.5)
    if metric.shown is Shown.MEAN:
        low, high = statistics.mean_interval(lengths.n, lengths.total, lengths.squares)
    else:
        low, high = statistics.median_interval(lengths)
    return Value(
        metric.name,
        Standing.SHOWN,
        _rounded(mean if metric.shown is Shown.MEAN else median),
        lengths.n,
        median=_rounded(median),
        p90=_rounded(lengths.quantile(0.9)),
        mean=_rounded(mean),
        low=_rounded(max(0.0, low)),
        high=_rounded(high),
    )


def _spread(metric: Metric, spread: dict[int, int]) -> Value:
    n, total, squares = moments(spread)
    if n == 0:
        return undefined(metric, "nothing reached this mark in the period")
    if n < LEAST:
        return too_few(metric, n, LEAST)
    low, high = statistics.mean_interval(n, total, squares)
    mean = _rounded(total / n)
    return Value(
        metric.name,
        Standing.SHOWN,
        mean,
        n,
        numerator=total,
        denominator=n,
        median=statistics.spread_quantile(spread, 0.5),
        p90=_rounded(statistics.spread_quantile(spread, 0.9)),
        mean=mean,
        low=_rounded(max(0.0, low)),
        high=_rounded(high),
    )


def change_of(metric: Metric, now: Tally, before: Tally) -> Value:
    """How a metric differs from its baseline, or that nobody can tell (E04).

    In per cent of the geometric mean for lengths, in percentage points for shares, in its own unit for counts a ticket.
    """
    if not metric.is_live:
        return waiting(metric)
    sort = SORTS.get(metric.id)
    if sort is Sort.LENGTH:
        mine, other = now.lengths.get(metric.id, Lengths()), before.lengths.get(metric.id, Lengths())
        if min(mine.n, other.n) < LEAST_FOR_CHANGE:
            return too_few(metric, min(mine.n, other.n), LEAST_FOR_CHANGE)
        change, low, high = (100 * one for one in statistics.length_change(mine, other))
        return told(metric, min(mine.n, other.n), change, low, high, "% of the geometric mean")
    if sort is Sort.SHARE:
        (k, n), (k0, n0) = now.shares.get(metric.id, (0, 0)), before.shares.get(metric.id, (0, 0))
        if min(n, n0) < LEAST_FOR_CHANGE:
            return too_few(metric, min(n, n0), LEAST_FOR_CHANGE)
        change, low, high = (100 * one for one in statistics.share_change(k, n, k0, n0))
        return told(metric, min(n, n0), change, low, high, "percentage points")
    if sort is Sort.SPREAD:
        sides: list[float] = []
        least = LEAST_FOR_CHANGE
        for one in (now, before):
            n, total, squares = moments(one.spreads.get(metric.id, {}))
            least = min(least, n)
            sides += [n, total / max(n, 1), statistics.variance(max(n, 2), total, squares)]
        if least < LEAST_FOR_CHANGE:
            return too_few(metric, least, LEAST_FOR_CHANGE)
        change, low, high = statistics.welch(int(sides[0]), sides[1], sides[2], int(sides[3]), sides[4], sides[5])
        return told(metric, int(min(sides[0], sides[3])), change, low, high, metric.unit.value)
    return undefined(metric, "a plain count has no interval to judge a change by")


def told(metric: Metric, n: int, change: float, low: float, high: float, note: str) -> Value:
    """A change is shown only when its interval holds no zero; the interval is there either way."""
    shown = low > 0 or high < 0
    return Value(
        metric.name,
        Standing.SHOWN if shown else Standing.NOT_SHOWN,
        _rounded(change) if shown else 0.0,
        n,
        low=_rounded(low),
        high=_rounded(high),
        note=note if shown else f"not shown: the interval holds 0 ({note})",
    )


def growth(tally: Tally, open_at_end: int) -> Value:
    """E28: opened less ended; n is what is open at the end."""
    opened, ended = tally.count("tickets_opened"), tally.count("tickets_ended")
    grown = float(opened - ended)
    return Value(
        METRICS["backlog_growth"].name, Standing.SHOWN, grown, open_at_end, opened, ended, low=grown, high=grown
    )


def _rounded(value: float) -> float:
    return round(value, _DIGITS)
