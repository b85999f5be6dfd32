"""Facts folded from the events of tickets and of their clocks, each stream in its own order.

What comes out depends on these events alone, never on when they were heard nor on how the two streams interleave.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from services.metrics.rules.chase import urged
from services.metrics.rules.fact import (
    DONE,
    OPEN,
    PENDING,
    Channel,
    Exclusion,
    Fact,
    Judged,
    State,
    Type,
    day_of,
)
from services.metrics.rules.measures import contributions
from services.metrics.rules.waits import Wait, with_wait

REOPENINGS_KEPT = 200
_SECOND = timedelta(seconds=1)
_TESTS = ("test", "services/test")

Folded = tuple[Fact, tuple[()]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an event of a ticket says of it. no_fault, duplicate: by its resolution or a link.

    hold: what a ticket on hold waits for. has_person: somebody has it.
    Of this very event: given: it gave the ticket to a person. passed_on: from one person to another inside a team.
    asked: it asked the requester something. contacted: the requester said something in public.
    unheld: it passed the ticket on to another team and to nobody of it.
    """

    name: str
    type: Type
    state: State
    title: str
    importing: bool
    impact: int
    urgency: int
    priority: int
    service: str
    category: str
    team: str
    given: bool
    site: str
    unit: str
    channel: Channel
    source: str
    opened_at: datetime
    responded_at: datetime | None
    no_fault: bool
    duplicate: bool
    knowledge_used: bool
    passed_on: bool = False
    asked: bool = False
    contacted: bool = False
    caused_by: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    item: str = ""
    hold: Wait = Wait.OTHER
    has_person: bool = False
    unheld: bool = False


@dataclass(frozen=True, slots=True)
class SeenClocks:
    """What an event of clocks says of them. ticket: "tickets/INC-000123"."""

    ticket: str
    response: Judged
    resolution: Judged


def fold_ticket(before: Fact | None, seen: Seen, at: datetime, *, human: bool) -> Folded:
    """The fact after the next event of its ticket.

    at: when it happened. human: a person acted, or somebody on a person's behalf; a bot's act acknowledges nothing.
    """
    fact = before or Fact(seen.name)
    marks = _handed(fact, seen.team) | _moved(fact, seen.state, at, human=human) | _stood(fact, seen, at)
    after = replace(
        fact,
        known=True,
        type=seen.type,
        state=seen.state,
        title=seen.title,
        importing=seen.importing,
        impact=seen.impact,
        urgency=seen.urgency,
        priority=seen.priority,
        service=seen.service,
        category=seen.category,
        team=seen.team,
        site=seen.site,
        unit=seen.unit,
        channel=seen.channel,
        source=seen.source,
        item=seen.item,
        opened_at=seen.opened_at,
        acked_at=fact.acked_at or _acked(fact, seen, at, human=human),
        responded_at=seen.responded_at,
        knowledge_used=seen.knowledge_used,
        asks=fact.asks + seen.asked,
        contacts=fact.contacts + (seen.contacted and fact.first_resolved_at is None),
        urges=urged(fact.urges, fact.standing, at) if seen.contacted else fact.urges,
        handovers=fact.handovers + seen.passed_on,
        caused_by=seen.caused_by,
        problems=_linked(fact, seen, at),
        exclusion=exclusion_of(seen),
        updated_at=max(fact.updated_at, at),
        **marks,
    )
    return _marked(fact, after), ()


def fold_clocks(before: Fact | None, seen: SeenClocks, at: datetime) -> Folded:
    """The fact after the next event of its ticket's clocks; they may be heard before the ticket."""
    fact = before or Fact(seen.ticket)
    after = replace(fact, response=seen.response, resolution=seen.resolution, updated_at=max(fact.updated_at, at))
    return _marked(fact, after), ()


def _linked(fact: Fact, seen: Seen, at: datetime) -> tuple[tuple[str, datetime], ...]:
    """The problems that it is linked to; a link that was taken away and made again begins anew."""
    since = dict(fact.problems)
    return tuple((one, since.get(one, at)) for one in sorted(set(seen.problems)))


def _acked(fact: Fact, seen: Seen, at: datetime, *, human: bool) -> datetime | None:
    """The first of: given to a person, started, answered in public. When an imported history was given to the person
    that its first row names is not known.
    """
    if seen.responded_at is not None:
        return min(at, seen.responded_at)
    imported_opening = seen.importing and not fact.known
    given = seen.given and not imported_opening
    started = fact.known and fact.state is State.NEW and seen.state in OPEN and seen.state is not State.NEW
    return at if human and (given or started) else None


