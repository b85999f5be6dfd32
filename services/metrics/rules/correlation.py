"""What goes together in the same tickets: Spearman's rank correlation with its interval, or not at all (A149).

It never says what causes what.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.measures import CODES
from services.metrics.rules.registry import METRICS
from services.metrics.rules.rows import added
from services.metrics.rules.statistics import Z
from services.metrics.rules.values import Standing

Numbers = NDArray[Any]

LEAST = 30
"""Fewer tickets with both readings show no correlation."""
MOST = 5_000
"""The latest so many tickets of a period are looked at: more would change the third digit alone."""
READINGS: tuple[str, ...] = (
    *("first_response_time_wall", "time_to_resolve", "time_to_repair", "reassignments", "person_changes"),
    *("re_asks", "reopened", "knowledge_used", "sla_met_resolution"),
)
"""Speed, hands, experience and promises of a ticket; its loss joins them."""
LOSS = "incident_loss"


@dataclass(frozen=True, slots=True)
class Correlation:
    """Two metrics, and how far their readings rise together: -1 to 1."""

    first: str
    second: str
    standing: Standing
    coefficient: float = 0.0
    low: float = 0.0
    high: float = 0.0
    n: int = 0
    note: str = ""


def correlations(packs: Sequence[bytes], losses: Sequence[int | None]) -> list[Correlation]:
    """Every pair of readings. packs: rows of each ticket. losses: what each cost in minor units, None when unknown."""
    found = added(packs)
    columns: dict[str, Numbers] = {}
    for id in READINGS:
        column = np.full(len(packs), np.nan)
        chosen = found.rows["m"] == CODES[id]
        column[found.fact[chosen]] = found.rows["v"][chosen]
        columns[id] = column
    columns[LOSS] = np.array([math.nan if one is None else one for one in losses], float)
    return [_pair(first, second, columns) for first, second in combinations(columns, 2)]


def _pair(first: str, second: str, columns: Mapping[str, Numbers]) -> Correlation:
    names = METRICS[first].name, METRICS[second].name
    both = ~np.isnan(columns[first]) & ~np.isnan(columns[second])
    n = int(both.sum())
    if n < LEAST:
        return Correlation(*names, Standing.TOO_FEW, n=n, note=f"{n}, {LEAST} needed")
    one, other = _ranks(columns[first][both]), _ranks(columns[second][both])
    spread = float(one.std() * other.std())
    if spread == 0:
        return Correlation(*names, Standing.NOT_DEFINED, n=n, note="one of the two is the same for all")
    rho = float(((one - one.mean()) * (other - other.mean())).mean()) / spread
    low, high = spearman_interval(rho, n)
    if low <= 0 <= high:
        note = "not shown: the interval holds 0"
        return Correlation(*names, Standing.NOT_SHOWN, low=round(low, 6), high=round(high, 6), n=n, note=note)
    return Correlation(*names, Standing.SHOWN, round(rho, 6), round(low, 6), round(high, 6), n)


def spearman_interval(rho: float, n: int) -> tuple[float, float]:
    """95 %, by Fisher's transformation with the error of Bonett and Wright (2000); n > 3."""
    middle = math.atanh(max(-0.999999, min(0.999999, rho)))
    half = Z * math.sqrt((1 + rho * rho / 2) / (n - 3))
    return math.tanh(middle - half), math.tanh(middle + half)


def _ranks(values: Numbers) -> Numbers:
    """Ranks from 1; equal values share the mean of theirs."""
    _, back, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((ends - counts + 1 + ends) / 2)[back]
