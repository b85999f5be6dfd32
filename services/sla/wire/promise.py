"""Promises as messages, the questions that ask for one, and why just this one."""

from __future__ import annotations

from datetime import datetime

from throughline.sla.v1 import sla_service_pb2
from throughline.tickets.v1 import ticket_pb2

from services.sla.rules.promise import Promise, Promised, Tried
from services.sla.rules.target import INTERNAL
from services.sla.rules.ticket import Facts
from services.sla.wire.calendar import calendar
from services.sla.wire.instants import duration, instant, timestamp
from services.sla.wire.policy import KINDS, state
from services.sla.wire.ticket import CHANNEL_OF, HOLDS, STATES, TYPE_OF


def asked(request: sla_service_pb2.PreviewPromiseRequest, unit: str, *, vip: bool) -> Facts:
    """What the ticket to be opened would be like. unit, vip: of whoever opens it, unless the request says otherwise."""
    return _facts(request, unit, "", vip=request.vip if request.HasField("vip") else vip)


def tried(request: sla_service_pb2.ExplainPolicyRequest) -> Facts:
    """What the made-up ticket is like."""
    return _facts(request, request.unit, request.source, vip=request.vip)


def open_time(request: sla_service_pb2.ExplainPolicyRequest, now: datetime) -> datetime:
    """When the made-up ticket would be opened."""
    return instant(request.open_time) if request.HasField("open_time") else now


def preview(promise: Promise | None) -> sla_service_pb2.PreviewPromiseResponse:
    """What would be promised; empty when nothing."""
    if promise is None:
        return sla_service_pb2.PreviewPromiseResponse()
    return sla_service_pb2.PreviewPromiseResponse(
        policy=promise.policy.name,
        policy_version=promise.policy.version,
        response_due_time=timestamp(promise.response_due_at),
        resolution_due_time=timestamp(promise.resolution_due_at),
        calendar=calendar(promise.calendar, etag=""),
        display_names=dict(promise.policy.display_names),
        targets=[_promised(one) for one in promise.promised if one.target.kind not in INTERNAL],
    )


def explained(found: tuple[Tried, ...], promise: Promise | None) -> sla_service_pb2.ExplainPolicyResponse:
    """Every policy with its findings, and the promise of the winner."""
    return sla_service_pb2.ExplainPolicyResponse(tried=[_tried(one) for one in found], promise=preview(promise))


def _facts(
    request: sla_service_pb2.PreviewPromiseRequest | sla_service_pb2.ExplainPolicyRequest,
    unit: str,
    source: str,
    *,
    vip: bool,
) -> Facts:
    return Facts(
        request.priority,
        TYPE_OF[request.type],
        request.service,
        source,
        unit=unit,
        site=request.site,
        category=request.category,
        channel=CHANNEL_OF[request.channel or ticket_pb2.CHANNEL_PORTAL],
        impact=request.impact,
        urgency=request.urgency,
        item=request.item,
        vip=vip,
    )


def _promised(one: Promised) -> sla_service_pb2.PromisedTarget:
    return sla_service_pb2.PromisedTarget(
        kind=KINDS[one.target.kind],
        duration=duration(one.target.duration),
        due_time=timestamp(one.due_at),
        pause_states=sorted(STATES[state] for state in one.target.pause_states),
        pause_hold_reasons=sorted(HOLDS[hold] for hold in one.target.pause_holds),
        unverified_years=one.unverified,
    )


def _tried(one: Tried) -> sla_service_pb2.TriedPolicy:
    return sla_service_pb2.TriedPolicy(
        policy=one.policy.name,
        policy_version=one.policy.version,
        display_names=dict(one.policy.display_names),
        order=one.policy.order,
        state=state(one.policy),
        matched=one.matched,
        chosen=one.chosen,
        findings=[
            sla_service_pb2.MatchFinding(field=each.field, wanted=each.wanted, given=each.given, matched=each.holds)
            for each in one.findings
        ],
    )
