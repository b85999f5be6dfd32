"""Tickets and events survive the way through their messages and documents, whatever they hold."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.runtime.actor import Actor
from services.tickets.rules import events as told
from services.tickets.rules.ticket import (
    Attachment,
    Channel,
    Comment,
    Hold,
    HoldReason,
    Link,
    LinkRelation,
    Question,
    Resolution,
    ResolutionCode,
    State,
    Ticket,
    Type,
    Visibility,
)
from services.tickets.store.tickets import decode, encode
from services.tickets.wire.events import event_message, event_state
from services.tickets.wire.ticket import ticket_for, ticket_message, ticket_state
from services.tickets.wire.timeline import timeline_entry
from tests.unit.tickets.cases import ANN, BEN, FRESH, NOW

MOMENTS = st.integers(0, 4_000_000_000_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COUNTS = st.integers(0, 2**31 - 1)
HOLDS = st.builds(Hold, st.sampled_from(HoldReason), TEXTS, TEXTS, MOMENTS)
QUESTIONS = st.builds(Question, TEXTS, TEXTS, MOMENTS)
LINKS = st.builds(Link, st.sampled_from(LinkRelation), TEXTS)
FILES = st.builds(Attachment, TEXTS, TEXTS, TEXTS, st.integers(0, 2**53), TEXTS, MOMENTS, st.sampled_from(Visibility))
RESOLUTIONS = st.builds(Resolution, st.sampled_from(ResolutionCode), TEXTS, st.lists(TEXTS, max_size=3).map(tuple))
_OF = {
    "type": st.sampled_from(Type),
    "state": st.sampled_from(State),
    "channel": st.sampled_from(Channel),
    "hold": st.none() | HOLDS,
    "question": st.none() | QUESTIONS,
    "resolution": st.none() | RESOLUTIONS,
    "links": st.lists(LINKS, max_size=2).map(tuple),
    "attachments": st.lists(FILES, max_size=2).map(tuple),
    "teams": st.lists(TEXTS.filter(bool), max_size=3, unique=True).map(tuple),
}


def _strategy(name: str, kind: str) -> st.SearchStrategy[Any]:
    if name in _OF:
        return _OF[name]
    return {"datetime": MOMENTS, "datetime | None": st.none() | MOMENTS, "int": COUNTS, "bool": st.booleans()}.get(
        kind, TEXTS
    )


TICKETS = st.builds(Ticket, **{one.name: _strategy(one.name, str(one.type)) for one in fields(Ticket)})
EVENTS = st.one_of(
    *(
        st.builds(kind, TICKETS)
        for kind in (
            told.TicketOpened,
            told.TicketStarted,
            told.RequesterAsked,
            told.TicketHeld,
            told.TicketResumed,
            told.TicketResolved,
            told.TicketClosed,
            told.TicketImported,
        )
    ),
    st.builds(told.TicketTriaged, TICKETS, COUNTS),
    st.builds(told.TicketAssigned, TICKETS, TEXTS, TEXTS),
    st.builds(told.ImpactStartSet, TICKETS, st.none() | MOMENTS),
    st.builds(told.QuestionAnswered, TICKETS, QUESTIONS, TEXTS),
    st.builds(told.TicketReopened, TICKETS, TEXTS, st.sampled_from(State)),
    st.builds(told.TicketCancelled, TICKETS, TEXTS),
    st.builds(
        told.CommentAdded,
        TICKETS,
        st.builds(Comment, TEXTS, st.sampled_from(Visibility), TEXTS, MOMENTS),
        st.booleans(),
    ),
    st.builds(told.AttachmentAdded, TICKETS, FILES),
    st.builds(told.TicketLinked, TICKETS, LINKS),
    st.builds(told.TicketUnlinked, TICKETS, LINKS),
)


def as_told(ticket: Ticket) -> Ticket:
    """What a message can say: of the teams, the one that has it."""
    return replace(ticket, teams=(ticket.team,) if ticket.team else ())


@given(TICKETS)
def test_a_ticket_survives_its_message(ticket: Ticket) -> None:
    """Through bytes and back nothing is lost but the former teams."""
    data = ticket_message("tickets/INC-000001", '"3"', ticket).SerializeToString(deterministic=True)
    message = ticket_pb2.Ticket.FromString(data)
    assert ticket_state(message) == as_told(ticket)
    assert (message.name, message.etag) == ("tickets/INC-000001", '"3"')


@given(TICKETS)
def test_a_ticket_survives_its_document(ticket: Ticket) -> None:
    """The store keeps everything."""
    assert decode(encode(ticket)) == ticket


@given(EVENTS)
def test_an_event_survives_its_message(event: told.TicketEvent) -> None:
    """Every kind of event, with what it says besides the ticket."""
    data = event_message(event, "tickets/INC-000001", '"3"').SerializeToString(deterministic=True)
    message = getattr(events_pb2, type(event).__name__).FromString(data)
    assert event_state(message) == replace(event, ticket=as_told(event.ticket))


def test_every_event_of_the_contract_is_told() -> None:
    """No message of events.proto is without an event of the rules."""
    names = {name for name in events_pb2.DESCRIPTOR.message_types_by_name if name != "PriorityMatrixChanged"}
    kinds: set[str] = {kind.__name__ for kind in told.TicketEvent.__subclasses__()}
    assert names == kinds


def test_the_requester_is_not_shown_internal_files() -> None:
    """In the same ticket an agent sees two files and the requester one."""
    files = [
        Attachment(name, f"{name}.txt", "text/plain", 1, BEN.sub, NOW, visibility)
        for name, visibility in (("a", Visibility.INTERNAL), ("b", Visibility.PUBLIC), ("c", Visibility.INTERNAL))
    ]
    ticket = replace(FRESH, attachments=tuple(files))

    def shown(actor: Actor) -> list[str]:
        return [one.id for one in ticket_for(actor, "tickets/INC-000001", '"1"', ticket).attachments]

    assert (shown(BEN), shown(ANN)) == (["a", "b", "c"], ["b"])


@pytest.mark.parametrize(("visibility", "outside"), [(Visibility.PUBLIC, True), (Visibility.INTERNAL, False)])
def test_the_timeline_hides_what_is_internal(visibility: Visibility, outside: bool) -> None:
    """An internal comment has no line for the requester, and none that could be internal once its text is erased."""
    event = told.CommentAdded(FRESH, Comment("The vendor is slow", visibility, BEN.sub, NOW), first_response=False)
    data = event_message(event, "tickets/INC-000001", '"2"').SerializeToString()
    kept = ("id", "throughline.tickets.v1.CommentAdded", NOW, BEN.sub)
    seen = timeline_entry(*kept, data, inside=True)
    assert seen is not None
    assert (seen.kind, seen.text, seen.actor) == ("CommentAdded", "The vendor is slow", BEN.sub)
    assert (timeline_entry(*kept, data, inside=False) is not None) is outside
    assert timeline_entry(*kept, b"", inside=False) is None
    assert timeline_entry(*kept, b"", inside=True) is not None


def test_the_timeline_says_to_when_the_impact_was_dated() -> None:
    """The time as it is now, and nothing once it is taken back."""
    for at, detail in ((NOW, "2026-03-04T09:00:00Z"), (None, "")):
        event = told.ImpactStartSet(replace(FRESH, impact_started_at=at), None)
        data = event_message(event, "tickets/INC-000001", '"2"').SerializeToString()
        line = timeline_entry("id", "throughline.tickets.v1.ImpactStartSet", NOW, BEN.sub, data, inside=False)

        assert line is not None
        assert (line.kind, line.detail) == ("ImpactStartSet", detail)


def test_a_ticket_of_an_earlier_release_names_no_item_and_no_impact() -> None:
    """A message and a document that were written before either was known are read as before."""
    message, document = ticket_message("tickets/INC-000001", '"3"', FRESH), encode(FRESH)

    assert not message.HasField("impact_start_time")
    assert {"item", "impact_started_at"}.isdisjoint(document)
    assert (ticket_state(message).item, decode(document).impact_started_at) == ("", None)
