"""What the clocks make of the same events in another order, twice, or long after they happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from throughline.sla.v1 import sla_pb2

from services.runtime.binding import MESSAGE_ID, encode
from services.runtime.journal import Entry
from tests.service.sla.conftest import Replica
from tests.service.sla.desk import (
    ASKED,
    DONE,
    RESOLUTION,
    RESPONSE,
    SHUT,
    WORK,
    Desk,
    Paper,
    entries_of,
    instant,
    now,
    seconds,
    stamp,
)

Papers = Callable[[str], Paper]
HOUR = 3600
THEN = datetime(2016, 3, 4, 9, 0, tzinfo=UTC)  # a Friday


def _told(ticket: Paper, opened: datetime) -> list[Entry]:
    """Six events over five hours."""
    ticket.opened(opened)
    ticket.moved("TicketStarted", opened + timedelta(hours=1), WORK)
    ticket.moved("RequesterAsked", opened + timedelta(hours=1.5), ASKED)
    answered = opened + timedelta(hours=3)
    ticket.moved("QuestionAnswered", answered, WORK, first_response_time=stamp(answered))
    ticket.moved("TicketTriaged", opened + timedelta(hours=4), WORK, priority=2)
    ticket.moved("TicketResolved", opened + timedelta(hours=5), DONE)
    return ticket.told


async def _promises(desk: Desk) -> None:
    await desk.calendar("always", "UTC")
    for priority, hours in ((2, 3), (3, 9)):
        await desk.policy(
            f"p{priority}",
            "always",
            sla_pb2.Target(kind=RESPONSE, duration=seconds(HOUR)),
            sla_pb2.Target(kind=RESOLUTION, duration=seconds(hours * HOUR), pause_states=[ASKED]),
            priorities=[priority],
        )


async def _again(ticket: Paper, entries: Sequence[Entry]) -> None:
    """Publishes events that the stream does not know for duplicates."""
    for entry in entries:
        subject, payload, headers = encode(entry)
        del headers[MESSAGE_ID]
        await ticket.bus.send(subject, payload, headers, "tickets")


def _normal(clocks: Any, ticket: Paper) -> str:
    """The clocks as text, without what differs between two tickets and from call to call."""
    copy = type(clocks)()
    copy.CopyFrom(clocks)
    copy.etag = ""
    for clock in copy.clocks:
        clock.ClearField("remaining")
        clock.ClearField("fired_time")
    return str(copy).replace(ticket.number, "INC-000000")


def _ended(clocks: Any) -> bool:
    return clocks.priority == 2 and all(one.HasField("stop_time") for one in clocks.clocks)


async def test_duplicates_and_disorder_change_nothing(desk: Desk, paper: Papers) -> None:
    """Events that come twice and in any order give the clocks that they give in order, once."""
    await _promises(desk)
    opened = now() - timedelta(hours=6)
    tidy, messy = paper("INC-000001"), paper("INC-000002")
    _told(tidy, opened)
    shuffled = [*_told(messy, opened), *messy.told]
    random.Random(7).shuffle(shuffled)
    await tidy.tell()
    await _again(messy, shuffled)

    expected = _normal(await desk.clocks(tidy.name, _ended), tidy)
    assert _normal(await desk.clocks(messy.name, _ended), messy) == expected
    await _again(messy, shuffled[:4])
    await asyncio.sleep(1.0)
    assert _normal(await desk.clocks(messy.name), messy) == expected
    # What was told of the messy one is no more than of the tidy one, whatever its timers met in between.
    types = [one.type for one in await entries_of(desk.run, tidy.name, "ClockStopped")]
    assert [one.type for one in await entries_of(desk.run, messy.name, "ClockStopped")] == types


async def test_a_restart_in_the_middle_changes_nothing(replica: Replica, paper: Papers) -> None:
    """One replica hears the first half and stops, another the rest: the clocks are those of a ticket told in one go."""
    first = await replica()
    await _promises(first)
    opened = now() - timedelta(hours=6)
    whole, halved = paper("INC-000001"), paper("INC-000002")
    _told(whole, opened)
    entries = _told(halved, opened)
    await whole.tell()
    await halved.tell(*entries[:3])
    await first.clocks(halved.name)
    await first.run.stop()
    await halved.tell(*entries[3:])

    second = await replica()
    expected = _normal(await second.clocks(whole.name, _ended), whole)
    assert _normal(await second.clocks(halved.name, _ended), halved) == expected


async def test_an_imported_history_is_judged_in_its_own_time(desk: Desk, paper: Papers) -> None:
    """Clocks of 2016 stop and breach in 2016 by the calendar of then, and arm no timer and send no warning."""
    await desk.calendar("weekdays", "UTC", ("00:00", "24:00"))
    target = sla_pb2.Target(
        kind=RESOLUTION, duration=seconds(154.28 * HOUR), stop_mark=sla_pb2.STOP_MARK_CLOSED, warn_percent=80
    )
    await desk.policy("log", "weekdays", target, sources=["uci"], priorities=[3])
    kept, late, live = paper("INC-000001"), paper("INC-000002"), paper("INC-000003")
    for ticket, closed in ((kept, timedelta(days=10, minutes=616)), (late, timedelta(days=10, minutes=617))):
        ticket.opened(THEN, importing=True, source="uci")
        ticket.moved("TicketResolved", THEN + timedelta(days=2), DONE)
        ticket.moved("TicketClosed", THEN + closed, SHUT)
        ticket.moved("TicketImported", THEN + closed, SHUT, importing=False)
        await ticket.tell()
    # From another source nothing is promised.
    await live.tell(live.opened(now()))

    # 154 h 16 min 48 s of weekdays from Friday 09:00: 15 h on it, five days, and the rest on the Monday after them.
    due = datetime(2016, 3, 14, 19, 16, 48, tzinfo=UTC)
    assert instant((await desk.clocks(kept.name, lambda one: not one.importing)).clocks[0].due_time) == due
    kept_clock = (await desk.clocks(kept.name)).clocks[0]
    late_clock = (await desk.clocks(late.name, lambda one: not one.importing)).clocks[0]
    assert kept_clock.state == sla_pb2.CLOCK_STATE_MET
    assert late_clock.state == sla_pb2.CLOCK_STATE_MISSED
    assert instant(late_clock.breach_time) == due
    assert not (await desk.clocks(live.name)).clocks
    assert await desk.run.db["timers"].count_documents({}) == 0
    for ticket in (kept, late):
        assert not await entries_of(desk.run, ticket.name, "ClockWarned")


async def test_a_history_left_open_starts_to_live_when_it_is_complete(desk: Desk, paper: Papers) -> None:
    """No timer before the last step; after it what is overdue fires at once, dated when the target was used up."""
    await desk.calendar("always", "UTC")
    await desk.policy("p3", "always", sla_pb2.Target(kind=RESOLUTION, duration=seconds(10 * HOUR)))
    ticket = paper("INC-000001")
    ticket.opened(THEN, importing=True, source="uci")
    last = ticket.moved("TicketStarted", THEN + timedelta(hours=5), WORK)
    await ticket.tell()
    await desk.clocks(ticket.name)
    await asyncio.sleep(1.5)
    assert await desk.run.db["timers"].count_documents({}) == 0
    assert not (await desk.clocks(ticket.name)).clocks[0].HasField("breach_time")

    await ticket.tell(replace(ticket.moved("TicketImported", THEN, WORK, importing=False), time=last.time))
    clocks = await desk.clocks(ticket.name, lambda one: one.clocks[0].HasField("fired_time"))

    assert instant(clocks.clocks[0].breach_time) == THEN + timedelta(hours=10)
    assert clocks.clocks[0].state == sla_pb2.CLOCK_STATE_RUNNING
    assert len(await entries_of(desk.run, ticket.name, "ClockBreached")) == 1
