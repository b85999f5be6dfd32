"""What the forms of the agent's ticket ask of the tickets service: one verb, one or two requests, made of the form."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import get_timezone
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as calls
from werkzeug.datastructures import FileStorage

Form = Mapping[str, str]
# A method of the service and its request, to be sent in this order.
Call = tuple[str, Any]

_COLLECTIONS = {"INC": "tickets", "REQ": "tickets", "CHG": "changes", "KB": "articles", "PRB": "problems"}
_NOT_A_NUMBER = 0
# The first second of the calendar: longer ago than anything that the service takes.
_NO_TIME = -62_135_596_800


def _number(form: Form, name: str) -> int:
    text = form.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,2}", text) else _NOT_A_NUMBER


def _text(form: Form, name: str) -> str:
    return form.get(name, "").replace("\r\n", "\n").strip()


def resource(number: str) -> str:
    """The name behind what people say: "KB-000007" is "articles/KB-000007"; anything else stays for the refusal."""
    said = number.strip().upper()
    collection = _COLLECTIONS.get(said.partition("-")[0])
    return f"{collection}/{said}" if collection else number.strip()


def _take(form: Form) -> list[Call]:
    """Two decisions of one form. The second has an id derived from the first's, so that a resend repeats neither."""
    first = calls.AssignTicketRequest(team=form.get("team", ""), assignee=form.get("assignee", ""))
    if not form.get("starts"):
        return [("AssignTicket", first)]
    return [("AssignTicket", first), ("StartTicket", calls.StartTicketRequest())]


def _triage(form: Form) -> list[Call]:
    impact, _, urgency = form.get("cell", "").partition("-")
    levels = {"impact": impact, "urgency": urgency}
    service = _text(form, "service").lower()
    asked = calls.TriageTicketRequest(
        impact=_number(levels, "impact"),
        urgency=_number(levels, "urgency"),
        service=f"services/{service.removeprefix('services/')}" if service else "",
        category=_text(form, "category"),
    )
    return [("TriageTicket", asked)]


def _date(form: Form) -> list[Call]:
    """A time in the reader's zone; left empty it is taken back, and what is no time is refused by the service."""
    asked = calls.SetImpactStartRequest()
    if given := _text(form, "began"):
        try:
            local = datetime.fromisoformat(given).replace(tzinfo=ZoneInfo(str(get_timezone())))
            asked.impact_start_time.FromDatetime(local.astimezone(UTC))
        except (ValueError, OverflowError):
            asked.impact_start_time.seconds = _NO_TIME
    return [("SetImpactStart", asked)]


def _assign(form: Form) -> list[Call]:
    return [("AssignTicket", calls.AssignTicketRequest(team=form.get("team", ""), assignee=form.get("assignee", "")))]


def _hold(form: Form) -> list[Call]:
    asked = calls.HoldTicketRequest(
        reason=_number(form, "reason"),  # type: ignore[arg-type]  # any number; the service judges it
        note=_text(form, "note"),
        unblocker=_text(form, "unblocker"),
    )
    return [("HoldTicket", asked)]


def _resolve(form: Form) -> list[Call]:
    chosen = [name.removeprefix("article-") for name in form if name.startswith("article-")]
    written = re.split(r"[\s,;，；、]+", form.get("articles", ""))
    articles = [resource(number) for number in dict.fromkeys([*chosen, *written]) if number]
    asked = calls.ResolveTicketRequest(
        code=_number(form, "code"),  # type: ignore[arg-type]  # any number; the service judges it
        note=_text(form, "note"),
        articles=articles,
    )
    return [("ResolveTicket", asked)]


def _link(form: Form) -> ticket_pb2.Link:
    return ticket_pb2.Link(
        relation=_number(form, "relation"),  # type: ignore[arg-type]  # as above
        target=resource(form.get("target", "")),
    )


def _comment(form: Form) -> list[Call]:
    internal = form.get("kind") == "internal"
    shown_to = ticket_pb2.VISIBILITY_INTERNAL if internal else ticket_pb2.VISIBILITY_PUBLIC
    return [("AddComment", calls.AddCommentRequest(text=_text(form, "text"), visibility=shown_to))]


VERBS: Mapping[str, Callable[[Form], list[Call]]] = {
    "take": _take,
    "triage": _triage,
    "date": _date,
    "assign": _assign,
    "start": lambda _form: [("StartTicket", calls.StartTicketRequest())],
    "ask": lambda form: [("AskRequester", calls.AskRequesterRequest(question=_text(form, "question")))],
    "hold": _hold,
    "resume": lambda _form: [("ResumeTicket", calls.ResumeTicketRequest())],
    "resolve": _resolve,
    "close": lambda _form: [("CloseTicket", calls.CloseTicketRequest())],
    "reopen": lambda form: [("ReopenTicket", calls.ReopenTicketRequest(reason=_text(form, "reason")))],
    "cancel": lambda form: [("CancelTicket", calls.CancelTicketRequest(reason=_text(form, "reason")))],
    "comment": _comment,
    "link": lambda form: [("LinkTicket", calls.LinkTicketRequest(link=_link(form)))],
    "unlink": lambda form: [("UnlinkTicket", calls.UnlinkTicketRequest(link=_link(form)))],
}
# Verbs whose words go beside what the ticket is: an edit by somebody else does not make them wrong.
UNCONDITIONAL = frozenset({"comment", "link", "unlink"})


def requests(verb: str, number: str, form: Form) -> list[Call]:
    """The calls of a verb, complete: name, request id, and in the first the etag that the form was made of.

    Raises:
        KeyError: there is no such verb.
    """
    made = VERBS[verb](form)
    first_id = form.get("request_id", "")
    for at, (_, asked) in enumerate(made):
        asked.name = f"tickets/{number}"
        asked.request_id = first_id if at == 0 else derived(first_id, at)
    if verb not in UNCONDITIONAL:
        made[0][1].etag = form.get("etag", "")
    return made


def derived(request_id: str, at: int) -> str:
    """The id of a further request of one form: the same each time that the form is sent."""
    try:
        return str(uuid.uuid5(uuid.UUID(request_id), str(at)))
    except ValueError:
        return ""


def attachment(number: str, form: Form, file: FileStorage | None) -> Call:
    """The call that adds a file."""
    internal = form.get("kind") == "internal"
    asked = calls.AddAttachmentRequest(
        name=f"tickets/{number}",
        request_id=form.get("request_id", ""),
        file_name=(file.filename or "")[:200] if file else "",
        content_type=(file.mimetype or "")[:100] if file else "",
        content=file.read() if file else b"",
        visibility=ticket_pb2.VISIBILITY_INTERNAL if internal else ticket_pb2.VISIBILITY_PUBLIC,
    )
    return "AddAttachment", asked
