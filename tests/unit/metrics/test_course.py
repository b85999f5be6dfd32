"""Courses by columns: the same as the tallies of each stretch by itself, from fewer rows too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from services.metrics.rules.course import POINTS, courses
from services.metrics.rules.measures import SORTS, Sort
from services.metrics.rules.period import Period
from services.metrics.rules.pieces import from_facts
from services.metrics.rules.registry import METRICS, REGISTRY, Metric, Shown
from services.metrics.rules.selection import NOTHING, Rows
from services.metrics.rules.statistics import moments
from services.metrics.rules.tally import Tally, tally
from tests.unit.metrics.stories import at
from tests.unit.metrics.test_cells import lives, packs

LIVE = [one for one in REGISTRY if one.is_live]


def _of_one(metric: Metric, found: Tally) -> float | None:
    """A point as its tally by itself says it."""
    sort = SORTS.get(metric.id)
    if metric.id == "backlog_growth":
        return float(found.count("tickets_opened") - found.count("tickets_ended"))
    if sort is Sort.LENGTH and (lengths := found.lengths.get(metric.id)):
        return lengths.total / lengths.n if metric.shown is Shown.MEAN else lengths.quantile(0.5)
    if sort is Sort.SHARE and (parts := found.shares.get(metric.id)):
        return 100 * parts[0] / parts[1]
    if sort is Sort.SPREAD and (spread := found.spreads.get(metric.id)):
        n, total, _ = moments(spread)
        return total / n
    return None


def _by_points(rows: Rows) -> dict[str, list[float]]:
    first, last = int(rows.days.min()), int(rows.days.max())
    width = -(-(last - first + 1) // POINTS)
    tallies = [
        tally(rows.counts[(rows.days - first) // width == one], rows.sums[(rows.sum_days - first) // width == one])
        for one in range(POINTS)
    ]
    found = {metric.id: [_of_one(metric, one) for one in tallies if not one.is_empty] for metric in LIVE}
    return {id: points for id, course in found.items() if (points := [one for one in course if one is not None])}


@pytest.mark.parametrize("days", [3, 40, 41, 400])
@pytest.mark.parametrize("fewer", [lambda rows: rows, Rows.by_day], ids=["as counted", "in fewest rows"])
def test_a_course_is_what_each_stretch_comes_to(days: int, fewer: Callable[[Rows], Rows]) -> None:
    """Medians and means, shares, counts a ticket and growth; a stretch without any is left out."""
    facts = packs(lives(300, seed=days))
    period = Period(at(0), at(0) + timedelta(days=days))
    rows = from_facts([one.rows for one in facts], [one.ticket_class for one in facts], period).whole
    if days == 400:
        far = rows.days + (rows.days - int(rows.days.min())) * 17
        rows = Rows(rows.counts, far, rows.sums, rows.sum_days + (rows.sum_days - int(rows.days.min())) * 17)
    told, expected = courses(fewer(rows), REGISTRY), _by_points(rows)
    assert set(told) == set(expected)
    assert {SORTS.get(id) for id in told} >= {Sort.LENGTH, Sort.SHARE, Sort.SPREAD}
    assert {METRICS[id].shown for id in told} >= set(Shown)
    for id, points in expected.items():
        assert told[id] == pytest.approx(points, abs=1e-6), METRICS[id].name
        assert len(points) <= POINTS


def test_nothing_has_no_course() -> None:
    """Not even a point that says zero."""
    assert courses(NOTHING, REGISTRY) == {}


def test_fewest_rows_come_to_the_same() -> None:
    """By priority, and by day; each kind of row is there once."""
    facts = packs(lives(300))
    rows = from_facts([one.rows for one in facts], [one.ticket_class for one in facts], Period(), None).whole
    for fewest in (rows.by_priority(), rows.by_day()):
        assert len(fewest.counts) < len(rows.counts)
        one, other = tally(fewest.counts, fewest.sums), tally(rows.counts, rows.sums)
        assert (one.counts, one.shares, one.spreads) == (other.counts, other.shares, other.spreads)
        assert {id: (a.n, a.total, a.squares, a.logs, a.log_squares, a.bins) for id, a in one.lengths.items()} == {
            id: (a.n, a.total, a.squares, a.logs, a.log_squares, a.bins) for id, a in other.lengths.items()
        }
        kinds = np.stack([fewest.days, fewest.counts["m"], fewest.counts["c"], fewest.counts["k"]])
        assert np.unique(kinds, axis=1).shape == kinds.shape
