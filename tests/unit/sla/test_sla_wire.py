"""Messages and documents say what the rules' values say, and give them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson.codec_options import CodecOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from throughline.sla.v1 import events_pb2, sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.runtime.records import Kind, Stamp
from services.sla.events import TICKET_EVENTS
from services.sla.rules import calendar as calendars
from services.sla.rules import policy as policies
from services.sla.rules.book import Book
from services.sla.rules.calendar import Calendar, Draft
from services.sla.rules.clocks import ClockBreached, moments
from services.sla.rules.policy import ClockKind, Match, Policy
from services.sla.rules.publication import Draft as PolicyDraft
from services.sla.rules.publication import Publication
from services.sla.rules.ticket import TicketState, TicketType
from services.sla.store import CALENDARS, CLOCKS, POLICIES
from services.sla.store.clocks import moment_of, step_of
from services.sla.wire import calendar as calendar_wire
from services.sla.wire import clocks as clocks_wire
from services.sla.wire import policy as policy_wire
from services.sla.wire.instants import duration, instant, length, timestamp
from services.sla.wire.ticket import clocks_name, seen
from tests.unit.sla.history import ADMIN, OFFICE, Step, at, books, histories, run, targets

_AWARE: CodecOptions[Mapping[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_settings = settings(max_examples=60, deadline=None, derandomize=True)


def _through_store(kind: Kind[Any], state: object) -> object:
    """The state as it comes back from the database."""
    document: Mapping[str, Any] = bson.decode(bson.encode(kind.encode(state)), _AWARE)
    return kind.decode(document)


@_settings
@given(steps=histories(), book=books())
def test_clocks_survive_the_store_and_their_event_holds_them_whole(steps: list[Step], book: Book) -> None:
    """A document gives back what it was made of; deadlines keep their meaning; the event has every segment."""
    clocks, told = run(steps, book)

    assert _through_store(CLOCKS, clocks) == clocks
    for deadline, moment in zip(CLOCKS.deadlines(clocks), moments(clocks), strict=True):
        assert deadline.step == step_of(moment)
        assert moment_of(deadline.step, deadline.at) == moment
    for event in told:
        message = CLOCKS.message(event, Stamp("clocks/INC-000001", 7, 9, at(0)))
        assert message.DESCRIPTOR.full_name == f"throughline.sla.v1.{type(event).__name__}"
        held: sla_pb2.TicketClocks = message.clocks  # type: ignore[attr-defined]  # every clock event has them
        assert (held.name, held.etag, held.ticket) == ("clocks/INC-000001", '"7"', "tickets/INC-000001")
        for said, meant in zip(held.clocks, event.clocks.clocks, strict=True):
            assert length(said.elapsed) == meant.elapsed
            assert said.HasField("breach_time") == (meant.breached_at is not None)
            assert [instant(one.start_time) for one in said.segments] == [one.start for one in meant.segments]
            assert said.HasField("current") == meant.live
            assert not said.HasField("remaining")


@_settings
@given(promised=targets(), priorities=st.frozensets(st.integers(0, 4)), order=st.integers(0, 1000))
def test_policies_go_through_wire_and_store(
    promised: tuple[policies.Target, ...], priorities: frozenset[int], order: int
) -> None:
    """What was published is what is answered, stored and, sent back as a draft, nothing new."""
    match = Match(priorities, frozenset({TicketType.REQUEST}), frozenset({"services/vpn"}), frozenset({"", "uci"}))
    draft = Policy("policies/x", order, match, promised, OFFICE.name, {"zh": "承诺", "en": "Promise"})
    published, _ = policies.publish(None, draft, calendars=[OFFICE.name], by=ADMIN, now=at(0))
    file = Publication(published.name, (published,), PolicyDraft(replace(draft, author="people/wu-min"), at(5)))

    assert _through_store(POLICIES, file) == file
    message = policy_wire.policy(published, '"1"')
    again, told = policies.publish(published, policy_wire.draft(message), calendars=[OFFICE.name], by=ADMIN)
    assert (again, told) == (published, ())


def test_calendars_go_through_wire_and_store() -> None:
    """Versions with days that stay, go and come back; the message sent back as a draft is nothing new."""
    monday = ((1, (("09:00", "12:00"), ("13:00", "24:00"))),)
    new_year, labour = ("2026-01-01", "元旦", ()), ("2026-05-01", "劳动节", (("09:00", "10:30"),))
    days = [(new_year,), (new_year, labour), (labour,), (new_year, labour)]
    kept: Calendar | None = None
    for number, some in enumerate(days):
        since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number) if number else None
        draft = Draft("calendars/cn", "Asia/Shanghai", monday, some, (2026,), since, {"zh": "办公"})
        kept, _ = calendars.publish(kept, draft, by=ADMIN)
    assert kept is not None
    assert [len(one.version.overrides) for one in kept.editions] == [1, 2, 1, 2]

    assert _through_store(CALENDARS, kept) == kept
    for edition in kept.editions:
        message = calendar_wire.calendar(edition, "")
        drafted = calendar_wire.draft(message)
        assert calendar_wire.draft(calendar_wire.calendar(edition, "")) == drafted
        version = edition.version
        assert message.version == version.version
        assert [one.date for one in message.days] == [one.day.isoformat() for one in version.overrides]
    same, told = calendars.publish(kept, calendar_wire.draft(calendar_wire.calendar(kept.latest, "")), by=ADMIN)
    assert (same, told) == (kept, ())
    event = CALENDARS.message(calendars.CalendarPublished(kept), Stamp(kept.name, 4, 4, at(0)))
    assert isinstance(event, events_pb2.CalendarPublished)
    assert (event.calendar.version, event.calendar.etag) == (4, '"4"')


def test_a_calendar_with_decades_of_versions_stays_small() -> None:
    """A hundred versions that each add a day keep every day once."""
    kept: Calendar | None = None
    for number in range(1, 101):
        days = tuple((f"20{10 + day // 28}-0{1 + day % 9}-{1 + day % 28:02}", "holiday", ()) for day in range(number))
        draft = Draft("calendars/cn", "UTC", ((1, (("09:00", "18:00"),)),), tuple(dict.fromkeys(days)))
        kept, _ = calendars.publish(kept, draft, by=ADMIN)
    assert kept is not None

    assert len(bson.encode(CALENDARS.encode(kept))) < 40_000
    assert _through_store(CALENDARS, kept) == kept


def test_what_the_clocks_see_of_a_ticket() -> None:
    """Every field that matters is taken; a ticket without a reply has none; all its events are heard."""
    ticket = ticket_pb2.Ticket(
        name="tickets/REQ-000007",
        type=ticket_pb2.TICKET_TYPE_REQUEST,
        state=ticket_pb2.TICKET_STATE_ON_HOLD,
        priority=2,
        service="services/vpn",
        source="uci",
        requester="people/ann",
        unit="cn/east",
        team="teams/net",
        importing=True,
        open_time=timestamp(at(5)),
    )
    looked = seen(ticket)
    assert (looked.state, looked.facts.type, looked.facts.priority) == (TicketState.ON_HOLD, TicketType.REQUEST, 2)
    assert (looked.facts.service, looked.facts.source) == ("services/vpn", "uci")
    assert (looked.requester, looked.unit, looked.team) == ("people/ann", "cn/east", "teams/net")
    assert (looked.importing, looked.opened_at, looked.responded_at) == (True, at(5), None)
    ticket.first_response_time.CopyFrom(timestamp(at(6)))  # type: ignore[arg-type]  # never none here
    assert seen(ticket).responded_at == at(6)
    assert clocks_name(ticket.name) == "clocks/REQ-000007"
    assert {one.DESCRIPTOR.name for one in TICKET_EVENTS} >= {"TicketOpened", "TicketImported", "CommentAdded"}
    assert "PriorityMatrixChanged" not in {one.DESCRIPTOR.name for one in TICKET_EVENTS}


@given(st.integers(-(10**12), 10**12))
def test_durations_keep_every_microsecond(micros: int) -> None:
    """Negative ones, as of overdue clocks, too."""
    assert length(duration(timedelta(microseconds=micros))) == timedelta(microseconds=micros)


def test_an_answer_says_what_is_left_and_an_event_does_not() -> None:
    """The time that is left belongs to a call; an event holds for ever."""
    clocks, _ = run([Step(0, TicketState.NEW)], Book())
    assert not clocks_wire.ticket_clocks(clocks, "").clocks
    event = clocks_wire.told(ClockBreached(clocks, ClockKind.RESPONSE), '"3"')
    assert isinstance(event, events_pb2.ClockBreached)
    assert event.kind == sla_pb2.CLOCK_KIND_RESPONSE
