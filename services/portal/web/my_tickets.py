"""The reader's own tickets as a list; the page of one is in `my_ticket`."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from services.portal.web import my_ticket
from services.portal.web.own import clocks_of, count_own, list_own
from services.portal.web.session import signed_in
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.reader import reader

blueprint = Blueprint("my_tickets", __name__)
blueprint.register_blueprint(my_ticket.blueprint)

PAGE = 25
_TABS = {"open": ticket_shown.OPEN, "solved": (ticket_shown.RESOLVED,), "closed": ticket_shown.ENDED[1:]}


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
