"""What became of imported rows -> the reply."""

from __future__ import annotations

from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.tickets.rules.history import Outcome


def step_result(outcome: Outcome) -> pb.StepResult:
    """One row's outcome."""
    result = pb.StepResult(external_id=outcome.external_id, step_id=outcome.step_id, ticket=outcome.ticket)
    if outcome.refused is not None:
        result.outcome = pb.STEP_OUTCOME_REJECTED
        result.reason, result.message = outcome.refused.reason, outcome.refused.message
    else:
        result.outcome = pb.STEP_OUTCOME_APPLIED if outcome.applied else pb.STEP_OUTCOME_MERGED
    return result
