"""Intervals, quantiles and comparisons, against figures from elsewhere and against brute force."""

from __future__ import annotations

import math
import random
import statistics as python
from typing import Any

import numpy as np
import pytest
from ddsketch import DDSketch
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rules import statistics
from services.metrics.rules.lengths import ACCURACY, Lengths, bin_of, bins_and_logs, length_of, log_of
from services.metrics.rules.measures import CODES
from services.metrics.rules.period import Period
from services.metrics.rules.recurrence import recurrences
from services.metrics.rules.registry import METRICS
from services.metrics.rules.rows import ADDED, counted
from services.metrics.rules.tally import Tally, tally
from services.metrics.rules.values import Standing, change_of, count, growth, share, value_of
from tests.unit.metrics.stories import at

SECONDS = st.integers(0, 40_000_000)
PERIOD, LATER = Period(at(0), at(1000)), at(5000)


def lengths(values: list[int]) -> Lengths:
    """All of them, known one by one."""
    made = Lengths()
    for value in values:
        made.add(value)
    return made


def sketched(values: list[int]) -> Lengths:
    """The same after a way through a store: sums and bins alone."""
    one = lengths(values)
    return Lengths(one.n, one.total, one.squares, one.logs, one.log_squares, one.bins)


def test_wilson_is_wilson() -> None:
    """Newcombe (1998), table I: 81 of 263 and 0 of 20."""
    assert statistics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_a_difference_of_shares_is_newcombes() -> None:
    """Newcombe (1998), table II, method 10: 56/70 less 48/80 and 9/10 less 3/10."""
    assert statistics.share_change(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert statistics.share_change(9, 10, 3, 10) == pytest.approx((0.6, 0.1705, 0.8090), abs=5e-5)


@pytest.mark.parametrize(("df", "expected"), [(4, 2.7764), (10, 2.2281), (29, 2.0452), (1000, 1.9623)])
def test_student_is_student(df: float, expected: float) -> None:
    """The printed tables."""
    assert statistics.t_quantile(df) == pytest.approx(expected, abs=0.005)


def test_the_interval_of_a_mean_covers_as_often_as_it_says() -> None:
    """Of 2,000 samples of 12 about 95 % hold the true mean."""
    chance = random.Random(7)
    held = 0
    for _ in range(2000):
        sample = [round(chance.gauss(1000, 200)) for _ in range(12)]
        low, high = statistics.mean_interval(12, sum(sample), sum(one * one for one in sample))
        held += low <= 1000 <= high
    assert held / 2000 == pytest.approx(0.95, abs=0.015)


def test_the_interval_of_a_median_covers_whatever_the_shape() -> None:
    """Of 1,000 samples of 40 log-normal lengths at least 95 % hold the true median."""
    chance = random.Random(11)
    held = 0
    for _ in range(1000):
        low, high = statistics.median_interval(lengths([round(chance.lognormvariate(10, 2)) for _ in range(40)]))
        held += low <= 22026 <= high
    assert held / 1000 > 0.945


def test_a_longer_time_is_found_and_noise_is_not() -> None:
    """E04: of 400 comparisons without a difference about 5 % err; a doubling is seen with 200 on each side."""
    chance = random.Random(3)

    def draw(n: int, middle: float) -> Lengths:
        return lengths([round(chance.lognormvariate(middle, 1.5)) for _ in range(n)])

    wrong = sum(not low <= 0 <= high for _, low, high in (
        statistics.length_change(draw(60, 10), draw(60, 10)) for _ in range(400)))  # fmt: skip
    assert wrong / 400 == pytest.approx(0.05, abs=0.03)
    change, low, high = statistics.length_change(draw(200, 10.693), draw(200, 10))
    assert low > 0
    assert low < 1.0 < high or change == pytest.approx(1.0, abs=0.5)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.floats(0, 1))
def test_exact_quantiles_are_type_7(values: list[int], q: float) -> None:
    """The same as Python's inclusive quantiles at the median, and between the neighbours anywhere."""
    ordered = sorted(values)
    rank = q * (len(values) - 1)
    quantile = lengths(values).quantile(q)
    assert ordered[int(rank)] <= quantile <= ordered[min(int(rank) + 1, len(values) - 1)]
    assert lengths(values).quantile(0.5) == python.median(values)


