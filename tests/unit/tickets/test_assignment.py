"""Reassignments as metric E06 counts them, beside every change of the field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.tickets.rules.assignment import assign, handed
from services.tickets.rules.ticket import Ticket
from tests.unit.tickets.cases import BEN, FRESH, NOW

NOBODY = replace(FRESH, team="", teams=())


def through(*teams: str) -> Ticket:
    ticket = NOBODY
    for team in teams:
        ticket = handed(ticket, team, "", NOW)
    return ticket


@pytest.mark.parametrize(
    ("teams", "reassignments", "changes", "ping_pong"),
    [
        (("A",), 0, 1, False),
        (("A", "B"), 1, 2, False),
        (("A", "B", "A"), 2, 3, True),
        (("A", "B", "C"), 2, 3, False),
        (("A", "B", "C", "A"), 3, 4, True),
        (("A", "", "A"), 0, 3, False),
        (("A", "", "B"), 1, 3, False),
        (("A", "A"), 0, 1, False),
        (("A", "B", "", "B", "A"), 2, 5, True),
        ((), 0, 0, False),
    ],
)
def test_the_first_routing_counts_nothing_and_a_return_counts_twice(
    teams: tuple[str, ...], reassignments: int, changes: int, ping_pong: bool
) -> None:
    """A -> B -> A counts 2 and is ping-pong; the first team counts 0; no team in between neither counts nor hides."""
    ticket = through(*teams)
    assert (ticket.reassignments, ticket.assignment_changes, ticket.ping_pong) == (reassignments, changes, ping_pong)


def test_a_persons_change_inside_a_team_is_no_reassignment() -> None:
    """It is told, with who had it before, and not counted."""
    first, _ = assign(NOBODY, BEN, NOW, team="teams/desk", assignee="people/ben")
    second, events = assign(first, BEN, NOW, team="teams/desk", assignee="people/lin")
    assert (second.reassignments, second.assignment_changes) == (0, 1)
    assert [(one.previous_team, one.previous_assignee) for one in events] == [("teams/desk", "people/ben")]  # type: ignore[attr-defined]  # the event of a hand-over
    assert second.first_assigned_at == NOW
