"""Filing an incident or a request; what would be promised stands there before it is sent."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.sla.v1 import sla_service_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2
from werkzeug.datastructures import FileStorage, MultiDict

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors, said
from services.portal.web.profile import in_stage
from services.portal.web.session import signed_in
from services.portal.web.shown import promise as promise_shown
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Refusal

blueprint = Blueprint("submit", __name__)

_TYPES = {"incident": ticket_pb2.TICKET_TYPE_INCIDENT, "request": ticket_pb2.TICKET_TYPE_REQUEST}
_SERVICE = re.compile(r"services/[a-z0-9][a-z0-9-]{0,62}")
_RECENT = 50


@dataclass(frozen=True, slots=True)
class Given:
    """What the form holds; what is not one of its choices counts as not given."""

    type: str
    title: str
    description: str
    service: str
    site: str
    impact: str
    urgency: str

    @classmethod
    def of(cls, values: MultiDict[str, str]) -> Given:
        """The form's values, or an address's."""
        level = {"1", "2", "3"}
        service = values.get("service", "")
        return cls(
            type=values.get("type", "") if values.get("type", "") in _TYPES else "incident",
            title=values.get("title", "") or values.get("text", "") or values.get("q", ""),
            description=values.get("description", "").replace("\r\n", "\n"),
            service=service if _SERVICE.fullmatch(service) else "",
            site=values.get("site", ""),
            impact=values.get("impact", "") if values.get("impact", "") in level else "",
            urgency=values.get("urgency", "") if values.get("urgency", "") in level else "",
        )


@blueprint.get("/submit")
@signed_in
def page() -> ResponseReturnValue:
    """The form, with what the question box was asked as its title."""
    return _page(Given.of(request.args))


@blueprint.get("/submit/promise")
@signed_in
def promise() -> ResponseReturnValue:
    """The promise alone, for the form to show while it is filled in."""
    return render_template("submit_promise.html", promise=_promise(Given.of(request.args)))


@blueprint.post("/submit")
@signed_in
def send() -> ResponseReturnValue:
    """Files it once, however often the form is sent; `act` = preview only shows the promise."""
    given = Given.of(request.form)
    if request.form.get("act") == "preview":
        return _page(given)
    missing = _missing(given)
    if missing:
        return _page(given, missing, 400)
    request_id = request.form.get("request_id", "")
    try:
        ticket = backends().tickets.CreateTicket(
            tickets_service_pb2.CreateTicketRequest(
                request_id=request_id,
                type=_TYPES[given.type],
                title=given.title,
                description=given.description,
                channel=ticket_pb2.CHANNEL_PORTAL,
                service=given.service,
                site=given.site,
                impact=int(given.impact),
                urgency=int(given.urgency),
            )
        )
    except Refusal as refusal:
        return _page(given, field_errors(refusal), STATUS[refusal.kind])
    file = request.files.get("file")
    if file is not None and file.filename:
        _attach(ticket, file, request_id)
    return redirect(url_for("my_tickets.ticket.page", number=last_part(ticket.name)), 303)


def _attach(ticket: ticket_pb2.Ticket, file: FileStorage, request_id: str) -> None:
    """The ticket stands by now: a file that is refused is told on its page and can be given again there."""
    try:
        backends().tickets.AddAttachment(
            tickets_service_pb2.AddAttachmentRequest(
                name=ticket.name,
                # The same for the same form, so that sending it twice attaches once.
                request_id=str(uuid.uuid5(uuid.UUID(request_id), "file")),
                file_name=(file.filename or "")[:200],
                content_type=file.mimetype[:100],
                content=file.read(),
                visibility=ticket_pb2.VISIBILITY_PUBLIC,
            )
        )
    except Refusal as refusal:
        text = gettext("Your ticket is filed, but the file was not taken: %(why)s", why=said(refusal))
        flash(str(text), "warn")


def _missing(given: Given) -> dict[str, str]:
    """What the form needs although the service would take it later."""
    errors = {}
    if not given.title.strip():
        errors["title"] = str(gettext("Say in a few words what this is about."))
    if not given.impact:
        errors["impact"] = str(gettext("Choose who is affected."))
    if not given.urgency:
        errors["urgency"] = str(gettext("Choose how urgent it is."))
    return errors


def _page(given: Given, errors: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    count_own()
    html = render_template(
        "submit.html",
        given=given,
        errors=errors or {},
        promise=_promise(given),
        services=_services(),
        request_id=new_request_id(),
    )
    return html, status


def _promise(given: Given) -> dict[str, Any] | None:
    """What would be promised now; None until it is known who is affected and how urgent it is."""
    if not given.impact or not given.urgency or not in_stage("submit.promise"):
        return None
    try:
        matrix = backends().tickets.GetPriorityMatrix(tickets_service_pb2.GetPriorityMatrixRequest())
        cell = (int(given.impact), int(given.urgency))
        priority = next(one.priority for one in matrix.cells if (one.impact, one.urgency) == cell)
        asked = sla_service_pb2.PreviewPromiseRequest(
            type=_TYPES[given.type],
            priority=priority,
            service=given.service,
            site=given.site[:100].strip(),
            impact=cell[0],
            urgency=cell[1],
        )
        promised = backends().sla.PreviewPromise(asked)
    except Refusal:
        return {
            "title": str(gettext("The promise cannot be told now")),
            "text": str(gettext("You can send it all the same; the promise then stands on the ticket's page.")),
        }
    return promise_shown.preview(promised, reader())


def _services() -> list[tuple[str, str]]:
    """Services to choose from, as (reference, name): those with a promise of their own, and the reader's latest."""
    policies = calm(lambda: backends().sla.ListPolicies(sla_service_pb2.ListPoliciesRequest(page_size=200)), None)
    found: set[str] = set()
    for policy in policies.policies if policies is not None else ():
        found |= set(policy.match.services)
    own = tickets_service_pb2.ListTicketsRequest(
        filter=tickets_service_pb2.TicketFilter(requester=g.person.name), page_size=_RECENT
    )
    recent: Any = calm(lambda: backends().tickets.ListTickets(own), None)
    found |= {ticket.service for ticket in recent.tickets} if recent is not None else set()
    return sorted((one, names().told(one)) for one in found if _SERVICE.fullmatch(one))
