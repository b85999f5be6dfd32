"""Impact times urgency: the matrix that ships, and what an administrator may make of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.refusal import Refusal
from services.tickets.rules.triage import DEFAULT, PriorityMatrix, change_matrix, triage
from tests.unit.tickets.cases import BEN, FRESH, NOW, ROOT

SHIPPED = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (1, 3): 4, (2, 3): 4, (3, 2): 4, (3, 3): 4}


def rows(cells: dict[tuple[int, int], int]) -> list[tuple[int, int, int]]:
    return [(*pair, priority) for pair, priority in cells.items()]


@pytest.mark.parametrize(("pair", "priority"), SHIPPED.items())
def test_the_matrix_that_ships(pair: tuple[int, int], priority: int) -> None:
    """The nine pairs, as the log of a real company has them; the event says what the priority was before."""
    ticket, events = triage(FRESH, BEN, NOW, matrix=DEFAULT, impact=pair[0], urgency=pair[1])
    assert (ticket.impact, ticket.urgency, ticket.priority) == (*pair, priority)
    again, _ = triage(ticket, BEN, NOW, matrix=DEFAULT, impact=pair[0], urgency=pair[1], category="Printing")
    assert (again.category, again.priority) == ("Printing", priority)
    assert len(events) == 1


def test_a_new_matrix_holds_for_later_triages() -> None:
    """Its version rises, and the same triage gives another priority; the same matrix again tells nothing."""
    cells = {**SHIPPED, (1, 3): 3}
    changed, events = change_matrix(DEFAULT, ROOT, rows(cells))
    assert (changed.version, changed.priority(1, 3), len(events)) == (2, 3, 1)
    assert change_matrix(changed, ROOT, rows(cells)) == (changed, ())


def test_only_an_administrator_changes_it() -> None:
    """An agent may triage, not decide what matters."""
    with pytest.raises(Refusal, match="ROLE_REQUIRED"):
        change_matrix(DEFAULT, BEN, rows(SHIPPED))


@pytest.mark.parametrize(
    "cells",
    [
        rows(SHIPPED)[:-1],
        [*rows(SHIPPED)[:-1], (1, 1, 1)],
        rows({**SHIPPED, (3, 3): 5}),
        rows({**SHIPPED, (1, 1): 0}),
        [*rows(SHIPPED)[:-1], (4, 3, 4)],
    ],
    ids=["a cell missing", "a cell twice", "priority 5", "priority 0", "impact 4"],
)
def test_an_incomplete_matrix_is_refused(cells: list[tuple[int, int, int]]) -> None:
    """All nine cells, each once, each a priority."""
    with pytest.raises(Refusal, match="MATRIX_INCOMPLETE"):
        change_matrix(DEFAULT, ROOT, cells)


@given(st.lists(st.integers(1, 4), min_size=9, max_size=9))
def test_more_never_waits_longer(priorities: list[int]) -> None:
    """A matrix is taken exactly when no pair of more impact and more urgency has a larger priority number."""
    pairs = [(impact, urgency) for impact in (1, 2, 3) for urgency in (1, 2, 3)]
    cells = dict(zip(pairs, priorities, strict=True))
    sound = all(
        cells[more] <= cells[less] for more in pairs for less in pairs if more[0] <= less[0] and more[1] <= less[1]
    )
    if sound:
        taken, _ = change_matrix(PriorityMatrix({}, 7), ROOT, rows(cells))
        assert dict(taken.cells) == cells
    else:
        with pytest.raises(Refusal, match="MATRIX_NOT_MONOTONE"):
            change_matrix(PriorityMatrix({}, 7), ROOT, rows(cells))


def test_half_a_triage_is_none() -> None:
    """Impact without urgency gives no priority and is refused."""
    with pytest.raises(Refusal, match="TRIAGE_INCOMPLETE") as caught:
        triage(FRESH, BEN, NOW, matrix=DEFAULT, impact=1, urgency=0)
    assert caught.value.field == "urgency"
