"""Deadlines that have come: warnings, breaches, steps, looks for gaps; each a decision whose cause is the deadline."""

from __future__ import annotations

from collections.abc import Callable

from services.runtime.timers import Due
from services.sla.rules import chain as chain_rules
from services.sla.rules import rota as rota_rules
from services.sla.rules.chain import Chain, Folded
from services.sla.rules.clocks import ClocksEvent, TicketClocks
from services.sla.rules.fold import pass_deadline
from services.sla.rules.rota import Rota, RotaGapFound
from services.sla.store import Roster
from services.sla.store.chains import rung_of
from services.sla.store.clocks import moment_of


def decide(due: Due) -> Callable[[TicketClocks], tuple[TicketClocks, tuple[ClocksEvent, ...]]]:
    """The decision for a deadline of a ticket's clocks."""
    moment = moment_of(due.step, due.at)
    return lambda clocks: pass_deadline(clocks, moment, due.fired_at)


def next_step(roster: Roster) -> Callable[[Due], Callable[[Chain], Folded]]:
    """The decision for a step of a chain that has come, for those who are there then."""

    def decided(due: Due) -> Callable[[Chain], Folded]:
        def reach(chain: Chain) -> Folded:
            rung = rung_of(chain, due.step)
            return (chain, ()) if rung is None else chain_rules.reach(chain, rung, due.fired_at, roster.shelved)

        return reach

    return decided


def look_for_gaps(roster: Roster) -> Callable[[Due], Callable[[Rota], tuple[Rota, tuple[RotaGapFound, ...]]]]:
    """The decision to look a rota through."""
    return lambda due: lambda rota: rota_rules.look(rota, due.fired_at, roster.shelved.directory.reaches)
