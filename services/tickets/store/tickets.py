"""The ticket as a document, with the fields that lists look for, and an index for every order of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.runtime.records import Deadline, Kind, Stamp
from services.tickets.rules.events import TicketEvent
from services.tickets.rules.ticket import (
    Attachment,
    Channel,
    Hold,
    HoldReason,
    Link,
    LinkRelation,
    Question,
    Resolution,
    ResolutionCode,
    State,
    Ticket,
    Type,
    Visibility,
)
from services.tickets.store.words import words
from services.tickets.wire.events import event_message

_PLAIN = (
    "description",
    "requester",
    "opener",
    "impact",
    "urgency",
    "service",
    "category",
    "site",
    "item",
    "unit",
    "team",
    "assignee",
    "impact_started_at",
    "first_assigned_at",
    "first_responded_at",
    "resolved_at",
    "closes_at",
    "closed_at",
    "reassignments",
    "assignment_changes",
    "reopens",
    "ping_pong",
    "knowledge_used",
    "source",
    "external_id",
    "importing",
)


def encode(ticket: Ticket) -> dict[str, Any]:
    """The document; what is empty is left out, and what lists look for is put beside it."""
    document: dict[str, Any] = {
        "type": ticket.type.value,
        "state": ticket.state.value,
        "channel": ticket.channel.value,
        "priority": ticket.priority,
        "title": ticket.title,
        "opened_at": ticket.opened_at,
        "updated_at": ticket.updated_at,
    }
    for name in _PLAIN:
        value = getattr(ticket, name)
        if value:
            document[name] = value
    if ticket.teams:
        document["teams"] = list(ticket.teams)
    if ticket.hold is not None:
        hold = ticket.hold
        document["hold"] = {
            "reason": hold.reason.value,
            "note": hold.note,
            "unblocker": hold.unblocker,
            "since": hold.since,
        }
    if ticket.question is not None:
        asked = ticket.question
        document["question"] = {"text": asked.text, "asker": asked.asker, "asked_at": asked.asked_at}
    if ticket.resolution is not None:
        ended = ticket.resolution
        document["resolution"] = {"code": ended.code.value, "note": ended.note, "articles": list(ended.articles)}
    if ticket.links:
        document["links"] = [{"relation": one.relation.value, "target": one.target} for one in ticket.links]
    if ticket.attachments:
        document["attachments"] = [_encode_attachment(one) for one in ticket.attachments]
    return {**document, **_sought(ticket)}


def decode(document: Mapping[str, Any]) -> Ticket:
    """The reverse of `encode`."""
    hold, question, resolution = (document.get(name) for name in ("hold", "question", "resolution"))
    return Ticket(
        type=Type(document["type"]),
        state=State(document["state"]),
        channel=Channel(document["channel"]),
        priority=document["priority"],
        title=document["title"],
        opened_at=document["opened_at"],
        updated_at=document["updated_at"],
        teams=tuple(document.get("teams", ())),
        hold=hold and Hold(HoldReason(hold["reason"]), hold["note"], hold["unblocker"], hold["since"]),
        question=question and Question(question["text"], question["asker"], question["asked_at"]),
        resolution=resolution
        and Resolution(ResolutionCode(resolution["code"]), resolution["note"], tuple(resolution["articles"])),
        links=tuple(Link(LinkRelation(one["relation"]), one["target"]) for one in document.get("links", ())),
        attachments=tuple(_decode_attachment(one) for one in document.get("attachments", ())),
        **{name: document[name] for name in _PLAIN if name in document},
    )


def _sought(ticket: Ticket) -> dict[str, Any]:
    """whose: who sees it as their own; units: its unit and all above; words: of the title and the outside number."""
    sought: dict[str, Any] = {"words": words(ticket.title, ticket.external_id)}
    if whose := list(dict.fromkeys(one for one in (ticket.requester, ticket.opener) if one)):
        sought["whose"] = whose
    if ticket.unit:
        parts = ticket.unit.split("/")
        sought["units"] = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return sought


def _encode_attachment(attachment: Attachment) -> dict[str, Any]:
    return {
        "id": attachment.id,
        "file_name": attachment.file_name,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "uploader": attachment.uploader,
        "uploaded_at": attachment.uploaded_at,
        "visibility": attachment.visibility.value,
    }


def _decode_attachment(document: Mapping[str, Any]) -> Attachment:
    return Attachment(**{**document, "visibility": Visibility(document["visibility"])})


def _message(event: TicketEvent, stamp: Stamp) -> Message:
    return event_message(event, stamp.name, stamp.etag)


def _deadlines(ticket: Ticket) -> tuple[Deadline, ...]:
    if ticket.state is not State.RESOLVED or ticket.closes_at is None:
        return ()
    return (Deadline("close", ticket.closes_at),)


def _index(*paths: str, **options: Any) -> IndexModel:
    """A path with a minus sign descends, as in `_queue`."""
    keys = [(_path(one.removeprefix("-")), DESCENDING if one.startswith("-") else ASCENDING) for one in paths]
    return IndexModel(keys, **options)


def _path(name: str) -> str:
    return name if name == "_id" else f"state.{name}"


_NEWEST = ("-opened_at", "-_id")
_QUEUE = ("state", "priority", "opened_at", "_id")

TICKETS: Kind[Ticket] = Kind(
    collection="tickets",
    encode=encode,
    decode=decode,
    message=_message,
    deadlines=_deadlines,
    indexes=(
        _index(*_NEWEST),
        _index("-updated_at", "-_id"),
        _index(*_QUEUE),
        _index("team", *_QUEUE, partialFilterExpression={"state.team": {"$gt": ""}}),
        _index("assignee", *_QUEUE, partialFilterExpression={"state.assignee": {"$gt": ""}}),
        _index("units", *_QUEUE, sparse=True),
        _index("units", *_NEWEST, sparse=True),
        _index("whose", *_NEWEST, sparse=True),
        _index("words", *_NEWEST),
        # Two importers of one log meet here, whatever names they had in mind.
        _index("source", "external_id", unique=True, partialFilterExpression={"state.source": {"$gt": ""}}),
    ),
)
