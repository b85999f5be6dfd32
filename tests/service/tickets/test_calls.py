"""What every call keeps: once per request_id, nothing over a stale etag, nothing to strangers."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.tickets.v1 import ticket_pb2 as t

from services.runtime.actor import Actor
from services.runtime.refusal import Kind
from tests.service.tickets.counter import ANN, BEN, EVE, ROOT, WEI, Counter

PUBLIC = t.VISIBILITY_PUBLIC


async def test_a_ticket_is_filed_and_read(counter: Counter) -> None:
    """A requester files for herself and reads it back, with a number of its kind."""
    filed = await counter.filed()
    assert filed.name == "tickets/INC-000001"
    assert (filed.requester, filed.unit, filed.state) == (ANN.sub, "cn/east", t.TICKET_STATE_NEW)
    assert await counter.ask(ANN, "GetTicket", name=filed.name) == filed
    wish = await counter.filed(type=t.TICKET_TYPE_REQUEST, title="A chair")
    assert wish.name == "tickets/REQ-000001"


async def test_the_same_request_again_has_no_second_effect(counter: Counter) -> None:
    """Filing and commenting again under their request_id return the ticket as it is now; nothing doubles."""
    twice = str(uuid.uuid4())
    filed, again = await asyncio.gather(counter.filed(request_id=twice), counter.filed(request_id=twice))
    assert filed.name == again.name
    said = {"name": filed.name, "text": "Hello", "visibility": PUBLIC, "request_id": str(uuid.uuid4())}
    first = await counter.ask(BEN, "AddComment", **said)
    later = await counter.ask(BEN, "AssignTicket", name=filed.name, team="teams/desk")
    assert await counter.ask(BEN, "AddComment", **said) == later
    assert first.etag != later.etag
    assert (await counter.ask(ANN, "CountTickets")).count == 1
    entries = (await counter.ask(ANN, "ListTimelineEntries", name=filed.name)).entries
    assert [one.kind for one in entries] == ["TicketOpened", "CommentAdded", "TicketAssigned"]


async def test_a_request_id_is_not_used_for_something_else(counter: Counter) -> None:
    """The same id with another content is refused; the same id of another person is another one."""
    one = str(uuid.uuid4())
    filed = await counter.filed(request_id=one)
    refused = await counter.refused(ANN, "CreateTicket", request_id=one, type=t.TICKET_TYPE_INCIDENT, title="Other")
    assert (refused.kind, refused.reason, refused.field) == (Kind.INVALID, "REQUEST_ID_REUSED", "request_id")
    other = await counter.filed(EVE, request_id=one)
    assert other.name != filed.name


async def test_a_stale_etag_changes_nothing(counter: Counter) -> None:
    """Who decided on an older state is told to read again."""
    filed = await counter.filed()
    assigned = await counter.ask(BEN, "AssignTicket", name=filed.name, etag=filed.etag, team="teams/desk")
    refused = await counter.refused(BEN, "StartTicket", name=filed.name, etag=filed.etag)
    assert (refused.kind, refused.reason) == (Kind.CONFLICT, "ETAG_MISMATCH")
    assert await counter.ask(BEN, "GetTicket", name=filed.name) == assigned


@pytest.mark.parametrize("stranger", [EVE, WEI], ids=["another requester", "an agent of another unit"])
async def test_to_strangers_a_ticket_does_not_exist(counter: Counter, stranger: Actor) -> None:
    """Reading, changing (with any etag), its timeline and its files: all NOT_FOUND, as for a number never given."""
    filed = await counter.filed()
    calls: dict[str, dict[str, Any]] = {
        "GetTicket": {},
        "CloseTicket": {"etag": '"77"'},
        "AddComment": {"text": "x", "visibility": PUBLIC},
        "ListTimelineEntries": {},
        "GetAttachment": {"attachment_id": "x"},
        "AddAttachment": {"file_name": "a.txt", "content": b"x", "visibility": PUBLIC},
    }
    for method, fields in calls.items():
        refused = await counter.refused(stranger, method, name=filed.name, **fields)
        absent = await counter.refused(stranger, method, name="tickets/INC-999999", **fields)
        assert (refused.kind, refused.reason) == (absent.kind, absent.reason) == (Kind.NOT_FOUND, "NOT_FOUND"), method


async def test_the_requester_may_not_do_the_agents_work(counter: Counter) -> None:
    """The door lets her in, the rule does not; the administrator does no tickets either."""
    filed = await counter.filed()
    for somebody in (ANN, ROOT):
        refused = await counter.refused(somebody, "TriageTicket", name=filed.name, impact=1, urgency=1)
        assert (refused.kind, refused.reason) == (Kind.FORBIDDEN, "ROLE_REQUIRED")


async def test_a_request_that_breaks_its_contract_names_the_field(counter: Counter) -> None:
    """An unknown name, a link that says nothing, a request_id that is none."""
    filed = await counter.filed()
    for method, fields, field in (
        ("GetTicket", {"name": "tickets/../INC-1"}, "name"),
        ("LinkTicket", {"name": filed.name, "link": t.Link(target="changes/CHG-000001")}, "link.relation"),
        ("StartTicket", {"name": filed.name, "request_id": "1"}, "request_id"),
    ):
        refused = await counter.refused(BEN, method, **fields)
        assert (refused.reason, refused.field) == ("INVALID_FIELDS", field)


async def test_an_agent_says_when_the_impact_began(counter: Counter) -> None:
    """Once, however often it is sent, within its bounds, and taken back when it was wrong; the item stays with it."""
    filed = await counter.filed(item="items/till-printer")
    opened = filed.open_time.ToDatetime(UTC)
    began, later = Timestamp(), Timestamp()
    began.FromDatetime(opened - timedelta(hours=2))
    later.FromDatetime(opened + timedelta(seconds=1))
    once = {"name": filed.name, "request_id": str(uuid.uuid4()), "impact_start_time": began}
    dated = await counter.ask(BEN, "SetImpactStart", **once)
    assert await counter.ask(BEN, "SetImpactStart", **once) == dated
    assert (dated.item, dated.impact_start_time) == ("items/till-printer", began)

    refused = await counter.refused(BEN, "SetImpactStart", name=filed.name, impact_start_time=later)
    assert (refused.reason, refused.field) == ("IMPACT_START_INVALID", "impact_start_time")
    assert (await counter.refused(ANN, "SetImpactStart", name=filed.name)).reason == "ROLE_REQUIRED"
    refused = await counter.refused(BEN, "CreateTicket", type=t.TICKET_TYPE_INCIDENT, title="x", item="notebook")
    assert (refused.reason, refused.field) == ("INVALID_FIELDS", "item")

    back = await counter.ask(BEN, "SetImpactStart", name=filed.name)
    assert not back.HasField("impact_start_time")
    told = await counter.ask(BEN, "ListTimelineEntries", name=filed.name)
    assert [(one.kind, one.detail) for one in told.entries[1:]] == [
        ("ImpactStartSet", began.ToJsonString()),
        ("ImpactStartSet", ""),
    ]


async def test_links_are_kept_on_one_side(counter: Counter) -> None:
    """A link stands on the ticket that named it, once, until it is taken back."""
    filed = await counter.filed()
    link = t.Link(relation=t.LINK_RELATION_CAUSED_BY, target="changes/CHG-000012")
    for _ in range(2):
        linked = await counter.ask(BEN, "LinkTicket", name=filed.name, link=link)
        assert list(linked.links) == [link]
    unlinked = await counter.ask(BEN, "UnlinkTicket", name=filed.name, link=link)
    assert not unlinked.links
