"""What the events of tickets say, as the clocks see it."""

from __future__ import annotations

from typing import Any

from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.sla.rules.ticket import Facts, HoldReason, Seen, TicketState, TicketType
from services.sla.wire.instants import instant

TYPES = {one: ticket_pb2.TicketType.Value(f"TICKET_TYPE_{one.name}") for one in TicketType}
STATES = {one: ticket_pb2.TicketState.Value(f"TICKET_STATE_{one.name}") for one in TicketState}
HOLDS = {one: ticket_pb2.HoldReason.Value(f"HOLD_REASON_{one.name}") for one in HoldReason}
TYPE_OF = {value: one for one, value in TYPES.items()}
STATE_OF = {value: one for one, value in STATES.items()}
HOLD_OF = {value: one for one, value in HOLDS.items()}
CHANNEL_OF = {
    value: "" if not value else name.removeprefix("CHANNEL_").lower() for name, value in ticket_pb2.Channel.items()
}


def seen(ticket: ticket_pb2.Ticket, *, updated: bool = False) -> Seen:
    """The part of a ticket that its clocks depend on. updated: its event is a public word of ours.

    Raises:
        KeyError: a state or type that this release does not know.
    """
    responded = ticket.HasField("first_response_time")
    held = ticket.state == ticket_pb2.TICKET_STATE_ON_HOLD and ticket.HasField("hold")
    return Seen(
        name=ticket.name,
        state=STATE_OF[ticket.state],
        facts=Facts(
            ticket.priority,
            TYPE_OF[ticket.type],
            ticket.service,
            ticket.source,
            unit=ticket.unit,
            site=ticket.site,
            category=ticket.category,
            channel=CHANNEL_OF.get(ticket.channel, ""),
            impact=ticket.impact,
            urgency=ticket.urgency,
            item=ticket.item,
        ),
        requester=ticket.requester,
        unit=ticket.unit,
        team=ticket.team,
        opened_at=instant(ticket.open_time),
        responded_at=instant(ticket.first_response_time) if responded else None,
        importing=ticket.importing,
        hold=HOLD_OF.get(ticket.hold.reason) if held else None,
        updated=updated,
        impact_at=instant(ticket.impact_start_time) if ticket.HasField("impact_start_time") else None,
    )


def updates(message: Any) -> bool:
    """Whether an event of a ticket is a public word of somebody on our side: a question, or a comment all can read."""
    if isinstance(message, events_pb2.RequesterAsked):
        return True
    if not isinstance(message, events_pb2.CommentAdded) or message.comment.visibility != ticket_pb2.VISIBILITY_PUBLIC:
        return False
    ticket, author = message.ticket, message.comment.author
    ours = author not in (ticket.requester, ticket.opener) or author == ticket.assignee
    return message.first_response or (ours and author.startswith("people/"))


def clocks_name(ticket: str) -> str:
    """The name of a ticket's clocks: "tickets/INC-000123" -> "clocks/INC-000123"."""
    return f"clocks/{ticket.partition('/')[2]}"
