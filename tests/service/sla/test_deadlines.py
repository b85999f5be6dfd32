"""Warnings and breaches fired by durable timers, once, on several replicas and over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from throughline.sla.v1 import events_pb2, sla_pb2

from services.runtime.journal import Entry
from tests.service.sla.conftest import Replica
from tests.service.sla.desk import ASKED, DONE, RESOLUTION, WORK, Desk, Paper, entries_of, instant, now, seconds

Papers = Callable[[str], Paper]


async def _promise(desk: Desk, length: float, *, warn: int = 0) -> None:
    await desk.calendar("always", "UTC")
    target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(length), warn_percent=warn, pause_states=[ASKED])
    await desk.policy("p3", "always", target, priorities=[3])


def _breach(entry: Entry) -> sla_pb2.Clock:
    return events_pb2.ClockBreached.FromString(entry.data).clocks.clocks[0]


async def test_two_replicas_fire_each_deadline_once(replica: Replica, paper: Papers) -> None:
    """Forty tickets, a warning and a breach each: one event of either, never early.

    A warning is told only while there is time left to act on it: the four seconds between are room for a busy machine.
    """
    one, _two = await replica(), await replica()
    await _promise(one, 8, warn=50)
    tickets = [paper(f"INC-{number:06}") for number in range(40)]
    for ticket in tickets:
        ticket.opened(now())
    await tickets[0].bus.publish([entry for ticket in tickets for entry in ticket.told])

    for ticket in tickets:
        await one.clocks(ticket.name, lambda found: found.clocks[0].HasField("fired_time"))
    # Time enough for the last events to reach the journal, and for a second firing to show.
    await asyncio.sleep(1.5)
    for ticket in tickets:
        warned, breached = await entries_of(one.run, ticket.name, "ClockWarned", "ClockBreached")
        clock = _breach(breached)
        assert warned.type.endswith("ClockWarned")
        assert instant(clock.breach_time) == instant(clock.start_time) + timedelta(seconds=8)
        assert instant(clock.warned_time) == instant(clock.start_time) + timedelta(seconds=4)
        assert instant(clock.fired_time) >= instant(clock.breach_time)


async def test_a_deadline_outlives_the_service(replica: Replica, paper: Papers) -> None:
    """Armed before a stop and due while nothing runs, it fires after the next start, dated when it was due."""
    first = await replica()
    await _promise(first, 2)
    ticket = paper("INC-000001")
    opened = now()
    await ticket.tell(ticket.opened(opened))
    await first.clocks(ticket.name)
    await first.run.stop()
    await _until(opened + timedelta(seconds=3))

    second = await replica()
    clocks = await second.clocks(ticket.name, lambda found: found.clocks[0].HasField("fired_time"))

    assert instant(clocks.clocks[0].breach_time) == opened + timedelta(seconds=2)
    assert len(await entries_of(second.run, ticket.name, "ClockBreached")) == 1


async def test_a_pause_moves_the_deadline_and_the_old_one_is_void(desk: Desk, paper: Papers) -> None:
    """Nothing fires while the clock stands still; after it runs again the breach is later by exactly the pause."""
    await _promise(desk, 2)
    ticket = paper("INC-000001")
    opened = now()
    ticket.opened(opened)
    paused = ticket.moved("RequesterAsked", opened + timedelta(seconds=1), ASKED)
    await ticket.tell()
    await desk.clocks(ticket.name, lambda found: found.clocks[0].current.cause == paused.id)
    await _until(opened + timedelta(seconds=3.5))
    clocks = await desk.clocks(ticket.name)
    assert not clocks.clocks[0].HasField("breach_time")

    answered = now()
    await ticket.tell(ticket.moved("QuestionAnswered", answered, WORK))
    clocks = await desk.clocks(ticket.name, lambda found: found.clocks[0].HasField("fired_time"))

    assert instant(clocks.clocks[0].breach_time) == answered + timedelta(seconds=1)
    assert len(await entries_of(desk.run, ticket.name, "ClockBreached")) == 1


async def test_an_event_that_comes_late_takes_a_breach_back(desk: Desk, paper: Papers) -> None:
    """Resolved in time and heard of too late: the timer's breach gives way to what was so, visibly."""
    await _promise(desk, 1)
    ticket = paper("INC-000001")
    opened = now()
    await ticket.tell(ticket.opened(opened))
    await desk.clocks(ticket.name, lambda found: found.clocks[0].HasField("fired_time"))

    await ticket.tell(ticket.moved("TicketResolved", opened + timedelta(seconds=0.5), DONE))
    clocks = await desk.clocks(ticket.name, lambda found: found.clocks[0].state == sla_pb2.CLOCK_STATE_MET)

    assert not clocks.clocks[0].HasField("breach_time")
    told = [one.type.rpartition(".")[2] for one in await entries_of(desk.run, ticket.name)]
    assert told == ["ClocksStarted", "ClockBreached", "ClockStopped"]


async def _until(moment: datetime) -> None:
    """Waits until a moment has passed."""
    await asyncio.sleep(max(0.0, (moment - now()).total_seconds()))
