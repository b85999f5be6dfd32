"""Outages and their events as messages."""

from __future__ import annotations

from datetime import timedelta

from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import outage_pb2 as pb

from services.metrics.rules.fact import EPOCH
from services.metrics.rules.outage_record import (
    Origin,
    Outage,
    OutageAmended,
    OutageClosed,
    OutageOpened,
    State,
    Tier,
    Told,
)
from services.metrics.wire.instants import duration, timestamp

_STATES = {
    State.PROVISIONAL: pb.OUTAGE_STATE_PROVISIONAL,
    State.OPEN: pb.OUTAGE_STATE_OPEN,
    State.CLOSED: pb.OUTAGE_STATE_CLOSED,
    State.RETRACTED: pb.OUTAGE_STATE_RETRACTED,
}
_ORIGINS = {
    Origin.ROOT: pb.OUTAGE_ORIGIN_ROOT,
    Origin.SYMPTOMATIC: pb.OUTAGE_ORIGIN_SYMPTOMATIC,
    Origin.UNDETERMINED: pb.OUTAGE_ORIGIN_UNDETERMINED,
}
_TIERS = {
    Tier.A: pb.ATTRIBUTION_TIER_A,
    Tier.B: pb.ATTRIBUTION_TIER_B,
    Tier.C: pb.ATTRIBUTION_TIER_C,
}
Message = events_pb2.OutageOpened | events_pb2.OutageAmended | events_pb2.OutageClosed | events_pb2.OutageRetracted


def outage_message(outage: Outage, name: str, etag: str) -> pb.Outage:
    """An outage as its readers see it."""
    scope = outage.scope
    return pb.Outage(
        name=name,
        etag=etag,
        service=outage.service,
        state=_STATES[outage.state],
        start_time=timestamp(outage.start),
        end_time=timestamp(outage.end),
        origin=_ORIGINS[outage.origin],
        root_service=outage.root,
        blame=[
            pb.BlameShare(service=one.service, failure=one.failure, per_mille=one.per_mille) for one in outage.shares
        ],
        hours=[
            pb.OutageHour(
                hour_time=timestamp(EPOCH + timedelta(hours=one.number)),
                valid=one.valid,
                bad=one.bad,
                expected=one.expected,
                duration=duration(one.seconds),
            )
            for one in outage.hours
        ],
        scope=pb.OutageScope(
            requests=scope.requests,
            requests_low=scope.requests_low,
            requests_high=scope.requests_high,
            users=scope.users,
            users_low=scope.users_low,
            users_high=scope.users_high,
            sites=scope.sites,
        ),
        exemplars=[
            pb.SpanExemplar(
                trace_id=one.trace,
                span_id=one.span,
                end_time=timestamp(EPOCH + timedelta(milliseconds=one.ended_ms)),
                route=one.route,
            )
            for one in outage.exemplars
        ],
        tickets=[
            pb.AttributedTicket(ticket=one.ticket, tier=_TIERS[one.tier], reason=one.reason) for one in outage.tickets
        ],
        first_ticket_lag=None if outage.lag_seconds is None else duration(outage.lag_seconds),
        planned=outage.planned,
        revision=outage.revision,
        incident=outage.incident,
        affected_services=outage.affected,
    )


def told(event: Told, name: str, etag: str) -> Message:
    """The message of an event."""
    message = outage_message(event.outage, name, etag)
    if isinstance(event, OutageOpened):
        return events_pb2.OutageOpened(outage=message)
    if isinstance(event, OutageAmended):
        return events_pb2.OutageAmended(outage=message)
    if isinstance(event, OutageClosed):
        return events_pb2.OutageClosed(outage=message)
    return events_pb2.OutageRetracted(outage=message)
