"""The clocks of tickets, with the time that is left of them now."""

from __future__ import annotations

from typing import Any

from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records
from services.sla.rules import access, clocks, outlook
from services.sla.rules.clocks import TicketClocks
from services.sla.store import Alike, Shelf, page_of_clocks
from services.sla.wire import clocks as clocks_wire
from services.sla.wire.ticket import clocks_name


class Clocks:
    """GetTicketClocks, BatchGetTicketClocks, ListTicketClocks."""

    clocks: Records[TicketClocks]
    shelf: Shelf
    alike: Alike

    async def GetTicketClocks(
        self, request: sla_service_pb2.GetTicketClocksRequest, context: Any
    ) -> sla_pb2.TicketClocks:
        record = await self.clocks.get(clocks_name(request.ticket))
        access.own(caller().actor, record.name, record.state.requester, record.state.unit)
        sample = await self.alike.sample(record.state)
        told = (await self._shown([record]))[0]
        expected = outlook.foresee(record.state, sample, self.shelf.book, caller().now)
        return clocks_wire.expecting(told, expected)

    async def BatchGetTicketClocks(
        self, request: sla_service_pb2.BatchGetTicketClocksRequest, context: Any
    ) -> sla_service_pb2.BatchGetTicketClocksResponse:
        found = await self.clocks.find([clocks_name(ticket) for ticket in request.tickets])
        actor = caller().actor
        shown = [
            record
            for record in found.values()
            if record.state.clocks and access.sees(actor, record.state.requester, record.state.unit)
        ]
        return sla_service_pb2.BatchGetTicketClocksResponse(clocks=await self._shown(shown))

    async def ListTicketClocks(
        self, request: sla_service_pb2.ListTicketClocksRequest, context: Any
    ) -> sla_service_pb2.ListTicketClocksResponse:
        actor = caller().actor
        access.may_list(actor)
        bind = f"clocks {request.team} {request.breached_only} {actor.unit}"
        page = await page_of_clocks(
            self.clocks,
            actor,
            PageRequest(request.page_size, request.page_token, bind),
            team=request.team,
            breached_only=request.breached_only,
        )
        return sla_service_pb2.ListTicketClocksResponse(
            clocks=await self._shown(page.items), next_page_token=page.next_token
        )

    async def _shown(self, records: list[Record[TicketClocks]]) -> list[sla_pb2.TicketClocks]:
        """What the caller may see of the clocks, with the time that is left of them now."""
        await self.shelf.refresh()
        call, book, told = caller(), self.shelf.book, []
        for one in records:
            seen = clocks.shown(one.state, call.actor)
            left, years = clocks.remaining(seen, book, call.now), clocks.unverified(seen, book, call.now)
            told.append(clocks_wire.ticket_clocks(seen, one.etag, left, years))
        return told
