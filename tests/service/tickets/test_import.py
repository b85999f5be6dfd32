"""The past by its own RPC: the log's times and order, every row once, what cannot be taken said by row."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from throughline.tickets.v1 import ticket_pb2 as t
from throughline.tickets.v1 import tickets_service_pb2 as pb

from tests.service.tickets.counter import ANN, BEN, OLA, ROOT, Counter
from tests.service.tickets.log import START, histories, history, instant, row

APPLIED, MERGED, REJECTED = pb.STEP_OUTCOME_APPLIED, pb.STEP_OUTCOME_MERGED, pb.STEP_OUTCOME_REJECTED
NEW, WORK, DONE, OVER = (
    t.TICKET_STATE_NEW,
    t.TICKET_STATE_IN_PROGRESS,
    t.TICKET_STATE_RESOLVED,
    t.TICKET_STATE_CLOSED,
)


async def brought(counter: Counter, *given: pb.TicketHistory) -> list[pb.StepResult]:
    """What became of each row."""
    return list((await counter.ask(OLA, "ImportSteps", source="log", histories=given)).results)


async def imported(counter: Counter, external_id: str = "INC1") -> Any:
    """The ticket that has this history."""
    listed = await counter.ask(OLA, "ListTickets", filter={"source": "log", "external_id": external_id})
    (ticket,) = listed.tickets
    return ticket


async def test_a_history_becomes_a_ticket_in_its_own_time(counter: Counter) -> None:
    """Opened at its opening, resolved and closed when the rows say so; counted as live work is."""
    results = await brought(
        counter,
        history(
            "INC1",
            row(1, NEW, team="teams/a"),
            row(2, WORK, team="teams/b", assignee="people/zoe"),
            row(3, WORK, team="teams/a"),
            row(4, DONE, team="teams/a", knowledge_used=True),
            row(5, OVER, team="teams/a", knowledge_used=True),
        ),
    )
    assert [one.outcome for one in results] == [MERGED, APPLIED, APPLIED, APPLIED, APPLIED]
    ticket = await imported(counter)
    assert {one.ticket for one in results} == {ticket.name}
    assert ticket.open_time.ToDatetime(UTC) == START
    assert ticket.resolve_time.ToDatetime(UTC) == START + timedelta(hours=4)
    assert ticket.close_time.ToDatetime(UTC) == START + timedelta(hours=5)
    assert (ticket.state, ticket.priority, ticket.importing) == (OVER, 3, False)
    assert (ticket.reassignments, ticket.ping_pong, ticket.assignment_changes) == (2, True, 2)
    assert (ticket.knowledge_used, ticket.resolution.code) == (True, t.RESOLUTION_CODE_IMPORTED)
    told = (await counter.ask(OLA, "ListTimelineEntries", name=ticket.name)).entries
    assert [(one.kind, one.time.ToDatetime(UTC) - START) for one in told] == [
        ("TicketOpened", timedelta()),
        ("TicketAssigned", timedelta(hours=2)),
        ("TicketStarted", timedelta(hours=2)),
        ("TicketAssigned", timedelta(hours=3)),
        ("TicketTriaged", timedelta(hours=4)),
        ("TicketResolved", timedelta(hours=4)),
        ("TicketClosed", timedelta(hours=5)),
        ("TicketImported", timedelta(hours=5)),
    ]


async def test_the_same_rows_again_change_nothing_and_say_the_same(counter: Counter) -> None:
    """Every outcome, ticket and journal entry is as before; a row of a known id that differs is refused."""
    log = histories(30)
    first = await brought(counter, *log)
    assert Tally(one.outcome for one in first).keys() == {APPLIED, MERGED}
    before = await whole(counter)
    assert await brought(counter, *log) == first
    assert await whole(counter) == before
    changed = history("INC0000", row(1, t.TICKET_STATE_CANCELLED))
    (refused,) = await brought(counter, changed)
    assert (refused.outcome, refused.reason) == (REJECTED, "STEP_CHANGED")


async def test_a_long_history_comes_in_several_turns_and_calls(counter: Counter) -> None:
    """More rows than one write takes, and then more in another call; the ticket lives only after the last."""
    rows = [row(number, WORK, team=f"teams/{'ab'[number % 2]}", assignee="people/zoe") for number in range(1, 131)]
    first = await brought(counter, history("INC1", *rows[:100], complete=False))
    assert Tally(one.outcome for one in first) == {APPLIED: 100}
    ticket = await imported(counter)
    assert ticket.importing
    refused = await counter.refused(BEN, "ResolveTicket", name=ticket.name, code=t.RESOLUTION_CODE_FIXED, note="x")
    assert refused.reason == "NOT_FOUND", "the log names no unit, so an agent of a unit does not see it"
    rest = await brought(counter, history("INC1", *rows[100:]))
    assert Tally(one.outcome for one in rest) == {APPLIED: 30}
    ticket = await imported(counter)
    assert (ticket.importing, ticket.reassignments, ticket.assignment_changes) == (False, 129, 129)
    late = await brought(counter, history("INC1", row(200, DONE)))
    assert [(one.outcome, one.reason) for one in late] == [(REJECTED, "HISTORY_COMPLETE")]


async def test_what_cannot_be_taken_is_said_by_row_and_the_others_go_on(counter: Counter) -> None:
    """A row of tomorrow is rejected in every run; rows around it and other tickets are taken."""
    tomorrow = row(2, DONE, at=datetime.now(UTC) + timedelta(days=1))
    given = [
        history("INC1", row(1, NEW), tomorrow, row(3, WORK)),
        history("INC2", tomorrow),
        history("INC3", row(1, DONE)),
    ]
    first = await brought(counter, *given)
    said = [(one.external_id, one.step_id, one.outcome, one.reason) for one in first]
    assert said == [
        ("INC1", "1", MERGED, ""),
        ("INC1", "2", REJECTED, "STEP_IN_FUTURE"),
        ("INC1", "3", APPLIED, ""),
        ("INC2", "2", REJECTED, "STEP_IN_FUTURE"),
        ("INC3", "1", APPLIED, ""),
    ]
    assert first[1].message
    assert [bool(one.ticket) for one in first] == [True, True, True, False, True]
    assert await brought(counter, *given) == first
    assert (await counter.ask(OLA, "CountTickets")).count == 2


async def test_rows_against_the_clock_and_before_the_opening_are_taken_in_their_order(counter: Counter) -> None:
    """Logs have such rows; the order given is the truth and each keeps its own time."""
    rows = [row(3, WORK), row(2, DONE), row(4, OVER, at=START - timedelta(minutes=5))]
    assert [one.outcome for one in await brought(counter, history("INC1", *rows))] == [APPLIED] * 3
    ticket = await imported(counter)
    assert ticket.state == OVER
    assert ticket.resolve_time == instant(START + timedelta(hours=2))
    assert ticket.close_time == instant(START - timedelta(minutes=5))


@pytest.mark.parametrize("actor", [ANN, BEN, ROOT], ids=["requester", "agent", "administrator"])
async def test_operators_alone_write_the_past(counter: Counter, actor: Any) -> None:
    """Nobody else, whatever their role."""
    refused = await counter.refused(actor, "ImportSteps", source="log", histories=[history("INC1", row(1))])
    assert refused.reason == "ROLE_REQUIRED"


async def test_two_imports_of_one_log_at_once_make_each_ticket_once(counter: Counter) -> None:
    """Whoever is slower is told to send the rows again, or finds them done."""
    log = histories(20)

    async def importer() -> list[pb.StepResult]:
        for _ in range(10):
            done = await asyncio.gather(brought(counter, *log), return_exceptions=True)
            if not isinstance(done[0], BaseException):
                return done[0]
        raise AssertionError("the import never went through")

    one, other = await asyncio.gather(importer(), importer())
    assert one == other
    assert (await counter.ask(OLA, "CountTickets")).count == 20


async def whole(counter: Counter) -> tuple[list[Any], list[Any]]:
    """All tickets and all timelines."""
    tickets = list((await counter.ask(OLA, "ListTickets", page_size=200)).tickets)
    lines = [await counter.ask(OLA, "ListTimelineEntries", name=one.name, page_size=200) for one in tickets]
    return tickets, lines
