"""What late tickets waited for longest, and which ones they were."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import bottlenecks_pb2
from throughline.metrics.v1 import comparisons_service_pb2 as pb

from services.metrics.rules.access import scope_of
from services.metrics.rules.bottleneck_report import bottleneck_report
from services.metrics.store.board import Boards
from services.metrics.wire.board import filter_of, period_of
from services.metrics.wire.bottleneck import cause_of, report_message, ticket_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest


class Bottlenecks:
    """The part of ComparisonsService about late tickets; every method asks first what the caller may read."""

    boards: Boards

    async def GetBottleneckReport(
        self, request: pb.GetBottleneckReportRequest, context: Any
    ) -> bottlenecks_pb2.BottleneckReport:
        scope = scope_of(caller().actor)
        period = period_of(request.period, "period")
        return report_message(bottleneck_report(await self.boards.tally(period, filter_of(request.filter), scope)))

    async def ListBottleneckTickets(
        self, request: pb.ListBottleneckTicketsRequest, context: Any
    ) -> pb.ListBottleneckTicketsResponse:
        scope = scope_of(caller().actor)
        period, filter, cause = period_of(request.period, "period"), filter_of(request.filter), cause_of(request.cause)
        page = PageRequest(request.page_size, request.page_token, repr(("late", period, filter, cause, scope)))
        found = await self.boards.late(period, filter, scope, cause, page)
        return pb.ListBottleneckTicketsResponse(
            tickets=[ticket_message(one.state) for one in found.items], next_page_token=found.next_token
        )
