"""Availability and the map of calls, from spans."""

from __future__ import annotations

from typing import Any

from throughline.metrics.v1 import metrics_service_pb2 as pb

from services.metrics.rules.access import scope_of
from services.metrics.rules.availability import availability
from services.metrics.rules.business_service import PREFIX
from services.metrics.store.traffic import Traffic
from services.metrics.wire.board import period_of
from services.metrics.wire.traffic import availability_message, edge_message
from services.runtime.door import caller


class Availability:
    """What spans answer; they belong to no unit, so whoever may read numbers reads them all."""

    traffic: Traffic

    async def ListServiceAvailability(
        self, request: pb.ListServiceAvailabilityRequest, context: Any
    ) -> pb.ListServiceAvailabilityResponse:
        scope_of(caller().actor)
        found = await self.traffic.by_service(period_of(request.period, "period"))
        services = [
            availability_message(availability(service, sums))
            for service, sums in found.items()
            if not service.startswith(PREFIX)
        ]
        return pb.ListServiceAvailabilityResponse(services=services)

    async def ListServiceEdges(self, request: pb.ListServiceEdgesRequest, context: Any) -> pb.ListServiceEdgesResponse:
        scope_of(caller().actor)
        found = await self.traffic.edges(period_of(request.period, "period"))
        return pb.ListServiceEdgesResponse(edges=[edge_message(one) for one in found])
