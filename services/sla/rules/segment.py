"""The segments of a clock: what it did, second by second, and why; they add up to wall time exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.runtime.worktime import CalendarVersion, SegmentKind, segments
from services.sla.rules.ticket import HoldReason, TicketState, Turn

NOTHING = timedelta()
# Five clocks of so many and a long trail stay well below what a document may weigh.
MOST = 160
_KEPT = 100


class ClockDisagreesError(Exception):
    """A clock's segments do not explain it: a fault of the rules, never of the input."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A span [start, end) of wall time in which a clock ran, stood still, or hours were closed.

    cause: the event that began it, or the calendar version's key for closed hours. ticket_state, hold: what paused it.
    team: of an operational clock that stood still, who had the ticket.
    merged: how many older segments of one kind it sums up (0: it is a single one); its length is then exact, and its
    bounds only keep the order.
    """

    start: datetime
    end: datetime
    kind: SegmentKind
    cause: str
    ticket_state: TicketState | None = None
    merged: int = 0
    hold: HoldReason | None = None
    team: str = ""

    @property
    def length(self) -> timedelta:
        """Its wall time."""
        return self.end - self.start


def ran(calendar: CalendarVersion, start: datetime, end: datetime, cause: str) -> Iterator[Segment]:
    """A span in which the clock ran, cut where business closes and opens."""
    for begin, stop, is_open in segments(calendar, start, end):
        if is_open:
            yield Segment(begin, stop, SegmentKind.RUNNING, cause)
        else:
            yield Segment(begin, stop, SegmentKind.CLOSED, calendar.key)


def stood(since: Turn, end: datetime, asks_team: bool) -> Iterator[Segment]:
    """A span in which the clock stood still: one segment, closed hours included. asks_team: who had it matters."""
    if since.at < end:
        team = since.team if asks_team else ""
        yield Segment(since.at, end, SegmentKind.PAUSED, since.cause, since.state, hold=since.hold, team=team)


def used_up(told: tuple[Segment, ...], target: timedelta) -> datetime | None:
    """The instant at which the running segments reached the target; None when they have not."""
    left = target
    for one in told:
        if one.kind is SegmentKind.RUNNING:
            if one.length >= left:
                return one.start + left
            left -= one.length
    return None


def bounded(told: tuple[Segment, ...], lead: int = 0) -> tuple[Segment, ...]:
    """The segments, the oldest of each kind summed up when there are too many; no sum changes.

    lead: how many of the first stay as they are, because they lie before the opening and may be taken back.
    """
    if lead:
        return (*told[:lead], *bounded(told[lead:]))
    if len(told) <= MOST:
        return told
    old, young = told[:-_KEPT], told[-_KEPT:]
    merged: list[Segment] = []
    at = old[0].start
    for kind in SegmentKind:
        alike = [one for one in old if one.kind is kind]
        if not alike:
            continue
        end = at + sum((one.length for one in alike), NOTHING)
        states = {one.ticket_state for one in alike}
        state = states.pop() if len(states) == 1 else None
        holds = {one.hold for one in alike}
        hold = holds.pop() if len(holds) == 1 else None
        count = sum(one.merged or 1 for one in alike)
        merged.append(Segment(at, end, kind, alike[0].cause, state, count, hold))
        at = end
    return (*merged, *young)


def running(told: tuple[Segment, ...]) -> timedelta:
    """The time in which the segments ran."""
    return sum((one.length for one in told if one.kind is SegmentKind.RUNNING), NOTHING)


def prove(told: tuple[Segment, ...], start: datetime, until: datetime, elapsed: timedelta) -> None:
    """Checks that the segments cover [start, until) without gap and run for exactly `elapsed`.

    Raises:
        ClockDisagreesError: they do not.
    """
    at, running = start, NOTHING
    for one in told:
        if one.start != at or one.end <= one.start:
            raise ClockDisagreesError(f"a segment from {one.start} to {one.end} follows {at}")
        at = one.end
        if one.kind is SegmentKind.RUNNING:
            running += one.length
    if at != until or running != elapsed:
        raise ClockDisagreesError(f"segments end at {at} and run for {running}; the clock says {until} and {elapsed}")
