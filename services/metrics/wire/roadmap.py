"""The way and its stages as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import governance_pb2 as pb

from services.metrics.rules.board import MoneyLine
from services.metrics.rules.period import Period
from services.metrics.rules.roadmap import Judged, Roadmap, StageEntered, Verdict, is_complete
from services.metrics.rules.stages import STAGES, Stage
from services.metrics.wire.board import interval_message, line_message
from services.metrics.wire.instants import timestamp
from services.metrics.wire.registry import LANGUAGES

_STAGES = {one: pb.RoadmapStage.Value(f"ROADMAP_STAGE_{one.name}") for one in Stage}
STAGE_OF = {value: one for one, value in _STAGES.items()}
_VERDICTS = {one: pb.CriterionState.Value(f"CRITERION_STATE_{one.name}") for one in Verdict}


def roadmap_message(
    roadmap: Roadmap,
    etag: str,
    period: Period,
    criteria: Mapping[Stage, Sequence[Judged]],
    gains: Mapping[Stage, Sequence[MoneyLine]],
) -> pb.Roadmap:
    """The whole way. period: over which criteria were measured. gains: of the stages that were entered."""
    return pb.Roadmap(
        etag=etag,
        stage=_STAGES[roadmap.stage] if roadmap.stage is not None else pb.ROADMAP_STAGE_UNSPECIFIED,
        stages=[_stage(roadmap, stage, criteria[stage], gains.get(stage, ())) for stage in Stage],
        period=interval_message(period),
    )


def told(event: StageEntered) -> events_pb2.StageEntered:
    """The message of an event."""
    one = event.entered
    return events_pb2.StageEntered(
        stage=_STAGES[one.stage],
        enter_time=timestamp(one.at),
        note=one.note,
        actor=one.by,
    )


def _stage(roadmap: Roadmap, stage: Stage, criteria: Sequence[Judged], gains: Sequence[MoneyLine]) -> pb.StageReport:
    lasted = roadmap.lasted(stage)
    entered, left = lasted if lasted is not None else (None, None)
    return pb.StageReport(
        stage=_STAGES[stage],
        display_names=dict(zip(LANGUAGES, STAGES[stage].names, strict=True)),
        start_time=timestamp(entered.at) if entered is not None else None,
        end_time=timestamp(left),
        actor=entered.by if entered is not None else "",
        note=entered.note if entered is not None else "",
        criteria=[_criterion(one) for one in criteria],
        gains=[line_message(one) for one in gains],
        complete=is_complete(criteria),
    )


def _criterion(one: Judged) -> pb.StageCriterion:
    criterion = one.criterion
    return pb.StageCriterion(
        id=criterion.id,
        display_names=dict(zip(LANGUAGES, criterion.names, strict=True)),
        descriptions=dict(zip(LANGUAGES, criterion.about, strict=True)),
        state=_VERDICTS[one.verdict],
        source=criterion.source,
        value=one.value,
        threshold=criterion.threshold,
        at_least=criterion.at_least,
        unit=one.unit,
        n=one.n,
        needed=criterion.needed,
        waits_for=one.waits_for,
    )
