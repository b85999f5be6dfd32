"""What problems have cost, and what was paid again though its problem was known."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import governance_service_pb2 as pb
from throughline.metrics.v1 import problem_loss_pb2

from services.metrics.rules.access import scope_of
from services.metrics.store.problem_losses import ProblemLosses
from services.metrics.wire.board import filter_of, period_of
from services.metrics.wire.problem_loss import occurrence_message, problem_message, repeat_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest

PROBLEMS_SHOWN = 100


class Problems:
    """The part of GovernanceService about problems; every method asks first what the caller may read."""

    problem_losses: ProblemLosses

    async def GetProblemLoss(self, request: pb.GetProblemLossRequest, context: Any) -> problem_loss_pb2.ProblemLoss:
        call = caller()
        return problem_message(await self.problem_losses.of_problem(request.name, scope_of(call.actor), call.now))

    async def ListProblemIncidents(
        self, request: pb.ListProblemIncidentsRequest, context: Any
    ) -> pb.ListProblemIncidentsResponse:
        call = caller()
        scope = scope_of(call.actor)
        page = PageRequest(request.page_size, request.page_token, repr(("problem", request.name, scope)))
        found, token = await self.problem_losses.incidents(request.name, scope, call.now, page)
        return pb.ListProblemIncidentsResponse(
            incidents=[occurrence_message(one) for one in found], next_page_token=token
        )

    async def GetRepeatLoss(self, request: pb.GetRepeatLossRequest, context: Any) -> problem_loss_pb2.RepeatLoss:
        call = caller()
        scope, period = scope_of(call.actor), period_of(request.period, "period")
        found = await self.problem_losses.repeated(period, filter_of(request.filter), scope, call.now)
        return repeat_message(found, PROBLEMS_SHOWN)
