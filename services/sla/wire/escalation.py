"""Escalation plans as messages and back."""

from __future__ import annotations

from datetime import timedelta

from throughline.sla.v1 import escalation_events_pb2, escalation_pb2

from services.sla.rules.escalation import (
    Anchor,
    EscalationPlanPublished,
    Measure,
    Plan,
    PlanMatch,
    Quiet,
    Recipient,
    Role,
    Step,
    quiet_hours,
)
from services.sla.wire.policy import KIND_OF, KINDS
from services.sla.wire.ticket import TYPE_OF, TYPES
from services.sla.wire.wall import clock_text

ROLES = {one: escalation_pb2.RecipientKind.Value(f"RECIPIENT_KIND_{one.name}") for one in Role}
_ROLE_OF = {value: one for one, value in ROLES.items()}
_MEASURES = {
    Measure.PERCENT: escalation_pb2.STEP_MEASURE_PERCENT,
    Measure.BUSINESS: escalation_pb2.STEP_MEASURE_BUSINESS_MINUTES,
    Measure.WALL: escalation_pb2.STEP_MEASURE_WALL_MINUTES,
}
_MEASURE_OF = {value: one for one, value in _MEASURES.items()}
_ANCHORS = {one: escalation_pb2.StepAnchor.Value(f"STEP_ANCHOR_{one.name}") for one in Anchor}
_MINUTE = timedelta(minutes=1)


def plan(one: Plan, etag: str) -> escalation_pb2.EscalationPlan:
    """A version of a plan."""
    return escalation_pb2.EscalationPlan(
        name=one.name,
        etag=etag,
        version=one.version,
        display_names=dict(one.display_names),
        order=one.order,
        match=escalation_pb2.EscalationMatch(
            priorities=sorted(one.match.priorities),
            types=sorted(TYPES[kind] for kind in one.match.types),
            services=sorted(one.match.services),
            teams=sorted(one.match.teams),
        ),
        steps=[step(part) for part in one.steps],
        quiet_hours=None if one.quiet is None else _quiet(one.quiet),
        retired=one.retired,
    )


def draft(message: escalation_pb2.EscalationPlan) -> Plan:
    """What somebody asks to publish; the door has refused unknown kinds, the rules check the rest.

    Raises:
        Refusal: LOCAL_TIME_INVALID, when quiet hours are not written as local times.
    """
    match, quiet = message.match, message.quiet_hours
    return Plan(
        name=message.name,
        order=message.order,
        match=PlanMatch(
            priorities=frozenset(match.priorities),
            types=frozenset(TYPE_OF[kind] for kind in match.types),
            services=frozenset(match.services),
            teams=frozenset(match.teams),
        ),
        steps=tuple(_asked(one) for one in message.steps),
        quiet=quiet_hours(quiet.time_zone, quiet.start, quiet.end, quiet.break_through)
        if message.HasField("quiet_hours")
        else None,
        display_names=dict(message.display_names),
    )


def published(event: EscalationPlanPublished, etag: str) -> escalation_events_pb2.EscalationPlanPublished:
    """The event that tells of a version."""
    return escalation_events_pb2.EscalationPlanPublished(plan=plan(event.plan, etag))


def step(one: Step) -> escalation_pb2.EscalationStep:
    """One step of a plan."""
    return escalation_pb2.EscalationStep(
        clock=KINDS[one.clock],
        measure=_MEASURES[one.measure],
        anchor=_ANCHORS[one.anchor],
        amount=one.amount,
        repeat_count=one.repeats,
        repeat_minutes=one.every // _MINUTE,
        recipients=[escalation_pb2.StepRecipient(kind=ROLES[to.role], name=to.name) for to in one.recipients],
    )


def _asked(message: escalation_pb2.EscalationStep) -> Step:
    starts = message.anchor == escalation_pb2.STEP_ANCHOR_START
    return Step(
        clock=KIND_OF[message.clock],
        measure=_MEASURE_OF[message.measure],
        anchor=Anchor.START if starts else Anchor.DUE,
        amount=message.amount,
        recipients=tuple(Recipient(_ROLE_OF[to.kind], to.name) for to in message.recipients),
        repeats=message.repeat_count,
        every=message.repeat_minutes * _MINUTE,
    )


def _quiet(one: Quiet) -> escalation_pb2.QuietHours:
    return escalation_pb2.QuietHours(
        time_zone=one.zone,
        start=clock_text(one.start),
        end=clock_text(one.end),
        break_through=sorted(one.through),
    )