@given(st.lists(SECONDS, min_size=1, max_size=300), st.floats(0, 1))
def test_a_sketch_is_within_half_a_per_cent(values: list[int], q: float) -> None:
    """The stated error, for any lengths and any quantile."""
    exact = lengths(values).quantile(q)
    assert sketched(values).quantile(q) == pytest.approx(exact, rel=ACCURACY + 1e-9)


@given(st.lists(SECONDS, max_size=60), st.lists(SECONDS, max_size=60), st.lists(SECONDS, max_size=60))
def test_lengths_merge_exactly(a: list[int], b: list[int], c: list[int]) -> None:
    """Sums, logarithms and bins are those of all lengths together, in any order of merging."""
    together = lengths(a + b + c)
    one = lengths(c).merge(lengths(a)).merge(lengths(b))
    other = Lengths().merge(lengths(b).merge(lengths(c))).merge(lengths(a))
    for name in ("n", "total", "squares", "logs", "log_squares", "bins"):
        assert getattr(one, name) == getattr(other, name) == getattr(together, name)
    assert sorted(one.values or []) == sorted(a + b + c)


def test_the_sketch_agrees_with_the_published_one() -> None:
    """The same accuracy as DDSketch's own code, on the same lengths."""
    chance = random.Random(5)
    values = [round(chance.lognormvariate(9, 2)) + 1 for _ in range(5000)]
    theirs = DDSketch(ACCURACY)
    for value in values:
        theirs.add(value)
    ours = sketched(values)
    for q in (0.1, 0.5, 0.9, 0.99):
        assert ours.quantile(q) == pytest.approx(theirs.get_quantile_value(q), rel=2 * ACCURACY)


@given(st.integers(1, 10**9))
def test_a_bin_stands_for_its_lengths(seconds: int) -> None:
    """Whole seconds up to thirty years, and no time at all."""
    assert length_of(bin_of(seconds)) == pytest.approx(seconds, rel=ACCURACY + 1e-9)
    assert length_of(bin_of(0)) == 0


def _tally(metric: str, values: list[int]) -> Tally:
    rows = np.zeros(len(values), ADDED)
    rows["m"], rows["v"] = CODES[metric], values
    nothing = np.zeros(len(values), np.int64)
    counts, _, sums, _ = counted(rows, nothing, nothing)
    return tally(counts, sums, {CODES[metric]: rows["v"]})


def test_too_few_show_no_value() -> None:
    """Four are too few, none is not defined, and neither is ever 0."""
    metric = METRICS["time_to_resolve"]
    few = value_of(metric, _tally(metric.id, [60] * 4), PERIOD, LATER)
    assert (few.standing, few.value, few.n, few.note) == (Standing.TOO_FEW, 0.0, 4, "4, 5 needed")
    assert value_of(metric, Tally(), PERIOD, LATER).standing is Standing.NOT_DEFINED
    assert share(METRICS["reopened"], 0, 0).standing is Standing.NOT_DEFINED
    assert share(METRICS["reopened"], 1, 3).standing is Standing.TOO_FEW
    assert value_of(METRICS["csat"], Tally(), PERIOD, LATER).standing is Standing.WAITING


def test_a_length_shows_median_and_tail_beside_its_mean() -> None:
    """E03 stands by its median, E01 by its mean; both give all three."""
    values = [60, 120, 180, 240, 6000]
    resolve = value_of(METRICS["time_to_resolve"], _tally("time_to_resolve", values), PERIOD, LATER)
    assert (resolve.value, resolve.median, resolve.mean, resolve.p90) == (180, 180, 1320, 3696)
    assert resolve.low <= 180 <= resolve.high
    mtta = value_of(METRICS["mtta"], _tally("mtta", values), PERIOD, LATER)
    assert (mtta.value, mtta.median) == (1320, 180)


