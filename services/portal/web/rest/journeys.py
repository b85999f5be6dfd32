"""Where the time of a ticket went, and the same as a trace for any tool that reads OTLP."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from throughline.tickets.v1 import tickets_service_pb2

from services.portal.web import journeys
from services.portal.web.rest import query
from services.portal.web.rest.routes import Route, told

# The hours outside service come from the ticket's clocks, never from whoever asks.
_ONE = {"name": "tickets/{id}", "off_hours": ""}


def journey(id: str) -> ResponseReturnValue:
    """The journey as JSON."""
    query.from_query(request.args, tickets_service_pb2.GetJourneyRequest(), without=tuple(_ONE))
    return told(journeys.fetched(f"tickets/{id}"))


def export(id: str) -> ResponseReturnValue:
    """The journey as a file in OTLP's JSON."""
    query.from_query(request.args, tickets_service_pb2.ExportJourneyRequest(), without=tuple(_ONE))
    return journeys.file_of(f"tickets/{id}")


ROUTES = (
    Route("GET", "/tickets/{id}/journey", "tickets", "GetJourney", "Where its time went, without a gap", binds=_ONE,
          view=journey),
    Route("GET", "/tickets/{id}/journey/otlp", "tickets", "ExportJourney", "The journey as one trace in OTLP JSON",
          binds=_ONE, view=export, answer="application/octet-stream"),
)  # fmt: skip
