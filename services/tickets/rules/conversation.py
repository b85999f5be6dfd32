"""What is said between the requester and our side, and which word counts as the first reply (E02)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules import access
from services.tickets.rules.events import CommentAdded, Decided, QuestionAnswered, RequesterAsked
from services.tickets.rules.ticket import Comment, Question, State, Ticket, Visibility

ASKS_FROM = frozenset({State.NEW, State.IN_PROGRESS})
ANYTIME = frozenset(State)


def comment(ticket: Ticket, actor: Actor, now: datetime, *, text: str, visibility: Visibility) -> Decided:
    """Adds a text: the requester in public, an agent also for agents alone. Ended tickets may be commented too.

    A service that filed it by itself says in public what has become of the cause.

    Raises:
        Refusal: NOT_YOURS, INTERNAL_IS_FOR_AGENTS, TEXT_REQUIRED, TICKET_IMPORTING.
    """
    if not access.has_filed(actor, ticket):
        access.require_party_or_worker(actor, ticket, "comment on this ticket")
    access.require_state(ticket, ANYTIME, "comment on this ticket")
    require_own_visibility(actor, ticket, visibility)
    said = Comment(_written(text, "text"), visibility, actor.sub, now)
    commented = replace(ticket, updated_at=now)
    if visibility is Visibility.PUBLIC:
        commented = _replied(commented, actor, now)
    first = commented.first_responded_at != ticket.first_responded_at
    return commented, (CommentAdded(commented, said, first),)


def ask(ticket: Ticket, actor: Actor, now: datetime, *, question: str) -> Decided:
    """Asks the requester, who is next from now on. A question is a public reply too.

    Raises:
        Refusal: ROLE_REQUIRED, TEXT_REQUIRED, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    access.require_worker(actor, ticket, "ask the requester of this ticket")
    access.require_state(ticket, ASKS_FROM, "ask its requester")
    asked = replace(
        _replied(ticket, actor, now),
        state=State.AWAITING_REQUESTER,
        question=Question(_written(question, "question"), actor.sub, now),
        updated_at=now,
    )
    return asked, (RequesterAsked(asked),)


def answer(ticket: Ticket, actor: Actor, now: datetime, *, text: str) -> Decided:
    """The requester's answer; the work goes on.

    Raises:
        Refusal: ANSWER_NOT_YOURS, TEXT_REQUIRED, TICKET_IS_<state>, TICKET_IMPORTING.
    """
    if not access.is_party(actor, ticket):
        raise Refusal.forbidden(
            "ANSWER_NOT_YOURS", "Only the requester answers; if you learnt it elsewhere, note it and resume the ticket."
        )
    access.require_state(ticket, frozenset({State.AWAITING_REQUESTER}), "answer a question of this ticket")
    assert ticket.question is not None, "a ticket that awaits its requester has a question"  # noqa: S101 - the state says so
    said = _written(text, "answer")
    answered = replace(ticket, state=State.IN_PROGRESS, question=None, updated_at=now)
    return answered, (QuestionAnswered(answered, ticket.question, said),)


def require_own_visibility(actor: Actor, ticket: Ticket, visibility: Visibility) -> None:
    """Refuses INTERNAL_IS_FOR_AGENTS an internal text or file from the requester, who could not see it."""
    if visibility is Visibility.INTERNAL and not access.works(actor, ticket):
        raise Refusal.invalid(
            "visibility", "INTERNAL_IS_FOR_AGENTS", "Only agents write for agents alone; make it public."
        )


def _replied(ticket: Ticket, actor: Actor, now: datetime) -> Ticket:
    """A person on our side said something in public: the first time, that is the first response."""
    ours = access.works(actor, ticket) and actor.sub != ticket.requester
    return ticket if ticket.first_responded_at or not ours else replace(ticket, first_responded_at=now)


def _written(text: str, field: str) -> str:
    written = text.strip()
    if not written:
        raise Refusal.invalid(field, "TEXT_REQUIRED", "Write something; blanks alone say nothing.")
    return written
