"""The four answers, as far as tickets give them: who is next, where it is stuck, whether something is owed; and E06."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from throughline.tickets.v1 import ticket_pb2 as t

from tests.service.tickets.counter import ANN, BEN, Counter

HELD = {"reason": t.HOLD_REASON_VENDOR, "note": "A new drum is ordered", "unblocker": "Acme Printers"}


@pytest.mark.row("A019")
async def test_an_open_ticket_always_says_who_is_next(counter: Counter) -> None:
    """Through every open state the requester reads a person, a team or a named party, never only a status."""
    name = (await counter.filed()).name
    steps: list[tuple[Any, str, dict[str, Any], tuple[int, str]]] = [
        (BEN, "TriageTicket", {"impact": 2, "urgency": 2}, (t.NEXT_ACTOR_SERVICE_DESK, "teams/service-desk")),
        (BEN, "AssignTicket", {"team": "teams/print"}, (t.NEXT_ACTOR_TEAM, "teams/print")),
        (
            BEN,
            "AssignTicket",
            {"team": "teams/print", "assignee": "people/ben"},
            (t.NEXT_ACTOR_ASSIGNEE, "people/ben"),
        ),
        (BEN, "StartTicket", {}, (t.NEXT_ACTOR_ASSIGNEE, "people/ben")),
        (BEN, "AskRequester", {"question": "Which floor?"}, (t.NEXT_ACTOR_REQUESTER, "people/ann")),
        (ANN, "AnswerQuestion", {"answer": "The third"}, (t.NEXT_ACTOR_ASSIGNEE, "people/ben")),
        (BEN, "HoldTicket", HELD, (t.NEXT_ACTOR_UNBLOCKER, "Acme Printers")),
        (BEN, "ResumeTicket", {}, (t.NEXT_ACTOR_ASSIGNEE, "people/ben")),
    ]
    for actor, method, fields, expected in steps:
        await counter.ask(actor, method, name=name, **fields)
        seen = (await counter.ask(ANN, "GetTicket", name=name)).answers
        assert (seen.next, seen.next_name) == expected, method


@pytest.mark.row("A021")
async def test_a_ticket_on_hold_says_what_blocks_since_when_and_who_unblocks(counter: Counter) -> None:
    """The requester reads it on her own ticket; it is gone when the work goes on."""
    name = (await counter.filed()).name
    before = datetime.now(UTC) - timedelta(seconds=1)
    await counter.ask(BEN, "HoldTicket", name=name, **HELD)
    blocker = (await counter.ask(ANN, "GetTicket", name=name)).answers.blocker
    assert (blocker.reason, blocker.note, blocker.unblocker) == (HELD["reason"], HELD["note"], HELD["unblocker"])
    assert before <= blocker.since_time.ToDatetime(UTC) <= datetime.now(UTC)
    resumed = await counter.ask(BEN, "ResumeTicket", name=name)
    assert not resumed.answers.HasField("blocker")


@pytest.mark.row("A022")
async def test_a_question_is_owed_until_it_is_answered(counter: Counter) -> None:
    """The requester owes one answer, finds the ticket by that, and owes none after answering."""
    name = (await counter.filed()).name
    await counter.filed(title="Something else")
    await counter.ask(BEN, "AskRequester", name=name, question="Which floor?")
    seen = await counter.ask(ANN, "GetTicket", name=name)
    assert (seen.answers.owed_answers, seen.question.text, seen.question.asker) == (1, "Which floor?", BEN.sub)
    owing = {"filter": {"requester": ANN.sub, "owes_answer": True}}
    assert [one.name for one in (await counter.ask(ANN, "ListTickets", **owing)).tickets] == [name]
    refused = await counter.refused(BEN, "AnswerQuestion", name=name, answer="The third")
    assert refused.reason == "ANSWER_NOT_YOURS"
    answered = await counter.ask(ANN, "AnswerQuestion", name=name, answer="The third")
    assert (answered.answers.owed_answers, answered.HasField("question")) == (0, False)
    assert not (await counter.ask(ANN, "ListTickets", **owing)).tickets


@pytest.mark.row("A064")
async def test_reassignments_count_changes_of_the_group_after_the_first(counter: Counter) -> None:
    """The first routing counts 0, a person's change inside the group 0, and A -> B -> A counts 2 and is ping-pong."""
    name = (await counter.filed()).name
    walk = [("teams/a", "", 0), ("teams/a", "people/ben", 0), ("teams/b", "", 1), ("teams/a", "", 2)]
    for team, assignee, expected in walk:
        given = await counter.ask(BEN, "AssignTicket", name=name, team=team, assignee=assignee)
        assert given.reassignments == expected
        assert given.ping_pong is (expected == 2)
    seen = await counter.ask(BEN, "GetTicket", name=name)
    assert (seen.reassignments, seen.ping_pong, seen.assignment_changes) == (2, True, 3)


async def test_the_first_public_reply_of_our_side_is_the_first_response(counter: Counter) -> None:
    """The requester's own comment and an internal note are not."""
    name = (await counter.filed()).name
    for actor, visibility in ((ANN, t.VISIBILITY_PUBLIC), (BEN, t.VISIBILITY_INTERNAL)):
        said = await counter.ask(actor, "AddComment", name=name, text="Hm", visibility=visibility)
        assert not said.HasField("first_response_time")
    replied = await counter.ask(BEN, "AddComment", name=name, text="We look", visibility=t.VISIBILITY_PUBLIC)
    assert replied.first_response_time == replied.update_time


async def test_a_ticket_lives_from_filing_to_closing_and_again(counter: Counter) -> None:
    """The whole life by its verbs; what ends clears what was open, and the way back is counted."""
    name = (await counter.filed()).name
    await counter.ask(BEN, "AssignTicket", name=name, team="teams/print", assignee=BEN.sub)
    await counter.ask(BEN, "StartTicket", name=name)
    resolved = await counter.ask(
        BEN,
        "ResolveTicket",
        name=name,
        code=t.RESOLUTION_CODE_FIXED,
        note="New drum",
        articles=["articles/KB-000007"],
    )
    assert resolved.knowledge_used
    assert resolved.resolve_time == resolved.update_time
    closed = await counter.ask(ANN, "CloseTicket", name=name)
    assert (closed.state, closed.answers.next) == (t.TICKET_STATE_CLOSED, t.NEXT_ACTOR_NOBODY)
    reopened = await counter.ask(ANN, "ReopenTicket", name=name, reason="It is back")
    assert (reopened.state, reopened.reopens) == (t.TICKET_STATE_IN_PROGRESS, 1)
    assert not reopened.HasField("resolve_time")
    cancelled = await counter.ask(ANN, "CancelTicket", name=name, reason="A new printer came")
    assert cancelled.state == t.TICKET_STATE_CANCELLED
    refused = await counter.refused(BEN, "ResumeTicket", name=name)
    assert refused.reason == "TICKET_IS_CANCELLED"
