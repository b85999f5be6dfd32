"""Where the time of one ticket went: a page that can be printed, and the same as a trace to be saved."""

from __future__ import annotations

import re
from io import BytesIO

from flask import Blueprint, abort, g, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from throughline.sla.v1 import sla_service_pb2
from throughline.tickets.v1 import journey_pb2, ticket_pb2, tickets_service_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web.backends import backends, calm
from services.portal.web.names import names
from services.portal.web.navigation import DESK
from services.portal.web.own import count_own
from services.portal.web.session import signed_in
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import waterfall
from services.portal.web.shown.off_hours import off_hours
from services.portal.web.shown.reader import Reader, reader

blueprint = Blueprint("journeys", __name__, url_prefix="/tickets/<number>/journey")

_NUMBER = re.compile(r"(?:INC|REQ)-[0-9]{6,12}")


@blueprint.before_request
def known() -> None:
    """Only ticket numbers get further."""
    if not _NUMBER.fullmatch((request.view_args or {}).get("number", "")):
        abort(404)


@blueprint.get("")
@signed_in
def page(number: str) -> ResponseReturnValue:
    """The journey, as far as the reader may see the ticket."""
    asked = tickets_service_pb2.GetTicketRequest(name=f"tickets/{number}")
    ticket: ticket_pb2.Ticket = backends().tickets.GetTicket(asked)
    count_own()
    desk = bool(DESK & set(g.person.roles))
    return render_template(
        "journey.html",
        ticket=ticket,
        number=number,
        desk=desk,
        back=url_for("queue.ticket", number=number) if desk else url_for("my_tickets.ticket.page", number=number),
        status=ticket_shown.state_chip(ticket, reader()),
        trip=shown(ticket.name, reader()),
    )


@blueprint.get("/otlp")
@signed_in
def export(number: str) -> ResponseReturnValue:
    """The journey as one trace, to be saved and opened in any tool for traces."""
    return file_of(f"tickets/{number}")


def shown(name: str, told: Reader) -> waterfall.Trip:
    """What pages print of a ticket's journey."""
    found = fetched(name)
    names().people(one.who for one in found.spans)
    return waterfall.trip(found, told)


def fetched(name: str) -> journey_pb2.Journey:
    """The journey of a ticket ("tickets/INC-000123"), cut by the hours outside service when its clocks answer."""
    asked = tickets_service_pb2.GetJourneyRequest(name=name, off_hours=_closed(name))
    found: journey_pb2.Journey = backends().tickets.GetJourney(asked)
    return found


def file_of(name: str) -> ResponseReturnValue:
    """The trace of a ticket's journey as a file."""
    asked = tickets_service_pb2.ExportJourneyRequest(name=name, off_hours=_closed(name))
    found = backends().tickets.ExportJourney(asked)
    return send_file(
        BytesIO(found.content), "application/octet-stream", as_attachment=True, download_name=found.file_name
    )


def _closed(name: str) -> list[interval_pb2.Interval]:
    asked = sla_service_pb2.GetTicketClocksRequest(ticket=name)
    return off_hours(calm(lambda: backends().sla.GetTicketClocks(asked), None))
