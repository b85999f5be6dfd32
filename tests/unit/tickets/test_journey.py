"""The journey: where a ticket's time went, without a gap, whatever its journal says; and the same as a trace."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from google.protobuf.json_format import ParseDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from throughline.tickets.v1 import tickets_service_pb2 as pb

from services.tickets.rules import events as told
from services.tickets.rules.journey import Feedback, Journey, Moment, Stage, Stretch, journey
from services.tickets.rules.ticket import Hold, HoldReason, Question, Resolution, ResolutionCode, State, Ticket
from services.tickets.wire.events import event_message
from services.tickets.wire.journey import journey_message, journey_moment, off_hours, otlp, trace_id
from tests.unit.tickets.cases import ANN, BEN, FRESH, OPENED

NAME = "tickets/INC-000001"
UNSORTED = replace(FRESH, team="", teams=())
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HOUR = timedelta(hours=1)


class Life:
    """Events of one ticket, each so many hours after its opening."""

    def __init__(self, ticket: Ticket = UNSORTED) -> None:
        self.ticket = self.opened = ticket
        self.moments: list[Moment] = []
        self.tell(0, told.TicketOpened)

    def tell(self, hours: float, event: Callable[..., told.TicketEvent], *said: Any, **changes: Any) -> Life:
        self.ticket = replace(self.ticket, **changes)
        at = OPENED + timedelta(hours=hours)
        self.moments.append(Moment(f"e{len(self.moments)}", at, event(self.ticket, *said), None, TRACE))
        return self

    def at(self, hours: float, *closed: Stretch) -> Journey:
        """The journey as it is so many hours after the opening."""
        return journey(self.opened, self.moments, closed, OPENED + timedelta(hours=hours))


def shape(found: Journey) -> list[tuple[Stage, float, str]]:
    """Each stretch with its length in hours and who it is laid to."""
    return [(one.stage, one.length / HOUR, one.who) for one in found.spans]


def between(start: float, end: float) -> Stretch:
    """A stretch by hours after the opening."""
    return OPENED + timedelta(hours=start), OPENED + timedelta(hours=end)


def whole_life() -> Life:
    """Sorted, routed, worked on, asked, held for a supplier, passed on, resolved, opened again, closed."""
    work, done = State.IN_PROGRESS, State.RESOLVED
    life = Life().tell(1, told.TicketTriaged, 0, priority=2).tell(1.5, told.TicketAssigned, "", "", team="teams/desk")
    life.tell(2, told.TicketAssigned, "teams/desk", "", assignee=BEN.sub).tell(2, told.TicketStarted, state=work)
    question, hold = Question("Which?", BEN.sub, OPENED), Hold(HoldReason.VENDOR, "Part", "Acme", OPENED)
    life.tell(4, told.RequesterAsked, state=State.AWAITING_REQUESTER, question=question)
    life.tell(7, told.QuestionAnswered, question, "That", state=work, question=None)
    life.tell(8, told.TicketHeld, state=State.ON_HOLD, hold=hold)
    life.tell(13, told.TicketResumed, state=work, hold=None)
    life.tell(14, told.TicketAssigned, "teams/desk", BEN.sub, team="teams/net", assignee="")
    life.tell(16, told.TicketAssigned, "teams/net", "", assignee="people/lin")
    fixed = Resolution(ResolutionCode.FIXED, "New part")
    life.tell(18, told.TicketResolved, state=done, resolution=fixed)
    life.tell(20, told.TicketReopened, "Still", done, state=work, resolution=None)
    life.tell(21, told.TicketResolved, state=done, resolution=fixed)
    return life.tell(30, told.TicketClosed, state=State.CLOSED)


def test_every_stretch_has_its_name_and_whoever_it_is_laid_to() -> None:
    """From intake to feedback; a delivery that was taken back lies inside the lead time, the last one after it."""
    found = whole_life().at(99)
    assert shape(found) == [
        (Stage.INTAKE, 1, ""), (Stage.ROUTING, 0.5, ""), (Stage.TEAM_QUEUE, 0.5, "teams/desk"),
        (Stage.WORK, 2, BEN.sub), (Stage.REQUESTER, 3, ANN.sub), (Stage.WORK, 1, BEN.sub), (Stage.VENDOR, 5, "Acme"),
        (Stage.WORK, 1, BEN.sub), (Stage.TEAM_QUEUE, 2, "teams/net"), (Stage.WORK, 2, "people/lin"),
        (Stage.DELIVERY, 2, ANN.sub), (Stage.WORK, 1, "people/lin"), (Stage.DELIVERY, 9, ANN.sub),
        (Stage.FEEDBACK, 0, ANN.sub),
    ]  # fmt: skip
    assert [one.critical for one in found.spans] == [True] * 12 + [False] * 2
    assert (found.lead, found.ended_at, found.feedback) == (21 * HOUR, OPENED + 21 * HOUR, Feedback.NOT_ASKED)
    assert found.shares[0] == (Stage.WORK, 7 * HOUR, 5)
    assert found.shares[1] == (Stage.VENDOR, 5 * HOUR, 1)
    assert sum((length for _, length, _ in found.shares), timedelta()) == found.lead


def test_what_came_in_sorted_passed_intake_and_routing_at_once() -> None:
    """Both are there, of no length, so that each stage of each ticket has its place."""
    life = Life(FRESH).tell(2, told.TicketStarted, state=State.IN_PROGRESS)
    assert shape(life.at(5)) == [
        (Stage.INTAKE, 0, ""), (Stage.ROUTING, 0, ""), (Stage.TEAM_QUEUE, 2, "teams/desk"),
        (Stage.WORK, 3, "teams/desk"),
    ]  # fmt: skip
    assert [one.open for one in life.at(5).spans] == [False, False, False, True]
    assert (life.at(5).ended_at, life.at(5).lead, life.at(5).feedback) == (None, 5 * HOUR, Feedback.NOT_DUE)


def test_service_hours_cut_what_was_ours_and_no_wait_for_others() -> None:
    """Overlapping nights count once; while a supplier is waited for, nobody of ours was meant to act anyway."""
    life = Life(FRESH).tell(10, told.TicketHeld, state=State.ON_HOLD, hold=Hold(HoldReason.VENDOR, "x", "Acme", OPENED))
    found = life.at(20, between(5, 8), between(4, 6), between(9, 12), between(30, 40))
    assert [(stage, hours) for stage, hours, _ in shape(found)[2:]] == [
        (Stage.TEAM_QUEUE, 4), (Stage.OFF_HOURS, 2), (Stage.OFF_HOURS, 2), (Stage.TEAM_QUEUE, 1), (Stage.OFF_HOURS, 1),
        (Stage.VENDOR, 10),
    ]  # fmt: skip
    assert found.lead == 20 * HOUR


def test_a_withdrawn_ticket_ends_where_it_was_withdrawn() -> None:
    """Nothing was delivered, and nobody is asked for an opinion."""
    found = Life(FRESH).tell(3, told.TicketCancelled, "gone", state=State.CANCELLED).at(50)
    assert (found.ended_at, found.lead, found.spans[-1].stage) == (OPENED + 3 * HOUR, 3 * HOUR, Stage.TEAM_QUEUE)
    assert not found.spans[-1].open


def test_erased_words_leave_what_followed_from_them() -> None:
    """An event whose text is gone still says by its kind what state it left."""
    life = Life(FRESH)
    held = journey_moment("e1", "throughline.tickets.v1.TicketHeld", OPENED + HOUR, b"", "")
    note = journey_moment("e2", "throughline.tickets.v1.CommentAdded", OPENED + 2 * HOUR, b"", "")
    found = journey(FRESH, [*life.moments, held, note], (), OPENED + 3 * HOUR)
    assert [(stage, hours) for stage, hours, _ in shape(found)[2:]] == [(Stage.TEAM_QUEUE, 1), (Stage.OTHER, 2)]


def test_the_journal_gives_its_moments_back() -> None:
    """The event of an entry, as it was told."""
    event = told.TicketAssigned(FRESH, "", "")
    type_name = "throughline.tickets.v1.TicketAssigned"
    data = event_message(event, NAME, '"1"').SerializeToString()
    moment = journey_moment("e1", type_name, OPENED, data, TRACE)
    assert (moment.event, moment.traceparent) == (event, TRACE)


_STATES = {
    State.NEW: told.TicketTriaged,
    State.IN_PROGRESS: told.TicketResumed,
    State.AWAITING_REQUESTER: told.RequesterAsked,
    State.ON_HOLD: told.TicketHeld,
    State.RESOLVED: told.TicketResolved,
    State.CLOSED: told.TicketClosed,
    State.CANCELLED: told.TicketCancelled,
}
_STEPS = st.lists(
    st.tuples(
        st.timedeltas(timedelta(hours=-2), timedelta(days=3)),
        st.sampled_from(State),
        st.sampled_from(["", "teams/a", "teams/b"]),
        st.sampled_from(["", "people/x", "people/y"]),
        st.sampled_from(HoldReason),
        st.booleans(),
    ),
    max_size=14,
)
_NIGHTS = st.lists(
    st.tuples(st.timedeltas(timedelta(days=-1), timedelta(days=20)), st.timedeltas(timedelta(), timedelta(days=2))),
    max_size=8,
)


def _random(steps: list[Any]) -> tuple[list[Moment], datetime]:
    """A journal as histories write it: any state after any other, times that run back, teams that come and go."""
    ticket, at, former = UNSORTED, OPENED, ""
    moments = [Moment("e0", OPENED, told.TicketOpened(ticket))]
    for place, (step, state, team, person, reason, assigns) in enumerate(steps):
        at += step
        hold = Hold(reason, "x", "Acme", OPENED) if state is State.ON_HOLD else None
        ticket = replace(ticket, state=state, team=team, assignee=person, hold=hold, priority=place)
        said = {told.TicketTriaged: (0,), told.TicketCancelled: ("",)}.get(_STATES[state], ())
        event: Any = told.TicketAssigned(ticket, former, "") if assigns else _STATES[state](ticket, *said)
        moments.append(Moment(f"e{place + 1}", at, event))
        former = team
    return moments, at


@given(_STEPS, _NIGHTS, st.timedeltas(timedelta(days=-1), timedelta(days=9)))
def test_stretches_add_up_to_the_lead_time_and_leave_no_gap(
    steps: list[Any], nights: list[Any], more: timedelta
) -> None:
    """To the microsecond: none overlap, none is unexplained, and those on the critical path are the lead time."""
    moments, last = _random(steps)
    closed = [(OPENED + start, OPENED + start + length) for start, length in nights]
    found = journey(UNSORTED, moments, closed, last + more)
    critical = [one for one in found.spans if one.critical]
    assert sum((one.length for one in critical), timedelta()) == found.lead
    assert sum((length for _, length, _ in found.shares), timedelta()) == found.lead
    assert all(one.length >= timedelta() for one in found.spans)
    assert all(one.end == other.start for one, other in pairwise(found.spans))
    if found.spans:
        assert found.spans[0].start == found.opened_at == OPENED
        assert [one.critical for one in found.spans] == sorted((one.critical for one in found.spans), reverse=True)
    if found.ended_at is not None:
        assert found.ended_at - found.opened_at == found.lead


def test_the_message_tells_our_traces_to_us_alone() -> None:
    """The requester gets the same stretches without the ids of requests that others made."""
    life = whole_life()
    ours, theirs = (journey_message(NAME, life.opened, life.at(99), inside=inside) for inside in (True, False))
    assert ours.spans[3].linked_trace_id == "0af7651916cd43dd8448eb211c80319c"
    assert {one.linked_trace_id for one in theirs.spans} == {""}
    assert [one.stage for one in ours.spans] == [one.stage for one in theirs.spans]
    assert (ours.lead_duration.seconds, len(ours.trace_id)) == (21 * 3600, 32)


def test_the_trace_is_otlp_that_a_collector_reads() -> None:
    """One root over the whole, a child a stretch, each inside it; links lead to the requests behind them."""
    life = whole_life()
    body = json.loads(otlp(NAME, life.opened, life.at(99), inside=True))
    assert json.loads(otlp(NAME, life.opened, life.at(120), inside=True)) == body
    (resource,) = body["resourceSpans"]
    root, *children = resource["scopeSpans"][0]["spans"]
    assert {one["traceId"] for one in (root, *children)} == {trace_id(NAME, life.opened)}
    assert [one["parentSpanId"] for one in children] == [root["spanId"]] * len(children)
    assert len({one["spanId"] for one in (root, *children)}) == len(children) + 1
    assert [one["name"] for one in children][:3] == ["intake", "routing", "team queue"]
    lengths = [int(one["endTimeUnixNano"]) - int(one["startTimeUnixNano"]) for one in (root, *children)]
    assert lengths[0] == sum(lengths[1:]) == 30 * 3600 * 10**9
    message = ParseDict(_as_protobuf_json(body), ExportTraceServiceRequest())
    spans = message.resource_spans[0].scope_spans[0].spans
    assert (len(spans[0].trace_id), len(spans[0].span_id)) == (16, 8)
    assert spans[4].links[0].trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert "links" not in json.dumps(json.loads(otlp(NAME, life.opened, life.at(99), inside=False)))


def test_a_stretch_of_a_request_without_an_end_says_nothing() -> None:
    """Only what has both ends is a stretch."""
    request = pb.GetJourneyRequest(name=NAME)
    request.off_hours.add().start_time.FromDatetime(OPENED)
    whole = request.off_hours.add()
    whole.start_time.FromDatetime(OPENED)
    whole.end_time.FromDatetime(OPENED + HOUR)
    assert off_hours(request) == [between(0, 1)]


def _as_protobuf_json(value: Any) -> Any:
    """OTLP writes ids in hexadecimal where protobuf's JSON has base64."""
    if isinstance(value, dict):
        ids = ("traceId", "spanId", "parentSpanId")
        return {
            key: base64.b64encode(bytes.fromhex(one)).decode() if key in ids else _as_protobuf_json(one)
            for key, one in value.items()
        }
    return [_as_protobuf_json(one) for one in value] if isinstance(value, list) else value
