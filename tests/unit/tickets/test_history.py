"""The past by the rows of a log: the same counts as live work, nothing said twice, the log's own order and time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.runtime.refusal import Refusal
from services.tickets.rules.answers import answers
from services.tickets.rules.history import (
    Opening,
    Step,
    complete,
    open_past,
    require_operator,
    take,
    untakeable,
)
from services.tickets.rules.ticket import HoldReason, ResolutionCode, State, Ticket, Type
from services.tickets.rules.triage import DEFAULT
from tests.unit.tickets.cases import ANN, NOW, OLA, OPENED

OPENING = Opening("log", "INC7", Type.INCIDENT, OPENED, requester="people/ann")
NEW, WORK, WAIT, HOLD, DONE, OVER, GONE = State


def row(number: int, state: State, **said: Any) -> Step:
    return Step(**{"id": str(number), "at": OPENED + timedelta(hours=number), "state": state, "team": "A", **said})


def replayed(*rows: Step) -> tuple[Ticket, list[list[str]]]:
    """The ticket after the rows, and the names of what each told."""
    ticket, opened = open_past(OPENING, rows[0], DEFAULT)
    told = [[type(one).__name__ for one in opened]]
    for one in rows:
        ticket, events = take(ticket, one, DEFAULT)
        assert all(event.ticket.importing for event in events)
        told.append([type(event).__name__ for event in events])
    return ticket, told


def test_the_opening_says_what_the_first_row_says_and_the_row_itself_then_tells_nothing() -> None:
    """Opened as new with the first row's team, which is no assignment change."""
    ticket, told = replayed(row(1, NEW, impact=2, urgency=2, assignee="people/zoe"))
    assert told == [["TicketOpened"], []]
    assert (ticket.priority, ticket.team, ticket.reassignments, ticket.assignment_changes) == (3, "A", 0, 0)
    assert (ticket.opened_at, ticket.updated_at, ticket.first_assigned_at, ticket.title) == (
        OPENED,
        OPENED,
        OPENED,
        "INC7",
    )


def test_a_first_row_that_is_not_new_brings_it_there() -> None:
    """Opened new, then resolved at the row's own time."""
    ticket, told = replayed(row(3, DONE))
    assert told == [["TicketOpened"], ["TicketResolved"]]
    assert ticket.resolved_at == OPENED + timedelta(hours=3)
    assert ticket.resolution is not None
    assert ticket.resolution.code is ResolutionCode.IMPORTED


# What moving from one state (column) to another (row) tells, beside nothing for the same state.
MOVES = {
    (NEW, WORK): ["TicketStarted"],
    (NEW, WAIT): ["RequesterAsked"],
    (NEW, HOLD): ["TicketHeld"],
    (WORK, NEW): ["TicketResumed"],
    (WAIT, WORK): ["TicketResumed"],
    (HOLD, WORK): ["TicketResumed"],
    (DONE, OVER): ["TicketClosed"],
    (DONE, WORK): ["TicketReopened"],
    (DONE, NEW): ["TicketReopened", "TicketResumed"],
    (DONE, WAIT): ["TicketReopened", "RequesterAsked"],
    (OVER, HOLD): ["TicketReopened", "TicketHeld"],
    (OVER, DONE): ["TicketResolved"],
    (NEW, OVER): ["TicketClosed"],
    (WORK, GONE): ["TicketCancelled"],
    (GONE, WORK): ["TicketReopened"],
}


@pytest.mark.parametrize("before", State)
@pytest.mark.parametrize("after", State)
def test_every_state_leads_to_every_state(before: State, after: State) -> None:
    """A log moves as it likes: the ticket arrives, tells something exactly when it moved, and counts the way back."""
    ticket, told = replayed(row(1, before), row(2, after))
    assert ticket.state is after
    assert bool(told[-1]) == (before is not after)
    if (before, after) in MOVES:
        assert told[-1] == MOVES[before, after]
    back = before in (DONE, OVER, GONE) and after in (NEW, WORK, WAIT, HOLD)
    assert ticket.reopens == (1 if back else 0)
    assert (ticket.hold is not None) == (after is HOLD)
    assert (ticket.question is not None) == (after is WAIT)
    assert (ticket.closed_at is not None) == (after is OVER)
    assert not ticket.is_open or answers(ticket).next_name


def test_the_counts_of_a_walk_through_teams() -> None:
    """A, nobody, A, B, A: two reassignments and ping-pong by E06, four changes of the field."""
    teams = ["A", "", "A", "B", "A"]
    ticket, told = replayed(*(row(number, WORK, team=team) for number, team in enumerate(teams, 1)))
    assert (ticket.reassignments, ticket.assignment_changes, ticket.ping_pong) == (2, 4, True)
    assert told[2:] == [["TicketAssigned"]] * 4


def test_several_things_in_one_row_are_told_in_order() -> None:
    """Triage, then hands, then the state."""
    _, told = replayed(
        row(1, NEW, impact=3, urgency=3), row(2, WORK, impact=1, urgency=1, team="B", assignee="people/zoe")
    )
    assert told[-1] == ["TicketTriaged", "TicketAssigned", "TicketStarted"]


def test_a_row_that_says_nothing_new_tells_nothing() -> None:
    """Also when it leaves out what it does not know; another reason on hold is new."""
    first = row(1, HOLD, hold_reason=HoldReason.VENDOR, impact=2, urgency=1, category="Mail", site="Berlin")
    ticket, told = replayed(
        first,
        row(2, HOLD, hold_reason=HoldReason.VENDOR),
        row(3, HOLD, hold_reason=HoldReason.PROBLEM),
    )
    assert told[2:] == [[], ["TicketHeld"]]
    assert (ticket.priority, ticket.category, ticket.site) == (2, "Mail", "Berlin")


def test_the_order_given_is_the_truth_even_against_the_clock() -> None:
    """A row of an earlier minute than the one before it is taken, at its own time."""
    ticket, _ = replayed(row(5, WORK), row(4, DONE))
    assert (ticket.state, ticket.resolved_at) == (DONE, OPENED + timedelta(hours=4))


def test_a_reopened_ticket_keeps_its_latest_resolution_alone() -> None:
    """The last transition counts; an update in state resolved is none."""
    ticket, _ = replayed(row(1, DONE), row(2, DONE, category="Mail"), row(3, WORK), row(4, DONE))
    assert (ticket.resolved_at, ticket.reopens) == (OPENED + timedelta(hours=4), 1)


def test_completing_lets_it_live_once() -> None:
    """After it, no row is taken any more, and a second completion tells nothing."""
    ticket, _ = replayed(row(1, WORK))
    alive, events = complete(ticket)
    assert (alive.importing, [type(one).__name__ for one in events]) == (False, ["TicketImported"])
    assert complete(alive) == (alive, ())
    with pytest.raises(Refusal, match="HISTORY_COMPLETE"):
        take(alive, row(2, DONE), DEFAULT)


def test_the_future_is_no_history_and_the_past_is_the_operators() -> None:
    """A row of tomorrow is refused by its input alone; only operators import."""
    assert untakeable(OPENING, row(1, NEW), NOW) is None
    refused = untakeable(OPENING, row(1, NEW, at=NOW + timedelta(seconds=1)), NOW)
    assert refused is not None
    assert refused.reason == "STEP_IN_FUTURE"
    require_operator(OLA)
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        require_operator(ANN)
