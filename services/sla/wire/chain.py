"""Chains and their events as messages, and what they see of tickets and clocks."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.message import Message
from throughline.sla.v1 import escalation_events_pb2, escalation_pb2, escalation_service_pb2, sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.runtime.worktime import SegmentKind
from services.sla.rules.chain import (
    Acknowledged,
    Chain,
    ChainEvent,
    Clocks,
    EscalationAcknowledged,
    EscalationEnded,
    EscalationStepReached,
    Reached,
    Subject,
    in_hand,
    pending,
)
from services.sla.rules.clock import ClockState
from services.sla.rules.escalation import Plan, Wanted
from services.sla.rules.foresight import Coming, Foresight
from services.sla.rules.rungs import ClockSeen
from services.sla.rules.told import Outcome, Told
from services.sla.wire.escalation import ROLES, step
from services.sla.wire.instants import instant, length, timestamp
from services.sla.wire.policy import KIND_OF, KINDS
from services.sla.wire.ticket import TYPE_OF

_STATE_OF = {sla_pb2.ClockState.Value(f"CLOCK_STATE_{one.name}"): one for one in ClockState}
_SEGMENT_OF = {sla_pb2.SegmentKind.Value(f"SEGMENT_KIND_{one.name}"): one for one in SegmentKind}
_OUTCOMES = {one: escalation_pb2.RecipientOutcome.Value(f"RECIPIENT_OUTCOME_{one.name}") for one in Outcome}


def chain_name(ticket: str) -> str:
    """The name of a ticket's chain: "tickets/INC-000123" -> "escalations/INC-000123"."""
    return f"escalations/{ticket.partition('/')[2]}"


def subject(ticket: ticket_pb2.Ticket) -> Subject:
    """The part of a ticket that its chain depends on."""
    return Subject(
        Wanted(ticket.priority, TYPE_OF[ticket.type], ticket.service, ticket.team), ticket.unit, ticket.assignee
    )


def clocks(message: sla_pb2.TicketClocks) -> Clocks:
    """The clocks of a ticket as one of their events tells them."""
    return Clocks(
        message.priority,
        message.calendar,
        message.calendar_version,
        message.importing,
        tuple(_clock(one) for one in message.clocks),
    )


def escalation(
    chain: Chain, etag: str, now: datetime, coming: Iterable[Coming] | None = None
) -> escalation_pb2.Escalation:
    """A chain as it stands at `now`. coming: what comes next with its recipients, in answers to calls."""
    wanted = chain.subject.wanted if chain.subject is not None else None
    ahead = [Coming(one, ()) for one in pending(chain)] if coming is None else coming
    return escalation_pb2.Escalation(
        name=chain_name(chain.ticket),
        etag=etag,
        ticket=chain.ticket,
        state=_state(chain, now),
        plan="" if chain.plan is None else chain.plan.name,
        plan_version=0 if chain.plan is None else chain.plan.version,
        priority=0 if wanted is None else wanted.priority,
        unit="" if chain.subject is None else chain.subject.unit,
        team="" if wanted is None else wanted.team,
        assignee="" if chain.subject is None else chain.subject.assignee,
        service="" if wanted is None else wanted.service,
        reached_steps=[_reached(one) for one in chain.reached],
        coming_steps=[] if chain.plan is None else coming_steps(chain.plan, ahead),
        acknowledgement=None if chain.acknowledged is None else _acknowledged(chain.acknowledged),
        end_time=timestamp(chain.ended_at),
    )


def coming_steps(plan: Plan, coming: Iterable[Coming]) -> list[escalation_pb2.ComingStep]:
    """What a plan would tell next."""
    return [
        escalation_pb2.ComingStep(
            step=one.rung.step,
            round=one.rung.round,
            clock=KINDS[one.rung.clock],
            plan_time=timestamp(one.rung.planned_at),
            due_time=timestamp(one.rung.at),
            terms=step(plan.steps[one.rung.step - 1]),
            recipients=[_told(to) for to in one.told],
        )
        for one in coming
    ]


def preview(foresight: Foresight) -> escalation_service_pb2.PreviewEscalationResponse:
    """What would be told; without a plan or a promise, nothing."""
    plan = foresight.plan
    return escalation_service_pb2.PreviewEscalationResponse(
        policy=foresight.policy,
        plan="" if plan is None else plan.name,
        steps=[] if plan is None else coming_steps(plan, foresight.steps),
    )


def told(event: ChainEvent, etag: str, at: datetime) -> Message:
    """The message of an event, with the whole chain after it."""
    message = escalation(event.chain, etag, at)
    match event:
        case EscalationStepReached():
            return escalation_events_pb2.EscalationStepReached(escalation=message, step=_reached(event.step))
        case EscalationAcknowledged():
            return escalation_events_pb2.EscalationAcknowledged(escalation=message)
        case EscalationEnded():
            return escalation_events_pb2.EscalationEnded(escalation=message)


def _state(chain: Chain, now: datetime) -> escalation_pb2.EscalationState.ValueType:
    if chain.ended_at is not None:
        return escalation_pb2.ESCALATION_STATE_ENDED
    if not chain.running:
        return escalation_pb2.ESCALATION_STATE_IDLE
    if in_hand(chain, now):
        return escalation_pb2.ESCALATION_STATE_ACKNOWLEDGED
    return escalation_pb2.ESCALATION_STATE_RUNNING


def _clock(one: sla_pb2.Clock) -> ClockSeen:
    start = instant(one.start_time)
    spans = tuple((instant(part.start_time), instant(part.end_time), _SEGMENT_OF[part.kind]) for part in one.segments)
    since = instant(one.current.start_time) if one.HasField("current") else (spans[-1][1] if spans else start)
    return ClockSeen(
        kind=KIND_OF[one.kind],
        state=_STATE_OF[one.state],
        target=length(one.target),
        started_at=start,
        since=since,
        elapsed=length(one.elapsed),
        due_at=instant(one.due_time) if one.HasField("due_time") else None,
        breached_at=instant(one.breach_time) if one.HasField("breach_time") else None,
        spans=spans,
    )


def _reached(one: Reached) -> escalation_pb2.ReachedStep:
    return escalation_pb2.ReachedStep(
        step=one.rung.step,
        round=one.rung.round,
        clock=KINDS[one.rung.clock],
        plan_time=timestamp(one.rung.planned_at),
        due_time=timestamp(one.rung.at),
        fire_time=timestamp(one.fired_at),
        recipients=[_told(to) for to in one.told],
        terms=step(one.terms),
        plan=one.plan,
        plan_version=one.plan_version,
    )


def _told(one: Told) -> escalation_pb2.ToldRecipient:
    return escalation_pb2.ToldRecipient(
        kind=ROLES[one.role],
        name=one.name,
        display_name=one.display_name,
        display_names=dict(one.display_names),
        rota=one.rota,
        outcome=_OUTCOMES[one.outcome],
    )


def _acknowledged(one: Acknowledged) -> escalation_pb2.Acknowledgement:
    return escalation_pb2.Acknowledgement(
        person=one.by, time=timestamp(one.at), until_time=timestamp(one.until), note=one.note
    )
