"""Calendars: published whole, read by version; the public holidays and files that help to make one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records
from services.sla.rules import calendar
from services.sla.rules.calendar import Calendar, Draft
from services.sla.rules.holidays import filled
from services.sla.rules.imported import Imported, imported, years_asked, zone_asked
from services.sla.store import editions_page, holiday_years
from services.sla.wire import calendar as calendar_wire
from services.sla.wire import holidays as holidays_wire
from services.sla.wire import ics


class Calendars:
    """PublishCalendar, GetCalendar, ListCalendars, ListCalendarVersions, and what helps to make a calendar:
    SuggestHolidays, ImportCalendarDays, ExportCalendar."""

    calendars: Records[Calendar]

    async def PublishCalendar(self, request: sla_service_pb2.PublishCalendarRequest, context: Any) -> sla_pb2.Calendar:
        call = caller()
        written = calendar_wire.draft(request.calendar)
        draft = await asyncio.to_thread(_with_holidays, written, list(request.holiday_years))
        decide = partial(calendar.publish, draft=draft, by=call.actor)
        if request.validate_only:
            state, etag = await self.calendars.rehearse(draft.name, decide, etag=request.etag)
            return calendar_wire.calendar(state.latest, etag)
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

    async def ListCalendarVersions(
        self, request: sla_service_pb2.ListCalendarVersionsRequest, context: Any
    ) -> sla_service_pb2.ListCalendarVersionsResponse:
        record = await self.calendars.get(request.name)
        page = editions_page(record.state, PageRequest(request.page_size, request.page_token, request.name))
        return sla_service_pb2.ListCalendarVersionsResponse(
            calendars=[calendar_wire.calendar(one, record.etag) for one in page.items], next_page_token=page.next_token
        )

    async def SuggestHolidays(
        self, request: sla_service_pb2.SuggestHolidaysRequest, context: Any
    ) -> sla_service_pb2.SuggestHolidaysResponse:
        found = await asyncio.to_thread(holiday_years, request.country, request.subdivision, sorted(request.years))
        return holidays_wire.suggested(request.country, request.subdivision, found)

    async def ImportCalendarDays(
        self, request: sla_service_pb2.ImportCalendarDaysRequest, context: Any
    ) -> sla_service_pb2.ImportCalendarDaysResponse:
        zone = zone_asked(request.time_zone)
        years = years_asked(request.first_year, request.last_year, caller().now.astimezone(zone).year)
        return holidays_wire.imported(await asyncio.to_thread(_read, request.content, zone, years))

    async def ExportCalendar(
        self, request: sla_service_pb2.ExportCalendarRequest, context: Any
    ) -> sla_service_pb2.ExportCalendarResponse:
        record = await self.calendars.get(request.name)
        content = await asyncio.to_thread(ics.written, record.state.edition(request.version))
        name = request.name.removeprefix("calendars/")
        return sla_service_pb2.ExportCalendarResponse(content=content, file_name=f"{name}.ics")


# What follows takes up to a second: it runs beside the loop, so that other calls do not wait for it.


def _with_holidays(draft: Draft, years: list[int]) -> Draft:
    return filled(draft, {one: holiday_years(one.country, one.subdivision, sorted(years)) for one in draft.regions})


def _read(content: bytes, zone: ZoneInfo, years: tuple[int, int]) -> Imported:
    entries, problems = ics.entries(content, zone)
    return imported(entries, *years, problems)
