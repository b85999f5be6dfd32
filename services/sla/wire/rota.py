"""Rotas as messages and back."""

from __future__ import annotations

from google.protobuf.message import Message
from throughline.sla.v1 import escalation_events_pb2, escalation_pb2, escalation_service_pb2, sla_pb2

from services.runtime.refusal import Refusal
from services.runtime.worktime import CLOSED, Hours, Opening
from services.sla.rules.directory import Directory
from services.sla.rules.rota import Gap, HandOver, Layer, Override, Rota, RotaGapFound, RotaPublished, Shift
from services.sla.rules.wall import day_of, time_of_day
from services.sla.wire.instants import instant, timestamp
from services.sla.wire.wall import clock_text

_HAND_OVERS = {one: escalation_pb2.HandOver.Value(f"HAND_OVER_{one.name}") for one in HandOver}
_HAND_OVER_OF = {value: one for one, value in _HAND_OVERS.items()}


def rota(one: Rota, etag: str) -> escalation_pb2.Rota:
    """A version of a rota with its overrides and the gaps that were announced."""
    return escalation_pb2.Rota(
        name=one.name,
        etag=etag,
        version=one.version,
        display_names=dict(one.display_names),
        time_zone=one.zone,
        layers=[_layer(layer) for layer in one.layers],
        notice_days=one.notice_days,
        retired=one.retired,
        overrides=[_override(part) for part in one.overrides],
        gaps=[gap(part) for part in one.gaps],
    )


def draft(message: escalation_pb2.Rota) -> Rota:
    """What somebody asks to publish.

    Raises:
        Refusal: LOCAL_TIME_INVALID, LOCAL_DATE_INVALID, ROTA_HOURS_INVALID, with the field.
    """
    return Rota(
        name=message.name,
        zone=message.time_zone,
        layers=tuple(_asked(one, f"rota.layers[{at}]") for at, one in enumerate(message.layers)),
        notice_days=message.notice_days,
        display_names=dict(message.display_names),
        retired=message.retired,
    )


def override(request: escalation_service_pb2.AddRotaOverrideRequest, author: str) -> Override:
    """The override that a request asks for; the request's own id names it."""
    return Override(
        request.request_id,
        request.person,
        instant(request.start_time),
        instant(request.end_time),
        request.reason.strip(),
        author,
    )


def shift(one: Shift, directory: Directory) -> escalation_pb2.RotaShift:
    """A shift with the name of its person."""
    return escalation_pb2.RotaShift(
        start_time=timestamp(one.start),
        end_time=None if one.start == one.end else timestamp(one.end),
        person=one.person,
        display_name=directory.called(one.person),
        layer=one.layer,
        override_id=one.override,
    )


def gap(one: Gap) -> escalation_pb2.RotaGap:
    """A gap; without an end when none is in sight."""
    return escalation_pb2.RotaGap(start_time=timestamp(one.start), end_time=timestamp(one.end))


def told(event: RotaPublished | RotaGapFound, etag: str) -> Message:
    """The message of an event."""
    match event:
        case RotaPublished():
            return escalation_events_pb2.RotaPublished(rota=rota(event.rota, etag))
        case RotaGapFound():
            return escalation_events_pb2.RotaGapFound(rota=rota(event.rota, etag), gap=gap(event.gap))


def _layer(one: Layer) -> escalation_pb2.RotaLayer:
    return escalation_pb2.RotaLayer(
        people=one.people,
        hand_over=_HAND_OVERS[one.hand_over],
        first_date=one.first.isoformat(),
        time=clock_text(one.time),
        last_date="" if one.last is None else one.last.isoformat(),
        hours=[
            sla_pb2.WeeklyHours(weekday=at, segments=[_segment(opening) for opening in day])
            for at, day in enumerate(one.hours, 1)
            if day
        ],
    )


def _asked(message: escalation_pb2.RotaLayer, where: str) -> Layer:
    return Layer(
        people=tuple(message.people),
        hand_over=_HAND_OVER_OF[message.hand_over],
        first=day_of(message.first_date, f"{where}.first_date"),
        time=time_of_day(message.time, f"{where}.time"),
        last=day_of(message.last_date, f"{where}.last_date") if message.last_date else None,
        hours=_week(message, f"{where}.hours") if message.hours else (),
    )


def _week(message: escalation_pb2.RotaLayer, where: str) -> tuple[Hours, ...]:
    week: list[Hours] = [CLOSED] * 7
    for one in message.hours:
        spans = [f"{span.start}-{span.end}" for span in one.segments]
        if not 1 <= one.weekday <= 7 or week[one.weekday - 1]:
            raise Refusal.invalid(where, "ROTA_HOURS_INVALID", "Give each weekday, 1 Monday to 7 Sunday, once.")
        try:
            day = tuple(sorted(Opening.parse(span) for span in spans))
        except Refusal as refusal:
            raise Refusal.invalid(where, "ROTA_HOURS_INVALID", refusal.message) from refusal
        if any(span.opens >= span.closes for span in day):
            raise Refusal.invalid(
                where, "ROTA_HOURS_INVALID", "Let hours end after they start; split those that pass midnight."
            )
        week[one.weekday - 1] = day
    return tuple(week)


def _segment(opening: Opening) -> sla_pb2.Segment:
    start, _, end = str(opening).partition("-")
    return sla_pb2.Segment(start=start, end=end)


def _override(one: Override) -> escalation_pb2.RotaOverride:
    return escalation_pb2.RotaOverride(
        id=one.id,
        person=one.person,
        start_time=timestamp(one.start),
        end_time=timestamp(one.end),
        reason=one.reason,
        author=one.author,
    )
