"""What the events of tickets say, as the clocks see it."""

from __future__ import annotations

from throughline.tickets.v1 import ticket_pb2

from services.sla.rules.ticket import Facts, Seen, TicketState, TicketType
from services.sla.wire.instants import instant

TYPES = {one: ticket_pb2.TicketType.Value(f"TICKET_TYPE_{one.name}") for one in TicketType}
STATES = {one: ticket_pb2.TicketState.Value(f"TICKET_STATE_{one.name}") for one in TicketState}
TYPE_OF = {value: one for one, value in TYPES.items()}
STATE_OF = {value: one for one, value in STATES.items()}


def seen(ticket: ticket_pb2.Ticket) -> Seen:
    """The part of a ticket that its clocks depend on.

    Raises:
        KeyError: a state or type that this release does not know.
    """
    responded = ticket.HasField("first_response_time")
    return Seen(
        name=ticket.name,
        state=STATE_OF[ticket.state],
        facts=Facts(ticket.priority, TYPE_OF[ticket.type], ticket.service, ticket.source),
        requester=ticket.requester,
        unit=ticket.unit,
        team=ticket.team,
        opened_at=instant(ticket.open_time),
        responded_at=instant(ticket.first_response_time) if responded else None,
        importing=ticket.importing,
    )


def clocks_name(ticket: str) -> str:
    """The name of a ticket's clocks: "tickets/INC-000123" -> "clocks/INC-000123"."""
    return f"clocks/{ticket.partition('/')[2]}"
