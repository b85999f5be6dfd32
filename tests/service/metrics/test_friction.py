"""Where the service cracks, over the wire: touchpoints by service and by team, counted by hand, and what is behind."""

from __future__ import annotations

from typing import Any

import pytest
from throughline.metrics.v1 import friction_pb2, metrics_pb2
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.runtime.journal import Entry
from tests.service.metrics.desk import ANN, EAST, ROOT, Desk, Story, between, clock

WORK, DONE = ticket_pb2.TICKET_STATE_IN_PROGRESS, ticket_pb2.TICKET_STATE_RESOLVED
HELD, ASKED = ticket_pb2.TICKET_STATE_ON_HOLD, ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
CANCELLED, PHONE = ticket_pb2.TICKET_STATE_CANCELLED, ticket_pb2.CHANNEL_PHONE
PRINT, MAIL = {"service": "services/print"}, {"service": "services/mail", "unit": "cn/west"}
NAMES = ("PHONE", "QUESTION", "REPEATED_QUESTION", "CHASE", "REASSIGNMENT", "PING_PONG", "REOPENING")
TOUCHPOINTS = [friction_pb2.Touchpoint.Value(f"TOUCHPOINT_{name}") for name in NAMES]
CHASE, TEAM = TOUCHPOINTS[3], friction_pb2.FRICTION_BY_TEAM


def said(story: Story, hours: float) -> Entry:
    """The requester writes something in public."""
    comment = ticket_pb2.Comment(text="News?", visibility=ticket_pb2.VISIBILITY_PUBLIC, author="people/ann")
    return story.tell("CommentAdded", hours, extra={"comment": comment}, actor="people/ann")


def asked(number: int, times: int, **fields: Any) -> list[Entry]:
    """So many questions, each answered an hour later, and something said while we wait for the answer."""
    story = Story(number, **fields)
    told = story.started(0)
    for turn in range(times):
        told += [story.tell("RequesterAsked", 2 + 2 * turn, state=ASKED), said(story, 2.9 + 2 * turn)]
        told.append(story.tell("QuestionAnswered", 3 + 2 * turn, state=WORK))
    return [*told, story.tell("TicketResolved", 9, state=DONE)]


def held(number: int, **fields: Any) -> list[Entry]:
    """Chased at 3, not again at 3.5, and at 5 while it waits; at work nothing is a chase."""
    story = Story(number, **fields)
    told = [*story.started(0), said(story, 1.5), story.tell("TicketHeld", 2, state=HELD)]
    told += [said(story, 3), said(story, 3.5), said(story, 5), story.tell("TicketResumed", 6, state=WORK)]
    return [*told, story.tell("TicketResolved", 7, state=DONE)]


def tossed(number: int, **fields: Any) -> list[Entry]:
    """From a to b and back, resolved, opened again, resolved."""
    story = Story(number, **fields)
    told = [*story.started(0), story.tell("TicketAssigned", 1, team="teams/b", assignee="")]
    told += [story.tell("TicketAssigned", 2, team="teams/a", assignee="people/ben")]
    told += [story.tell("TicketResolved", 3, state=DONE), story.tell("TicketReopened", 4, state=WORK)]
    return [*told, story.tell("TicketResolved", 5, state=DONE)]


def judged(story: Story, **moments: Any) -> Entry:
    """Its clock for the resolution, as sla tells it now."""
    met = "breach_time" not in moments
    state = sla_pb2.CLOCK_STATE_MET if met else sla_pb2.CLOCK_STATE_MISSED
    return story.tell_clocks("ClockStopped", 9, clock(sla_pb2.CLOCK_KIND_RESOLUTION, state, 0, stop_time=9, **moments))


def counted(row: Any) -> tuple[str, int, list[int]]:
    """Place, tickets that ended, and how often each touchpoint happened."""
    assert [one.touchpoint for one in row.cells] == TOUCHPOINTS
    return row.place, row.ended_tickets, [one.times for one in row.cells]


