"""Policies as messages and back."""

from __future__ import annotations

from google.protobuf.message import Message
from throughline.sla.v1 import events_pb2, sla_pb2

from services.sla.rules.match import Match
from services.sla.rules.policy import Policy, PolicyPublished
from services.sla.rules.publication import Draft, PolicyDrafted, PolicyEvent, PolicyReturned, PolicySubmitted
from services.sla.rules.target import MARKS, ClockKind, ReopenRule, StartMark, StopMark, Target
from services.sla.wire.condition import condition
from services.sla.wire.instants import duration, instant, length, timestamp
from services.sla.wire.ticket import HOLD_OF, HOLDS, STATE_OF, STATES, TYPE_OF, TYPES

KINDS = {one: sla_pb2.ClockKind.Value(f"CLOCK_KIND_{one.name}") for one in ClockKind}
KIND_OF = {value: one for one, value in KINDS.items()}
_STOPS = {one: sla_pb2.StopMark.Value(f"STOP_MARK_{one.name}") for one in StopMark}
_STOP_OF = {value: one for one, value in _STOPS.items()}
_STARTS = {one: sla_pb2.StartMark.Value(f"START_MARK_{one.name}") for one in StartMark}
_START_OF = {value: one for one, value in _STARTS.items()}
_REOPENS = {one: sla_pb2.ReopenRule.Value(f"REOPEN_RULE_{one.name}") for one in ReopenRule}
_REOPEN_OF = {value: one for one, value in _REOPENS.items()}


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
            condition="" if one.match.condition is None else one.match.condition.text,
        ),
        targets=[_target(target) for target in one.targets],
        calendar=one.calendar,
        retired=one.retired,
        effective_time=timestamp(one.effective_at),
        author=one.author,
        reviewer=one.reviewer,
        publish_time=timestamp(one.published_at),
        state=state(one),
        note=one.note,
    )


def state(one: Policy) -> sla_pb2.PolicyState.ValueType:
    """Where a version stands; of drafts only `drafted` knows whether they are submitted."""
    if not one.version:
        return sla_pb2.POLICY_STATE_DRAFT
    return sla_pb2.POLICY_STATE_RETIRED if one.retired else sla_pb2.POLICY_STATE_PUBLISHED


def drafted(one: Draft, etag: str) -> sla_pb2.Policy:
    """What is written for a review."""
    message = policy(one.policy, etag)
    if one.submitted_at is not None:
        message.state = sla_pb2.POLICY_STATE_SUBMITTED
    return message


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
            condition=condition(match.condition),
        ),
        targets=tuple(_asked(target) for target in message.targets),
        calendar=message.calendar,
        display_names=dict(message.display_names),
        effective_at=instant(message.effective_time) if message.HasField("effective_time") else None,
        note=message.note,
    )


def told(event: PolicyEvent, etag: str) -> Message:
    """The message of an event."""
    match event:
        case PolicyPublished(policy=published):
            return events_pb2.PolicyPublished(policy=policy(published, etag))
        case PolicyDrafted(draft=written):
            return events_pb2.PolicyDrafted(policy=drafted(written, etag))
        case PolicySubmitted(draft=written):
            return events_pb2.PolicySubmitted(policy=drafted(written, etag))
        case PolicyReturned(draft=written):
            return events_pb2.PolicyReturned(policy=drafted(written, etag))


def _target(one: Target) -> sla_pb2.Target:
    return sla_pb2.Target(
        kind=KINDS[one.kind],
        duration=duration(one.duration),
        stop_mark=_STOPS[one.stop_mark],
        pause_states=sorted(STATES[state] for state in one.pause_states),
        warn_percent=one.warn_percent,
        start_mark=_STARTS[one.start_mark],
        pause_hold_reasons=sorted(HOLDS[hold] for hold in one.pause_holds),
        reopen_rule=sla_pb2.REOPEN_RULE_UNSPECIFIED if one.reopen is None else _REOPENS[one.reopen],
        team=one.team,
    )


def _asked(message: sla_pb2.Target) -> Target:
    kind = KIND_OF[message.kind]
    return Target(
        kind=kind,
        duration=length(message.duration),
        stop_mark=_STOP_OF.get(message.stop_mark, MARKS[kind][0]),
        pause_states=frozenset(STATE_OF[state] for state in message.pause_states),
        warn_percent=message.warn_percent,
        start_mark=_START_OF.get(message.start_mark, StartMark.OPENED),
        pause_holds=frozenset(HOLD_OF[hold] for hold in message.pause_hold_reasons),
        reopen=_REOPEN_OF.get(message.reopen_rule),
        team=message.team,
    )
