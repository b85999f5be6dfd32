"""A journey <-> the contract: entries of the journal as its moments, the journey as a message and as an OTLP trace."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from throughline.tickets.v1 import journey_pb2 as pb
from throughline.tickets.v1 import tickets_service_pb2

from services.tickets.rules.journey import Feedback, Journey, Moment, Span, Stage, Stretch
from services.tickets.rules.ticket import State, Ticket
from services.tickets.wire.events import event_state, parsed, short_name
from services.tickets.wire.words import STATES, Words, instant, moment

STAGES = Words(pb.JourneyStage, Stage, "JOURNEY_STAGE")
FEEDBACKS = Words(pb.JourneyFeedback, Feedback, "JOURNEY_FEEDBACK")
_AFTER = {
    "TicketOpened": State.NEW,
    "TicketStarted": State.IN_PROGRESS,
    "RequesterAsked": State.AWAITING_REQUESTER,
    "QuestionAnswered": State.IN_PROGRESS,
    "TicketHeld": State.ON_HOLD,
    "TicketResumed": State.IN_PROGRESS,
    "TicketResolved": State.RESOLVED,
    "TicketClosed": State.CLOSED,
    "TicketReopened": State.IN_PROGRESS,
    "TicketCancelled": State.CANCELLED,
}
"""The state that an event leaves, for one whose text was erased; the others leave it as it was."""
_SCOPE = "throughline.journey"
_INTERNAL_SPAN, _UNSET = 1, 0
_MICROSECOND = timedelta(microseconds=1)


def journey_moment(id_: str, type_name: str, at: datetime, data: bytes, traceparent: str) -> Moment:
    """An entry of the journal as the journey reads it; data: empty when its text was erased."""
    message = parsed(type_name, data) if data else None
    event = event_state(message) if message is not None else None
    return Moment(id_, at, event, _AFTER.get(short_name(type_name)), traceparent)


def off_hours(
    request: tickets_service_pb2.GetJourneyRequest | tickets_service_pb2.ExportJourneyRequest,
) -> list[Stretch]:
    """The stretches of a request; one that lacks an end says nothing."""
    whole = (one for one in request.off_hours if one.HasField("start_time") and one.HasField("end_time"))
    return [(moment(one.start_time), moment(one.end_time)) for one in whole]


def journey_message(name: str, ticket: Ticket, told: Journey, *, inside: bool) -> pb.Journey:
    """The journey as the caller may see it: whoever is not `inside` learns nothing of our own traces."""
    return pb.Journey(
        ticket=name,
        state=STATES.number(told.state),
        open_time=instant(told.opened_at),
        lead_end_time=instant(told.ended_at),
        lead_duration=_length(told.lead),
        spans=[_span(one, inside=inside) for one in told.spans],
        shares=[
            pb.JourneyShare(stage=STAGES.number(stage), duration=_length(length), spans=spans)
            for stage, length, spans in told.shares
        ],
        trace_id=trace_id(name, ticket),
        feedback=FEEDBACKS.number(told.feedback),
    )


def trace_id(name: str, ticket: Ticket) -> str:
    """The trace of a ticket's journey, the same at every call: from its name and its opening."""
    return hashlib.sha256(f"{name} {ticket.opened_at.isoformat()}".encode()).hexdigest()[:32]


def otlp(name: str, ticket: Ticket, told: Journey, *, inside: bool) -> bytes:
    """The journey as an ExportTraceServiceRequest in OTLP's JSON: one root over the whole, a child a stretch.

    Ids are hexadecimal, times decimal nanoseconds (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
    The request that told a stretch's first event is linked to, where its trace is known.
    """
    trace = trace_id(name, ticket)
    number = name.rpartition("/")[2]
    root = _id(trace, "journey")
    ends = [told.opened_at, *(one.end for one in told.spans)]
    whole = _otlp_span(trace, root, f"{number} journey", told.opened_at, max(ends))
    whole["attributes"] = _attributes(
        {
            "throughline.ticket": name,
            "throughline.state": told.state.value,
            "throughline.lead_seconds": told.lead // timedelta(seconds=1),
            "throughline.feedback": told.feedback.value,
        }
    )
    children = [_child(trace, root, place, one, inside=inside) for place, one in enumerate(told.spans)]
    resource = {"attributes": _attributes({"service.name": "tickets", "throughline.ticket": name})}
    spans = {"scope": {"name": _SCOPE}, "spans": [whole, *children]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [spans]}]}
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def _span(one: Span, *, inside: bool) -> pb.JourneySpan:
    trace, span = _linked(one) if inside else ("", "")
    return pb.JourneySpan(
        stage=STAGES.number(one.stage),
        start_time=instant(one.start),
        end_time=instant(one.end),
        duration=_length(one.length),
        critical=one.critical,
        open=one.open,
        who=one.who,
        team=one.team,
        cause=one.cause,
        linked_trace_id=trace,
        linked_span_id=span,
    )


def _child(trace: str, root: str, place: int, one: Span, *, inside: bool) -> dict[str, Any]:
    found = _otlp_span(trace, _id(trace, str(place)), one.stage.value.lower().replace("_", " "), one.start, one.end)
    found["parentSpanId"] = root
    said = {"who": one.who, "team": one.team, "cause": one.cause}
    given: dict[str, Any] = {f"throughline.{key}": value for key, value in said.items() if value}
    found["attributes"] = _attributes(
        {"throughline.stage": one.stage.value, "throughline.critical": one.critical, "throughline.open": one.open}
        | given
    )
    linked, span = _linked(one)
    if inside and linked:
        found["links"] = [{"traceId": linked, "spanId": span}]
    return found


def _otlp_span(trace: str, span: str, title: str, start: datetime, end: datetime) -> dict[str, Any]:
    return {
        "traceId": trace,
        "spanId": span,
        "name": title,
        "kind": _INTERNAL_SPAN,
        "startTimeUnixNano": str(_nanos(start)),
        "endTimeUnixNano": str(_nanos(end)),
        "status": {"code": _UNSET},
    }


def _attributes(given: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in given.items()]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _id(trace: str, part: str) -> str:
    return hashlib.sha256(f"{trace} {part}".encode()).hexdigest()[:16]


def _linked(one: Span) -> tuple[str, str]:
    """Trace and span of a W3C traceparent; ("", "") without one."""
    parts = one.traceparent.split("-")
    return (parts[1], parts[2]) if len(parts) == 4 else ("", "")


def _nanos(at: datetime) -> int:
    since = at - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return since // _MICROSECOND * 1000


def _length(length: timedelta) -> Duration:
    found = Duration()
    found.FromTimedelta(length)
    return found
