"""Reuse by month: resolutions that an article helped to find, and what is expected to grow with them.

Nothing runs by itself yet and nobody's reading is known, so runs, the minutes of work that they spare and what people
solve themselves have no number here: each says what it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.stages import STAGES, Stage
from services.metrics.rules.tally import Tally

USED = "knowledge_used"
_RUNS = next(one.waits_for for one in STAGES[Stage.AUTOMATION].criteria if one.id == "runs_by_themselves")
WAITS: Mapping[str, str] = {
    "self_solved": METRICS["self_solved"].waits_for,
    "automation_share": _RUNS,
    "automation_runs": _RUNS,
    "manual_minutes_avoided": _RUNS,
}
"""What nothing feeds yet, and what it waits for."""


@dataclass(frozen=True, slots=True)
class ReuseMonth:
    """A month, or its part until now.

    used, resolved: tickets resolved in it, with an article and in all. total: used, from the first ticket to its end.
    unaided, opened: tickets opened in it, by people themselves and in all; the others somebody took down by phone or in
    person.
    """

    period: Period
    used: int
    resolved: int
    total: int
    unaided: int
    opened: int


def reuse(months: Sequence[tuple[Period, Tally]], before: Tally) -> list[ReuseMonth]:
    """The months in their order. before: everything until the first of them."""
    helped = [_helped(tally) for _, tally in months]
    totals = list(accumulate((used for used, _ in helped), initial=_helped(before)[0]))[1:]
    return [
        ReuseMonth(
            period,
            used,
            resolved,
            total,
            tally.count("tickets_opened") - tally.count("answered_in_person"),
            tally.count("tickets_opened"),
        )
        for (period, tally), (used, resolved), total in zip(months, helped, totals, strict=True)
    ]


def _helped(tally: Tally) -> tuple[int, int]:
    used, resolved = tally.shares.get(USED, (0, 0))
    return used, resolved
