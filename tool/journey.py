"""`tl journey`: where the time of one ticket went, in a terminal, as JSON or as a trace."""

from __future__ import annotations

import re
from datetime import timedelta

from google.protobuf.json_format import MessageToJson
from rich.table import Table
from throughline.sla.v1 import sla_service_pb2
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub
from throughline.tickets.v1 import journey_pb2, tickets_service_pb2
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub
from throughline.type.v1 import interval_pb2

from services.portal.web.shown.off_hours import off_hours
from services.runtime.refusal import Kind, Refusal
from tool.connection import Connection

_TICKET = re.compile(r"(?:tickets/)?((?:INC|REQ)-[0-9]{6,12})")


def named(text: str) -> str:
    """ "INC-000123" as "tickets/INC-000123".

    Raises:
        ValueError: it is no ticket's number.
    """
    found = _TICKET.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no number of a ticket; write it as INC-000123 or REQ-000124.")
    return f"tickets/{found.group(1)}"


def read(connection: Connection, ticket: str) -> journey_pb2.Journey:
    """The journey.

    Raises:
        Refusal: there is no such ticket, or the service was away.
    """
    asked = tickets_service_pb2.GetJourneyRequest(name=ticket, off_hours=_closed(connection, ticket))
    return connection.call(connection.stub("tickets", TicketsServiceStub).GetJourney, asked)


def trace(connection: Connection, ticket: str) -> str:
    """The journey in OTLP's JSON.

    Raises:
        Refusal: there is no such ticket, or the service was away.
    """
    asked = tickets_service_pb2.ExportJourneyRequest(name=ticket, off_hours=_closed(connection, ticket))
    return connection.call(connection.stub("tickets", TicketsServiceStub).ExportJourney, asked).content.decode()


def plain(journey: journey_pb2.Journey) -> str:
    """The journey as JSON."""
    return str(MessageToJson(journey, preserving_proto_field_name=True, ensure_ascii=False, indent=1))


def table(journey: journey_pb2.Journey) -> Table:
    """One row a stretch; the footer is the lead time, to which those that are marked add up."""
    lead = _told(journey.lead_duration.ToTimedelta())
    found = Table("stage", "from", "time", "lead", "who", title=f"{journey.ticket}: lead time {lead}")
    for one in journey.spans:
        stage = journey_pb2.JourneyStage.Name(one.stage).removeprefix("JOURNEY_STAGE_").lower().replace("_", " ")
        length = _told(one.duration.ToTimedelta()) + (" so far" if one.open else "")
        found.add_row(stage, one.start_time.ToJsonString(), length, "yes" if one.critical else "", one.who)
    return found


def _closed(connection: Connection, ticket: str) -> list[interval_pb2.Interval]:
    asked = sla_service_pb2.GetTicketClocksRequest(ticket=ticket)
    try:
        return off_hours(connection.call(connection.stub("sla", SlaServiceStub).GetTicketClocks, asked))
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return []


def _told(length: timedelta) -> str:
    """A length as days and clock time, to the second."""
    return str(timedelta(seconds=round(length.total_seconds())))
