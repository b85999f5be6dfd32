"""Steps of escalation told by durable timers: at their moment, once, in order, until somebody has it in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from throughline.sla.v1 import escalation_pb2

from deploy.local.process import Child
from tests.service.sla.alarm import (
    ASSIGNEE,
    LEAD,
    LEADS,
    ON_CALL,
    ONCE,
    PERCENT,
    TEAM,
    WALL,
    Alarm,
    entries,
    names,
    step,
    steps_told,
    until,
)
from tests.service.sla.conftest import Replica
from tests.service.sla.desk import ASKED, BEN, DONE, EVE, LI, ROOT, WEI, WORK, Desk, Paper, instant, now, stamp

Papers = Callable[[str], Paper]
RUNNING, TAKEN, ENDED = (
    escalation_pb2.ESCALATION_STATE_RUNNING,
    escalation_pb2.ESCALATION_STATE_ACKNOWLEDGED,
    escalation_pb2.ESCALATION_STATE_ENDED,
)
SECOND = timedelta(seconds=1)


def reached(count: int) -> Callable[[Any], bool]:
    """Whether a chain has told so many steps."""
    return lambda chain: len(chain.reached_steps) >= count


@pytest.mark.row("A130")
async def test_an_alarm_nobody_takes_goes_on_and_stops_when_somebody_does(desk: Desk, paper: Papers) -> None:
    """The agent at a fifth of the promise, the lead at two fifths; taken in hand, nobody else is told."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(10)
    await alarm.plan("p1", step(20, PERCENT, ASSIGNEE), step(40, PERCENT, LEADS), step(60, PERCENT, TEAM))
    opened = now()
    await ticket.tell(ticket.opened(opened, priority=1, assignee=BEN.sub))

    chain = await alarm.chain(ticket.name, reached(2))
    assert names(chain.reached_steps) == [[BEN.sub], [LEAD.sub]]
    assert [to.display_name for one in chain.reached_steps for to in one.recipients] == ["Ben Zhao", "Mei Lin"]
    assert [instant(one.due_time) for one in chain.reached_steps] == [opened + 2 * SECOND, opened + 4 * SECOND]
    assert all(instant(one.fire_time) >= instant(one.due_time) for one in chain.reached_steps)
    assert [one.step for one in chain.coming_steps] == [3]

    taken = await alarm.ask(BEN, "AcknowledgeEscalation", ticket=ticket.name, note="on it")
    assert taken.state == TAKEN
    assert not taken.coming_steps
    await until(opened + 7.5 * SECOND)
    assert len(await steps_told(desk.run.db, ticket.name)) == 2
    kinds = [one.type.rpartition(".")[2] for one in await entries(desk.run.db, "escalations", chain.name)]
    assert kinds == ["EscalationStepReached", "EscalationStepReached", "EscalationAcknowledged"]


@pytest.mark.row("A130")
async def test_a_killed_service_goes_on_where_it_was(
    replica: Replica, process: Child, stored: AsyncDatabase[dict[str, Any]], paper: Papers
) -> None:
    """kill -9 between two steps; those that came due meanwhile are told after the start, in order, each once."""
    desk = await replica()
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(20)
    await alarm.plan("p1", step(20, PERCENT, ASSIGNEE), step(50, PERCENT, LEADS), step(60, PERCENT, TEAM))
    await desk.run.stop()

    opened = now()
    process.start()
    await ticket.tell(ticket.opened(opened, priority=1, assignee=BEN.sub))
    await _told(stored, ticket.name, 1)
    process.kill()
    await until(opened + 14 * SECOND)
    assert len(await steps_told(stored, ticket.name)) == 1
    restarted = now()
    process.start()
    await _told(stored, ticket.name, 3)
    await asyncio.sleep(1)
    told = await steps_told(stored, ticket.name)

    assert [one.step for one in told] == [1, 2, 3]
    assert [instant(one.due_time) - opened for one in told] == [4 * SECOND, 10 * SECOND, 12 * SECOND]
    assert all(instant(one.fire_time) >= restarted for one in told[1:])


async def test_two_replicas_tell_each_step_once_and_in_order(replica: Replica, paper: Papers) -> None:
    """Twenty tickets, three steps each, one of them twice: never early, never twice."""
    one, _two = await replica(), await replica()
    alarm = Alarm(one)
    tickets = [paper(f"INC-{number:06}") for number in range(20)]
    await alarm.known(tickets[0].bus)
    await alarm.promise(8)
    await alarm.plan("all", step(50, PERCENT, LEADS), step(0, WALL, TEAM), step(75, PERCENT, TEAM))
    for ticket in tickets:
        ticket.opened(now())
    await tickets[0].bus.publish([entry for ticket in tickets for entry in ticket.told])

    for ticket in tickets:
        await alarm.chain(ticket.name, reached(3))
    await asyncio.sleep(1.5)
    for ticket in tickets:
        opened = instant(ticket.ticket.open_time)
        told = await steps_told(one.run.db, ticket.name)
        assert [each.step for each in told] == [1, 3, 2]
        assert [instant(each.due_time) - opened for each in told] == [4 * SECOND, 6 * SECOND, 8 * SECOND]
        assert all(instant(each.fire_time) >= instant(each.due_time) for each in told)


