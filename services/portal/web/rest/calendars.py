"""Calendars: read and published by version, public holidays, and the files of other calendars."""

from __future__ import annotations

from io import BytesIO

from flask import request, send_file
from flask.typing import ResponseReturnValue
from throughline.sla.v1 import sla_service_pb2

from services.portal.web.backends import backends
from services.portal.web.rest import query
from services.portal.web.rest.routes import Route

_ONE = {"name": "calendars/{id}"}


def export(id: str) -> ResponseReturnValue:
    """The days of a version as an iCalendar file."""
    asked = sla_service_pb2.ExportCalendarRequest()
    query.from_query(request.args, asked, without=("name",))
    asked.name = f"calendars/{id}"
    found = backends().sla.ExportCalendar(asked)
    return send_file(BytesIO(found.content), "text/calendar", as_attachment=True, download_name=found.file_name)


ROUTES = (
    Route("GET", "/calendars", "sla", "ListCalendars", "Service hours"),
    Route("POST", "/calendars", "sla", "PublishCalendar", "Publish a calendar's next version, or only check it"),
    Route("POST", "/calendars/days", "sla", "ImportCalendarDays", "Read days from an iCalendar file; changes nothing"),
    Route("GET", "/calendars/{id}", "sla", "GetCalendar", "One calendar, the latest version or another", binds=_ONE),
    Route("GET", "/calendars/{id}/versions", "sla", "ListCalendarVersions", "Every version, newest first", binds=_ONE),
    Route("GET", "/calendars/{id}/days.ics", "sla", "ExportCalendar", "Its days as an iCalendar file", binds=_ONE,
          view=export, answer="text/calendar"),
    Route("GET", "/holidays", "sla", "SuggestHolidays", "Public holidays, and of which years they are certain"),
)  # fmt: skip
