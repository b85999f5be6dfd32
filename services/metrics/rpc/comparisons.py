"""ComparisonsService: two periods side by side, and what goes together."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import comparisons_service_pb2 as pb
from throughline.metrics.v1 import comparisons_service_pb2_grpc

from services.metrics.rules.access import scope_of
from services.metrics.store.board import Boards
from services.metrics.wire.board import filter_of, period_of
from services.metrics.wire.comparison import comparison_message, correlation_message, worth_message
from services.runtime.door import caller


class Comparisons(comparisons_service_pb2_grpc.ComparisonsServiceServicer):
    """throughline.metrics.v1.ComparisonsService; every method asks first what the caller may read."""

    def __init__(self, boards: Boards) -> None:
        self.boards = boards

    async def ComparePeriods(self, request: pb.ComparePeriodsRequest, context: Any) -> pb.ComparePeriodsResponse:
        call = caller()
        scope = scope_of(call.actor)
        period, baseline = period_of(request.period, "period"), period_of(request.baseline, "baseline")
        found, worth = await self.boards.comparisons(period, baseline, filter_of(request.filter), scope, call.now)
        return pb.ComparePeriodsResponse(
            comparisons=[comparison_message(one) for one in found], worth=worth_message(worth)
        )

    async def ListCorrelations(self, request: pb.ListCorrelationsRequest, context: Any) -> pb.ListCorrelationsResponse:
        scope = scope_of(caller().actor)
        period = period_of(request.period, "period")
        found, tickets = await self.boards.correlations(period, filter_of(request.filter), scope)
        return pb.ListCorrelationsResponse(correlations=[correlation_message(one) for one in found], tickets=tickets)
