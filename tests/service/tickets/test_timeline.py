"""A ticket's journal as its timeline, and the same events on the stream."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import nats
from throughline.tickets.v1 import events_pb2
from throughline.tickets.v1 import journey_pb2 as j
from throughline.tickets.v1 import ticket_pb2 as t

from services.runtime.actor import Actor
from tests.service.tickets.counter import ANN, BEN, EVE, Counter


async def entries(counter: Counter, actor: Actor, name: str, size: int = 0) -> list[Any]:
    """All pages of a timeline."""
    found: list[Any] = []
    token = ""
    while True:
        page = await counter.ask(actor, "ListTimelineEntries", name=name, page_size=size, page_token=token)
        assert not size or len(page.entries) <= size
        found += page.entries
        token = page.next_page_token
        if not token:
            return found


async def talked(counter: Counter) -> str:
    """A ticket about which something was said, in public and among agents."""
    name: str = (await counter.filed(description="It smokes")).name
    await counter.ask(BEN, "AssignTicket", name=name, team="teams/print", assignee=BEN.sub)
    for text, visibility in (("Fire?", t.VISIBILITY_INTERNAL), ("We come", t.VISIBILITY_PUBLIC)):
        await counter.ask(BEN, "AddComment", name=name, text=text, visibility=visibility)
    # The same assignment again is journalled and tells nothing.
    await counter.ask(BEN, "AssignTicket", name=name, team="teams/print", assignee=BEN.sub)
    await counter.ask(BEN, "AskRequester", name=name, question="Still?")
    await counter.ask(ANN, "AnswerQuestion", name=name, answer="Less")
    return name


async def test_the_timeline_tells_in_order_what_was_said_and_done(counter: Counter) -> None:
    """Each event once with its words and its actor, in whatever pages, also while it is still on its way."""
    name = await talked(counter)
    whole = await entries(counter, BEN, name)
    assert [(one.kind, one.actor, one.text) for one in whole] == [
        ("TicketOpened", ANN.sub, "It smokes"),
        ("TicketAssigned", BEN.sub, ""),
        ("CommentAdded", BEN.sub, "Fire?"),
        ("CommentAdded", BEN.sub, "We come"),
        ("RequesterAsked", BEN.sub, "Still?"),
        ("QuestionAnswered", ANN.sub, "Less"),
    ]
    assert (whole[1].team, whole[1].previous_team, whole[-1].detail) == ("teams/print", "", "Still?")
    for size in (1, 2, 4):
        assert await entries(counter, BEN, name, size) == whole
    await asyncio.sleep(0.5)
    assert await entries(counter, BEN, name) == whole


async def test_the_requester_reads_nothing_internal(counter: Counter) -> None:
    """Not in the timeline, whatever the size of its pages."""
    name = await talked(counter)
    for size in (0, 1, 3):
        seen = await entries(counter, ANN, name, size)
        assert [one.text for one in seen if one.kind == "CommentAdded"] == ["We come"]
        assert len(seen) == 5


async def test_what_is_told_is_on_the_stream_with_the_whole_ticket(empty_nats: str, counter: Counter) -> None:
    """Subject, type and id of an event, and the ticket after it as the caller saw it."""
    filed = await counter.filed()
    client = await nats.connect(empty_nats)
    try:
        stream = client.jetstream()
        subject = "throughline.tickets.v1.TicketOpened"
        reader = await stream.subscribe(subject, ordered_consumer=True)
        message = await reader.next_msg(timeout=10)
    finally:
        await client.close()
    assert message.headers is not None
    assert (message.headers["ce-type"], message.headers["ce-subject"]) == (subject, filed.name)
    assert events_pb2.TicketOpened.FromString(message.data or b"").ticket == filed


async def test_the_journey_is_whole_and_shows_each_what_they_may_see(counter: Counter) -> None:
    """Made of the journal, with what is still on its way; exported as the same trace; hidden from others."""
    name = await talked(counter)
    await counter.ask(BEN, "ResolveTicket", name=name, code=t.RESOLUTION_CODE_FIXED, note="Fan replaced")
    await counter.ask(ANN, "CloseTicket", name=name)
    ours, hers = await counter.ask(BEN, "GetJourney", name=name), await counter.ask(ANN, "GetJourney", name=name)
    stages = [j.JourneyStage.Name(one.stage).removeprefix("JOURNEY_STAGE_") for one in ours.spans]
    assert (stages[0], stages[-1]) == ("INTAKE", "FEEDBACK")
    assert [one for one in stages if one in ("TEAM_QUEUE", "REQUESTER", "WORK")][-2:] == ["REQUESTER", "WORK"]
    assert [(one.stage, one.who) for one in hers.spans] == [(one.stage, one.who) for one in ours.spans]
    nanos = [one.duration.ToNanoseconds() for one in ours.spans if one.critical]
    assert sum(nanos) == ours.lead_duration.ToNanoseconds()
    assert ours.lead_end_time.ToNanoseconds() - ours.open_time.ToNanoseconds() == sum(nanos)
    assert not any(one.linked_trace_id for one in hers.spans)
    exported = await counter.ask(ANN, "ExportJourney", name=name)
    trace = json.loads(exported.content)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert ({one["traceId"] for one in trace}, len(trace)) == ({ours.trace_id}, len(ours.spans) + 1)
    assert exported.file_name == f"{name.removeprefix('tickets/')}.otlp.json"
    assert (await counter.refused(EVE, "GetJourney", name=name)).reason == "NOT_FOUND"
    assert (await counter.refused(EVE, "ExportJourney", name=name)).reason == "NOT_FOUND"
