"""What problems have cost, as messages."""

from __future__ import annotations

from throughline.metrics.v1 import problem_loss_pb2 as pb

from services.metrics.rules.problem_loss import Occurrence, ProblemLoss, RepeatLoss
from services.metrics.wire.fact import fact_message
from services.metrics.wire.instants import timestamp
from services.metrics.wire.losses import part_message, sum_messages


def problem_message(loss: ProblemLoss) -> pb.ProblemLoss:
    """One problem."""
    return pb.ProblemLoss(
        name=loss.problem.name,
        known_time=timestamp(loss.problem.known_at),
        incidents=loss.incidents,
        incidents_with_amount=loss.with_amount,
        sums=sum_messages(loss.sums),
        repeated_incidents=loss.again,
        repeated_sums=sum_messages(loss.again_sums),
        incidents_left_out=loss.left_out,
    )


def occurrence_message(one: Occurrence) -> pb.ProblemIncident:
    """One incident of a problem."""
    return pb.ProblemIncident(
        fact=fact_message(one.fact),
        title=one.fact.title,
        linked=one.linked,
        repeated=one.again,
        parts=[part_message(part) for part in one.parts],
    )


def repeat_message(loss: RepeatLoss, most: int) -> pb.RepeatLoss:
    """What was paid again, of so many problems at most."""
    return pb.RepeatLoss(
        problems=[problem_message(one) for one in loss.rows[:most]],
        total=sum_messages(loss.total),
        incidents=loss.incidents,
        problems_left_out=len(loss.rows[most:]),
        incidents_left_out=loss.left_out,
    )
