"""Clocks and their events as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from google.protobuf.message import Message
from throughline.sla.v1 import events_pb2, sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.runtime.worktime import SegmentKind
from services.sla.rules.clock import Clock, ClockState
from services.sla.rules.clocks import (
    ClockBreached,
    ClocksChanged,
    ClocksEvent,
    ClocksStarted,
    ClockStopped,
    ClockWarned,
    TicketClocks,
)
from services.sla.rules.outlook import LEAST, Outlook
from services.sla.rules.phase import asks_team
from services.sla.rules.segment import Segment
from services.sla.rules.target import ClockKind
from services.sla.rules.verdict import Supersession, Verdict
from services.sla.wire.instants import duration, timestamp
from services.sla.wire.policy import KINDS
from services.sla.wire.ticket import HOLDS, STATES, clocks_name

_CLOCK_STATES = {one: sla_pb2.ClockState.Value(f"CLOCK_STATE_{one.name}") for one in ClockState}
_SEGMENT_KINDS = {one: sla_pb2.SegmentKind.Value(f"SEGMENT_KIND_{one.name}") for one in SegmentKind}
_SUPERSESSIONS = {one: sla_pb2.Supersession.Value(f"SUPERSESSION_{one.name}") for one in Supersession}


def ticket_clocks(
    clocks: TicketClocks,
    etag: str,
    remaining: Mapping[ClockKind, timedelta] | None = None,
    unverified: Mapping[ClockKind, Sequence[int]] | None = None,
) -> sla_pb2.TicketClocks:
    """All clocks of a ticket. remaining: business time left by kind, unverified: years nobody has confirmed; both in
    answers to calls alone.
    """
    left, years = remaining or {}, unverified or {}
    return sla_pb2.TicketClocks(
        name=clocks_name(clocks.ticket),
        etag=etag,
        ticket=clocks.ticket,
        policy=clocks.policy,
        policy_version=clocks.policy_version,
        calendar=clocks.calendar,
        calendar_version=clocks.calendar_version,
        priority=clocks.facts.priority,
        clocks=[_clock(one, left.get(one.kind), years.get(one.kind, ())) for one in clocks.clocks],
        unit=clocks.unit,
        team=clocks.team,
        importing=clocks.importing,
    )


def expecting(clocks: sla_pb2.TicketClocks, outlook: Outlook | None) -> sla_pb2.TicketClocks:
    """The clocks with when tickets like this one were done; as they are when nothing is to be expected."""
    if outlook is not None:
        clocks.outlook.CopyFrom(
            sla_pb2.Outlook(
                half_time=timestamp(outlook.half_at),
                most_time=timestamp(outlook.most_at),
                half_left=None if outlook.half is None else duration(outlook.half),
                most_left=None if outlook.most is None else duration(outlook.most),
                like_count=outlook.like,
                needed_count=LEAST,
                any_service=outlook.any_service,
            )
        )
    return clocks


def told(event: ClocksEvent, etag: str) -> Message:
    """The message of an event, with all clocks of the ticket after it."""
    clocks = ticket_clocks(event.clocks, etag)
    match event:
        case ClocksStarted():
            return events_pb2.ClocksStarted(clocks=clocks)
        case ClocksChanged():
            return events_pb2.ClocksChanged(clocks=clocks)
        case ClockWarned(kind=kind):
            return events_pb2.ClockWarned(clocks=clocks, kind=KINDS[kind])
        case ClockBreached(kind=kind):
            return events_pb2.ClockBreached(clocks=clocks, kind=KINDS[kind])
        case ClockStopped(kind=kind):
            return events_pb2.ClockStopped(clocks=clocks, kind=KINDS[kind])


def _clock(one: Clock, remaining: timedelta | None, unverified: Sequence[int]) -> sla_pb2.Clock:
    return sla_pb2.Clock(
        kind=KINDS[one.kind],
        state=_CLOCK_STATES[one.state],
        target=duration(one.terms.duration),
        elapsed=duration(one.elapsed),
        start_time=timestamp(one.started_at),
        due_time=timestamp(one.due_at),
        warn_time=timestamp(one.warn_at),
        warned_time=timestamp(one.warned_at),
        breach_time=timestamp(one.breached_at),
        stop_time=timestamp(one.stopped_at),
        segments=[segment(part) for part in one.segments],
        fired_time=timestamp(one.fired_at),
        current=_current(one) if one.live else None,
        remaining=None if remaining is None else duration(remaining),
        verdicts=[_verdict(verdict) for verdict in one.verdicts],
        unverified_years=unverified,
        team=one.terms.team,
    )


def _verdict(one: Verdict) -> sla_pb2.ClockVerdict:
    return sla_pb2.ClockVerdict(
        state=_CLOCK_STATES[one.state],
        target=duration(one.target),
        elapsed=duration(one.elapsed),
        start_time=timestamp(one.started_at),
        breach_time=timestamp(one.breached_at),
        stop_time=timestamp(one.stopped_at),
        cause=one.cause,
        supersede_time=timestamp(one.superseded_at),
        superseded_by=one.superseded_by,
        reason=_SUPERSESSIONS[one.reason],
    )


def segment(one: Segment) -> sla_pb2.ClockSegment:
    """A span of a clock."""
    return sla_pb2.ClockSegment(
        start_time=timestamp(one.start),
        end_time=timestamp(one.end),
        kind=_SEGMENT_KINDS[one.kind],
        cause=one.cause,
        ticket_state=ticket_pb2.TICKET_STATE_UNSPECIFIED if one.ticket_state is None else STATES[one.ticket_state],
        merged_count=one.merged,
        hold_reason=ticket_pb2.HOLD_REASON_UNSPECIFIED if one.hold is None else HOLDS[one.hold],
        team=one.team,
    )


def _current(one: Clock) -> sla_pb2.ClockSegment:
    since, paused = one.since, one.state is ClockState.PAUSED
    segment = sla_pb2.ClockSegment(
        start_time=timestamp(since.at),
        kind=_SEGMENT_KINDS[SegmentKind.PAUSED if paused else SegmentKind.RUNNING],
        cause=one.since.cause,
    )
    if paused:
        segment.ticket_state = STATES[since.state]
        segment.hold_reason = ticket_pb2.HOLD_REASON_UNSPECIFIED if since.hold is None else HOLDS[since.hold]
        segment.team = since.team if asks_team(one.terms) else ""
    return segment
