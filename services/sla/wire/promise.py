"""Promises as messages, and the question that asks for one."""

from __future__ import annotations

from throughline.sla.v1 import sla_service_pb2

from services.sla.rules.promise import Promise
from services.sla.rules.ticket import Facts
from services.sla.wire.calendar import calendar
from services.sla.wire.instants import timestamp
from services.sla.wire.ticket import TYPE_OF


def asked(request: sla_service_pb2.PreviewPromiseRequest) -> Facts:
    """What the ticket to be opened would be like."""
    return Facts(request.priority, TYPE_OF[request.type], request.service, source="")


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
    )
