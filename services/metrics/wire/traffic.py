"""Availability and the map of calls as messages."""

from __future__ import annotations

from throughline.metrics.v1 import metrics_pb2 as pb

from services.metrics.rules.availability import Availability, Edge
from services.metrics.wire.instants import timestamp


def availability_message(one: Availability) -> pb.ServiceAvailability:
    """A service's availability as its readers see it."""
    return pb.ServiceAvailability(
        service=one.service,
        valid=one.valid,
        good=one.good,
        availability=one.share,
        low=one.low,
        high=one.high,
        enough=one.enough,
        last_seen_time=timestamp(one.last_seen_at),
    )


def edge_message(one: Edge) -> pb.ServiceEdge:
    """A way from service to service as its readers see it."""
    return pb.ServiceEdge(
        caller=one.caller, callee=one.callee, calls=one.calls, last_seen_time=timestamp(one.last_seen_at)
    )