def _handed(fact: Fact, team: str) -> dict[str, Any]:
    """E06: the first team is no reassignment, and no team between two does not hide that they differ. The other
    reading counts every change of the field after the opening, "no team" being a value of it.
    """
    former = fact.teams
    if team == fact.team:
        return {}
    moved = bool(team and former and former[-1] != team)
    return {
        "teams": (*(one for one in former if one != team), team) if team else former,
        "reassignments": fact.reassignments + moved,
        "assignment_changes": fact.assignment_changes + fact.known,
        "ping_pong": fact.ping_pong or (moved and team in former),
    }


def _moved(fact: Fact, state: State, at: datetime, *, human: bool) -> dict[str, Any]:
    """The marks that a change of state leaves."""
    if fact.known and fact.state is state:
        return {}
    marks: dict[str, Any] = {}
    if fact.known and fact.state in DONE and state in OPEN:
        marks["reopens"] = fact.reopens + 1
        marks["reopened_at"] = (*fact.reopened_at, at)[-REOPENINGS_KEPT:]
    if fact.waited_since is not None:
        marks["waited"] = fact.waited + max(0, (at - fact.waited_since) // _SECOND)
        marks["waited_since"] = None
    if state in PENDING:
        marks["waited_since"] = at
    if fact.working_since is not None:
        marks["worked"] = fact.worked + max(0, (at - fact.working_since) // _SECOND)
        marks["working_since"] = None
    if state is State.IN_PROGRESS:
        marks["working_since"] = at
    if state is State.RESOLVED:
        marks["repaired"] = marks.get("worked", fact.worked)
        marks["resolved_at"] = at
        marks["first_resolved_at"] = fact.first_resolved_at or at
        marks["by_person"] = fact.by_person if fact.first_resolved_at else human
    if state is State.CLOSED:
        marks["closed_at"] = at
    marks["ended_at"] = None if state in OPEN else fact.ended_at or at
    return marks


def _stood(fact: Fact, seen: Seen, at: datetime) -> dict[str, Any]:
    """What it does from now on, and what it did until now when that is something else."""
    standing = _standing(fact, seen)
    if standing is fact.standing:
        return {}
    marks: dict[str, Any] = {"standing": standing, "standing_since": at if standing else None}
    if fact.standing is not None and fact.standing_since is not None:
        marks["waits"] = with_wait(fact.waits, fact.standing, (at - fact.standing_since) // _SECOND)
    return marks


def _standing(fact: Fact, seen: Seen) -> Wait | None:
    if seen.state is State.ON_HOLD:
        return seen.hold
    if seen.state is State.IN_PROGRESS:
        # Passed on to a team and to nobody of it, it stands in the queue there until somebody takes it up.
        waits = seen.unheld or fact.standing is Wait.QUEUE
        same = fact.known and fact.state is State.IN_PROGRESS
        return Wait.QUEUE if same and waits and not seen.has_person else Wait.WORK
    return {State.NEW: Wait.QUEUE, State.AWAITING_REQUESTER: Wait.REQUESTER}.get(seen.state)


def exclusion_of(seen: Seen) -> Exclusion:
    """The named rule by which a ticket stays out of numbers, as far as this event tells."""
    if seen.state is State.CANCELLED:
        return Exclusion.CANCELLED
    if seen.category.lower() in _TESTS or seen.service in _TESTS:
        return Exclusion.TEST
    if seen.duplicate:
        return Exclusion.DUPLICATE
    return Exclusion.NO_FAULT if seen.no_fault else Exclusion.NONE


def _marked(before: Fact, after: Fact) -> Fact:
    """The fact with the days in which it counts, and those whose cells are out of date by this change."""
    if after == before:
        return before
    after = replace(after, revision=before.revision + 1)
    # Two promises may be broken at one instant: what counts twice is there twice.
    was, now = Counter(contributions(before)), Counter(contributions(after))
    same_cells = _cells_of(before) == _cells_of(after)
    changed = {one.at for one in ((was - now) + (now - was) if same_cells else was + now)}
    # A day's list of kept promises is made anew with its cells.
    changed |= {at for at in {_kept_at(before)} ^ {_kept_at(after)} if at is not None}
    if not changed:
        return after
    stale = {*before.stale, *(day_of(at) for at in changed)}
    return replace(after, days=tuple(sorted({day_of(one.at) for one in now})), stale=tuple(sorted(stale)))


def _kept_at(fact: Fact) -> datetime | None:
    """When it ended with every promise kept; None when it did not."""
    return fact.ended_at if fact.is_met and not fact.is_excluded else None


def measured_anew(fact: Fact) -> Fact:
    """A fact of an earlier release by the definitions of this one; all its days are to be counted anew."""
    days = {day_of(one.at) for one in contributions(fact)}
    stale = {*fact.stale, *fact.days, *days}
    return replace(fact, days=tuple(sorted(days)), stale=tuple(sorted(stale)))


def _cells_of(fact: Fact) -> tuple[object, ...]:
    return (
        *(fact.unit, fact.source, fact.type, fact.priority),
        *(fact.service, fact.team, fact.site, fact.item, fact.channel),
    )
