"""Where the time of a ticket went: its journal as stretches that follow one another, from intake to feedback.

Nothing is left between two stretches, so those of the lead time add up to it exactly, whatever the journal says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.tickets.rules.events import TicketAssigned, TicketEvent
from services.tickets.rules.ticket import OPEN, HoldReason, State, Ticket


class Stage(StrEnum):
    """What a stretch of time was."""

    INTAKE = "INTAKE"
    ROUTING = "ROUTING"
    TEAM_QUEUE = "TEAM_QUEUE"
    WORK = "WORK"
    REQUESTER = "REQUESTER"
    VENDOR = "VENDOR"
    PROBLEM = "PROBLEM"
    CHANGE = "CHANGE"
    EVIDENCE = "EVIDENCE"
    OTHER = "OTHER"
    OFF_HOURS = "OFF_HOURS"
    DELIVERY = "DELIVERY"
    FEEDBACK = "FEEDBACK"


OURS = frozenset({Stage.INTAKE, Stage.ROUTING, Stage.TEAM_QUEUE, Stage.WORK})
"""Stages in which it is ours to act: outside service hours nobody was meant to."""
_HELD = {
    HoldReason.VENDOR: Stage.VENDOR,
    HoldReason.PROBLEM: Stage.PROBLEM,
    HoldReason.CHANGE: Stage.CHANGE,
    HoldReason.EVIDENCE: Stage.EVIDENCE,
}
_OVER = (State.CLOSED, State.CANCELLED)
_NOTHING = timedelta()
Stretch = tuple[datetime, datetime]


class Feedback(StrEnum):
    """What became of the requester's opinion."""

    NOT_DUE = "NOT_DUE"
    NOT_ASKED = "NOT_ASKED"


@dataclass(frozen=True, slots=True)
class Moment:
    """An entry of the journal: when, and the event; None when its text was erased, so that only `state` is known.

    id: of the entry. traceparent: W3C, of the request behind it; "" when it is not known.
    """

    id: str
    at: datetime
    event: TicketEvent | None
    state: State | None = None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch [start, end). who: who had it or is waited for; cause: the entry that began it.

    critical: part of the lead time. open: it goes on.
    """

    stage: Stage
    start: datetime
    end: datetime
    who: str = ""
    team: str = ""
    cause: str = ""
    traceparent: str = ""
    critical: bool = True
    open: bool = False

    @property
    def length(self) -> timedelta:
        """How long it was, in wall time."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Journey:
    """The whole. ended_at: the delivery or withdrawal that stands, where the lead time ends; None while it is open.

    lead: wall time from the opening to there, or to now; the sum of the critical spans.
    """

    state: State
    opened_at: datetime
    ended_at: datetime | None
    lead: timedelta
    spans: tuple[Span, ...]
    feedback: Feedback

    @property
    def shares(self) -> tuple[tuple[Stage, timedelta, int], ...]:
        """The lead time by stage with the number of stretches, the longest first; stages of no length are left out."""
        found: dict[Stage, tuple[timedelta, int]] = {}
        for one in self.spans:
            if one.critical and one.length:
                length, count = found.get(one.stage, (timedelta(), 0))
                found[one.stage] = (length + one.length, count + 1)
        order = list(Stage)
        ranked = sorted(found.items(), key=lambda each: (-each[1][0], order.index(each[0])))
        return tuple((stage, length, count) for stage, (length, count) in ranked)


def journey(ticket: Ticket, moments: Iterable[Moment], off_hours: Sequence[Stretch], now: datetime) -> Journey:
    """The journey of a ticket until `now`.

    ticket: as it was opened, and how it stands when the journal tells nothing. moments: its journal in the order of its
    decisions; a time before that of the entry before it, as histories have them, counts as that one's.
    off_hours: outside service hours, in any order; they may overlap.
    """
    opened_at = ticket.opened_at
    spans, state = _told(moments, ticket, now)
    last = spans[-1].end if spans else opened_at
    ended_at = None if state in OPEN else spans[-1].start if spans and spans[-1].stage is Stage.DELIVERY else last
    lead_end = ended_at or last
    spans = [replace(one, critical=one.end <= lead_end) for one in _with_first_stages(spans)]
    closed = sorted(off_hours)
    spans = [piece for one in spans for piece in _cut(one, closed)]
    if state is State.CLOSED:
        spans.append(Span(Stage.FEEDBACK, last, last, ticket.requester, critical=False))
    elif spans and state is not State.CANCELLED:
        spans[-1] = replace(spans[-1], open=True)
    feedback = Feedback.NOT_ASKED if state is State.CLOSED else Feedback.NOT_DUE
    return Journey(state, opened_at, ended_at, lead_end - opened_at, tuple(spans), feedback)