async def test_a_due_time_that_moves_takes_the_steps_along(desk: Desk, paper: Papers) -> None:
    """A pause moves what is to come by its length; meanwhile nothing is told, and nothing is known to come."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(4, pause_states=[ASKED])
    await alarm.plan("all", step(75, PERCENT, LEADS), step(0, WALL, TEAM))
    opened = now()
    ticket.opened(opened)
    ticket.moved("RequesterAsked", opened + SECOND, ASKED)
    await ticket.tell()
    await alarm.chain(ticket.name, lambda chain: chain.state == RUNNING and not chain.coming_steps)
    await until(opened + 5 * SECOND)
    assert not await steps_told(desk.run.db, ticket.name)

    answered = now()
    await ticket.tell(ticket.moved("QuestionAnswered", answered, WORK))
    chain = await alarm.chain(ticket.name, reached(2))
    assert [instant(one.due_time) - answered for one in chain.reached_steps] == [2 * SECOND, 3 * SECOND]


async def test_a_solved_ticket_ends_its_chain(desk: Desk, paper: Papers) -> None:
    """Once solved nothing is told; opened again, what is still to come goes on."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(4)
    await alarm.plan("all", step(50, PERCENT, LEADS), step(100, PERCENT, TEAM))
    opened = now()
    await ticket.tell(ticket.opened(opened))
    await alarm.chain(ticket.name, lambda chain: len(chain.coming_steps) == 2)
    await ticket.tell(ticket.moved("TicketResolved", opened + SECOND, DONE))
    ended = await alarm.chain(ticket.name, lambda chain: chain.state == ENDED)
    assert instant(ended.end_time) == opened + SECOND
    await until(opened + 4.5 * SECOND)
    assert not await steps_told(desk.run.db, ticket.name)
    assert (await alarm.refused(BEN, "AcknowledgeEscalation", ticket=ticket.name)).reason == "ESCALATION_OVER"

    again = now()
    await ticket.tell(ticket.moved("TicketReopened", again, WORK))
    chain = await alarm.chain(ticket.name, reached(2))
    assert [instant(one.due_time) - again for one in chain.reached_steps] == [SECOND, 3 * SECOND]


async def test_an_acknowledgement_ends_when_it_says(desk: Desk, paper: Papers) -> None:
    """What falls into the time stated is not told, also not afterwards; what comes after it is."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(8)
    await alarm.plan("all", step(25, PERCENT, LEADS), step(100, PERCENT, TEAM))
    opened = now()
    await ticket.tell(ticket.opened(opened))
    await alarm.chain(ticket.name, lambda chain: len(chain.coming_steps) == 2)
    taken = await alarm.ask(
        BEN, "AcknowledgeEscalation", ticket=ticket.name, until_time=stamp(opened + 4 * SECOND), note="look"
    )
    assert [one.step for one in taken.coming_steps] == [2]
    chain = await alarm.chain(ticket.name, reached(1))
    assert [one.step for one in chain.reached_steps] == [2]
    past = await alarm.refused(BEN, "AcknowledgeEscalation", ticket=ticket.name, until_time=stamp(opened))
    assert (past.reason, past.field) == ("UNTIL_INVALID", "until_time")


async def test_without_an_end_it_holds_until_the_next_breach(desk: Desk, paper: Papers) -> None:
    """A promise that breaks after somebody took the ticket in hand starts the chain again from there."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(5)
    await alarm.plan("all", step(80, PERCENT, LEADS), step(100, PERCENT, TEAM), step(120, PERCENT, LEADS))
    opened = now()
    await ticket.tell(ticket.opened(opened))
    await alarm.chain(ticket.name, lambda chain: len(chain.coming_steps) == 3)
    await alarm.ask(BEN, "AcknowledgeEscalation", ticket=ticket.name)
    chain = await alarm.chain(ticket.name, reached(2))
    assert [one.step for one in chain.reached_steps] == [2, 3]
    assert chain.state == RUNNING


