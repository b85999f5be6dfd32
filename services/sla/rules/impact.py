"""Clocks that count from the start of the impact: begun anew when it is said, corrected or taken back.

What a clock did since the opening stays second by second; the time before it is put in front, or taken away.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.runtime.worktime import CalendarVersion
from services.sla.rules.clock import JUDGED, Clock, ClockState, reached, start, superseded
from services.sla.rules.segment import running, used_up
from services.sla.rules.ticket import Impact, Turn
from services.sla.rules.verdict import Supersession


def known(before: Impact | None, at: datetime | None, event: Turn) -> Impact | None:
    """The start of the impact after an event that says it is `at`, with the event that said so first."""
    if at is None:
        return None
    return before if before is not None and before.at == at else Impact(at, event.cause)


def moved(clock: Clock, first: Turn, impact: Impact | None, event: Turn, calendar: CalendarVersion) -> Clock:
    """The clock as it would be had it begun where its target now says.

    first: the ticket's first turn. event: because of which it moves. calendar: by which the time before `first` counts.
    A clock that began anew since, or was cancelled, stays as it is. What was judged before is kept beside.
    """
    if clock.state is ClockState.CANCELLED or clock.started_at > first.at:
        return clock
    fresh = start(clock.terms, first, calendar, impact)
    if fresh.started_at == clock.started_at:
        return clock
    told = (*fresh.segments[: fresh.lead], *clock.segments[clock.lead :])
    used = running(told)
    after = replace(clock, started_at=fresh.started_at, elapsed=used, segments=told, lead=fresh.lead)
    after = _due(after, calendar)
    said, says = ((one.state, one.breached_at, one.elapsed) for one in (clock, after))
    if (clock.state in JUDGED or clock.breached_at is not None) and said != says and not _told(clock, event):
        kept = superseded(clock, event, Supersession.IMPACT_MOVED).verdicts
        after = replace(after, verdicts=kept)
    return after


def _due(clock: Clock, calendar: CalendarVersion) -> Clock:
    """The clock with warning, breach and verdict as its segments now say."""
    terms, since = clock.terms, clock.since.at
    breached = used_up(clock.segments, terms.duration)
    warned = None if terms.warn_after is None else used_up(clock.segments, terms.warn_after)
    due, warn = breached, warned
    # One that stood still when it was turned last has no due time while there is time left.
    if clock.state is ClockState.RUNNING or (clock.state in JUDGED and clock.due_at is not None):
        due = due or reached(calendar, since, terms.duration - clock.elapsed)
        if warn is None and terms.warn_after is not None:
            warn = reached(calendar, since, terms.warn_after - clock.elapsed)
    if breached is None and clock.state is ClockState.RUNNING and due == clock.breached_at:
        breached = due
    state = clock.state
    if state in JUDGED:
        state = ClockState.MET if breached is None else ClockState.MISSED
    fired = clock.fired_at if breached == clock.breached_at else None
    return replace(clock, state=state, due_at=due, warn_at=warn, warned_at=warned, breached_at=breached, fired_at=fired)


def _told(clock: Clock, event: Turn) -> bool:
    """Whether the event has made another verdict of what the clock said already."""
    last = clock.verdicts[-1] if clock.verdicts else None
    return last is not None and (last.superseded_by, last.superseded_at) == (event.cause, event.at)
