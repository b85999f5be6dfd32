"""Clocks of every kind worked out by hand, to the second, through NATS and gRPC; and verdicts that became others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2, ticket_pb2

from tests.service.sla.desk import (
    ASKED,
    BEN,
    DONE,
    HELD,
    LI,
    RESOLUTION,
    RESPONSE,
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
from tests.service.sla.test_clocks import shanghai

Papers = Callable[[str], Paper]
HOUR = 3600
UPDATE, TEAM, VENDOR = (
    sla_pb2.CLOCK_KIND_UPDATE,
    sla_pb2.CLOCK_KIND_OPERATIONAL,
    sla_pb2.CLOCK_KIND_UNDERPINNING,
)
NET = "teams/net"


def _hold(reason: ticket_pb2.HoldReason.ValueType) -> ticket_pb2.Hold:
    return ticket_pb2.Hold(reason=reason, note="Part ordered", unblocker="Nordlicht")


def _word(ticket: Paper, at: datetime, author: str = BEN.sub, **changes: object) -> None:
    entry = ticket.moved("CommentAdded", at, WORK, **changes)
    message = events_pb2.CommentAdded.FromString(entry.data)
    message.comment.CopyFrom(
        ticket_pb2.Comment(text="Still on it", visibility=ticket_pb2.VISIBILITY_PUBLIC, author=author)
    )
    object.__setattr__(entry, "data", message.SerializeToString(deterministic=True))


def _worked_by_hand(ticket: Paper) -> None:
    """A Thursday afternoon and the Friday after it, office hours 9-12 and 13-18."""
    # As a history: else a timer might meet it half told.
    ticket.opened(shanghai(19, 15, 0, 0), importing=True)
    ticket.moved("TicketAssigned", shanghai(19, 15, 10, 5), WORK, team=NET)
    answered = shanghai(19, 15, 30, 0)
    _word(ticket, answered, first_response_time=stamp(answered))
    ticket.moved("TicketHeld", shanghai(19, 16, 0, 20), HELD, hold=_hold(ticket_pb2.HOLD_REASON_VENDOR))
    ticket.moved("TicketResumed", shanghai(20, 9, 45, 0), WORK)
    _word(ticket, shanghai(20, 9, 50, 0), author=LI.sub)
    ticket.moved("TicketHeld", shanghai(20, 10, 0, 0), HELD, hold=_hold(ticket_pb2.HOLD_REASON_CHANGE))
    ticket.moved("TicketResumed", shanghai(20, 10, 30, 0), WORK)
    _word(ticket, shanghai(20, 11, 0, 40))
    ticket.moved("TicketAssigned", shanghai(20, 11, 30, 0), WORK, team="teams/desk")
    ticket.moved("TicketResolved", shanghai(20, 14, 0, 0), DONE)
    ticket.moved("TicketImported", shanghai(20, 14, 0, 0), DONE, importing=False)


@pytest.mark.row("A060")
async def test_teams_suppliers_and_the_next_word_agree_to_the_second(desk: Desk, paper: Papers) -> None:
    """What each of four clocks counts of one history, and what it was judged before, as on paper."""
    await desk.calendar("office", "Asia/Shanghai", ("09:00", "12:00"), ("13:00", "18:00"))
    vendor = ticket_pb2.HOLD_REASON_VENDOR
    await desk.policy(
        "p3",
        "office",
        sla_pb2.Target(kind=RESOLUTION, duration=seconds(4 * HOUR), pause_states=[HELD], pause_hold_reasons=[vendor]),
        sla_pb2.Target(kind=UPDATE, duration=seconds(3 * HOUR)),
        sla_pb2.Target(kind=TEAM, duration=seconds(2 * HOUR), team=NET, pause_states=[HELD]),
        sla_pb2.Target(kind=VENDOR, duration=seconds(2 * HOUR)),
    )
    ticket = paper("INC-000001")
    _worked_by_hand(ticket)
    await ticket.tell()

    clocks = await desk.clocks(ticket.name, lambda one: one.clocks and not one.importing)

    resolution = clock_of(clocks, RESOLUTION)
    # 15:00:00 to 16:00:20; on Friday 9:45 to 12:00 and 13:00 to 14:00; the change did not pause it.
    assert resolution.elapsed.ToTimedelta() == timedelta(hours=4, minutes=15, seconds=20)
    assert instant(resolution.breach_time) == shanghai(20, 13, 44, 40)
    held = next(one for one in resolution.segments if one.kind == sla_pb2.SEGMENT_KIND_PAUSED)
    assert (held.ticket_state, held.hold_reason, held.cause) == (HELD, vendor, ticket.told[3].id)
    # 16:00:20 to 18:00 and 9:00 to 9:45.
    supplier = clock_of(clocks, VENDOR)
    assert supplier.elapsed.ToTimedelta() == timedelta(hours=2, minutes=44, seconds=40)
    assert instant(supplier.breach_time) == shanghai(20, 9, 0, 20)
    # 15:10:05 to 16:00:20, 9:45 to 10:00 and 10:30 to 11:30; every hold pauses it, then another team has it.
    team = clock_of(clocks, TEAM)
    assert team.elapsed.ToTimedelta() == timedelta(hours=2, minutes=5, seconds=15)
    assert instant(team.breach_time) == shanghai(20, 11, 24, 45)
    elsewhere = [one for one in team.segments if one.kind == sla_pb2.SEGMENT_KIND_PAUSED and one.team != NET]
    assert [one.team for one in elsewhere] == ["teams/desk", "teams/desk"]
    # The word of 15:30 ended a round after 30 min; that of Friday 11:00:40 one after 4 h 30 min 40 s; Li's is not ours.
    update = clock_of(clocks, UPDATE)
    rounds = [(one.elapsed.ToTimedelta(), one.HasField("breach_time")) for one in update.verdicts]
    assert rounds == [(timedelta(minutes=30), False), (timedelta(hours=4, minutes=30, seconds=40), True)]
    assert instant(update.verdicts[1].breach_time) == shanghai(20, 9, 30, 0)
    assert update.elapsed.ToTimedelta() == timedelta(hours=1, minutes=59, seconds=20)
    assert update.state == sla_pb2.CLOCK_STATE_MET
    for one in clocks.clocks:
        lengths = [instant(part.end_time) - instant(part.start_time) for part in one.segments]
        assert sum(lengths, timedelta()) == instant(one.stop_time) - instant(one.start_time)
    breached = await entries_of(desk.run, ticket.name, "ClockBreached")
    assert len(breached) == 4
    # What others owe us is not the requester's business.
    assert [one.kind for one in (await desk.clocks(ticket.name, actor=LI)).clocks] == [RESOLUTION, UPDATE]


@pytest.mark.row("A061")
async def test_a_late_event_leaves_the_old_verdict_beside_the_new_one(desk: Desk, paper: Papers) -> None:
    """A timer found a breach; then the question of an hour before it arrives: not breached, and both are told."""
    await desk.calendar("always", "UTC")
    target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(2 * HOUR), pause_states=[ASKED])
    await desk.policy("p3", "always", target)
    ticket, opened = paper("INC-000001"), now() - timedelta(hours=3)
    await ticket.tell(ticket.opened(opened))
    breached = await desk.clocks(ticket.name, lambda one: one.clocks and one.clocks[0].HasField("fired_time"))
    assert instant(breached.clocks[0].breach_time) == opened + timedelta(hours=2)

    asked = ticket.moved("RequesterAsked", opened + timedelta(hours=1), ASKED)
    await ticket.tell(asked)
    clock = (await desk.clocks(ticket.name, lambda one: not one.clocks[0].HasField("breach_time"))).clocks[0]
    assert clock.state == sla_pb2.CLOCK_STATE_PAUSED
    assert [one.reason for one in clock.verdicts] == [sla_pb2.SUPERSESSION_CORRECTED]
    verdict = clock.verdicts[0]
    assert instant(verdict.breach_time) == opened + timedelta(hours=2)
    assert (verdict.superseded_by, instant(verdict.supersede_time)) == (asked.id, opened + timedelta(hours=1))


async def test_a_reopening_does_what_the_target_says(desk: Desk, paper: Papers) -> None:
    """One clock goes on, one starts anew, one stays as it was judged."""
    await desk.calendar("always", "UTC")
    rules = {1: sla_pb2.REOPEN_RULE_CONTINUE, 2: sla_pb2.REOPEN_RULE_RESTART, 3: sla_pb2.REOPEN_RULE_NOTHING}
    for priority, rule in rules.items():
        target = sla_pb2.Target(kind=RESOLUTION, duration=seconds(8 * HOUR), reopen_rule=rule)
        reply = sla_pb2.Target(kind=RESPONSE, duration=seconds(8 * HOUR), reopen_rule=rule)
        await desk.policy(f"p{priority}", "always", target, reply, priorities=[priority])
    opened = now() - timedelta(hours=6)
    found = {}
    for priority in rules:
        ticket = paper(f"INC-00000{priority}")
        ticket.opened(opened, priority=priority)
        replied = opened + timedelta(hours=1)
        _word(ticket, replied, first_response_time=stamp(replied))
        ticket.moved("TicketResolved", opened + timedelta(hours=2), DONE)
        ticket.moved("TicketReopened", opened + timedelta(hours=3), WORK)
        ticket.moved("TicketAssigned", opened + timedelta(hours=4), WORK, team=NET)
        await ticket.tell()
        clocks = await desk.clocks(ticket.name, lambda one: one.team == NET)
        found[priority] = (clock_of(clocks, RESOLUTION), clock_of(clocks, RESPONSE))

    goes_on, anew, stays = (found[priority][0] for priority in rules)
    assert instant(goes_on.due_time) == opened + timedelta(hours=9)
    assert [one.reason for one in goes_on.verdicts] == [sla_pb2.SUPERSESSION_REOPENED]
    assert instant(anew.start_time) == opened + timedelta(hours=3)
    assert instant(anew.due_time) == opened + timedelta(hours=11)
    assert [one.state for one in anew.verdicts] == [sla_pb2.CLOCK_STATE_MET]
    assert (stays.state, len(stays.verdicts)) == (sla_pb2.CLOCK_STATE_MET, 0)
    # Who has answered once has answered, unless the answer is owed anew.
    running, met = sla_pb2.CLOCK_STATE_RUNNING, sla_pb2.CLOCK_STATE_MET
    assert [found[priority][1].state for priority in rules] == [met, running, met]
