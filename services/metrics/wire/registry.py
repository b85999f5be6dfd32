"""Metrics and their values as messages."""

from __future__ import annotations

from throughline.metrics.v1 import metrics_pb2 as pb

from services.metrics.rules.registry import Band, Metric
from services.metrics.rules.values import Standing, Value

LANGUAGES = ("en", "zh")
_BANDS = {one: pb.Band.Value(f"BAND_{one.name}") for one in Band}
STANDINGS = {one: pb.ValueState.Value(f"VALUE_STATE_{one.name}") for one in Standing}


def metric_message(metric: Metric) -> pb.Metric:
    """A definition."""
    return pb.Metric(
        name=metric.name,
        id=metric.id,
        display_names=dict(zip(LANGUAGES, metric.names, strict=True)),
        descriptions=dict(zip(LANGUAGES, metric.about, strict=True)),
        unit=metric.unit.value,
        formula=metric.formula,
        edge_cases=metric.edge_cases,
        source=metric.source,
        band=_BANDS[metric.band],
        version=metric.version,
        waits_for=metric.waits_for,
    )


def value_message(value: Value) -> pb.Value:
    """A number with its doubt."""
    return pb.Value(
        metric=value.metric,
        state=STANDINGS[value.standing],
        value=value.value,
        n=value.n,
        numerator=value.numerator,
        denominator=value.denominator,
        median=value.median,
        p90=value.p90,
        mean=value.mean,
        low=value.low,
        high=value.high,
        note=value.note,
        provisional=value.provisional,
    )
