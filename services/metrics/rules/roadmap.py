"""The way in four stages: which one an installation is in, and what the data say of leaving it.

A criterion is met or unmet by a number that is shown elsewhere too; one that nothing feeds says what it waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS, Unit
from services.metrics.rules.stages import STAGES, Criterion, Stage
from services.metrics.rules.values import Standing, Value
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

NAME = "roadmaps/main"
WINDOW = timedelta(days=28)
EDITORS = ("executive", "administrator")
KEPT = 50
_DIGITS = 6


class Verdict(Enum):
    """What the data say of a criterion."""

    MET = "MET"
    UNMET = "UNMET"
    TOO_FEW = "TOO_FEW"
    WAITS = "WAITS"


@dataclass(frozen=True, slots=True)
class Judged:
    """A criterion and what is known of it. n: on how many the value stands. waits_for: "" unless it waits."""

    criterion: Criterion
    verdict: Verdict
    value: float = 0.0
    n: int = 0
    unit: str = ""
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """A stage was entered."""

    stage: Stage
    at: datetime
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Roadmap:
    """Every entering of a stage, oldest first, at most KEPT of them."""

    entered: tuple[Entered, ...] = ()

    @property
    def stage(self) -> Stage | None:
        """Where the installation is; None until somebody says it."""
        return self.entered[-1].stage if self.entered else None

    def lasted(self, stage: Stage) -> tuple[Entered, datetime | None] | None:
        """The latest entering of a stage, and when it was left for another; None when it never was."""
        for at in range(len(self.entered) - 1, -1, -1):
            if self.entered[at].stage is stage:
                left = self.entered[at + 1].at if at + 1 < len(self.entered) else None
                return self.entered[at], left
        return None


@dataclass(frozen=True, slots=True)
class StageEntered:
    """The installation went over to a stage."""

    entered: Entered


def judge(criterion: Criterion, values: Mapping[str, Value], counts: Mapping[str, int]) -> Judged:
    """What the data say. values: of the registry, by metric id, over WINDOW. counts: of what is kept, by name."""
    if criterion.waits_for:
        return Judged(criterion, Verdict.WAITS, waits_for=criterion.waits_for)
    if criterion.count:
        n = counts[criterion.count]
        return Judged(criterion, _verdict(criterion, float(n)), float(n), n)
    if criterion.of:
        part, whole = values[criterion.metric].n, values[criterion.of].n
        if whole < criterion.needed:
            return Judged(criterion, Verdict.TOO_FEW, n=whole, unit="%")
        share = 100 * part / whole
        return Judged(criterion, _verdict(criterion, share), round(share, _DIGITS), whole, "%")
    metric, value = METRICS[criterion.metric], values[criterion.metric]
    if value.standing is Standing.WAITING:
        return Judged(criterion, Verdict.WAITS, unit=metric.unit.value, waits_for=metric.waits_for)
    if value.standing is not Standing.SHOWN or value.n < criterion.needed:
        return Judged(criterion, Verdict.TOO_FEW, n=value.n, unit=metric.unit.value)
    if criterion.per_hundred:
        # Rounded as the map of friction rounds, so that both show one number.
        rate = round(100 * value.numerator / value.n, _DIGITS)
        return Judged(criterion, _verdict(criterion, rate), rate, value.n, Unit.PER_HUNDRED.value)
    return Judged(criterion, _verdict(criterion, value.value), value.value, value.n, metric.unit.value)


def judged(values: Mapping[str, Value], counts: Mapping[str, int]) -> dict[Stage, list[Judged]]:
    """Every criterion of every stage, in their order."""
    return {stage: [judge(one, values, counts) for one in plan.criteria] for stage, plan in STAGES.items()}


def is_complete(criteria: Sequence[Judged]) -> bool:
    """Whether a stage may be left: every criterion is met, and none waits."""
    return all(one.verdict is Verdict.MET for one in criteria)


def enter(
    before: Roadmap | None, stage: Stage, note: str, *, complete: Mapping[Stage, bool], by: Actor, now: datetime
) -> tuple[Roadmap, tuple[StageEntered, ...]]:
    """Goes over to a stage. complete: whether each may be left. The first entering tells where a way begins.

    Raises:
        Refusal: PERSON_REQUIRED, ROLE_REQUIRED, STAGE_SAME, STAGE_INCOMPLETE.
    """
    if by.is_system:
        raise Refusal.forbidden("PERSON_REQUIRED", "Only a person may say which stage an installation is in.")
    by.require(*EDITORS, to="say which stage the installation is in")
    kept = before or Roadmap()
    if kept.stage is stage:
        raise Refusal.precondition("STAGE_SAME", "The installation is in this stage already; choose another.")
    left = kept.stage is None or stage.value < kept.stage.value or complete[kept.stage]
    if not left and not note.strip():
        raise Refusal.invalid(
            "note",
            "STAGE_INCOMPLETE",
            "Not every criterion of the present stage is met; say why it is left all the same.",
        )
    one = Entered(stage, now, by.sub, note.strip())
    return Roadmap((*kept.entered, one)[-KEPT:]), (StageEntered(one),)


def credited(entered: datetime, left: datetime | None, now: datetime) -> Period | None:
    """The hours of the ledger that a stage is credited with: whole ones, each to one stage; None when it has none."""
    start, end = _hour(entered), _hour(left) if left is not None else now
    return Period(start, end) if start < end else None


def measured(now: datetime) -> Period:
    """The time over which criteria are measured."""
    return Period(now - WINDOW, now)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _verdict(criterion: Criterion, value: float) -> Verdict:
    kept = value >= criterion.threshold if criterion.at_least else value <= criterion.threshold
    return Verdict.MET if kept else Verdict.UNMET
