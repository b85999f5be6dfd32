"""What an outage says to the ticket service.

Each request id is made of the outage's name and the place of what is said, so that saying it twice has one effect.
"""

from __future__ import annotations

import uuid

from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.metrics.rules.outage_incident import Filing
from services.metrics.wire.instants import timestamp

_IDS = uuid.UUID("3a1f2b5e-8f0c-5d43-9c27-6f1f0b8a4d11")


def incident_request(outage: str, filing: Filing) -> tickets_service_pb2.CreateTicketRequest:
    """The incident of an outage."""
    return tickets_service_pb2.CreateTicketRequest(
        request_id=_id(f"{outage}/file"),
        type=ticket_pb2.TICKET_TYPE_INCIDENT,
        title=filing.title,
        description=filing.description,
        requester=filing.requester,
        channel=ticket_pb2.CHANNEL_MONITORING,
        service=filing.service,
        impact=filing.impact,
        urgency=filing.urgency,
        impact_start_time=timestamp(filing.impact_started_at),
    )


def note_request(outage: str, filing: Filing, ticket: str, place: int) -> tickets_service_pb2.AddCommentRequest:
    """The note of an outage at a place, for all who see its incident."""
    return tickets_service_pb2.AddCommentRequest(
        name=ticket,
        request_id=_id(f"{outage}/note/{place}"),
        text=filing.notes[place],
        visibility=ticket_pb2.VISIBILITY_PUBLIC,
    )


def _id(said: str) -> str:
    return str(uuid.uuid5(_IDS, said))
