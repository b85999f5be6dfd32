"""A kept event as one line that people read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.tickets.rules.ticket import Visibility
from services.tickets.wire.events import parsed, short_name
from services.tickets.wire.words import VISIBILITIES, instant

_INTERNAL = VISIBILITIES.number(Visibility.INTERNAL)
_PUBLIC = VISIBILITIES.number(Visibility.PUBLIC)


def timeline_entry(
    id_: str, type_name: str, time: datetime, actor: str, data: bytes, *, inside: bool
) -> pb.TimelineEntry | None:
    """The line of an event; None when it is for agents alone and the reader is not `inside`.

    data: the event's bytes, empty when its text was erased: then only that it happened is shown.
    """
    entry = pb.TimelineEntry(id=id_, time=instant(time), actor=actor, kind=short_name(type_name), visibility=_PUBLIC)
    message = parsed(type_name, data) if data else None
    if message is None:
        # Whether an erased text was internal is not known any more, so it stays inside.
        return entry if inside or not _has_own_visibility(entry.kind) else None
    entry.visibility = _visibility(message)
    if entry.visibility == _INTERNAL and not inside:
        return None
    ticket: ticket_pb2.Ticket = message.ticket
    entry.state = ticket.state
    entry.team, entry.assignee, entry.priority = ticket.team, ticket.assignee, ticket.priority
    entry.text, entry.detail = _text(entry.kind, message), _detail(entry.kind, message)
    if entry.kind == "TicketAssigned":
        entry.previous_team, entry.previous_assignee = message.previous_team, message.previous_assignee
    return entry


def _has_own_visibility(kind: str) -> bool:
    return kind in ("CommentAdded", "AttachmentAdded")


def _visibility(message: Any) -> Any:
    if message.DESCRIPTOR.name == "CommentAdded":
        return message.comment.visibility
    if message.DESCRIPTOR.name == "AttachmentAdded":
        return message.attachment.visibility
    return _PUBLIC


def _text(kind: str, message: Any) -> str:
    """The words that somebody wrote."""
    ticket = message.ticket
    texts: dict[str, Callable[[], str]] = {
        "TicketOpened": lambda: ticket.description,
        "RequesterAsked": lambda: ticket.question.text,
        "QuestionAnswered": lambda: message.answer,
        "TicketHeld": lambda: ticket.hold.note,
        "TicketResolved": lambda: ticket.resolution.note,
        "TicketReopened": lambda: message.reason,
        "TicketCancelled": lambda: message.reason,
        "CommentAdded": lambda: message.comment.text,
    }
    return texts[kind]() if kind in texts else ""


def _detail(kind: str, message: Any) -> str:
    """What the line is about besides its words: the unblocker, the file, the other side of the link, a time."""
    details: dict[str, Callable[[], str]] = {
        "QuestionAnswered": lambda: message.question.text,
        "TicketTriaged": lambda: f"P{message.previous_priority}" if message.previous_priority else "",
        "TicketHeld": lambda: message.ticket.hold.unblocker,
        "ImpactStartSet": lambda: _time(message.ticket, "impact_start_time"),
        "TicketResolved": lambda: ticket_pb2.ResolutionCode.Name(message.ticket.resolution.code),
        "AttachmentAdded": lambda: message.attachment.file_name,
        "TicketLinked": lambda: message.link.target,
        "TicketUnlinked": lambda: message.link.target,
    }
    return details[kind]() if kind in details else ""


def _time(message: Any, field: str) -> str:
    """A time as RFC 3339, "" where it is unset."""
    return getattr(message, field).ToJsonString() if message.HasField(field) else ""
