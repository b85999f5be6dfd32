"""Who is next, what blocks, what is owed: never empty while a ticket is open."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.rules.answers import DESK, NextActor, answers
from services.tickets.rules.ticket import OPEN, Hold, HoldReason, State
from tests.unit.tickets.cases import ANN, FRESH, IN_STATE, OPENED


@given(
    st.sampled_from(sorted(OPEN)),
    st.sampled_from(["", "people/ann"]),
    st.sampled_from(["", "people/ben"]),
    st.sampled_from(["", "teams/desk"]),
    st.sampled_from(["", "people/zoe"]),
    st.sampled_from(["", "Acme"]),
)
def test_an_open_ticket_always_names_somebody(
    state: State, requester: str, opener: str, team: str, assignee: str, unblocker: str
) -> None:
    """Whatever is missing, somebody is named: never only a status, never nobody."""
    hold = Hold(HoldReason.VENDOR, "", unblocker, OPENED) if state is State.ON_HOLD else None
    ticket = replace(FRESH, state=state, requester=requester, opener=opener, team=team, assignee=assignee, hold=hold)
    given = answers(ticket)
    assert given.next_name
    assert given.next is not NextActor.NOBODY
    assert (given.blocker is not None) == (state is State.ON_HOLD)


@pytest.mark.parametrize(
    ("state", "team", "assignee", "expected"),
    [
        (State.NEW, "", "", (NextActor.SERVICE_DESK, DESK, 0)),
        (State.NEW, "teams/desk", "", (NextActor.TEAM, "teams/desk", 0)),
        (State.IN_PROGRESS, "teams/desk", "people/ben", (NextActor.ASSIGNEE, "people/ben", 0)),
        (State.AWAITING_REQUESTER, "teams/desk", "people/ben", (NextActor.REQUESTER, ANN.sub, 1)),
        (State.ON_HOLD, "teams/desk", "people/ben", (NextActor.UNBLOCKER, "Acme Printers", 0)),
        (State.RESOLVED, "teams/desk", "people/ben", (NextActor.REQUESTER, ANN.sub, 0)),
        (State.CLOSED, "teams/desk", "people/ben", (NextActor.NOBODY, "", 0)),
        (State.CANCELLED, "teams/desk", "people/ben", (NextActor.NOBODY, "", 0)),
    ],
)
def test_who_is_next_in_every_state(
    state: State, team: str, assignee: str, expected: tuple[NextActor, str, int]
) -> None:
    """The person before the team, the team before the desk; the requester when something is asked of them."""
    given = answers(replace(IN_STATE[state], team=team, assignee=assignee))
    assert (given.next, given.next_name, given.owed) == expected
