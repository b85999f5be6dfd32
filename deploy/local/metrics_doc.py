"""Writes docs/metrics.md from the metric registry: python -m deploy.local.metrics_doc."""

from __future__ import annotations

from collections.abc import Iterator

from deploy.local.servers import ROOT
from services.metrics.rules.registry import REGISTRY, Band, Metric
from services.metrics.rules.values import LEAST, LEAST_FOR_CHANGE
from services.metrics.store.counts import EXACT_BELOW

FILE = ROOT / "docs" / "metrics.md"
_HEAD = f"""# Metrics

Made from the registry in `services/metrics/rules/registry` by `python -m deploy.local.metrics_doc`; a test keeps it so.
The API, the board, reports and exports read the same definitions.

- A period is half-open and holds a ticket by the mark at which the metric is final: acknowledged, answered, resolved,
  closed, or when the clock stopped. Counts of what was opened go by the opening.
- Wall clock and business time are two metrics each and never mixed.
- Fewer than {LEAST} show no value; fewer than {LEAST_FOR_CHANGE} on either side show no change. A change whose interval
  holds 0 is not shown as one.
- Quantiles are exact below {EXACT_BELOW:,} tickets in the period, else within 0.5 % of the true value. Sums are exact.
- Out of every number by name: `cancelled` (taken back), `test` (category `test` or service `services/test`). Out where
  it says so: `duplicate` (parent and child count once), `no_fault` (not a fault of ours). Lists of facts show them all.
- A late event changes a past period visibly: the board's revision counts up.
"""
_BANDS = {Band.EFFICIENCY: "Efficiency", Band.EXPERIENCE: "Experience", Band.BUSINESS: "Business"}


def text() -> str:
    """The whole document."""
    parts = [_HEAD]
    for band, title in _BANDS.items():
        parts.append(f"## {title}\n")
        parts += ["\n".join(_entry(metric)) + "\n" for metric in REGISTRY if metric.band is band]
    return "\n".join(parts)


def _entry(metric: Metric) -> Iterator[str]:
    english, chinese = metric.names
    yield f"### {metric.code} {english} · {chinese}"
    yield ""
    yield f"`{metric.id}`, version {metric.version}, in {metric.unit.value}. {metric.about[0]} {metric.about[1]}"
    yield ""
    yield f"- Formula: {metric.formula}"
    yield from (f"- {case}" for case in metric.edge_cases)
    if metric.interval:
        yield f"- Interval: {metric.interval}"
    yield f"- Source: {metric.source}"
    if metric.waits_for:
        yield f"- Waits for: {metric.waits_for}"


if __name__ == "__main__":
    FILE.write_text(text())
    print(f"wrote {FILE.relative_to(ROOT)}")
