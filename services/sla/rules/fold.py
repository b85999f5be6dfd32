"""The clocks of a ticket folded from its events in their order.

What comes out depends on these alone, never on when they were heard, nor on which of timer and event came first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from services.runtime.worktime import CalendarVersion
from services.sla.rules import clock as clock_rules
from services.sla.rules import impact as impact_rules
from services.sla.rules.book import Book
from services.sla.rules.clock import JUDGED, Clock
from services.sla.rules.clocks import (
    ClockBreached,
    ClocksChanged,
    ClocksEvent,
    ClocksStarted,
    ClockStopped,
    ClockWarned,
    Moment,
    TicketClocks,
    moments,
)
from services.sla.rules.target import ClockKind, Target
from services.sla.rules.ticket import DONE_STATES, OPEN_STATES, Seen, Turn

TRAIL_KEPT = 200


def fold(
    before: TicketClocks | None, seen: Seen, at: datetime, cause: str, book: Book
) -> tuple[TicketClocks, tuple[ClocksEvent, ...]]:
    """The clocks after the next event of their ticket.

    at: when it happened; an event dated before the one that it follows counts at that one's moment. cause: its id.

    Raises:
        NotYet: the book is older than a calendar that the clocks have pinned.
    """
    if before is None:
        opened = _turn(seen, min(seen.opened_at, at), cause)
        before = TicketClocks(
            seen.name, seen.requester, seen.unit, seen.team, seen.importing, seen.facts, None, (opened,), opened.at
        )
    event = _turn(seen, max(at, before.last_at), cause)
    after = replace(
        before,
        requester=seen.requester,
        unit=seen.unit,
        team=seen.team,
        importing=seen.importing,
        facts=seen.facts,
        trail=_extended(before.trail, event),
        last_at=event.at,
        impact=impact_rules.known(before.impact, seen.impact_at, event),
    )
    after = _turned(after, seen, event, book, reopened=_reopened(before.trail[-1], event))
    if after.impact != before.impact:
        after = _moved(after, event, book)
    if after.facts != after.chosen_for and (after.live or seen.state in OPEN_STATES):
        after = _chosen(after, seen, event, book)
    after = _judged(after)
    for one in after.clocks:
        if one not in before.clocks:
            clock_rules.check(one)
    return after, tuple(_told(before, after))


def pass_deadline(
    before: TicketClocks, moment: Moment, fired_at: datetime
) -> tuple[TicketClocks, tuple[ClocksEvent, ...]]:
    """The clocks when a timer finds, at `fired_at`, that a moment has passed; nothing if they no longer wait for it."""
    if moment not in tuple(moments(before)):
        return before, ()
    at = moment.at
    after = _judged(replace(before, passed=at if before.passed is None else max(at, before.passed)))
    after = replace(after, clocks=tuple(
        replace(new, fired_at=fired_at) if new.breached_at is not None and old.breached_at is None else new
        for old, new in zip(before.clocks, after.clocks, strict=True)
    ))  # fmt: skip
    return after, tuple(_told(before, after))


def _turn(seen: Seen, at: datetime, cause: str) -> Turn:
    return Turn(at, seen.state, cause, seen.hold, seen.team, seen.updated)


def _reopened(last: Turn, event: Turn) -> bool:
    return last.state in DONE_STATES and event.state in OPEN_STATES


def _extended(trail: tuple[Turn, ...], event: Turn) -> tuple[Turn, ...]:
    if not event.updated and trail[-1].stands_as(event):
        return trail
    # Of a history without end the start and the latest turns matter; its middle then counts as the start does.
    return (*trail, event) if len(trail) < TRAIL_KEPT else (trail[0], *trail[2:], event)


def _turned(clocks: TicketClocks, seen: Seen, event: Turn, book: Book, *, reopened: bool) -> TicketClocks:
    """Each clock turned by the event as its own promise says."""
    if not clocks.clocks or not clocks.policy:
        return clocks
    calendar = book.version(clocks.calendar, clocks.calendar_version)
    turned = tuple(
        clock_rules.turn(one, event, seen.responded_at, calendar, reopened=reopened) for one in clocks.clocks
    )
    return replace(clocks, clocks=turned)


def _moved(clocks: TicketClocks, event: Turn, book: Book) -> TicketClocks:
    """Each clock begun where the start of the impact now says, if its promise counts from there."""
    if not clocks.clocks or not clocks.policy:
        return clocks
    calendar, first = book.version(clocks.calendar, clocks.calendar_version), clocks.trail[0]
    moved = tuple(impact_rules.moved(one, first, clocks.impact, event, calendar) for one in clocks.clocks)
    return replace(clocks, clocks=moved)


def _chosen(clocks: TicketClocks, seen: Seen, event: Turn, book: Book) -> TicketClocks:
    """The clocks under the policy that fits the ticket now: those that live keep their elapsed time (that before the
    opening only if the new target counts from the impact), those that it adds count from their start, those that it
    does not know are cancelled, and those that were judged stay so. The policy that they have already keeps its
    version, however often it was published since.
    """
    policy = book.choose(seen.facts, event.at)
    if policy is not None and policy.name == clocks.policy:
        return replace(clocks, chosen_for=seen.facts)
    ran_by = book.version(clocks.calendar, clocks.calendar_version) if clocks.policy else None
    if policy is None:
        cancelled = tuple(
            clock_rules.cancel(one, event, ran_by) if one.live and ran_by is not None else one for one in clocks.clocks
        )
        unpinned = replace(clocks, policy="", policy_version=0, calendar="", calendar_version=0)
        return replace(unpinned, chosen_for=seen.facts, clocks=cancelled)
    runs_by = book.pin(policy, event.at)
    kept = {one.kind: one for one in clocks.clocks}
    after: list[Clock] = []
    for kind in ClockKind:
        old, terms = kept.get(kind), policy.target(kind)
        if old is not None and old.live and ran_by is not None:
            if terms is None:
                after.append(clock_rules.cancel(old, event, ran_by))
            else:
                taken = clock_rules.retarget(old, terms, event, ran_by, runs_by)
                after.append(impact_rules.moved(taken, clocks.trail[0], clocks.impact, event, runs_by))
        elif old is not None and (old.state in JUDGED or terms is None):
            after.append(old)
        elif terms is not None:
            after.append(_from_start(terms, clocks, event, seen.responded_at, runs_by))
    return replace(
        clocks,
        chosen_for=seen.facts,
        policy=policy.name,
        policy_version=policy.version,
        calendar=policy.calendar,
        calendar_version=runs_by.version,
        clocks=tuple(after),
    )


def _from_start(
    terms: Target, clocks: TicketClocks, event: Turn, responded_at: datetime | None, calendar: CalendarVersion
) -> Clock:
    """A clock as it would stand had it been promised when the ticket was opened."""
    trail = clocks.trail
    clock = clock_rules.start(terms, trail[0], calendar, clocks.impact)
    for last, passed in pairwise((*trail, event)):
        responded = responded_at if responded_at is not None and responded_at <= passed.at else None
        clock = clock_rules.turn(clock, passed, responded, calendar, reopened=_reopened(last, passed))
    return clock


def _judged(clocks: TicketClocks) -> TicketClocks:
    return replace(clocks, clocks=tuple(clock_rules.judged(one, clocks.horizon) for one in clocks.clocks))


def _told(before: TicketClocks, after: TicketClocks) -> Iterator[ClocksEvent]:
    """What others must hear of the difference, most general first; without clocks there is nothing to tell."""
    if not after.clocks:
        return
    events: list[ClocksEvent] = []
    olds = {one.kind: one for one in before.clocks}
    for new in after.clocks:
        old = olds.get(new.kind)
        was_live = old is None or old.live
        # Told only while somebody can still act on it.
        useful = new.live and new.breached_at is None and not after.importing
        if useful and new.warned_at is not None and (old is None or old.warned_at is None):
            events.append(ClockWarned(after, new.kind))
        if (new.breached_at is not None and (old is None or old.breached_at is None)) or _missed_before(old, new):
            events.append(ClockBreached(after, new.kind))
        if was_live and not new.live:
            events.append(ClockStopped(after, new.kind))
    if not before.clocks:
        yield ClocksStarted(after)
    elif not events and _shown(before) != _shown(after):
        yield ClocksChanged(after)
    yield from events


def _missed_before(old: Clock | None, new: Clock) -> bool:
    """Whether a clock that began anew had used up its target, which nobody was told of yet."""
    if old is None or old.breached_at is not None:
        return False
    return any(one.breached_at is not None for one in new.verdicts if one not in old.verdicts)


def _shown(clocks: TicketClocks) -> tuple[object, ...]:
    """What a change of is worth telling by itself: all but unit, team and what is kept for the fold."""
    return (
        clocks.policy, clocks.policy_version, clocks.calendar, clocks.calendar_version, clocks.facts.priority,
        clocks.importing, clocks.clocks,
    )  # fmt: skip
