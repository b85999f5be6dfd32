"""What is told of a ticket, in the past tense; every event holds the whole ticket after the change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.tickets.rules.ticket import Attachment, Comment, Link, Question, State, Ticket


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """Something that happened to a ticket. ticket: as it is after it."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class TicketOpened(TicketEvent):
    """It was filed."""


@dataclass(frozen=True, slots=True)
class TicketTriaged(TicketEvent):
    """Impact, urgency or where it belongs was set. previous_priority: 0 when it had none."""

    previous_priority: int


@dataclass(frozen=True, slots=True)
class TicketAssigned(TicketEvent):
    """It was given to a team or a person."""

    previous_team: str
    previous_assignee: str


@dataclass(frozen=True, slots=True)
class TicketStarted(TicketEvent):
    """Somebody took up the work."""


@dataclass(frozen=True, slots=True)
class RequesterAsked(TicketEvent):
    """The requester owes an answer."""


@dataclass(frozen=True, slots=True)
class QuestionAnswered(TicketEvent):
    """The requester answered."""

    question: Question
    answer: str


@dataclass(frozen=True, slots=True)
class TicketHeld(TicketEvent):
    """Something outside blocks it."""


@dataclass(frozen=True, slots=True)
class TicketResumed(TicketEvent):
    """Nothing blocks it any more, or the question was withdrawn."""


@dataclass(frozen=True, slots=True)
class TicketResolved(TicketEvent):
    """The work is done."""


@dataclass(frozen=True, slots=True)
class TicketClosed(TicketEvent):
    """It is over."""


@dataclass(frozen=True, slots=True)
class TicketReopened(TicketEvent):
    """It was over, and is not."""

    reason: str
    previous_state: State


@dataclass(frozen=True, slots=True)
class TicketCancelled(TicketEvent):
    """It is not wanted any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class CommentAdded(TicketEvent):
    """Somebody wrote something. first_response: the first public reply of a person on our side."""

    comment: Comment
    first_response: bool


@dataclass(frozen=True, slots=True)
class AttachmentAdded(TicketEvent):
    """A file was added."""

    attachment: Attachment


@dataclass(frozen=True, slots=True)
class TicketLinked(TicketEvent):
    """A relation was noted."""

    link: Link


@dataclass(frozen=True, slots=True)
class TicketUnlinked(TicketEvent):
    """A relation was taken back."""

    link: Link


@dataclass(frozen=True, slots=True)
class ImpactStartSet(TicketEvent):
    """When its impact began was said, corrected or taken back. previous_at: as it was before."""

    previous_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketImported(TicketEvent):
    """Its history is complete; from here on it lives."""


Decided = tuple[Ticket, tuple[TicketEvent, ...]]
