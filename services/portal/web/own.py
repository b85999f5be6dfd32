"""The reader's own tickets as several pages ask for them: a list, their number, their clocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import g
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.backends import backends, calm
from services.portal.web.profile import in_stage
from services.portal.web.shown import ticket as ticket_shown


def list_own(
    states: Sequence[ticket_pb2.TicketState.ValueType], size: int, token: str = "", *, owed: bool = False
) -> tickets_service_pb2.ListTicketsResponse:
    """The reader's tickets in these states, the latest step first; `owed` those alone that wait for an answer."""
    return backends().tickets.ListTickets(
        tickets_service_pb2.ListTicketsRequest(
            filter=tickets_service_pb2.TicketFilter(
                requester=g.person.name, states=[] if owed else states, owes_answer=owed
            ),
            order=tickets_service_pb2.TICKET_ORDER_RECENTLY_UPDATED,
            page_size=size,
            page_token=token,
        )
    )


def count_own() -> None:
    """Puts the number of the reader's open tickets beside the menu's entry; without an answer none stands there."""
    asked = tickets_service_pb2.CountTicketsRequest(
        filter=tickets_service_pb2.TicketFilter(requester=g.person.name, states=ticket_shown.OPEN), limit=99
    )
    answer = calm(lambda: backends().tickets.CountTickets(asked), None)
    g.counts = {"tickets": answer.count} if answer is not None and answer.count else {}


def clocks_of(tickets: Iterable[ticket_pb2.Ticket]) -> dict[str, sla_pb2.TicketClocks]:
    """The clocks by ticket name; those without a promise are left out, and all when the clocks do not answer."""
    named = [ticket.name for ticket in tickets]
    if not named or not in_stage("policies.page"):
        return {}
    asked = sla_service_pb2.BatchGetTicketClocksRequest(tickets=named)
    answer = calm(lambda: backends().sla.BatchGetTicketClocks(asked), None)
    return {clocks.ticket: clocks for clocks in answer.clocks} if answer is not None else {}
