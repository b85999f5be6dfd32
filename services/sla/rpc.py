"""The SlaService: reads the request, takes one decision or makes one query, replies."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.sla.v1 import sla_pb2, sla_service_pb2, sla_service_pb2_grpc

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records
from services.sla.rules import access, calendar, clocks, policy, promise
from services.sla.rules.calendar import Calendar
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.policy import Policy
from services.sla.store import POLICY_ORDER, Shelf, page_of_clocks
from services.sla.wire import calendar as calendar_wire
from services.sla.wire import clocks as clocks_wire
from services.sla.wire import policy as policy_wire
from services.sla.wire import promise as promise_wire
from services.sla.wire.ticket import clocks_name


class SlaRpc(sla_service_pb2_grpc.SlaServiceServicer):
    """Calendars, policies and the clocks that they drive."""

    def __init__(
        self, policies: Records[Policy], calendars: Records[Calendar], tickets: Records[TicketClocks], shelf: Shelf
    ) -> None:
        self._policies = policies
        self._calendars = calendars
        self._clocks = tickets
        self._shelf = shelf

    async def GetTicketClocks(
        self, request: sla_service_pb2.GetTicketClocksRequest, context: Any
    ) -> sla_pb2.TicketClocks:
        record = await self._clocks.get(clocks_name(request.ticket))
        access.own(caller().actor, record.name, record.state.requester, record.state.unit)
        return (await self._shown([record]))[0]

    async def BatchGetTicketClocks(
        self, request: sla_service_pb2.BatchGetTicketClocksRequest, context: Any
    ) -> sla_service_pb2.BatchGetTicketClocksResponse:
        found = await self._clocks.find([clocks_name(ticket) for ticket in request.tickets])
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
            self._clocks,
            actor,
            PageRequest(request.page_size, request.page_token, bind),
            team=request.team,
            breached_only=request.breached_only,
        )
        return sla_service_pb2.ListTicketClocksResponse(
            clocks=await self._shown(page.items), next_page_token=page.next_token
        )

    async def PublishCalendar(self, request: sla_service_pb2.PublishCalendarRequest, context: Any) -> sla_pb2.Calendar:
        call = caller()
        draft = calendar_wire.draft(request.calendar)
        decide = partial(calendar.publish, draft=draft, by=call.actor)
        if request.etag:
            record = await self._calendars.change(draft.name, call.cause(request), decide, etag=request.etag)
        else:
            record = await self._calendars.upsert(draft.name, call.cause(request), decide)
        return calendar_wire.calendar(record.state.latest, record.etag)

    async def GetCalendar(self, request: sla_service_pb2.GetCalendarRequest, context: Any) -> sla_pb2.Calendar:
        record = await self._calendars.get(request.name)
        return calendar_wire.calendar(record.state.edition(request.version), record.etag)

    async def ListCalendars(
        self, request: sla_service_pb2.ListCalendarsRequest, context: Any
    ) -> sla_service_pb2.ListCalendarsResponse:
        page = await self._calendars.page(
            {}, [("_id", 1)], PageRequest(request.page_size, request.page_token, "calendars")
        )
        return sla_service_pb2.ListCalendarsResponse(
            calendars=[calendar_wire.calendar(one.state.latest, one.etag) for one in page.items],
            next_page_token=page.next_token,
        )

    async def PublishPolicy(self, request: sla_service_pb2.PublishPolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        await self._shelf.refresh()
        draft = policy_wire.draft(request.policy)
        decide = partial(policy.publish, draft=draft, calendars=self._shelf.book.calendars, by=call.actor)
        if request.etag:
            record = await self._policies.change(draft.name, call.cause(request), decide, etag=request.etag)
        else:
            record = await self._policies.upsert(draft.name, call.cause(request), decide)
        return policy_wire.policy(record.state, record.etag)

    async def RetirePolicy(self, request: sla_service_pb2.RetirePolicyRequest, context: Any) -> sla_pb2.Policy:
        call = caller()
        record = await self._policies.change(
            request.name, call.cause(request), partial(policy.retire, by=call.actor), etag=request.etag
        )
        return policy_wire.policy(record.state, record.etag)

    async def GetPolicy(self, request: sla_service_pb2.GetPolicyRequest, context: Any) -> sla_pb2.Policy:
        record = await self._policies.get(request.name)
        return policy_wire.policy(record.state, record.etag)

    async def ListPolicies(
        self, request: sla_service_pb2.ListPoliciesRequest, context: Any
    ) -> sla_service_pb2.ListPoliciesResponse:
        page = await self._policies.page(
            {}, POLICY_ORDER, PageRequest(request.page_size, request.page_token, "policies")
        )
        return sla_service_pb2.ListPoliciesResponse(
            policies=[policy_wire.policy(one.state, one.etag) for one in page.items], next_page_token=page.next_token
        )

    async def PreviewPromise(
        self, request: sla_service_pb2.PreviewPromiseRequest, context: Any
    ) -> sla_service_pb2.PreviewPromiseResponse:
        await self._shelf.refresh()
        return promise_wire.preview(promise.preview(self._shelf.book, promise_wire.asked(request), caller().now))

    async def _shown(self, records: list[Record[TicketClocks]]) -> list[sla_pb2.TicketClocks]:
        """The clocks with the time that is left of them now."""
        await self._shelf.refresh()
        now = caller().now
        return [
            clocks_wire.ticket_clocks(one.state, one.etag, clocks.remaining(one.state, self._shelf.book, now))
            for one in records
        ]
