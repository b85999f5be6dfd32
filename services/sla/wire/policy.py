"""Policies as messages and back."""

from __future__ import annotations

from throughline.sla.v1 import events_pb2, sla_pb2

from services.sla.rules.policy import MARKS, ClockKind, Match, Policy, PolicyPublished, StopMark, Target
from services.sla.wire.instants import duration, length
from services.sla.wire.ticket import STATE_OF, STATES, TYPE_OF, TYPES

KINDS = {one: sla_pb2.ClockKind.Value(f"CLOCK_KIND_{one.name}") for one in ClockKind}
KIND_OF = {value: one for one, value in KINDS.items()}
_STOPS = {one: sla_pb2.StopMark.Value(f"STOP_MARK_{one.name}") for one in StopMark}
_STOP_OF = {value: one for one, value in _STOPS.items()}


def policy(one: Policy, etag: str) -> sla_pb2.Policy:
    """A version of a policy."""
    return sla_pb2.Policy(
        name=one.name,
        etag=etag,
        version=one.version,
        display_names=dict(one.display_names),
        order=one.order,
        match=sla_pb2.PolicyMatch(
            priorities=sorted(one.match.priorities),
            types=sorted(TYPES[kind] for kind in one.match.types),
            services=sorted(one.match.services),
            sources=sorted(one.match.sources),
        ),
        targets=[_target(target) for target in one.targets],
        calendar=one.calendar,
        retired=one.retired,
    )


def draft(message: sla_pb2.Policy) -> Policy:
    """What somebody asks to publish; the door has refused unknown kinds, the rules check the rest."""
    match = message.match
    return Policy(
        name=message.name,
        order=message.order,
        match=Match(
            priorities=frozenset(match.priorities),
            types=frozenset(TYPE_OF[kind] for kind in match.types),
            services=frozenset(match.services),
            sources=frozenset(match.sources),
        ),
        targets=tuple(_asked(target) for target in message.targets),
        calendar=message.calendar,
        display_names=dict(message.display_names),
    )


def published(event: PolicyPublished, etag: str) -> events_pb2.PolicyPublished:
    """The event that tells of a version."""
    return events_pb2.PolicyPublished(policy=policy(event.policy, etag))


def _target(one: Target) -> sla_pb2.Target:
    return sla_pb2.Target(
        kind=KINDS[one.kind],
        duration=duration(one.duration),
        stop_mark=_STOPS[one.stop_mark],
        pause_states=sorted(STATES[state] for state in one.pause_states),
        warn_percent=one.warn_percent,
    )


def _asked(message: sla_pb2.Target) -> Target:
    kind = KIND_OF[message.kind]
    return Target(
        kind=kind,
        duration=length(message.duration),
        stop_mark=_STOP_OF.get(message.stop_mark, MARKS[kind][0]),
        pause_states=frozenset(STATE_OF[state] for state in message.pause_states),
        warn_percent=message.warn_percent,
    )
