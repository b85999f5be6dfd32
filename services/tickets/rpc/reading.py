"""Reading tickets: one, many, how many, and what happened to one."""

from __future__ import annotations

from typing import Any

from throughline.tickets.v1 import journey_pb2, ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.runtime.door import caller
from services.runtime.journal import Entry
from services.runtime.paging import PageRequest
from services.tickets.rpc.desk import Desk, reply
from services.tickets.rules import access
from services.tickets.rules import journey as journeys
from services.tickets.rules.ticket import Ticket
from services.tickets.store.queries import ORDERS, binding, query
from services.tickets.store.timeline import timeline, whole
from services.tickets.wire.journey import journey_message, journey_moment, off_hours, otlp
from services.tickets.wire.requests import order, selection
from services.tickets.wire.timeline import timeline_entry

DEFAULT_COUNT = 1000


class Reading(Desk):
    """What a reader may see, and no more of it."""

    async def GetTicket(self, request: pb.GetTicketRequest, context: Any) -> ticket_pb2.Ticket:
        call = caller()
        return reply(call, await self._seen(request.name, call))

    async def ListTickets(self, request: pb.ListTicketsRequest, context: Any) -> pb.ListTicketsResponse:
        call = caller()
        selected, sorted_by, sight = selection(request.filter), order(request), access.sight(call.actor)
        page = PageRequest(request.page_size, request.page_token, binding(selected, sorted_by, sight))
        found = await self.stores.tickets.page(query(selected, sight), ORDERS[sorted_by], page)
        return pb.ListTicketsResponse(
            tickets=[reply(call, record) for record in found.items], next_page_token=found.next_token
        )

    async def CountTickets(self, request: pb.CountTicketsRequest, context: Any) -> pb.CountTicketsResponse:
        limit = request.limit or DEFAULT_COUNT
        where = query(selection(request.filter), access.sight(caller().actor))
        count = await self.stores.tickets.count(where, limit + 1)
        return pb.CountTicketsResponse(count=min(count, limit), limited=count > limit)

    async def ListTimelineEntries(
        self, request: pb.ListTimelineEntriesRequest, context: Any
    ) -> pb.ListTimelineEntriesResponse:
        call = caller()
        record = await self._seen(request.name, call)
        inside = access.sees_internal(call.actor, record.state)

        def line(entry: Entry) -> pb.TimelineEntry | None:
            actor = entry.behalf or entry.actor
            return timeline_entry(entry.id, entry.type, entry.time, actor, entry.data, inside=inside)

        page = PageRequest(request.page_size, request.page_token, f"{request.name} {inside}")
        found = await timeline(self.stores.tickets.journal, request.name, page, line)
        return pb.ListTimelineEntriesResponse(entries=found.items, next_page_token=found.next_token)

    async def GetJourney(self, request: pb.GetJourneyRequest, context: Any) -> journey_pb2.Journey:
        ticket, told, inside = await self._journey(request)
        return journey_message(request.name, ticket, told, inside=inside)

    async def ExportJourney(self, request: pb.ExportJourneyRequest, context: Any) -> pb.ExportJourneyResponse:
        ticket, told, inside = await self._journey(request)
        name = request.name.rpartition("/")[2]
        content = otlp(request.name, ticket, told, inside=inside)
        return pb.ExportJourneyResponse(file_name=f"{name}.otlp.json", content=content)

    async def _journey(
        self, request: pb.GetJourneyRequest | pb.ExportJourneyRequest
    ) -> tuple[Ticket, journeys.Journey, bool]:
        """The ticket, its journey, and whether the caller sees it from our side."""
        call = caller()
        ticket = (await self._seen(request.name, call)).state
        entries = await whole(self.stores.tickets.journal, request.name)
        moments = [journey_moment(one.id, one.type, one.time, one.data, one.traceparent) for one in entries]
        told = journeys.journey(ticket, moments, off_hours(request), call.now)
        return ticket, told, access.sees_internal(call.actor, ticket)
