"""Deadlines that have come: a resolved ticket closes when nobody took its end back."""

from __future__ import annotations

from collections.abc import Callable

from services.runtime.timers import Due
from services.tickets.rules import work
from services.tickets.rules.events import Decided
from services.tickets.rules.ticket import Ticket


def decide(due: Due) -> Callable[[Ticket], Decided]:
    """The decision for the one deadline that a ticket has."""
    return lambda ticket: work.close_unopposed(ticket, due.fired_at)