async def test_quiet_hours_hold_a_step_unless_its_priority_breaks_through(desk: Desk, paper: Papers) -> None:
    """Held to the end of the hours, to the second; a P1 is told all the same."""
    alarm, quiet, loud = Alarm(desk), paper("INC-000001"), paper("INC-000002")
    await alarm.known(quiet.bus)
    await alarm.promise(4)
    opened = now()
    start, end = opened - timedelta(minutes=5), (opened + timedelta(minutes=40)).replace(microsecond=0)
    hours = escalation_pb2.QuietHours(time_zone="UTC", start=f"{start:%H:%M}", end=f"{end:%H:%M:%S}", break_through=[1])
    await alarm.plan("all", step(50, PERCENT, LEADS), quiet_hours=hours)
    await quiet.tell(quiet.opened(opened, priority=3))
    await loud.tell(loud.opened(opened, priority=1))

    chain = await alarm.chain(loud.name, reached(1))
    assert instant(chain.reached_steps[0].due_time) == opened + 2 * SECOND
    held = await alarm.chain(quiet.name, lambda one: bool(one.coming_steps))
    assert instant(held.coming_steps[0].plan_time) == opened + 2 * SECOND
    assert instant(held.coming_steps[0].due_time) == end
    assert not await steps_told(desk.run.db, quiet.name)


async def test_who_is_on_call_is_asked_when_the_step_comes(desk: Desk, paper: Papers) -> None:
    """An override entered after the ticket was opened counts; a step that reaches nobody goes to the team."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(6)
    layer = escalation_pb2.RotaLayer(
        people=[BEN.sub], hand_over=escalation_pb2.HAND_OVER_DAILY, first_date="2026-01-01", time="09:00"
    )
    rota = escalation_pb2.Rota(name="rotas/desk", time_zone="Asia/Shanghai", layers=[layer], notice_days=7)
    await alarm.ask(ROOT, "PublishRota", rota=rota)
    await alarm.plan("all", step(50, PERCENT, (ON_CALL, "rotas/desk")), step(75, PERCENT, ASSIGNEE))
    opened = now()
    await ticket.tell(ticket.opened(opened))
    chain = await alarm.chain(ticket.name, lambda one: len(one.coming_steps) == 2)
    assert chain.coming_steps[0].recipients[0].name == BEN.sub
    await alarm.ask(
        LEAD,
        "AddRotaOverride",
        name="rotas/desk",
        person=ONCE.sub,
        start_time=stamp(opened),
        end_time=stamp(opened + timedelta(hours=1)),
        reason="Ben is at the dentist",
    )

    chain = await alarm.chain(ticket.name, reached(2))
    assert names(chain.reached_steps) == [[ONCE.sub], ["teams/desk"]]
    assert chain.reached_steps[0].recipients[0].rota == "rotas/desk"
    outcomes = [to.outcome for to in chain.reached_steps[1].recipients]
    assert outcomes == [
        escalation_pb2.RECIPIENT_OUTCOME_NOBODY_ASSIGNED,
        escalation_pb2.RECIPIENT_OUTCOME_STAND_IN,
    ]
    # He who was told may see it and take it in hand, though the ticket is none of his unit.
    assert (await alarm.ask(ONCE, "AcknowledgeEscalation", ticket=ticket.name)).acknowledgement.person == ONCE.sub


async def test_who_may_see_and_who_may_acknowledge(desk: Desk, paper: Papers) -> None:
    """Requesters and staff of another unit do not learn of it; the same request twice is one acknowledgement."""
    alarm, ticket = Alarm(desk), paper("INC-000001")
    await alarm.known(ticket.bus)
    await alarm.promise(60)
    await alarm.plan("all", step(50, PERCENT, LEADS))
    await ticket.tell(ticket.opened(now()))
    await alarm.chain(ticket.name, lambda one: bool(one.coming_steps))
    for actor in (LI, EVE, WEI):
        for method in ("GetEscalation", "AcknowledgeEscalation"):
            assert (await alarm.refused(actor, method, ticket=ticket.name)).reason == "NOT_FOUND"
    boss = type(BEN)("people/boss", frozenset({"executive"}))
    assert (await alarm.refused(boss, "AcknowledgeEscalation", ticket=ticket.name)).reason == "ROLE_REQUIRED"
    same = "4f7f1dd3-6c07-4b8e-9a67-3c7f9d1f2a10"
    for _ in range(2):
        await alarm.ask(BEN, "AcknowledgeEscalation", ticket=ticket.name, request_id=same, note="mine")
    told = await entries(desk.run.db, "escalations", "escalations/INC-000001")
    assert [one.type.rpartition(".")[2] for one in told] == ["EscalationAcknowledged"]


async def _told(stored: AsyncDatabase[dict[str, Any]], ticket: str, count: int) -> None:
    """Waits until so many steps were told."""
    for _ in range(600):
        if len(await steps_told(stored, ticket)) >= count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"fewer than {count} steps: {await steps_told(stored, ticket)}")