def test_a_count_a_ticket_shows_its_sum() -> None:
    """E06: sum over tickets, with both beside the mean."""
    value = value_of(METRICS["reassignments"], _tally("reassignments", [0, 0, 1, 2, 0, 0]), PERIOD, LATER)
    assert (value.value, value.numerator, value.denominator, value.median) == (0.5, 3, 6, 0)
    assert value.low < 0.5 < value.high


def test_small_samples_show_no_change() -> None:
    """Under 30 on either side nobody can tell."""
    metric = METRICS["time_to_resolve"]
    few, many = _tally(metric.id, [60] * 29), _tally(metric.id, list(range(60, 6000, 60)))
    change = change_of(metric, few, many)
    assert (change.standing, change.note) == (Standing.TOO_FEW, "29, 30 needed")


def test_a_change_whose_interval_holds_zero_is_not_shown() -> None:
    """The interval is there, a value is not."""
    metric = METRICS["reopened"]
    change = change_of(metric, _tally(metric.id, [1] * 10 + [0] * 90), _tally(metric.id, [1] * 8 + [0] * 92))
    assert (change.standing, change.value) == (Standing.NOT_SHOWN, 0.0)
    assert change.low < 0 < change.high
    real = change_of(metric, _tally(metric.id, [1] * 40 + [0] * 60), _tally(metric.id, [1] * 8 + [0] * 92))
    assert (real.standing, real.value) == (Standing.SHOWN, 32.0)


def test_a_change_of_a_count_a_ticket_is_welchs() -> None:
    """In the metric's own unit; a plain count has no interval and shows no change."""
    metric = METRICS["reassignments"]
    change = change_of(metric, _tally(metric.id, [2, 3] * 40), _tally(metric.id, [0, 1] * 40))
    assert (change.standing, change.value) == (Standing.SHOWN, 2.0)
    assert change_of(METRICS["tickets_opened"], Tally(), Tally()).standing is Standing.NOT_DEFINED


def test_unfinished_periods_are_provisional() -> None:
    """A share of reopened tickets may still change while a requester can reopen."""
    values: dict[str, Any] = {"reopened": [0] * 6}
    tally = _tally("reopened", values["reopened"])
    metric = METRICS["reopened"]
    assert value_of(metric, tally, PERIOD, at(1000 + 24 * 13)).provisional
    assert not value_of(metric, tally, PERIOD, at(1000 + 24 * 14)).provisional
    assert value_of(METRICS["tickets_opened"], tally, PERIOD, at(999)).provisional


def test_backlog_grows_by_what_did_not_end() -> None:
    """E28: opened less ended; n is what is open at the end."""
    tally = Tally()
    tally.counts = {"tickets_opened": 7, "tickets_ended": 9}
    value = growth(tally, 41)
    assert (value.value, value.n, value.numerator, value.denominator) == (-2.0, 41, 7, 9)
    assert count(METRICS["tickets_opened"], 7).high == 7.0


def test_a_recurrence_follows_a_resolution_within_ninety_days() -> None:
    """E11: the same signature alone, not the same instant, and not the day after the window."""
    opened = [("a", at(24 * 100)), ("b", at(24 * 100)), ("a", at(24 * 9)), ("a", at(24 * 10))]
    resolved = [("a", at(24 * 10)), ("b", at(24 * 9)), ("a", at(24 * 120))]
    assert recurrences(opened, resolved) == (1, 4)


def test_many_lengths_are_measured_as_one_by_one() -> None:
    """Bins and logarithms of all short lengths, of those beside every edge of a bin, and of the longest."""
    edges = [round(length_of(bin)) + more for bin in range(1, 2_220) for more in (-1, 0, 1)]
    seconds = np.array([*range(200_000), *edges, *(int(math.exp(one / 100)) for one in range(2_200)), 2**32 - 1])
    bins, logs = bins_and_logs(seconds)
    assert bins.tolist() == [bin_of(one) for one in seconds.tolist()]
    assert logs.tolist() == [log_of(one) for one in seconds.tolist()]
    assert [column.tolist() for column in bins_and_logs(np.zeros(0, np.int64))] == [[], []]
