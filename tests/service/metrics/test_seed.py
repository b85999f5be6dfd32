"""Facts in bulk are what events would have made of the same tickets, field by field, and so are their cells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2

from deploy.local import seed
from services.metrics.rules.fact import Judged, State
from services.metrics.rules.fold import Seen, SeenClocks
from services.metrics.store import counts
from services.metrics.wire.fact import CHANNELS, STATES, TYPES
from services.metrics.wire.instants import timestamp
from services.runtime.journal import Entry
from tests.service.metrics.desk import ROOT, Desk, between, entry
from tests.service.metrics.test_board import _numbers

COUNT, SAMPLE = 400, (0, 3, 57, 123, 248, 399)
_KINDS = {
    State.IN_PROGRESS: ticket_events.TicketStarted,
    State.AWAITING_REQUESTER: ticket_events.RequesterAsked,
    State.RESOLVED: ticket_events.TicketResolved,
    State.CLOSED: ticket_events.TicketClosed,
}


def _ticket(seen: Seen, assignee: str) -> ticket_pb2.Ticket:
    ticket = ticket_pb2.Ticket(
        name=seen.name, type=TYPES[seen.type], state=STATES[seen.state], title=seen.title, impact=seen.impact,
        urgency=seen.urgency, priority=seen.priority, service=seen.service, category=seen.category, site=seen.site,
        unit=seen.unit, team=seen.team, assignee=assignee, channel=CHANNELS[seen.channel],
        open_time=timestamp(seen.opened_at), first_response_time=timestamp(seen.responded_at),
        knowledge_used=seen.knowledge_used, item=seen.item,
    )  # fmt: skip
    if seen.duplicate:
        ticket.links.add(relation=ticket_pb2.LINK_RELATION_DUPLICATES, target="tickets/INC-000001")
    return ticket


def _clocks(seen: SeenClocks) -> sla_pb2.TicketClocks:
    def clock(kind: Any, judged: Judged) -> sla_pb2.Clock:
        state = sla_pb2.CLOCK_STATE_MET if judged.met else sla_pb2.CLOCK_STATE_MISSED
        made = sla_pb2.Clock(
            kind=kind,
            state=state if judged.finished_at else sla_pb2.CLOCK_STATE_RUNNING,
            stop_time=timestamp(judged.finished_at),
            breach_time=timestamp(judged.breached_at),
        )
        made.elapsed.seconds = judged.elapsed
        return made

    kinds = ((sla_pb2.CLOCK_KIND_RESPONSE, seen.response), (sla_pb2.CLOCK_KIND_RESOLUTION, seen.resolution))
    name = seen.ticket.replace("tickets/", "clocks/")
    return sla_pb2.TicketClocks(name=name, ticket=seen.ticket, clocks=[clock(*one) for one in kinds])


def told(number: int) -> list[Entry]:
    """The life of a seeded ticket as its owners would tell it."""
    first, steps = seed.life(number, COUNT)
    seen, assignee, sequences = first, "", {"ticket": 0, "clocks": 0}

    def next_entry(stream: str, name: str, message: Message, at: Any, actor: str) -> Entry:
        sequences[stream] += 1
        return entry(name, sequences[stream], message, at, actor)

    opened = ticket_events.TicketOpened(ticket=_ticket(first, ""))
    found = [next_entry("ticket", first.name, opened, first.opened_at, "people/ann")]
    for step in steps:
        if step.clocks is not None:
            message: Message = sla_events.ClockStopped(clocks=_clocks(step.clocks))
            name = first.name.replace("tickets/", "clocks/")
            found.append(next_entry("clocks", name, message, step.at, "system/sla"))
            continue
        before = seen
        seen = replace(replace(seen, given=False, asked=False), **step.change)
        assignee = "people/ben" if seen.given else assignee
        ticket = _ticket(seen, assignee)
        if "team" in step.change:
            previous = assignee if not seen.given else ""
            message = ticket_events.TicketAssigned(ticket=ticket, previous_team=before.team, previous_assignee=previous)
        elif "state" in step.change:
            message = _KINDS[seen.state](ticket=ticket)
        else:
            message = ticket_events.CommentAdded(ticket=ticket)
        found.append(next_entry("ticket", first.name, message, step.at, "people/ben" if step.human else "system/rules"))
    return found


async def test_a_sample_equals_what_events_make(desk: Desk) -> None:
    """Every field of the document's state, and the number of its changes."""
    for number in SAMPLE:
        await desk.publish(*told(number))
    await desk.heard()
    await desk.rolled()
    for number in SAMPLE:
        expected = seed.document(number, COUNT)
        found = await desk.run.db["facts"].find_one({"_id": expected["_id"]})
        assert found is not None
        assert {key: one for key, one in found["state"].items() if key != "stale"} == expected["state"]
        assert found["version"] == expected["version"]


async def test_cells_of_bulk_facts_are_those_of_their_facts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a board reads from cells of days, of eight and of 64 equals a count of the facts one by one."""
    await seed.fill(desk.run.db, seed.Facts(desk.run.db), COUNT, workers=1)
    item = {"item": "items/item-05", "channel": 1}
    for filter in ({}, {"channel": 1, "priorities": [3]}, item):
        exact = await desk.values(ROOT, period=between(), filter=filter)
        board = await desk.ask(ROOT, "GetBoard", period=between(), filter=filter, time_zone="Asia/Shanghai")
        monkeypatch.setattr(counts, "EXACT_BELOW", 1)
        assert _numbers(await desk.values(ROOT, period=between(), filter=filter)) == _numbers(exact)
        again = await desk.ask(ROOT, "GetBoard", period=between(), filter=filter, time_zone="Asia/Shanghai")
        assert again.days == board.days
        assert len(again.days) == 400
        monkeypatch.undo()
