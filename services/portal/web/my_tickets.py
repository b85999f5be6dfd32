"""The reader's own tickets as a list; the page of one is in `my_ticket`."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, g, render_template, request, url_for
from flask.typing import ResponseReturnValue
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web import my_ticket
from services.portal.web.backends import backends, calm
from services.portal.web.session import signed_in
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.reader import reader

blueprint = Blueprint("my_tickets", __name__)
blueprint.register_blueprint(my_ticket.blueprint)

PAGE = 25
_TABS = {"open": ticket_shown.OPEN, "solved": (ticket_shown.RESOLVED,), "closed": ticket_shown.ENDED[1:]}


def list_own(states: Iterable[int], size: int, token: str = "", *, owed: bool = False) -> tickets_service_pb2.ListTicketsResponse:
    """The reader's tickets in these states, the latest step first; `owed` those alone that wait for an answer."""
    return backends().tickets.ListTickets(
        tickets_service_pb2.ListTicketsRequest(
            filter=tickets_service_pb2.TicketFilter(
                requester=g.person.name, states=list(states) if not owed else [], owes_answer=owed
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
    if not named:
        return {}
    asked = sla_service_pb2.BatchGetTicketClocksRequest(tickets=named)
    answer = calm(lambda: backends().sla.BatchGetTicketClocks(asked), None)
    return {clocks.ticket: clocks for clocks in answer.clocks} if answer is not None else {}


@blueprint.get("/tickets")
@signed_in
def page() -> ResponseReturnValue:
    """Open, solved or closed tickets, a page at a time."""
    tab = request.args.get("show", "open")
    tab = tab if tab in _TABS else "open"
    answer = list_own(_TABS[tab], PAGE, request.args.get("page", ""))
    clocks = clocks_of(answer.tickets)
    count_own()
    following = url_for(".page", show=tab, page=answer.next_page_token) if answer.next_page_token else ""
    now = reader()
    return render_template(
        "tickets.html",
        tab=tab,
        rows=[ticket_shown.row(ticket, clocks.get(ticket.name), now) for ticket in answer.tickets],
        following=following,
        first=url_for(".page", show=tab) if request.args.get("page") else "",
    )
