"""What is said, and which word is the first reply (E02)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.runtime.refusal import Refusal
from services.tickets.rules.conversation import answer, ask, comment
from services.tickets.rules.events import CommentAdded, QuestionAnswered
from services.tickets.rules.ticket import State, Ticket, Visibility
from tests.unit.tickets.cases import ANN, BEN, EVE, FRESH, IN_STATE, NOW

PUBLIC, INTERNAL = Visibility.PUBLIC, Visibility.INTERNAL


def says(ticket: Ticket, who: object, visibility: Visibility = PUBLIC) -> tuple[Ticket, CommentAdded]:
    after, (event,) = comment(ticket, who, NOW, text=" Hello ", visibility=visibility)  # type: ignore[arg-type]  # what it must refuse
    assert isinstance(event, CommentAdded)
    return after, event


def test_the_first_public_word_of_our_side_is_the_first_response() -> None:
    """The requester's own words and internal notes are not; the second reply changes nothing."""
    ticket, event = says(FRESH, ANN)
    assert (ticket.first_responded_at, event.first_response) == (None, False)
    ticket, event = says(ticket, BEN, INTERNAL)
    assert (ticket.first_responded_at, event.first_response) == (None, False)
    ticket, event = says(ticket, BEN)
    assert (ticket.first_responded_at, event.first_response) == (NOW, True)
    _, event = says(ticket, BEN)
    assert event.first_response is False
    assert event.comment.text == "Hello"


def test_an_agents_own_ticket_is_not_answered_by_themselves() -> None:
    """Who needs the help does not give the first reply."""
    ticket, event = says(replace(FRESH, requester=BEN.sub), BEN)
    assert (ticket.first_responded_at, event.first_response) == (None, False)


def test_a_question_is_a_first_response_and_its_answer_goes_on() -> None:
    """The requester is next until they answer; then the work is."""
    asked, _ = ask(FRESH, BEN, NOW, question="Which floor?")
    assert (asked.state, asked.first_responded_at) == (State.AWAITING_REQUESTER, NOW)
    answered, (event,) = answer(asked, ANN, NOW, text="The third")
    assert (answered.state, answered.question) == (State.IN_PROGRESS, None)
    assert isinstance(event, QuestionAnswered)
    assert (event.question.text, event.answer) == ("Which floor?", "The third")


@pytest.mark.parametrize("somebody", [BEN, EVE])
def test_only_the_requester_answers(somebody: object) -> None:
    """An agent who learnt it elsewhere resumes instead."""
    with pytest.raises(Refusal, match="ANSWER_NOT_YOURS"):
        answer(IN_STATE[State.AWAITING_REQUESTER], somebody, NOW, text="The third")  # type: ignore[arg-type]  # what it must refuse


def test_a_requester_writes_nothing_internal() -> None:
    """They could not read it."""
    with pytest.raises(Refusal, match="INTERNAL_IS_FOR_AGENTS"):
        comment(FRESH, ANN, NOW, text="x", visibility=INTERNAL)
