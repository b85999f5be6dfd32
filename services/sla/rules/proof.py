"""Proves clocks as they are kept: every second between the opening and the latest turn is in exactly one segment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.sla.rules import clock as clock_rules
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.segment import ClockDisagreesError


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was looked at, and (ticket, what does not add up) of each clock at fault."""

    tickets: int
    clocks: int
    segments: int
    faults: tuple[tuple[str, str], ...]


def check(found: Iterable[TicketClocks]) -> Checked:
    """Checks every clock of these tickets."""
    tickets = clocks = segments = 0
    faults: list[tuple[str, str]] = []
    for one in found:
        tickets += 1
        for clock in one.clocks:
            clocks += 1
            segments += len(clock.segments)
            try:
                clock_rules.check(clock)
            except ClockDisagreesError as error:
                faults.append((one.ticket, f"{clock.kind}: {error}"))
    return Checked(tickets, clocks, segments, tuple(faults))
