"""Renders the chart with a values file through a real Helm engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/throughline"
VALUES = ROOT / "tests/chart/values"
GOLDENS = ROOT / "tests/chart/goldens"
CASES = ("production", "dev", "intranet")

Manifest = dict[str, Any]


def values(case: str) -> Manifest:
    """The values file of a case."""
    return cast("Manifest", yaml.safe_load((VALUES / f"{case}.yaml").read_text()))


def render(given: Manifest) -> list[Manifest]:
    """The manifests of a release `rel` in namespace `itsm`, in the order of their files.

    Raises:
        helm_python.HelmValuesError: the values break values.schema.json.
    """
    chart = helm_python.Chart.load(str(CHART))
    files = chart.render(chart.merge_values(given), name="rel", namespace="itsm")
    texts = [text for path, text in sorted(files.items()) if path.endswith(".yaml")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    """Those of one kind."""
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def component(manifest: Manifest) -> str:
    """Which component a manifest belongs to."""
    return str(manifest["metadata"]["labels"]["app.kubernetes.io/component"])
