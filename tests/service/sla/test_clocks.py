"""Clocks as requesters and agents see them, from the events of tickets, through NATS and gRPC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from throughline.sla.v1 import sla_pb2

from tests.service.sla.desk import (
    ASKED,
    BEN,
    DONE,
    EVE,
    LI,
    RESOLUTION,
    RESPONSE,
    WEI,
    WORK,
    Desk,
    Paper,
    clock_of,
    entries_of,
    instant,
    now,
    seconds,
    stamp,
)

Papers = Callable[[str], Paper]
HOUR = 3600


def shanghai(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    """A local time of Shanghai in November 2026."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC) - timedelta(hours=8)


async def _office(desk: Desk) -> None:
    """Monday to Friday 9-12 and 13-18; the 13th is closed, the Saturday after it is worked until noon."""
    await desk.calendar(
        "office",
        "Asia/Shanghai",
        ("09:00", "12:00"),
        ("13:00", "18:00"),
        days=[
            sla_pb2.CalendarDay(date="2026-11-13", reason="company day"),
            sla_pb2.CalendarDay(
                date="2026-11-14", reason="make-up day", segments=[sla_pb2.Segment(start="09:00", end="12:00")]
            ),
        ],
    )


def _worked_by_hand(paper: Paper) -> None:
    paper.opened(shanghai(12, 16, 30, 20), priority=2)
    answered = shanghai(12, 17, 15, 50)
    paper.moved("TicketStarted", shanghai(12, 17, 15), WORK)
    paper.moved("CommentAdded", answered, WORK, first_response_time=stamp(answered))
    paper.moved("RequesterAsked", shanghai(12, 17, 40), ASKED)
    paper.moved("QuestionAnswered", shanghai(14, 10, 10, 10), WORK)
    paper.moved("TicketResolved", shanghai(16, 14, 59, 59), DONE)
    paper.moved("TicketReopened", shanghai(16, 15, 30), WORK)
    paper.moved("TicketResolved", shanghai(16, 16, 0), DONE)


@pytest.mark.row("A060")
async def test_a_history_worked_by_hand_agrees_to_the_second(desk: Desk, paper: Papers) -> None:
    """Office hours, a closed day, a make-up morning, a pause and a reopening: every figure and segment as on paper."""
    await _office(desk)
    pauses = [ASKED]
    await desk.policy(
        "p2",
        "office",
        sla_pb2.Target(kind=RESPONSE, duration=seconds(HOUR)),
        sla_pb2.Target(kind=RESOLUTION, duration=seconds(8 * HOUR), pause_states=pauses, warn_percent=75),
        priorities=[2],
    )
    ticket = paper("INC-000001")
    _worked_by_hand(ticket)
    await ticket.tell()

    clocks = await desk.clocks(ticket.name, lambda one: instant(one.clocks[1].stop_time) == shanghai(16, 16, 0))

    response, resolution = clock_of(clocks, RESPONSE), clock_of(clocks, RESOLUTION)
    assert response.state == sla_pb2.CLOCK_STATE_MET
    assert response.elapsed.ToTimedelta() == timedelta(minutes=45, seconds=30)
    assert instant(response.stop_time) == shanghai(12, 17, 15, 50)
    assert resolution.state == sla_pb2.CLOCK_STATE_MISSED
    assert resolution.elapsed.ToTimedelta() == timedelta(hours=8, minutes=29, seconds=29)
    assert instant(resolution.warned_time) == shanghai(16, 13, 0, 30)
    assert instant(resolution.breach_time) == shanghai(16, 15, 30, 31)
    running, paused, closed = (
        sla_pb2.SEGMENT_KIND_RUNNING,
        sla_pb2.SEGMENT_KIND_PAUSED,
        sla_pb2.SEGMENT_KIND_CLOSED,
    )
    by = [entry.id for entry in ticket.told]
    hours = "calendars/office@1"
    assert [(one.kind, instant(one.start_time), one.cause) for one in resolution.segments] == [
        (running, shanghai(12, 16, 30, 20), by[0]),
        (paused, shanghai(12, 17, 40), by[3]),
        (running, shanghai(14, 10, 10, 10), by[4]),
        (closed, shanghai(14, 12, 0), hours),
        (running, shanghai(16, 9, 0), by[4]),
        (closed, shanghai(16, 12, 0), hours),
        (running, shanghai(16, 13, 0), by[4]),
        (paused, shanghai(16, 14, 59, 59), by[5]),
        (running, shanghai(16, 15, 30), by[6]),
    ]
    lengths = [instant(one.end_time) - instant(one.start_time) for one in resolution.segments]
    assert sum(lengths, timedelta()) == shanghai(16, 16, 0) - shanghai(12, 16, 30, 20)


