"""Touchpoints by service or team, and the tickets behind each cell."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import comparisons_service_pb2 as pb
from throughline.metrics.v1 import friction_pb2

from services.metrics.rules.access import scope_of
from services.metrics.store.frictions import Frictions
from services.metrics.wire.board import filter_of, period_of
from services.metrics.wire.friction import by_of, map_message, ticket_message, touchpoint_of
from services.runtime.door import caller
from services.runtime.paging import PageRequest


class Touchpoints:
    """The part of ComparisonsService about friction; every method asks first what the caller may read."""

    frictions: Frictions

    async def GetFrictionMap(self, request: pb.GetFrictionMapRequest, context: Any) -> friction_pb2.FrictionMap:
        scope = scope_of(caller().actor)
        period = period_of(request.period, "period")
        found = await self.frictions.by_place(period, filter_of(request.filter), by_of(request.by), scope)
        return map_message(found)

    async def ListFrictionTickets(
        self, request: pb.ListFrictionTicketsRequest, context: Any
    ) -> pb.ListFrictionTicketsResponse:
        scope = scope_of(caller().actor)
        period, filter = period_of(request.period, "period"), filter_of(request.filter)
        touchpoint = touchpoint_of(request.touchpoint)
        page = PageRequest(request.page_size, request.page_token, repr(("friction", period, filter, touchpoint, scope)))
        found = await self.frictions.tickets(period, filter, scope, touchpoint, page)
        return pb.ListFrictionTicketsResponse(
            tickets=[ticket_message(one.state, touchpoint) for one in found.items], next_page_token=found.next_token
        )
