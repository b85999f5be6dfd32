"""The events <-> their messages, and an event's bytes as one line of the timeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.message import Message
from throughline.tickets.v1 import events_pb2 as pb

from services.tickets.rules import events as told
from services.tickets.rules.triage import PriorityMatrixChanged
from services.tickets.wire.matrix import matrix_message
from services.tickets.wire.ticket import (
    attachment_message,
    attachment_state,
    comment_message,
    comment_state,
    link_message,
    link_state,
    question_message,
    question_state,
    set_moment,
    ticket_message,
    ticket_state,
)
from services.tickets.wire.words import STATES, instant

_PACKAGE = "throughline.tickets.v1."
_BARE = (
    told.TicketOpened,
    told.TicketStarted,
    told.RequesterAsked,
    told.TicketHeld,
    told.TicketResumed,
    told.TicketResolved,
    told.TicketClosed,
    told.TicketImported,
)
# What an event says besides the ticket: to its message's fields, and back.
_OUT: Mapping[type[told.TicketEvent], Callable[[Any], dict[str, Any]]] = {
    **dict.fromkeys(_BARE, lambda _event: {}),
    told.TicketTriaged: lambda event: {"previous_priority": event.previous_priority},
    told.TicketAssigned: lambda event: {
        "previous_team": event.previous_team,
        "previous_assignee": event.previous_assignee,
    },
    told.QuestionAnswered: lambda event: {"question": question_message(event.question), "answer": event.answer},
    told.ImpactStartSet: lambda event: {"previous_time": instant(event.previous_at)},
    told.TicketReopened: lambda event: {
        "reason": event.reason,
        "previous_state": STATES.number(event.previous_state),
    },
    told.TicketCancelled: lambda event: {"reason": event.reason},
    told.CommentAdded: lambda event: {
        "comment": comment_message(event.comment),
        "first_response": event.first_response,
    },
    told.AttachmentAdded: lambda event: {"attachment": attachment_message(event.attachment)},
    told.TicketLinked: lambda event: {"link": link_message(event.link)},
    told.TicketUnlinked: lambda event: {"link": link_message(event.link)},
}
_BACK: Mapping[type[told.TicketEvent], Callable[[Any], tuple[Any, ...]]] = {
    **dict.fromkeys(_BARE, lambda _message: ()),
    told.TicketTriaged: lambda message: (message.previous_priority,),
    told.TicketAssigned: lambda message: (message.previous_team, message.previous_assignee),
    told.QuestionAnswered: lambda message: (question_state(message.question), message.answer),
    told.ImpactStartSet: lambda message: (set_moment(message, "previous_time"),),
    told.TicketReopened: lambda message: (message.reason, STATES.word(message.previous_state)),
    told.TicketCancelled: lambda message: (message.reason,),
    told.CommentAdded: lambda message: (comment_state(message.comment), message.first_response),
    told.AttachmentAdded: lambda message: (attachment_state(message.attachment),),
    told.TicketLinked: lambda message: (link_state(message.link),),
    told.TicketUnlinked: lambda message: (link_state(message.link),),
}
_MESSAGES: Mapping[type[told.TicketEvent], type[Message]] = {event: getattr(pb, event.__name__) for event in _OUT}
_EVENTS = {message.DESCRIPTOR.full_name: event for event, message in _MESSAGES.items()}


def event_message(event: told.TicketEvent, name: str, etag: str) -> Message:
    """The message of an event; it holds the whole ticket after the change."""
    kind = type(event)
    made: Any = _MESSAGES[kind]
    message: Message = made(ticket=ticket_message(name, etag, event.ticket), **_OUT[kind](event))
    return message


def event_state(message: Any) -> told.TicketEvent:
    """The reverse of `event_message`, as far as a message tells of a ticket.

    Raises:
        KeyError: it is no event of a ticket.
    """
    kind: Any = _EVENTS[message.DESCRIPTOR.full_name]
    event: told.TicketEvent = kind(ticket_state(message.ticket), *_BACK[kind](message))
    return event


def parsed(type_name: str, data: bytes) -> Any:
    """The message of a kept event, None when it is no event of a ticket, or of a release that is yet to come."""
    kind = _EVENTS.get(type_name)
    return None if kind is None else _MESSAGES[kind].FromString(data)


def short_name(type_name: str) -> str:
    """The event's own name: "TicketResolved" of "throughline.tickets.v1.TicketResolved"."""
    return type_name.removeprefix(_PACKAGE)


def matrix_changed_message(event: PriorityMatrixChanged, name: str, etag: str) -> Message:
    """The message of a changed matrix."""
    return pb.PriorityMatrixChanged(matrix=matrix_message(name, etag, event.matrix))
