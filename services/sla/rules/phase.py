"""What a ticket asks of a clock at a moment: to run, to stand still, or to end."""

from __future__ import annotations

from enum import StrEnum

from services.sla.rules.target import ClockKind, StopMark, Target
from services.sla.rules.ticket import DONE_STATES, TicketState, Turn


class Phase(StrEnum):
    """What a clock is to do from a turn on."""

    RUN = "run"
    PAUSE = "pause"
    STOP = "stop"
    CANCEL = "cancel"


def phase_of(terms: Target, turn: Turn, *, responded: bool) -> Phase:
    """What the turn asks of a clock with these terms. responded: somebody of ours has answered since it started."""
    if turn.state is TicketState.CANCELLED:
        return Phase.CANCEL
    if terms.kind is ClockKind.RESPONSE:
        # Solved without a reply: the solution is the response.
        stops = responded or turn.state in DONE_STATES
    else:
        solved = turn.state is TicketState.RESOLVED and terms.stop_mark is StopMark.RESOLVED
        stops = turn.state is TicketState.CLOSED or solved
    if stops:
        return Phase.STOP
    return Phase.PAUSE if terms.pauses(turn) else Phase.RUN


def asks_team(terms: Target) -> bool:
    """Whether the clock depends on who has the ticket."""
    return terms.kind is ClockKind.OPERATIONAL


def same_pause(terms: Target, since: Turn, event: Turn) -> bool:
    """Whether a clock that stands still since one turn stands still after another for the very same reason."""
    same_team = event.team == since.team or not asks_team(terms)
    return (event.state, event.hold) == (since.state, since.hold) and same_team


def rearms(terms: Target, since: Turn, event: Turn, *, used: bool) -> bool:
    """Whether the event fulfils what a live clock waits for, or hands the ticket to a team whose time is its own.

    since: what turned the clock last. used: whether any of its time is used.
    """
    if terms.kind is ClockKind.UPDATE:
        return event.updated
    handed_on = terms.kind is ClockKind.OPERATIONAL and not terms.team and bool(event.team)
    return handed_on and event.team != since.team and (bool(since.team) or used)
