"""Business services as messages, both ways."""

from __future__ import annotations

from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import availability_service_pb2, events_pb2
from throughline.metrics.v1 import business_service_pb2 as pb
from throughline.type.v1 import interval_pb2

from services.metrics.rules.business_service import (
    BusinessService,
    BusinessServiceChanged,
    Component,
    Incidents,
    Maintenance,
    Objective,
)
from services.metrics.wire.instants import instant, set_instant, timestamp
from services.runtime.refusal import Refusal

_KINDS = {False: pb.COMPONENT_KIND_UNSPECIFIED, True: pb.COMPONENT_KIND_EVENTS}


def business_service_of(message: pb.BusinessService) -> BusinessService:
    """What somebody asks to publish; the rules check it.

    Raises:
        Refusal: BUSINESS_SERVICE_INVALID, when a maintenance has no bounds.
    """
    objective = None
    if message.HasField("objective"):
        told = message.objective
        threshold = None
        if told.HasField("latency_threshold"):
            length = told.latency_threshold
            threshold = timedelta(seconds=length.seconds, milliseconds=length.nanos // 1_000_000)
        objective = Objective(told.parts_per_million, told.window_days, threshold)
    maintenance = []
    for one in message.maintenance:
        if not one.period.HasField("start_time") or not one.period.HasField("end_time"):
            missing = "Say when the maintenance starts and when it ends."
            raise Refusal.invalid("business_service.maintenance", "BUSINESS_SERVICE_INVALID", missing)
        start, end = instant(one.period.start_time), instant(one.period.end_time)
        maintenance.append(Maintenance(start, end, one.reason, set_instant(one, "announce_time")))
    return BusinessService(
        name=message.name,
        display_names=tuple(sorted(message.display_names.items())),
        owner=message.owner,
        criticality=message.criticality,
        components=tuple(
            Component(one.service, tuple(one.routes), one.kind == pb.COMPONENT_KIND_EVENTS)
            for one in message.components
        ),
        objective=objective,
        calendar=message.calendar,
        maintenance=tuple(maintenance),
        cost_model=message.cost_model,
        incidents=Incidents(message.incidents.requester, message.incidents.service)
        if message.HasField("incidents")
        else None,
    )


def business_service_message(service: BusinessService, etag: str) -> pb.BusinessService:
    """A business service as its readers see it."""
    objective = service.objective
    threshold = None
    if objective is not None and objective.threshold is not None:
        length = objective.threshold
        threshold = Duration(seconds=length // timedelta(seconds=1), nanos=length.microseconds * 1000)
    return pb.BusinessService(
        name=service.name,
        etag=etag,
        version=service.version,
        display_names=dict(service.display_names),
        owner=service.owner,
        criticality=service.criticality,
        components=[
            pb.ServiceComponent(service=one.service, routes=one.routes, kind=_KINDS[one.events])
            for one in service.components
        ],
        objective=None
        if objective is None
        else pb.ServiceObjective(
            parts_per_million=objective.good, latency_threshold=threshold, window_days=objective.days
        ),
        calendar=service.calendar,
        maintenance=[
            pb.MaintenanceWindow(
                period=interval_pb2.Interval(start_time=timestamp(one.start), end_time=timestamp(one.end)),
                reason=one.reason,
                announce_time=timestamp(one.announced_at),
            )
            for one in service.maintenance
        ],
        cost_model=service.cost_model,
        retired=service.retired,
        incidents=None
        if service.incidents is None
        else pb.OutageIncidents(requester=service.incidents.requester, service=service.incidents.service),
    )


def version_message(data: bytes, actor: str, at: datetime) -> availability_service_pb2.BusinessServiceVersion:
    """An entry of its journal. data: the event's bytes; the version that it holds is the one that it made."""
    return availability_service_pb2.BusinessServiceVersion(
        business_service=events_pb2.BusinessServiceChanged.FromString(data).business_service,
        actor=actor,
        change_time=timestamp(at),
    )


def told(event: BusinessServiceChanged, etag: str) -> events_pb2.BusinessServiceChanged:
    """The message of an event."""
    return events_pb2.BusinessServiceChanged(business_service=business_service_message(event.service, etag))
