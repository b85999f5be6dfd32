"""Calendars: published whole, read by version."""

from __future__ import annotations

from functools import partial
from typing import Any

from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records
from services.sla.rules import calendar
from services.sla.rules.calendar import Calendar
from services.sla.wire import calendar as calendar_wire


class Calendars:
    """PublishCalendar, GetCalendar, ListCalendars."""

    calendars: Records[Calendar]

    async def PublishCalendar(self, request: sla_service_pb2.PublishCalendarRequest, context: Any) -> sla_pb2.Calendar:
        call = caller()
        draft = calendar_wire.draft(request.calendar)
        decide = partial(calendar.publish, draft=draft, by=call.actor)
        if request.etag:
            record = await self.calendars.change(draft.name, call.cause(request), decide, etag=request.etag)
        else:
            record = await self.calendars.upsert(draft.name, call.cause(request), decide)
        return calendar_wire.calendar(record.state.latest, record.etag)

    async def GetCalendar(self, request: sla_service_pb2.GetCalendarRequest, context: Any) -> sla_pb2.Calendar:
        record = await self.calendars.get(request.name)
        return calendar_wire.calendar(record.state.edition(request.version), record.etag)

    async def ListCalendars(
        self, request: sla_service_pb2.ListCalendarsRequest, context: Any
    ) -> sla_service_pb2.ListCalendarsResponse:
        page = await self.calendars.page(
            {}, [("_id", 1)], PageRequest(request.page_size, request.page_token, "calendars")
        )
        return sla_service_pb2.ListCalendarsResponse(
            calendars=[calendar_wire.calendar(one.state.latest, one.etag) for one in page.items],
            next_page_token=page.next_token,
        )
