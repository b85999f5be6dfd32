"""The registry: complete, in both languages, and every live number with test vectors worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.local.metrics_doc import text
from services.metrics.rules.change_fact import SORTS as CHANGE_SORTS
from services.metrics.rules.measures import LATE, MEASURES, contributions
from services.metrics.rules.registry import METRICS, REGISTRY, TILES, Band
from tests.unit.metrics.stories import at
from tests.unit.metrics.vectors import LIVES, VECTORS, Vector

ROWS = {f"E{number:02d}" for number in range(1, 30)}
# Not read off one fact at a time.
RECKONED_APART = {
    *("backlog_growth", "backlog_age", "recurrence", "time_to_resolve_change", "availability", "incident_loss"),
    *("availability_time", "time_between_failures", "time_to_restore_service", "error_budget", "error_budget_burn"),
    *("risk_exposure", "downtime"),
    *CHANGE_SORTS,
}
# Parts of the report of bottlenecks and no metrics of their own; its test counts them.
PARTS = set(LATE.values())


def test_every_row_of_the_catalogue_is_there_once() -> None:
    """E01 to E29, each under a code and an id that nobody else has."""
    assert {one.code.partition("-")[0] for one in REGISTRY} >= ROWS
    assert len({one.code for one in REGISTRY}) == len({one.id for one in REGISTRY}) == len(REGISTRY)


@pytest.mark.parametrize("metric", REGISTRY, ids=lambda metric: metric.id)
def test_a_definition_is_complete(metric: object) -> None:
    """Names and meaning in both languages, a formula and a source; no interval is promised without a formula."""
    one = METRICS[getattr(metric, "id", "")]
    english, chinese = one.names
    assert english.isascii()
    assert not chinese.isascii()
    assert all(one.about)
    assert one.formula
    assert one.source
    assert one.version >= 1


def test_what_lives_is_fed_and_what_waits_is_not() -> None:
    """A metric without data says what it waits for; one with data has a measure or is reckoned apart."""
    fed = {one.id for one in MEASURES} - PARTS
    for metric in REGISTRY:
        assert metric.is_live == (metric.id in fed | RECKONED_APART), metric.id
    assert fed <= set(METRICS)


def test_the_first_metrics_live() -> None:
    """E01 to E07, E10, E11 and E28 are more than words."""
    live = {one.code for one in REGISTRY if one.is_live}
    assert live >= {*(f"E0{number}" for number in range(1, 8)), "E06-changes", "E10", "E11", "E11-recurrence", "E28"}


def test_every_live_measure_has_vectors() -> None:
    """No number without examples of what it counts, and of what it does not."""
    assert {one.metric for one in VECTORS} == {one.id for one in MEASURES} - PARTS


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.metric}: {vector.life}")
def test_vector(vector: Vector) -> None:
    """A life adds to a metric what was worked out by hand, at the mark at which the metric counts."""
    added = [(one.at, one.value) for one in contributions(LIVES[vector.life]()) if one.measure == vector.metric]
    assert added == [(at(hours), value) for hours, value in vector.expected]


def test_the_tiles_cover_the_three_bands() -> None:
    """The board shows each band, and only what the registry defines."""
    assert {METRICS[one].band for one in TILES} == set(Band)


def test_the_document_is_current() -> None:
    """docs/metrics.md is what the registry says; `python -m deploy.local.metrics_doc` writes it anew."""
    document = Path(__file__).parents[3] / "docs" / "metrics.md"
    assert document.read_text() == text(), "run: .venv/bin/python -m deploy.local.metrics_doc"
