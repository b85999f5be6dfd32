"""Late tickets by what they waited for longest, over the wire: counts, hours, shares, and the tickets behind them."""

from __future__ import annotations

from typing import Any

import pytest
from throughline.metrics.v1 import bottlenecks_pb2, metrics_pb2
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.runtime.journal import Entry
from tests.service.metrics.desk import EAST, ROOT, Desk, Story, between, clock, person

WORK, DONE = ticket_pb2.TICKET_STATE_IN_PROGRESS, ticket_pb2.TICKET_STATE_RESOLVED
HELD, ASKED = ticket_pb2.TICKET_STATE_ON_HOLD, ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
INTAKE, ROUTING, KNOWLEDGE, VENDOR = (
    bottlenecks_pb2.BottleneckCause.Value(f"BOTTLENECK_CAUSE_{name}")
    for name in ("POOR_INTAKE", "WRONG_ROUTING", "MISSING_KNOWLEDGE", "VENDOR")
)
SUPPLIER = ticket_pb2.Hold(reason=ticket_pb2.HOLD_REASON_VENDOR, unblocker="Acme", note="Part")


def judged(story: Story, end: float, *, met: bool = False) -> Entry:
    """Its clock for the resolution, stopped when it ended."""
    state = sla_pb2.CLOCK_STATE_MET if met else sla_pb2.CLOCK_STATE_MISSED
    moments = {"stop_time": end} if met else {"stop_time": end, "breach_time": end - 1}
    return story.tell_clocks("ClockStopped", end, clock(sla_pb2.CLOCK_KIND_RESOLUTION, state, 0, **moments))


def supplied(number: int, hours: float, **fields: Any) -> list[Entry]:
    """A ticket that waits so many hours for a supplier, and three hours for everything else."""
    story = Story(number, **fields)
    told = story.started(0)
    story.ticket.hold.CopyFrom(SUPPLIER)
    told.append(story.tell("TicketHeld", 1, state=HELD))
    story.ticket.ClearField("hold")
    told.append(story.tell("TicketResumed", 1 + hours, state=WORK))
    end = 3 + hours
    return [*told, story.tell("TicketResolved", end, state=DONE), judged(story, end)]


@pytest.mark.row("A067")
async def test_each_late_ticket_is_laid_to_what_it_waited_for_longest(desk: Desk) -> None:
    """By stated rules, with hours that are exact, shares only of enough tickets, and examples that name the ticket."""
    entries = [one for number, hours in ((1, 10), (2, 20), (3, 30)) for one in supplied(number, hours)]
    asked, passed, alone = Story(4), Story(5), Story(6)
    entries += [*asked.started(0), asked.tell("RequesterAsked", 1, state=ASKED)]
    entries += [asked.tell("QuestionAnswered", 9, state=WORK), asked.tell("TicketResolved", 10, state=DONE)]
    entries += [passed.tell("TicketOpened", 0), passed.tell("TicketAssigned", 1, team="teams/a")]
    entries += [passed.tell("TicketAssigned", 5, team="teams/b"), passed.tell("TicketStarted", 8, state=WORK)]
    entries += [passed.tell("TicketResolved", 9, state=DONE), *alone.resolved(0, 7)]
    entries += [judged(asked, 10), judged(passed, 9), judged(alone, 7)]
    in_time = Story(7)
    entries += [*in_time.resolved(0, 50), judged(in_time, 50, met=True)]
    await desk.publish(*entries)
    await desk.heard()

    report = await desk.ask(ROOT, "GetBottleneckReport", period=between())
    rows = [(one.cause, one.tickets, one.waited.seconds) for one in report.causes]
    assert rows == [
        (VENDOR, 3, 60 * 3600), (INTAKE, 1, 8 * 3600), (ROUTING, 1, 8 * 3600), (KNOWLEDGE, 1, int(6.8 * 3600)),
    ]  # fmt: skip
    assert (report.late_tickets, report.ended_tickets) == (6, 7)
    share = report.causes[0].share
    assert (share.state, share.value, share.n) == (metrics_pb2.VALUE_STATE_SHOWN, 50.0, 6)
    assert share.low < 50 < share.high
    few = await desk.ask(ROOT, "GetBottleneckReport", period=between(20, 40))
    assert [(one.cause, one.tickets) for one in few.causes] == [(VENDOR, 2)]
    assert few.causes[0].share.state == metrics_pb2.VALUE_STATE_TOO_FEW

    found, token = [], ""
    while True:
        asked_for = {"period": between(), "cause": VENDOR, "page_size": 2, "page_token": token}
        page = await desk.ask(ROOT, "ListBottleneckTickets", **asked_for)
        found += page.tickets
        token = page.next_page_token
        if not token:
            break
    assert [(one.fact.ticket, one.waited.seconds // 3600) for one in found] == [
        ("tickets/INC-000003", 30), ("tickets/INC-000002", 20), ("tickets/INC-000001", 10),
    ]  # fmt: skip
    assert found[0].title == "Printer 3 offline"

    await desk.rolled()
    assert await desk.ask(ROOT, "GetBottleneckReport", period=between()) == report


async def test_the_report_ends_where_the_readers_unit_does(desk: Desk) -> None:
    """Counts, examples and page tokens alike; who reads no numbers reads none of these."""
    await desk.publish(*supplied(1, 10), *supplied(2, 20, unit="cn/west"), *supplied(3, 30, team="teams/x"))
    await desk.heard()
    east = await desk.ask(EAST, "GetBottleneckReport", period=between())
    assert [(one.tickets, one.waited.seconds) for one in east.causes] == [(2, 40 * 3600)]
    listed = await desk.ask(EAST, "ListBottleneckTickets", period=between(), page_size=1)
    assert listed.tickets[0].fact.ticket == "tickets/INC-000003"
    other = {"period": between(), "page_size": 1, "page_token": listed.next_page_token}
    assert (await desk.refused(ROOT, "ListBottleneckTickets", **other)).reason == "PAGE_TOKEN_INVALID"
    only = await desk.ask(ROOT, "GetBottleneckReport", period=between(), filter={"team": "teams/none"})
    assert (only.late_tickets, list(only.causes)) == (0, [])
    refused = await desk.refused(person("ann", "requester"), "GetBottleneckReport", period=between())
    assert refused.reason == "ROLE_REQUIRED"
