"""Deadlines that have come: warnings and breaches, each one decision whose cause is the deadline itself."""

from __future__ import annotations

from collections.abc import Callable

from services.runtime.timers import Due
from services.sla.rules.clocks import ClocksEvent, TicketClocks
from services.sla.rules.fold import pass_deadline
from services.sla.store.clocks import moment_of


def decide(due: Due) -> Callable[[TicketClocks], tuple[TicketClocks, tuple[ClocksEvent, ...]]]:
    """The decision for a deadline of a ticket's clocks."""
    moment = moment_of(due.step, due.at)
    return lambda clocks: pass_deadline(clocks, moment, due.fired_at)