async def listed(desk: Desk, **fields: Any) -> list[tuple[str, int]]:
    """All pages of the tickets behind a cell, one at a time."""
    found, token = [], ""
    while True:
        asked_for = {"period": between(), "touchpoint": CHASE, "page_size": 1, "page_token": token, **fields}
        page = await desk.ask(ROOT, "ListFrictionTickets", **asked_for)
        found += [(one.fact.ticket, one.times) for one in page.tickets]
        token = page.next_page_token
        if not token:
            return found


@pytest.mark.row("A074")
async def test_a_cell_counts_what_happened_and_opens_the_tickets_behind_it(desk: Desk) -> None:
    """Print: one phoned, one asked twice, one chased twice, one chased when late, one tossed and opened again, of five.
    Mail: one phoned; what is open or cancelled is in no cell. A breach that is taken back takes its chase with it.
    """
    late, open_one, gone = Story(4, **PRINT), Story(7, **MAIL), Story(8, **MAIL)
    entries = [*Story(1, channel=PHONE, **PRINT).resolved(0, 4), *asked(2, 2, **PRINT), *held(3, **PRINT)]
    entries += [*late.started(0), said(late, 5), late.tell("TicketResolved", 8, state=DONE), *tossed(5, **PRINT)]
    entries += [*Story(6, channel=PHONE, **MAIL).resolved(0, 4)]
    entries += [open_one.tell("TicketOpened", 0), said(open_one, 5)]
    entries += [
        *gone.started(0),
        gone.tell("RequesterAsked", 1, state=ASKED),
        gone.tell("TicketCancelled", 2, state=CANCELLED),
    ]
    await desk.publish(*entries)
    await desk.publish(judged(late, breach_time=4))
    await desk.heard()

    found = await desk.ask(ROOT, "GetFrictionMap", period=between())
    assert [counted(one) for one in found.rows] == [
        ("services/print", 5, [1, 2, 1, 3, 2, 1, 1]), ("services/mail", 1, [1, 0, 0, 0, 0, 0, 0]),
    ]  # fmt: skip
    assert counted(found.whole) == ("", 6, [2, 2, 1, 3, 2, 1, 1])
    assert [one.rate.value for one in found.rows[0].cells] == [20.0, 40.0, 20.0, 60.0, 40.0, 20.0, 20.0]
    assert {one.rate.state for one in found.rows[1].cells} == {metrics_pb2.VALUE_STATE_TOO_FEW}
    assert await listed(desk, filter=PRINT) == [
        ("tickets/INC-000004", 1), ("tickets/INC-000003", 2),
    ]  # fmt: skip
    assert await listed(desk, filter={"service": MAIL["service"]}) == []
    teams = await desk.ask(ROOT, "GetFrictionMap", period=between(), by=TEAM, filter={"service": PRINT["service"]})
    assert [counted(one) for one in teams.rows] == [("teams/a", 5, [1, 2, 1, 3, 2, 1, 1])]

    await desk.rolled()
    assert await desk.ask(ROOT, "GetFrictionMap", period=between()) == found
    await desk.publish(judged(late))
    await desk.heard()
    again = await desk.ask(ROOT, "GetFrictionMap", period=between())
    assert counted(again.rows[0]) == ("services/print", 5, [1, 2, 1, 2, 2, 1, 1])
    assert await listed(desk) == [("tickets/INC-000003", 2)]

    east = await desk.ask(EAST, "GetFrictionMap", period=between())
    assert [one.place for one in east.rows] == ["services/print"]
    page = await desk.ask(ROOT, "ListFrictionTickets", period=between(), touchpoint=TOUCHPOINTS[0], page_size=1)
    other = {"period": between(), "touchpoint": TOUCHPOINTS[0], "page_size": 1, "page_token": page.next_page_token}
    assert (await desk.refused(EAST, "ListFrictionTickets", **other)).reason == "PAGE_TOKEN_INVALID"
    assert (await desk.refused(ANN, "GetFrictionMap", period=between())).reason == "ROLE_REQUIRED"
    assert (await desk.refused(ROOT, "ListFrictionTickets", period=between())).field == "touchpoint"
