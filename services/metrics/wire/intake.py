"""Events as inputs of the ledger: what of them is kept, and what the rules read in it.

Texts and persons of a ticket are left behind; what is kept is all that the ledger ever reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from throughline.metrics.v1 import business_service_pb2, events_pb2, outage_pb2
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2

from services.metrics.rules.books import Told
from services.metrics.rules.claims import BusinessService, Gain, Origin, Outage, OutageHour, Standing
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.exact import MILLE, half_even
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.intake import Input, input_name
from services.metrics.rules.rates import RateTable
from services.metrics.rules.sharing import millis
from services.metrics.wire import cost_model, rates
from services.metrics.wire.gains import gain_message, gain_of
from services.metrics.wire.instants import instant, set_instant
from services.metrics.wire.ledger import end_of, reopened_of
from services.runtime.worktime import CalendarVersion, DateOverride, Opening

_TICKET_FIELDS = frozenset(
    {
        *("name", "etag", "type", "state", "channel", "impact", "urgency", "priority", "service", "category", "site"),
        *("unit", "team", "resolution", "links", "open_time", "resolve_time", "close_time", "update_time", "reopens"),
        *("source", "importing", "item"),
    }
)
_STANDINGS = {outage_pb2.OutageState.Value(f"OUTAGE_STATE_{one.name}"): one for one in Standing}
_ORIGINS = {outage_pb2.OutageOrigin.Value(f"OUTAGE_ORIGIN_{one.name}"): one for one in Origin}
_TRACES_KEPT, _TICKETS_KEPT = 20, 200
_MICROS = 1_000_000
ENDS = (ticket_events.TicketResolved, ticket_events.TicketClosed, ticket_events.TicketCancelled)
OUTAGES = (events_pb2.OutageOpened, events_pb2.OutageAmended, events_pb2.OutageClosed, events_pb2.OutageRetracted)


def digest_of(message: Message) -> bytes:
    """SHA-256 of an event's bytes, as its owner's journal has them."""
    return hashlib.sha256(message.SerializeToString(deterministic=True)).digest()


def kept_of(message: Message) -> bytes:
    """What of an event the ledger keeps."""
    kept = type(message)()
    kept.CopyFrom(message)
    if "ticket" in kept.DESCRIPTOR.fields_by_name:
        ticket: Any = kept.ticket  # type: ignore[attr-defined]  # every message kept here has one
        for field, _ in ticket.ListFields():
            if field.name not in _TICKET_FIELDS:
                ticket.ClearField(field.name)
        if ticket.HasField("resolution"):
            ticket.resolution.CopyFrom(ticket_pb2.Resolution(code=ticket.resolution.code))
    return kept.SerializeToString(deterministic=True)


def input_of(event: Any) -> Input | None:
    """What an event that was heard puts in; None when it puts nothing in."""
    message, turn, ordered = event.message, event.sequence, False
    if "ticket" in message.DESCRIPTOR.fields_by_name:
        ticket: ticket_pb2.Ticket = message.ticket
        if ticket.type != ticket_pb2.TICKET_TYPE_INCIDENT:
            return None
        # Ends and reopenings take turns, so that the count of its reopenings numbers both without a gap.
        ordered = True
        if isinstance(message, ticket_events.TicketReopened):
            turn = 2 * ticket.reopens
        elif isinstance(message, ENDS) and end_of(message) is not None:
            turn = 2 * ticket.reopens + 1
        else:
            return None
    return Input(
        name=input_name(event.resource, turn),
        resource=event.resource,
        sequence=event.sequence,
        turn=turn,
        type=message.DESCRIPTOR.full_name,
        event=event.cause.id,
        at=event.time,
        digest=digest_of(message),
        data=kept_of(message),
        ordered=ordered,
    )


def gain_input(gain: Gain, at: datetime) -> Input:
    """What a gain puts in: it is told by the input itself, as its first event."""
    message = events_pb2.GainBooked(gain=gain_message(gain))
    return Input(
        name=gain.name,
        resource=gain.name,
        sequence=1,
        turn=1,
        type=message.DESCRIPTOR.full_name,
        event=f"{gain.name}/1/0",
        at=at,
        digest=digest_of(message),
        data=message.SerializeToString(deterministic=True),
    )


def own_input(entry: Any) -> Input:
    """What an entry of the own journal puts in."""
    return Input(
        name=input_name(entry.resource, entry.sequence),
        resource=entry.resource,
        sequence=entry.sequence,
        turn=entry.sequence,
        type=entry.type,
        event=entry.id,
        at=entry.time,
        digest=hashlib.sha256(entry.data).digest(),
        data=entry.data,
    )


def told_of(type_name: str, data: bytes) -> Told:
    """What an input tells.

    Raises:
        KeyError: an event that the ledger does not read.
        ValueError: an end that tells none.
    """
    kind, read = _READERS[type_name]
    told: Told = read(kind.FromString(data))
    return told


def reads(type_name: str) -> bool:
    """Whether the ledger reads events of this type."""
    return type_name in _READERS


def is_lesson(type_name: str) -> bool:
    """Whether an event only tells what is to be known, and books nothing."""
    return type_name in _LESSONS


def _end(message: Any) -> Told:
    end = end_of(message)
    if end is None:
        raise ValueError(f"{message.ticket.name} has no end")
    return end


def _outage(message: Any) -> Outage:
    one: outage_pb2.Outage = message.outage
    started_at = instant(one.start_time)
    hours = tuple(_hour(hour) for hour in one.hours)
    ended_at = set_instant(one, "end_time")
    lasted = sum(hour.ms for hour in hours)
    scope = one.scope
    low, high = (_of(part, scope.requests) for part in (scope.requests_low, scope.requests_high))
    return Outage(
        name=one.name,
        etag=one.etag or str(one.revision),
        service=one.service,
        standing=_STANDINGS[one.state],
        origin=_ORIGINS.get(one.origin, Origin.UNDETERMINED),
        root=one.root_service,
        started_at=started_at,
        until=ended_at or started_at + timedelta(milliseconds=lasted),
        hours=hours,
        low_per_mille=min(MILLE, low),
        high_per_mille=max(MILLE, high),
        users=scope.users,
        sites=tuple(sorted(set(scope.sites))),
        tickets=tuple(sorted({one.ticket for one in one.tickets if one.tier != outage_pb2.ATTRIBUTION_TIER_C}))[
            :_TICKETS_KEPT
        ],
        affected=tuple(sorted(set(one.affected_services))),
        traces=tuple(dict.fromkeys(exemplar.trace_id for exemplar in one.exemplars))[:_TRACES_KEPT],
        planned=one.planned,
    )


def _hour(hour: outage_pb2.OutageHour) -> OutageHour:
    return OutageHour(
        start_ms=millis(instant(hour.hour_time)),
        ms=hour.duration.seconds * 1000 + hour.duration.nanos // _MICROS,
        valid=_milli(hour.valid),
        bad=_milli(hour.bad),
        expected=_milli(hour.expected),
        recovered=_milli(hour.recovered) if hour.HasField("recovered") else None,
    )


def _milli(count: float) -> int:
    """A weighted count in thousandths, exactly rounded: a float is a fraction of two integers."""
    numerator, denominator = count.as_integer_ratio()
    return half_even(numerator * MILLE, denominator)


def _of(part: float, whole: float) -> int:
    parts, wholes = _milli(part), _milli(whole)
    return half_even(MILLE * parts, wholes) if wholes > 0 else MILLE


def _business_service(message: Any) -> BusinessService:
    one: business_service_pb2.BusinessService = message.business_service
    return BusinessService(
        name=one.name,
        criticality=one.criticality,
        # Events that are processed badly are no outage.
        components=frozenset(part.service for part in one.components if not part.kind),
        calendar=one.calendar,
        cost_model=one.cost_model,
        retired=one.retired,
        version=one.version,
    )


def _model(message: Any) -> CostModel:
    return CostModel(message.cost_model.name, (cost_model.version_of(message.cost_model),))


def _rates(message: Any) -> RateTable:
    return RateTable(message.rate_table.name, (rates.version_of(message.rate_table),))


def _gain(message: Any) -> Gain:
    return gain_of(message.gain)


def _calendar(message: Any) -> CalendarVersion:
    one: sla_pb2.Calendar = message.calendar
    weekly = {each.weekday: _openings(each.segments) for each in one.weekly_hours}
    return CalendarVersion(
        name=one.name,
        version=one.version,
        zone=one.time_zone,
        effective_from=set_instant(one, "effective_time") or EPOCH,
        weekly=tuple(weekly.get(day, ()) for day in range(1, 8)),
        overrides=tuple(
            DateOverride(date.fromisoformat(each.date), _openings(each.segments), each.reason) for each in one.days
        ),
        verified_years=frozenset(one.verified_years),
    )


def _openings(segments: Any) -> tuple[Opening, ...]:
    return tuple(Opening.parse(f"{one.start}-{one.end}") for one in segments)


_READERS: Mapping[str, tuple[type[Message], Callable[[Any], Any]]] = {
    kind.DESCRIPTOR.full_name: (kind, read)
    for kinds, read in (
        (ENDS, _end),
        ((ticket_events.TicketReopened,), reopened_of),
        (OUTAGES, _outage),
        ((events_pb2.BusinessServiceChanged,), _business_service),
        ((events_pb2.CostModelApproved,), _model),
        ((events_pb2.RateTableApproved,), _rates),
        ((events_pb2.GainBooked,), _gain),
        ((sla_events.CalendarPublished,), _calendar),
    )
    for kind in kinds
}
_LESSONS = frozenset(
    kind.DESCRIPTOR.full_name
    for kind in (
        events_pb2.BusinessServiceChanged,
        events_pb2.CostModelApproved,
        events_pb2.RateTableApproved,
        sla_events.CalendarPublished,
    )
)
