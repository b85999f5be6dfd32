"""One clock: business time from the opening of a ticket, or from before it, to a mark, turned by its events alone.

Between two turns nothing is stored but the moments at which warning and target will be used up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.runtime.refusal import Refusal
from services.runtime.worktime import CalendarVersion, add, elapsed
from services.sla.rules.phase import Phase, asks_team, phase_of, rearms, same_pause
from services.sla.rules.segment import NOTHING, ClockDisagreesError, Segment, bounded, prove, ran, stood, used_up
from services.sla.rules.target import ClockKind, ReopenRule, StartMark, Target
from services.sla.rules.ticket import Impact, TicketState, Turn
from services.sla.rules.verdict import JUDGED, LIVE, ClockState, Supersession, Verdict, kept

__all__ = [
    "JUDGED",
    "LIVE",
    "Clock",
    "ClockState",
    "cancel",
    "check",
    "judged",
    "reached",
    "remaining",
    "retarget",
    "start",
    "superseded",
    "turn",
]

_OUT_OF_REACH = ("BEYOND_HORIZON", "TIME_OUT_OF_RANGE")


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock as of `since.at`, the moment at which an event turned it last.

    terms: the promise, copied from the policy version that it started under.
    elapsed: business time in [started_at, since.at), which the segments cover without gap.
    due_at, warn_at: when target and warning are used up if it runs on; None while it stands still with time left.
    warned_at, breached_at: when they were used up, None when they are not. fired_at: when a timer noticed the breach.
    verdicts: how it was judged before, oldest first. lead: how many of the segments lie before the ticket's opening.
    """

    terms: Target
    state: ClockState
    started_at: datetime
    elapsed: timedelta
    since: Turn
    due_at: datetime | None = None
    warn_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    stopped_at: datetime | None = None
    fired_at: datetime | None = None
    segments: tuple[Segment, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    lead: int = 0

    @property
    def kind(self) -> ClockKind:
        """What it measures."""
        return self.terms.kind

    @property
    def live(self) -> bool:
        """Whether it runs or is paused."""
        return self.state in LIVE


def start(terms: Target, first: Turn, calendar: CalendarVersion, impact: Impact | None = None) -> Clock:
    """A clock that starts with the ticket's first turn, running or paused as that asks.

    impact: where it begins, as if the ticket had been there already, when it counts from there and that was earlier.
    """
    phase = phase_of(terms, first, responded=False)
    if terms.start_mark is not StartMark.IMPACT or impact is None or impact.at >= first.at:
        return _entered(Clock(terms, ClockState.RUNNING, first.at, NOTHING, first), phase, first, calendar)
    begun = replace(first, at=impact.at, cause=impact.cause)
    clock = _entered(Clock(terms, ClockState.RUNNING, begun.at, NOTHING, begun), phase, begun, calendar)
    clock = _entered(_reached(clock, first, calendar), phase, first, calendar)
    return replace(clock, lead=len(clock.segments))


def turn(
    clock: Clock, event: Turn, responded_at: datetime | None, calendar: CalendarVersion, *, reopened: bool = False
) -> Clock:
    """The clock after an event; the same object when the event does not concern it.

    event.at: not before since.at. responded_at: the first public reply, when there has been one by then. calendar: the
    version that the clock runs by. reopened: with this event a ticket that was solved is worked on again.
    """
    # A clock that began anew after the first reply waits for the next word.
    replied_at = responded_at if responded_at is not None and responded_at >= clock.started_at else None
    again = event.updated and responded_at is not None
    owed_anew = reopened and not clock.live and clock.terms.reopens is ReopenRule.RESTART
    phase = phase_of(clock.terms, event, responded=not owed_anew and (replied_at is not None or again))
    if clock.live:
        if phase in (Phase.RUN, Phase.PAUSE) and rearms(clock.terms, clock.since, event, used=bool(clock.elapsed)):
            return _anew(clock, event, calendar)
        if phase is Phase.RUN and clock.state is ClockState.RUNNING:
            return clock
        if phase is Phase.PAUSE and clock.state is ClockState.PAUSED and same_pause(clock.terms, clock.since, event):
            return clock
        if phase is Phase.STOP and clock.kind is ClockKind.RESPONSE and replied_at is not None:
            # The reply itself ends it, even if another event tells of it.
            event = replace(event, at=min(max(replied_at, clock.since.at), event.at))
    elif phase in (Phase.STOP, Phase.CANCEL) or not _returns(clock):
        return clock
    elif clock.state in JUDGED:
        if clock.terms.reopens is ReopenRule.RESTART:
            return _anew(clock, event, calendar)
        clock = superseded(clock, event, Supersession.REOPENED)
    return _entered(_reached(clock, event, calendar), phase, event, calendar)


def retarget(clock: Clock, terms: Target, event: Turn, ran_by: CalendarVersion, runs_by: CalendarVersion) -> Clock:
    """A live clock under another promise: elapsed time is kept, warning and breach are those of the new target.

    ran_by, runs_by: the calendar versions before and after the event.
    """
    if clock.terms == terms and ran_by.key == runs_by.key:
        return clock
    moved = _reached(clock, event, ran_by)
    warn_after, breached = terms.warn_after, used_up(moved.segments, terms.duration)
    if moved.breached_at is not None and moved.breached_at != breached:
        moved = superseded(moved, event, Supersession.RETARGETED)
    moved = replace(
        moved,
        terms=terms,
        breached_at=breached,
        warned_at=None if warn_after is None else used_up(moved.segments, warn_after),
        fired_at=moved.fired_at if breached == moved.breached_at else None,
    )
    return _entered(moved, phase_of(terms, event, responded=False), event, runs_by)


def cancel(clock: Clock, event: Turn, calendar: CalendarVersion) -> Clock:
    """A live clock whose promise no longer holds."""
    return _entered(_reached(clock, event, calendar), Phase.CANCEL, event, calendar)


def judged(clock: Clock, horizon: datetime) -> Clock:
    """A running clock with the warning and the breach up to `horizon`, a moment known to have passed."""
    if clock.state is not ClockState.RUNNING:
        return clock
    if clock.warned_at is None and clock.warn_at is not None and clock.warn_at <= horizon:
        clock = replace(clock, warned_at=clock.warn_at)
    if clock.breached_at is None and clock.due_at is not None and clock.due_at <= horizon:
        clock = replace(clock, breached_at=clock.due_at)
    return clock


def remaining(clock: Clock, calendar: CalendarVersion, now: datetime) -> timedelta:
    """The business time left of the target at `now`; negative when overdue."""
    left = clock.terms.duration - clock.elapsed
    if clock.state is ClockState.RUNNING and now > clock.since.at:
        left -= elapsed(calendar, clock.since.at, now)
    return left


def check(clock: Clock) -> None:
    """Proves that the segments explain the clock, and that it is breached exactly when its target is used up.

    Raises:
        ClockDisagreesError: they do not, which is a fault of the rules.
    """
    prove(clock.segments, clock.started_at, clock.since.at, clock.elapsed)
    breached = clock.breached_at is not None and clock.breached_at <= clock.since.at
    if breached is not (clock.elapsed >= clock.terms.duration):
        raise ClockDisagreesError(
            f"{clock.elapsed} of {clock.terms.duration} used, yet breached at {clock.breached_at}"
        )


def reached(calendar: CalendarVersion, since: datetime, duration: timedelta) -> datetime | None:
    """When so much business time has passed since an instant; None when it never does within ten years."""
    try:
        return add(calendar, since, duration)
    except Refusal as refusal:
        if refusal.reason in _OUT_OF_REACH:
            return None
        raise


def _returns(clock: Clock) -> bool:
    """Whether a clock that stopped goes on when its ticket is worked on again."""
    if clock.state is ClockState.CANCELLED:
        # Cancelled with its ticket; one whose promise ended does not come back by itself.
        return clock.since.state is TicketState.CANCELLED
    return clock.terms.reopens is not ReopenRule.NOTHING


def _anew(clock: Clock, event: Turn, calendar: CalendarVersion) -> Clock:
    """A clock of the same terms from the event on; how the one before it ended is kept as its verdict."""
    ended = clock
    if clock.live:
        ended = _reached(clock, event, calendar)
        state = ClockState.MET if ended.breached_at is None else ClockState.MISSED
        ended = replace(ended, state=state, stopped_at=event.at)
        check(replace(ended, since=event))
    ended = superseded(ended, event, Supersession.REARMED)
    return replace(start(clock.terms, event, calendar), verdicts=ended.verdicts)


def superseded(clock: Clock, event: Turn, reason: Supersession) -> Clock:
    """The clock, with what it says kept as a verdict that the event made another."""
    verdict = Verdict(
        clock.state, clock.terms.duration, clock.elapsed, clock.started_at, clock.breached_at, clock.stopped_at,
        clock.since.cause, event.at, event.cause, reason,
    )  # fmt: skip
    return replace(clock, verdicts=kept(clock.verdicts, verdict))


def _reached(clock: Clock, event: Turn, calendar: CalendarVersion) -> Clock:
    """The clock with the span since its last turn told in segments up to the event, and judged by nothing after it."""
    since, at = clock.since, event.at
    if clock.breached_at is not None and clock.breached_at > at:
        clock = superseded(clock, event, Supersession.CORRECTED)
    if clock.state is ClockState.RUNNING:
        told = tuple(ran(calendar, since.at, at, since.cause))
        used = clock.elapsed + elapsed(calendar, since.at, at)
        clock = judged(clock, at)
    else:
        told, used = tuple(stood(since, at, asks_team(clock.terms))), clock.elapsed
    # What a timer found after `at` did not happen: this event, which came late, was before it.
    warned, breached = _unless_after(clock.warned_at, at), _unless_after(clock.breached_at, at)
    return replace(clock, elapsed=used, warned_at=warned, breached_at=breached, segments=(*clock.segments, *told))


def _entered(clock: Clock, phase: Phase, event: Turn, calendar: CalendarVersion) -> Clock:
    """The clock from an event on, its segments complete up to it."""
    clock = replace(
        clock,
        since=event,
        segments=bounded(clock.segments, clock.lead),
        fired_at=clock.fired_at if clock.breached_at else None,
    )
    if phase is Phase.STOP:
        state = ClockState.MET if clock.breached_at is None else ClockState.MISSED
        return replace(clock, state=state, stopped_at=event.at)
    if phase is Phase.CANCEL:
        return replace(clock, state=ClockState.CANCELLED, stopped_at=event.at, due_at=None, warn_at=None)
    if phase is Phase.PAUSE:
        return replace(
            clock, state=ClockState.PAUSED, stopped_at=None, due_at=clock.breached_at, warn_at=clock.warned_at
        )
    due, warn, warn_after = clock.breached_at, clock.warned_at, clock.terms.warn_after
    if due is None:
        due = reached(calendar, event.at, clock.terms.duration - clock.elapsed)
    if warn is None and warn_after is not None:
        warn = reached(calendar, event.at, warn_after - clock.elapsed)
    return replace(clock, state=ClockState.RUNNING, stopped_at=None, due_at=due, warn_at=warn)


def _unless_after(moment: datetime | None, at: datetime) -> datetime | None:
    return moment if moment is None or moment <= at else None
