"""Incidents and requests: file, find, move by verbs, talk, attach."""

from __future__ import annotations

from io import BytesIO

from flask import request, send_file
from flask.typing import ResponseReturnValue
from throughline.tickets.v1 import tickets_service_pb2

from services.portal.web.backends import backends
from services.portal.web.rest import contract
from services.portal.web.rest.routes import Route, key, told
from services.runtime.refusal import Refusal

_ONE = {"name": "tickets/{id}"}
_VERBS = (
    ("triage", "TriageTicket", "Set impact and urgency; the matrix gives the priority"),
    ("impact-start", "SetImpactStart", "Say when its impact began, or take that back"),
    ("assign", "AssignTicket", "Give it to a team, and to a person of it"),
    ("start", "StartTicket", "Take up the work"),
    ("ask", "AskRequester", "Ask the requester"),
    ("answer", "AnswerQuestion", "Answer the open question"),
    ("hold", "HoldTicket", "Put it on hold: what blocks, and who can unblock"),
    ("resume", "ResumeTicket", "Go on with the work"),
    ("resolve", "ResolveTicket", "Say how it was solved"),
    ("close", "CloseTicket", "Close what is resolved"),
    ("reopen", "ReopenTicket", "Open it again"),
    ("cancel", "CancelTicket", "Cancel what is open"),
    ("comments", "AddComment", "Say something, in public or among agents"),
    ("link", "LinkTicket", "Link it to another record"),
    ("unlink", "UnlinkTicket", "Take a link away"),
)


def attach(id: str) -> ResponseReturnValue:
    """Adds the file of a multipart form; at most 5 MB."""
    given = request.files.get("file")
    if given is None:
        raise Refusal.invalid("file", "BODY_INVALID", "Send multipart/form-data with the parts file and visibility.")
    visibility = {"visibility": request.form.get("visibility", "PUBLIC")}
    asked = tickets_service_pb2.AddAttachmentRequest(request_id=key())
    contract.from_json(visibility, asked)
    try:
        asked.name = f"tickets/{id}"
        asked.file_name = given.filename or "file"
        asked.content_type = given.mimetype or "application/octet-stream"
    except (ValueError, UnicodeError):
        raise Refusal.invalid("file", "BODY_INVALID", "The file's name holds what is no character.") from None
    asked.content = given.read()
    return told(backends().tickets.AddAttachment(asked), 201)


def download(id: str, attachment: str) -> ResponseReturnValue:
    """The file as it was sent, never to be shown inside a page."""
    asked = tickets_service_pb2.GetAttachmentRequest(name=f"tickets/{id}", attachment_id=attachment)
    found = backends().tickets.GetAttachment(asked)
    name = found.attachment.file_name
    return send_file(BytesIO(found.content), "application/octet-stream", as_attachment=True, download_name=name)


_FILE = {
    "multipart/form-data": {
        "type": "object",
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
            "visibility": {
                "type": "string",
                "enum": ["PUBLIC", "INTERNAL"],
            },
        },
        "required": ["file"],
    }
}

ROUTES = (
    Route("POST", "/tickets", "tickets", "CreateTicket", "File an incident or a request", 201),
    Route("GET", "/tickets", "tickets", "ListTickets", "Find tickets"),
    Route("GET", "/tickets/count", "tickets", "CountTickets", "Count tickets, up to a limit"),
    Route("GET", "/tickets/{id}", "tickets", "GetTicket", "One ticket", binds=_ONE),
    *(Route("POST", f"/tickets/{{id}}/{verb}", "tickets", rpc, text, binds=_ONE) for verb, rpc, text in _VERBS),
    Route("GET", "/tickets/{id}/timeline", "tickets", "ListTimelineEntries", "What happened to it", binds=_ONE),
    Route("POST", "/tickets/{id}/attachments", "tickets", "AddAttachment", "Attach a file", 201, binds=_ONE,
          view=attach, body=_FILE),
    Route("GET", "/tickets/{id}/attachments/{attachment}", "tickets", "GetAttachment", "A file",
          binds={**_ONE, "attachment_id": "{attachment}"}, view=download, answer="application/octet-stream"),
)  # fmt: skip
