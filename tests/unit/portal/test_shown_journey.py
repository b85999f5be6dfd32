"""The timeline as a through-line: grouped, newest first, the present marked, and time put down to whose it was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.journey import conversation, hands, hands_words, journey
from services.portal.web.shown.reader import Reader

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
NAMES = {"people/zhou": "Zhou Yan", "people/lin": "Lin Yu", "teams/a": "Access", "teams/b": "Network"}
READER = Reader("people/su", NOW, tell=lambda reference: NAMES.get(reference, reference))
NEW, WORK = ticket_shown.NEW, ticket_shown.IN_PROGRESS
AWAITING, HELD = ticket_shown.AWAITING, ticket_shown.ON_HOLD
INTERNAL = ticket_pb2.VISIBILITY_INTERNAL


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


def stamp(minutes: float) -> Timestamp:
    """So many minutes from now."""
    made = Timestamp()
    made.FromDatetime(NOW + timedelta(minutes=minutes))
    return made


def entry(kind: str, minutes: float, state: Any, actor: str = "people/zhou", **more: Any) -> Any:
    """A line of the timeline, so many minutes from now."""
    return tickets_service_pb2.TimelineEntry(
        id=f"{kind}{minutes}", kind=kind, time=stamp(minutes), state=state, actor=actor, **more
    )


STORY = [
    entry("TicketOpened", -198, NEW, "people/su", text="It hangs"),
    entry("TicketTriaged", -190, NEW, "people/lin", priority=2),
    entry("TicketAssigned", -189.5, NEW, "people/lin", team="teams/a"),
    entry("TicketStarted", -102, WORK, team="teams/a", assignee="people/zhou"),
    entry("CommentAdded", -90, WORK, text="On it"),
    entry("RequesterAsked", -65, AWAITING, text="Which till?"),
]


def ticket(state: Any, **more: Any) -> ticket_pb2.Ticket:
    """Su's ticket with Zhou, opened 198 minutes ago."""
    return ticket_pb2.Ticket(
        state=state, requester="people/su", assignee="people/zhou", team="teams/a", open_time=stamp(-198), **more
    )


def waiting() -> ticket_pb2.Ticket:
    """It waits for Su's answer."""
    question = ticket_pb2.Question(text="Which till?", asker="people/zhou", ask_time=stamp(-65))
    return ticket(AWAITING, question=question)


def test_waiting_stands_on_top() -> None:
    """The present is a named waiting with the question; the past is newest first, and what came in one go is one."""
    steps = journey(STORY, waiting(), READER, paused=True)
    assert [(step["state"], step["title"]) for step in steps] == [
        ("waiting", "Waiting for you"),
        ("done", "Zhou Yan took it"),
        ("done", "Given to Access"),
        ("done", "You filed it"),
    ]
    assert steps[0]["chip"]["text"] == "Clock paused"
    assert steps[0]["quote"]["text"] == "Which till?"
    assert steps[0]["time"] == "11:25 –"
    assert steps[1]["detail"] == "1 h 36 after it was filed"
    assert steps[-1]["quote"] == {"text": "It hangs"}


def test_answered_question_is_past() -> None:
    """Once answered, the question is a step with its length, and the ticket is in work again."""
    told = [*STORY, entry("QuestionAnswered", -25, WORK, "people/su", text="Number 3")]
    steps = journey(told, ticket(WORK), READER)
    assert [(step["state"], step["title"]) for step in steps[:3]] == [
        ("now", "Zhou Yan works on it"),
        ("done", "You answered"),
        ("done", "Zhou Yan asked something"),
    ]
    assert (steps[2]["time"], steps[2]["detail"]) == ("11:25–12:05", "40 min waiting")


def test_passed_on_and_held() -> None:
    """Another team is said to have got it; a hold names whom it waits for and quotes why."""
    told = [
        *STORY[:4],
        entry("TicketAssigned", -60, WORK, "people/lin", team="teams/b", previous_team="teams/a"),
        entry("TicketHeld", -30, HELD, text="A switch is on its way", detail="Acme"),
    ]
    hold = ticket_pb2.Hold(note="A switch is on its way", unblocker="Acme")
    steps = journey(told, ticket(HELD, hold=hold), READER)
    assert [step["title"] for step in steps[:2]] == ["Waiting for Acme", "Passed on to Network"]
    assert steps[0]["quote"] == {"text": "A switch is on its way"}


@pytest.mark.parametrize(
    ("state", "first"),
    [
        (ticket_shown.RESOLVED, ("now", "Your turn: does it work?")),
        (ticket_shown.CLOSED, ("done", "Zhou Yan solved it")),
    ],
)
def test_end(state: int, first: tuple[str, str]) -> None:
    """Solved is the requester's turn; closed has no present."""
    told = [
        *STORY[:4],
        entry("TicketResolved", -10, ticket_shown.RESOLVED, text="New roll", detail="RESOLUTION_CODE_FIXED"),
    ]
    steps = journey(told, ticket(state), READER)
    assert (steps[0]["state"], steps[0]["title"]) == first


def test_it_closes_by_itself() -> None:
    """Solved says until when one may disagree; afterwards nobody's name stands for the clock's."""
    done = entry("TicketResolved", -10, ticket_shown.RESOLVED, text="New roll", detail="RESOLUTION_CODE_FIXED")
    steps = journey([*STORY[:4], done], ticket(ticket_shown.RESOLVED, auto_close_time=stamp(60)), READER)
    assert steps[0]["detail"] == "Closes by itself 13:30"
    over = entry("TicketClosed", -1, ticket_shown.CLOSED, "system/tickets")
    steps = journey([*STORY[:4], done, over], ticket(ticket_shown.CLOSED), READER)
    assert steps[0]["title"] == "It closed by itself"
    solved = next(step for step in steps if step["title"] == "Zhou Yan solved it")
    assert (solved["detail"], solved["quote"]) == ("Fixed", {"text": "New roll"})


def test_new_ticket_is_with_the_desk() -> None:
    """Nobody has it yet: the desk is named."""
    bare = ticket_pb2.Ticket(state=NEW, requester="people/su", open_time=stamp(-1))
    assert journey(STORY[:1], bare, READER)[0] == {"state": "now", "title": "The service desk reads it"}


def test_hands() -> None:
    """Time is ours while it is new or in work, waiting while it waits, and ends when it is solved."""
    assert hands(STORY, NOW) == (timedelta(minutes=133), timedelta(minutes=65))
    assert hands_words(STORY, READER) == "2 h 13 in our hands, 1 h 05 waiting"
    solved = [*STORY[:4], entry("TicketResolved", -60, ticket_shown.RESOLVED)]
    assert hands(solved, NOW) == (timedelta(minutes=138), timedelta())


def test_conversation() -> None:
    """Comments and settled questions are messages; the open question stands above instead; notes keep their lock."""
    told = [*STORY, entry("CommentAdded", -5, AWAITING, text="note", visibility=INTERNAL)]
    said = conversation(told, waiting(), READER)
    assert [(one["text"], one["internal"]) for one in said] == [("On it", False), ("note", True)]
    after = [*STORY, entry("QuestionAnswered", -25, WORK, "people/su", text="Number 3")]
    said = conversation(after, ticket(WORK), READER)
    assert [(one["about"], one["text"]) for one in said][-2:] == [("asked", "Which till?"), ("answered", "Number 3")]
