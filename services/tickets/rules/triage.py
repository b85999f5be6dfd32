"""Impact times urgency gives the priority, by a matrix that the administrator keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from services.runtime.actor import Actor
from services.runtime.refusal import Refusal
from services.tickets.rules.access import ADMINISTRATOR, require_state, require_worker
from services.tickets.rules.events import Decided, TicketTriaged
from services.tickets.rules.ticket import OPEN, Ticket

LEVELS = (1, 2, 3)
PRIORITIES = (1, 2, 3, 4)

_DEFAULT = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (1, 3): 4, (2, 3): 4, (3, 2): 4, (3, 3): 4}


@dataclass(frozen=True, slots=True)
class PriorityMatrix:
    """cells: (impact, urgency) -> priority, all nine. version: from 1; a new one holds for later triages only."""

    cells: Mapping[tuple[int, int], int] = field(default_factory=lambda: MappingProxyType(_DEFAULT))
    version: int = 1

    def priority(self, impact: int, urgency: int) -> int:
        """1 (critical) to 4 (low); 0 while impact or urgency is not known."""
        return self.cells.get((impact, urgency), 0)


@dataclass(frozen=True, slots=True)
class PriorityMatrixChanged:
    """The matrix has a new version, or its first."""

    matrix: PriorityMatrix


DEFAULT = PriorityMatrix()


def set_up() -> tuple[PriorityMatrix, tuple[PriorityMatrixChanged, ...]]:
    """The matrix that a new installation starts with."""
    return DEFAULT, (PriorityMatrixChanged(DEFAULT),)


def change_matrix(
    matrix: PriorityMatrix, actor: Actor, cells: Iterable[tuple[int, int, int]]
) -> tuple[PriorityMatrix, tuple[PriorityMatrixChanged, ...]]:
    """Replaces all nine cells (impact, urgency, priority).

    Raises:
        Refusal: ROLE_REQUIRED; MATRIX_INCOMPLETE when a cell is missing, twice or out of range; MATRIX_NOT_MONOTONE
            when more impact or more urgency would make a ticket less important.
    """
    actor.require(ADMINISTRATOR, to="change the priority matrix")
    given = list(cells)
    table = {(impact, urgency): priority for impact, urgency, priority in given}
    wanted = {(impact, urgency) for impact in LEVELS for urgency in LEVELS}
    if len(given) != len(wanted) or set(table) != wanted or not set(table.values()) <= set(PRIORITIES):
        raise Refusal.invalid(
            "cells", "MATRIX_INCOMPLETE", "Give each of the nine pairs of impact and urgency once, priority 1 to 4."
        )
    for (impact, urgency), priority in sorted(table.items()):
        for next_cell in ((impact + 1, urgency), (impact, urgency + 1)):
            if table.get(next_cell, priority) < priority:
                raise Refusal.invalid(
                    "cells",
                    "MATRIX_NOT_MONOTONE",
                    f"Impact {impact} x urgency {urgency} is P{priority}, but the lesser {next_cell[0]} x "
                    f"{next_cell[1]} is P{table[next_cell]}: what matters more must not wait longer.",
                )
    if table == dict(matrix.cells):
        return matrix, ()
    changed = PriorityMatrix(MappingProxyType(table), matrix.version + 1)
    return changed, (PriorityMatrixChanged(changed),)


def triage(
    ticket: Ticket,
    actor: Actor,
    now: datetime,
    *,
    matrix: PriorityMatrix,
    impact: int,
    urgency: int,
    service: str = "",
    category: str = "",
) -> Decided:
    """Sets impact and urgency (1 to 3 each); the matrix gives the priority. An empty service or category stays.

    Raises:
        Refusal: ROLE_REQUIRED, OUTSIDE_YOUR_UNIT, TICKET_IS_<state>, TICKET_IMPORTING, TRIAGE_INCOMPLETE.
    """
    require_worker(actor, ticket, "triage this ticket")
    require_state(ticket, OPEN, "triage this ticket")
    require_complete(impact, urgency)
    triaged = replace(
        ticket,
        impact=impact,
        urgency=urgency,
        priority=matrix.priority(impact, urgency),
        service=service or ticket.service,
        category=category or ticket.category,
    )
    if triaged == ticket:
        return ticket, ()
    triaged = replace(triaged, updated_at=now)
    return triaged, (TicketTriaged(triaged, ticket.priority),)


def require_complete(impact: int, urgency: int) -> None:
    """Refuses TRIAGE_INCOMPLETE unless both are known, 1 to 3."""
    if impact not in LEVELS or urgency not in LEVELS:
        raise Refusal.invalid(
            "urgency" if impact in LEVELS else "impact",
            "TRIAGE_INCOMPLETE",
            "A priority takes both impact and urgency, each from 1 (high) to 3 (low).",
        )
