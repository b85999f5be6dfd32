"""The board, the registry and its values, and the facts behind them."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import board_pb2, metrics_pb2
from throughline.metrics.v1 import metrics_service_pb2 as pb

from services.metrics.rules import period as periods
from services.metrics.rules.access import require_within, scope_of
from services.metrics.rules.fact import Fact
from services.metrics.rules.registry import REGISTRY
from services.metrics.store.board import Boards
from services.metrics.store.facts import CLOSED, OPENED, RESOLVED, page_of_facts
from services.metrics.store.progress import Progress
from services.metrics.wire.board import board_message, filter_of, period_of
from services.metrics.wire.fact import fact_message
from services.metrics.wire.registry import metric_message, value_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records
from services.runtime.refusal import Refusal

# A period holds a ticket by its end unless somebody asks for another mark.
MARKS = {
    pb.PERIOD_MARK_UNSPECIFIED: RESOLVED,
    pb.PERIOD_MARK_OPENED: OPENED,
    pb.PERIOD_MARK_RESOLVED: RESOLVED,
    pb.PERIOD_MARK_CLOSED: CLOSED,
}


class Numbers:
    """What facts answer; every method asks first what the caller may read."""

    facts: Records[Fact]
    boards: Boards
    progress: Progress

    async def GetBoard(self, request: board_pb2.GetBoardRequest, context: Any) -> board_pb2.Board:
        call = caller()
        scope = scope_of(call.actor)
        period = period_of(request.period, "period")
        baseline = period_of(request.baseline, "baseline") if request.HasField("baseline") else None
        zone = periods.zone(request.time_zone)
        board = await self.boards.board(period, baseline, filter_of(request.filter), zone, scope, call.now)
        return board_message(board)

    async def GetProgress(self, request: pb.GetProgressRequest, context: Any) -> pb.Progress:
        scope_of(caller().actor)
        told = await self.progress.now()
        return pb.Progress() if told is None else pb.Progress(counted_events=told.heard, waiting_events=told.waiting)

    async def ListValues(self, request: pb.ListValuesRequest, context: Any) -> pb.ListValuesResponse:
        call = caller()
        scope = scope_of(call.actor)
        period = period_of(request.period, "period")
        values = await self.boards.values(period, filter_of(request.filter), scope, call.now)
        return pb.ListValuesResponse(values=[value_message(one) for one in values])

    async def ListMetrics(self, request: pb.ListMetricsRequest, context: Any) -> pb.ListMetricsResponse:
        scope_of(caller().actor)
        return pb.ListMetricsResponse(metrics=[metric_message(one) for one in REGISTRY])

    async def GetFact(self, request: pb.GetFactRequest, context: Any) -> metrics_pb2.Fact:
        scope = scope_of(caller().actor)
        fact = (await self.facts.get(request.name)).state
        if not fact.known:
            raise Refusal.not_found(request.name)
        require_within(fact.unit, scope, request.name)
        return fact_message(fact)

    async def ListFacts(self, request: pb.ListFactsRequest, context: Any) -> pb.ListFactsResponse:
        scope = scope_of(caller().actor)
        period, filter, mark = period_of(request.period, "period"), filter_of(request.filter), MARKS[request.mark]
        page = PageRequest(request.page_size, request.page_token, repr((period, filter, mark, scope)))
        found = await page_of_facts(self.facts, period, filter, scope, mark, page)
        return pb.ListFactsResponse(
            facts=[fact_message(one.state) for one in found.items], next_page_token=found.next_token
        )