def _told(moments: Iterable[Moment], ticket: Ticket, now: datetime) -> tuple[list[Span], State]:
    """Stretches without a gap, none of no length, and the state at their end; neighbours of one kind are one."""
    found: list[Span] = []
    current: Span | None = None
    state, at, over_at = ticket.state, ticket.opened_at, None
    for moment in moments:
        at = max(at, moment.at) if current is not None else ticket.opened_at
        before = state
        state = moment.event.ticket.state if moment.event is not None else moment.state or before
        over_at = (over_at or at) if state in _OVER else None
        begun = _begun(current, before, state, moment, at)
        if current is None:
            current = begun
        elif _differs(current, begun):
            found.append(replace(current, end=at))
            current = begun
    if current is not None:
        found.append(replace(current, end=over_at or max(at, now)))
    return [one for one in found if one.length > _NOTHING], state


def _differs(one: Span, other: Span) -> bool:
    if one.stage is Stage.DELIVERY and other.stage is Stage.DELIVERY:
        return False
    return (one.stage, one.who, one.team) != (other.stage, other.who, other.team)


def _begun(current: Span | None, before: State, after: State, moment: Moment, at: datetime) -> Span:
    """What begins, or goes on, with an entry."""
    event = moment.event
    if event is None:
        stage, who, team = _by_state(after), "", current.team if current is not None else ""
        if current is not None and after is before:
            stage, who = current.stage, current.who
    else:
        ticket = event.ticket
        stage, team = _stage(current, before, event), ticket.team
        who = _who(stage, ticket)
    return Span(stage, at, at, who, team, moment.id, moment.traceparent)


def _stage(current: Span | None, before: State, event: TicketEvent) -> Stage:
    ticket = event.ticket
    if ticket.state is State.NEW and not ticket.team:
        return Stage.ROUTING if ticket.priority else Stage.INTAKE
    if ticket.state is State.ON_HOLD and ticket.hold is not None:
        return _HELD.get(ticket.hold.reason, Stage.OTHER)
    if ticket.state is State.IN_PROGRESS and before is State.IN_PROGRESS and not ticket.assignee:
        # Passed on to a team and to nobody of it: it stands in the queue there until somebody takes it up.
        passed = isinstance(event, TicketAssigned) and event.previous_team not in ("", ticket.team)
        stands = current is not None and current.stage is Stage.TEAM_QUEUE
        return Stage.TEAM_QUEUE if passed or stands else Stage.WORK
    return _by_state(ticket.state)


def _by_state(state: State) -> Stage:
    return {
        State.NEW: Stage.TEAM_QUEUE,
        State.IN_PROGRESS: Stage.WORK,
        State.AWAITING_REQUESTER: Stage.REQUESTER,
        State.ON_HOLD: Stage.OTHER,
    }.get(state, Stage.DELIVERY)


def _who(stage: Stage, ticket: Ticket) -> str:
    if stage is Stage.WORK:
        return ticket.assignee or ticket.team
    if stage is Stage.TEAM_QUEUE:
        return ticket.team
    if stage in (Stage.REQUESTER, Stage.DELIVERY):
        return ticket.requester
    return ticket.hold.unblocker if ticket.hold is not None else ""


def _with_first_stages(spans: Sequence[Span]) -> list[Span]:
    """Every ticket has intake and routing: of no length where it came in sorted, or went to a team at once."""
    found = list(spans)
    if not found:
        return found
    first = found[0]
    if first.stage is not Stage.INTAKE:
        found.insert(0, replace(first, stage=Stage.INTAKE, end=first.start, who="", team=""))
    if len(found) > 1 and found[1].stage is not Stage.ROUTING:
        second = found[1]
        found.insert(1, replace(second, stage=Stage.ROUTING, end=second.start, who="", team=""))
    return found


def _cut(span: Span, off_hours: Sequence[Stretch]) -> Iterator[Span]:
    """The stretch, and in its place the hours outside service where it was ours to act. off_hours: by their start."""
    if span.stage not in OURS or span.length <= _NOTHING:
        yield span
        return
    at = span.start
    for start, end in off_hours:
        begin, stop = max(at, start), min(span.end, end)
        if begin >= stop:
            continue
        if at < begin:
            yield replace(span, start=at, end=begin)
        yield replace(span, stage=Stage.OFF_HOURS, start=begin, end=stop, who="")
        at = stop
    if at < span.end:
        yield replace(span, start=at)