@pytest.mark.row("A061")
async def test_requester_and_agent_see_target_time_left_and_why_it_is_paused(desk: Desk, paper: Papers) -> None:
    """Both sides read the same promise and the event that paused it; nobody else learns that there is such a ticket."""
    await desk.calendar("always", "UTC")
    await desk.policy(
        "p3",
        "always",
        sla_pb2.Target(kind=RESPONSE, duration=seconds(HOUR)),
        sla_pb2.Target(kind=RESOLUTION, duration=seconds(4 * HOUR), pause_states=[ASKED]),
    )
    ticket = paper("INC-000001")
    opened = now() - timedelta(minutes=30)
    ticket.opened(opened)
    asked = ticket.moved("RequesterAsked", opened + timedelta(minutes=10), ASKED)
    await ticket.tell()

    await desk.clocks(ticket.name, lambda one: clock_of(one, RESOLUTION).state == sla_pb2.CLOCK_STATE_PAUSED)
    for actor in (LI, BEN):
        clocks = await desk.clocks(ticket.name, actor=actor)
        resolution, response = clock_of(clocks, RESOLUTION), clock_of(clocks, RESPONSE)
        assert resolution.target.ToTimedelta() == timedelta(hours=4)
        assert resolution.remaining.ToTimedelta() == timedelta(hours=3, minutes=50)
        assert not resolution.HasField("due_time")
        assert (resolution.current.ticket_state, resolution.current.cause) == (ASKED, asked.id)
        assert instant(resolution.current.start_time) == opened + timedelta(minutes=10)
        # The other promise does not pause: half an hour of it is gone.
        assert instant(response.due_time) == opened + timedelta(hours=1)
        assert timedelta(minutes=29) < response.remaining.ToTimedelta() <= timedelta(minutes=30)
    for actor in (EVE, WEI):
        assert (await desk.refused(actor, "GetTicketClocks", ticket=ticket.name)).reason == "NOT_FOUND"
        assert not (await desk.ask(actor, "BatchGetTicketClocks", tickets=[ticket.name])).clocks


async def test_another_priority_keeps_the_elapsed_time(desk: Desk, paper: Papers) -> None:
    """Raised from P3 to P1 after an hour, an hour of the new promise is gone; lowered, the breach is judged anew."""
    await desk.calendar("always", "UTC")
    for priority, hours in ((1, 2), (3, 8)):
        target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(hours * HOUR))
        await desk.policy(f"p{priority}", "always", target, priorities=[priority])
    ticket = paper("INC-000001")
    opened = now() - timedelta(hours=3)
    ticket.opened(opened, priority=3)
    ticket.moved("TicketTriaged", opened + timedelta(hours=1), WORK, priority=1)
    await ticket.tell()

    raised = clock_of(await desk.clocks(ticket.name, lambda one: one.priority == 1), RESOLUTION)
    assert raised.elapsed.ToTimedelta() == timedelta(hours=1)
    assert instant(raised.due_time) == opened + timedelta(hours=2)

    breached = await desk.clocks(ticket.name, lambda one: one.clocks[0].HasField("breach_time"))
    assert instant(breached.clocks[0].breach_time) == opened + timedelta(hours=2)

    await ticket.tell(ticket.moved("TicketTriaged", opened + timedelta(hours=2.5), WORK, priority=3))
    lowered = await desk.clocks(ticket.name, lambda one: one.priority == 3)
    assert lowered.policy == "policies/p3"
    assert not lowered.clocks[0].HasField("breach_time")
    assert instant(lowered.clocks[0].due_time) == opened + timedelta(hours=8)


async def test_a_ticket_that_is_promised_nothing_until_it_is_triaged(desk: Desk, paper: Papers) -> None:
    """Without a policy there are no clocks and nothing is told; the promise of the triage counts from the opening."""
    await desk.calendar("always", "UTC")
    await desk.policy("p2", "always", sla_pb2.Target(kind=RESOLUTION, duration=seconds(8 * HOUR)), priorities=[2])
    ticket = paper("INC-000001")
    opened = now() - timedelta(hours=1)
    await ticket.tell(ticket.opened(opened, priority=0))

    bare = await desk.clocks(ticket.name)
    assert not bare.clocks
    assert not (await desk.ask(BEN, "BatchGetTicketClocks", tickets=[ticket.name])).clocks
    assert not await entries_of(desk.run, ticket.name)

    await ticket.tell(ticket.moved("TicketTriaged", opened + timedelta(minutes=50), WORK, priority=2))
    clocks = await desk.clocks(ticket.name, lambda one: bool(one.clocks))
    assert instant(clocks.clocks[0].start_time) == opened
    assert instant(clocks.clocks[0].due_time) == opened + timedelta(hours=8)


async def test_the_list_is_by_due_time_and_for_the_own_unit(desk: Desk, paper: Papers) -> None:
    """Soonest first and page by page, by team and by breach; staff of another unit and requesters do not see it."""
    await desk.calendar("always", "UTC")
    for priority, hours in ((1, 1), (2, 4), (3, 8)):
        target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(hours * HOUR), pause_states=[ASKED])
        await desk.policy(f"p{priority}", "always", target, priorities=[priority])
    opened = now() - timedelta(hours=2)
    wanted = [(2, "teams/net"), (1, "teams/desk"), (3, "teams/desk")]
    for number, (priority, team) in enumerate(wanted):
        ticket = paper(f"INC-00000{number}")
        await ticket.tell(ticket.opened(opened, priority=priority, team=team))
    paused, shut = paper("INC-000008"), paper("INC-000009")
    paused.opened(opened, team="teams/net")
    paused.moved("RequesterAsked", opened + timedelta(hours=1), ASKED)
    shut.opened(opened)
    shut.moved("TicketResolved", opened + timedelta(hours=1), DONE)
    await paused.tell()
    await shut.tell()
    await desk.clocks(shut.name, lambda one: one.clocks[0].state == sla_pb2.CLOCK_STATE_MET)
    await desk.clocks("tickets/INC-000001", lambda one: one.clocks[0].HasField("breach_time"))

    async def listed(**fields: object) -> list[str]:
        found, token = [], ""
        while True:
            page = await desk.ask(BEN, "ListTicketClocks", page_size=2, page_token=token, **fields)
            found += [one.ticket[-1] for one in page.clocks]
            token = page.next_page_token
            if not token:
                return found

    assert await listed() == ["1", "0", "2", "8"]
    assert await listed(team="teams/net") == ["0", "8"]
    assert await listed(breached_only=True) == ["1"]
    assert not (await desk.ask(WEI, "ListTicketClocks")).clocks
    assert (await desk.refused(LI, "ListTicketClocks")).reason == "ROLE_REQUIRED"
