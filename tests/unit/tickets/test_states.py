"""The state table, exhaustively: every verb in every state either moves the ticket as written here, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from services.runtime.actor import Actor
from services.runtime.refusal import Kind, Refusal
from services.tickets.rules import assignment, conversation, impact, links, triage, work
from services.tickets.rules.attachment import attach
from services.tickets.rules.events import Decided, TicketClosed, TicketReopened
from services.tickets.rules.ticket import (
    Attachment,
    HoldReason,
    Link,
    LinkRelation,
    ResolutionCode,
    State,
    Ticket,
    Visibility,
)
from tests.unit.tickets.cases import ANN, BEN, EVE, IN_STATE, NOW, OPENED, WEI

Verb = Callable[[Ticket, Actor, datetime], Decided]

FILE = Attachment("f1", "photo.png", "image/png", 3, BEN.sub, NOW, Visibility.PUBLIC)
NEW, WORK, WAIT, HOLD, DONE, OVER, GONE = (
    State.NEW,
    State.IN_PROGRESS,
    State.AWAITING_REQUESTER,
    State.ON_HOLD,
    State.RESOLVED,
    State.CLOSED,
    State.CANCELLED,
)
KEEPS = {state: state for state in State}
OPEN_KEEPS = {state: state for state in (NEW, WORK, WAIT, HOLD)}

# verb: (who, the verb, from which state to which, the event)
TABLE: dict[str, tuple[Actor, Verb, dict[State, State], str]] = {
    "triage": (
        BEN,
        partial(triage.triage, matrix=triage.DEFAULT, impact=1, urgency=1),
        OPEN_KEEPS,
        "TicketTriaged",
    ),
    "date": (
        BEN,
        partial(impact.set_start, started_at=OPENED - timedelta(hours=1)),
        {**OPEN_KEEPS, DONE: DONE},
        "ImpactStartSet",
    ),
    "assign": (BEN, partial(assignment.assign, team="teams/network"), OPEN_KEEPS, "TicketAssigned"),
    "start": (BEN, work.start, {NEW: WORK}, "TicketStarted"),
    "ask": (BEN, partial(conversation.ask, question="Which floor?"), {NEW: WAIT, WORK: WAIT}, "RequesterAsked"),
    "answer": (ANN, partial(conversation.answer, text="The third"), {WAIT: WORK}, "QuestionAnswered"),
    "hold": (
        BEN,
        partial(work.hold, reason=HoldReason.VENDOR, note="Part ordered", unblocker="Acme"),
        {NEW: HOLD, WORK: HOLD, HOLD: HOLD},
        "TicketHeld",
    ),
    "resume": (BEN, work.resume, {HOLD: WORK, WAIT: WORK}, "TicketResumed"),
    "resolve": (
        BEN,
        partial(work.resolve, code=ResolutionCode.FIXED, note="New cable"),
        {NEW: DONE, WORK: DONE, WAIT: DONE, HOLD: DONE},
        "TicketResolved",
    ),
    "close": (ANN, work.close, {DONE: OVER}, "TicketClosed"),
    "reopen": (ANN, partial(work.reopen, reason="Again"), {DONE: WORK, OVER: WORK}, "TicketReopened"),
    "cancel": (
        ANN,
        partial(work.cancel, reason="Not needed"),
        {NEW: GONE, WORK: GONE, WAIT: GONE, HOLD: GONE},
        "TicketCancelled",
    ),
    "comment": (ANN, partial(conversation.comment, text="Hi", visibility=Visibility.PUBLIC), KEEPS, "CommentAdded"),
    "attach": (BEN, partial(attach, attachment=FILE), KEEPS, "AttachmentAdded"),
    "link": (
        BEN,
        partial(links.link, name="tickets/INC-000001", to=Link(LinkRelation.CAUSED_BY, "changes/CHG-000001")),
        KEEPS,
        "TicketLinked",
    ),
}


@pytest.mark.parametrize("verb", TABLE)
@pytest.mark.parametrize("state", State)
def test_every_verb_in_every_state(verb: str, state: State) -> None:
    """A verb leads to exactly one state with exactly one event that holds the ticket after it, or names why not."""
    actor, decide, moves, event = TABLE[verb]
    ticket = IN_STATE[state]
    if state not in moves:
        with pytest.raises(Refusal) as caught:
            decide(ticket, actor, NOW)
        assert (caught.value.kind, caught.value.reason) == (Kind.PRECONDITION, f"TICKET_IS_{state.value}")
        return
    after, events = decide(ticket, actor, NOW)
    assert after.state is moves[state]
    assert [type(one).__name__ for one in events] == [event]
    assert events[0].ticket == after
    assert after.updated_at == NOW


@pytest.mark.parametrize("verb", TABLE)
def test_nothing_but_history_changes_a_ticket_whose_history_comes_in(verb: str) -> None:
    """Live work waits for the end of an import, whatever the state."""
    actor, decide, moves, _ = TABLE[verb]
    with pytest.raises(Refusal, match="TICKET_IMPORTING"):
        decide(replace(IN_STATE[next(iter(moves))], importing=True), actor, NOW)


@pytest.mark.parametrize("verb", TABLE)
@pytest.mark.parametrize("stranger", [EVE, WEI], ids=["another requester", "an agent of another unit"])
def test_strangers_move_nothing(verb: str, stranger: Actor) -> None:
    """Neither another requester nor an agent of another unit takes any verb."""
    _, decide, moves, _ = TABLE[verb]
    with pytest.raises(Refusal) as caught:
        decide(IN_STATE[next(iter(moves))], stranger, NOW)
    assert caught.value.kind is Kind.FORBIDDEN


WORK_ONLY = sorted({"triage", "date", "assign", "start", "ask", "hold", "resume", "resolve", "link"})


@pytest.mark.parametrize("verb", WORK_ONLY)
def test_the_requester_does_not_do_the_work(verb: str) -> None:
    """What moves the work on our side takes an agent."""
    _, decide, moves, _ = TABLE[verb]
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        decide(IN_STATE[next(iter(moves))], ANN, NOW)


def test_what_ends_leaves_nothing_open() -> None:
    """Resolving takes hold and question away; reopening takes the end back and counts."""
    for state in (WAIT, HOLD):
        resolved, _ = TABLE["resolve"][1](IN_STATE[state], BEN, NOW)
        assert (resolved.hold, resolved.question, resolved.resolved_at) == (None, None, NOW)
    closed, events = work.close(IN_STATE[DONE], ANN, NOW)
    assert (closed.closed_at, type(events[0])) == (NOW, TicketClosed)
    reopened, told = work.reopen(closed, ANN, NOW, reason="Again")
    assert (reopened.resolved_at, reopened.closed_at, reopened.resolution, reopened.reopens) == (None, None, None, 1)
    assert isinstance(told[0], TicketReopened)
    assert told[0].previous_state is OVER


def test_a_requester_reopens_within_a_fortnight_and_an_agent_later() -> None:
    """The last instant of the 14 days still counts; after it only an agent may."""
    ended = IN_STATE[OVER]
    assert ended.closed_at is not None
    last = ended.closed_at + timedelta(days=14)
    assert work.reopen(ended, ANN, last, reason="Again")[0].state is WORK
    with pytest.raises(Refusal, match="REOPEN_TOO_LATE"):
        work.reopen(ended, ANN, last + timedelta(milliseconds=1), reason="Again")
    assert work.reopen(ended, BEN, last + timedelta(days=400), reason="Again")[0].state is WORK


def test_a_new_reason_on_hold_counts_from_now() -> None:
    """Holding again says what blocks since when, anew."""
    held, _ = TABLE["hold"][1](IN_STATE[HOLD], BEN, NOW)
    assert held.hold is not None
    assert (held.hold.unblocker, held.hold.since) == ("Acme", NOW)


@pytest.mark.parametrize(
    ("decide", "reason"),
    [
        (partial(work.hold, reason=HoldReason.OTHER, note=" ", unblocker="x"), "HOLD_INCOMPLETE"),
        (partial(work.hold, reason=HoldReason.OTHER, note="x", unblocker=" "), "HOLD_INCOMPLETE"),
        (partial(work.resolve, code=ResolutionCode.FIXED, note=" "), "RESOLUTION_INVALID"),
        (partial(work.resolve, code=ResolutionCode.IMPORTED, note="x"), "RESOLUTION_INVALID"),
        (partial(work.cancel, reason=" "), "REASON_REQUIRED"),
        (partial(conversation.ask, question=" "), "TEXT_REQUIRED"),
        (partial(conversation.comment, text="\n", visibility=Visibility.PUBLIC), "TEXT_REQUIRED"),
        (partial(assignment.assign, team=""), "TEAM_REQUIRED"),
        (
            partial(links.link, name="tickets/INC-1", to=Link(LinkRelation.DUPLICATES, "somewhere")),
            "LINK_TARGET_INVALID",
        ),
    ],
)
def test_words_that_say_nothing_are_refused(decide: Verb, reason: str) -> None:
    """Blanks and names of nothing are no input."""
    with pytest.raises(Refusal, match=reason):
        decide(IN_STATE[WORK], BEN, NOW)


def test_the_same_again_tells_nothing() -> None:
    """Assigning, triaging and linking to what is so already leave no event; nor does unlinking what is not there."""
    ticket, _ = assignment.assign(IN_STATE[NEW], BEN, NOW, team="teams/network", assignee="people/ben")
    assert assignment.assign(ticket, BEN, NOW, team="teams/network", assignee="people/ben") == (ticket, ())
    ticket, _ = TABLE["triage"][1](ticket, BEN, NOW)
    assert TABLE["triage"][1](ticket, BEN, NOW) == (ticket, ())
    link = Link(LinkRelation.RELATES_TO, "tickets/INC-000009")
    linked, _ = links.link(ticket, BEN, NOW, name="tickets/INC-000001", to=link)
    assert links.link(linked, BEN, NOW, name="tickets/INC-000001", to=link) == (linked, ())
    unlinked, _ = links.unlink(linked, BEN, NOW, to=link)
    assert unlinked.links == ()
    assert links.unlink(unlinked, BEN, NOW, to=link) == (unlinked, ())


def test_a_resolved_ticket_waits_to_be_closed() -> None:
    """Resolving says when it closes by itself; closing and reopening take that back, and nothing said is never."""
    in_work = IN_STATE[WORK]
    resolve = partial(work.resolve, in_work, BEN, NOW, code=ResolutionCode.FIXED, note="New cable")
    assert resolve()[0].closes_at is None
    assert resolve(closes_after=timedelta())[0].closes_at is None
    resolved, _ = resolve(closes_after=timedelta(days=7))
    assert resolved.closes_at == NOW + timedelta(days=7)
    assert work.close(resolved, ANN, NOW)[0].closes_at is None
    assert work.reopen(resolved, ANN, NOW, reason="Again")[0].closes_at is None


@pytest.mark.parametrize("state", State)
def test_only_a_resolved_ticket_closes_unopposed(state: State) -> None:
    """When the time for it is over it closes at that moment, without anybody; in any other state it is refused."""
    ticket = IN_STATE[state]
    if state is DONE:
        closed, (event,) = work.close_unopposed(replace(ticket, closes_at=NOW), NOW)
        assert (closed.state, closed.closed_at, closed.closes_at) == (OVER, NOW, None)
        assert event == TicketClosed(closed)
        assert work.reopen(closed, ANN, NOW + work.REOPEN_WITHIN, reason="Again")[0].state is WORK
    else:
        with pytest.raises(Refusal, match="close this ticket") as refused:
            work.close_unopposed(ticket, NOW)
        assert refused.value.reason == f"TICKET_IS_{state}"
