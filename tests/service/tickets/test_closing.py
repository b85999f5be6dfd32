"""A resolved ticket closes by itself when nobody takes its end back; an imported one stays as its log left it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from throughline.tickets.v1 import ticket_pb2 as t

from tests.service.runtime.probe import until
from tests.service.tickets.counter import ANN, BEN, OLA, Counter
from tests.service.tickets.log import history, row

SOON = timedelta(seconds=2)
DONE = {"code": t.RESOLUTION_CODE_FIXED, "note": "New cable"}


@pytest.fixture
def closes_after() -> timedelta:
    """Soon."""
    return SOON


async def _state(counter: Counter, name: str) -> Any:
    return (await counter.ask(ANN, "GetTicket", name=name)).state


async def _timeline(counter: Counter, name: str) -> list[tuple[str, str]]:
    entries = (await counter.ask(BEN, "ListTimelineEntries", name=name)).entries
    return [(one.kind, one.actor) for one in entries]


async def test_a_resolved_ticket_closes_by_itself_and_can_be_reopened(counter: Counter) -> None:
    """At the moment that the answer named, and not before, by the service itself; its requester may still reopen it."""
    filed = await counter.filed()
    resolved = await counter.ask(BEN, "ResolveTicket", name=filed.name, **DONE)
    due = resolved.auto_close_time.ToDatetime()
    assert due - resolved.resolve_time.ToDatetime() == SOON
    assert await _state(counter, filed.name) == t.TICKET_STATE_RESOLVED

    async def is_closed() -> bool:
        return bool(await _state(counter, filed.name) == t.TICKET_STATE_CLOSED)

    await until(is_closed)
    closed = await counter.ask(ANN, "GetTicket", name=filed.name)
    assert closed.close_time.ToDatetime() >= due
    assert not closed.HasField("auto_close_time")
    assert (await _timeline(counter, filed.name))[-1] == ("TicketClosed", "system/tickets")
    again = await counter.ask(ANN, "ReopenTicket", name=filed.name, reason="It is broken again")
    assert (again.state, again.reopens) == (t.TICKET_STATE_IN_PROGRESS, 1)


async def test_who_disagrees_in_time_keeps_it_open(counter: Counter) -> None:
    """The moment of one that was reopened passes without a trace; one resolved after it closes."""
    reopened, other = await counter.filed(), await counter.filed()
    for one in (reopened, other):
        await counter.ask(BEN, "ResolveTicket", name=one.name, **DONE)
    await counter.ask(ANN, "ReopenTicket", name=reopened.name, reason="No, it is not")

    async def other_closed() -> bool:
        return bool(await _state(counter, other.name) == t.TICKET_STATE_CLOSED)

    await until(other_closed)
    assert await _state(counter, reopened.name) == t.TICKET_STATE_IN_PROGRESS
    assert [kind for kind, _ in await _timeline(counter, reopened.name)][-1] == "TicketReopened"


async def test_an_imported_history_ends_where_its_log_does(counter: Counter) -> None:
    """Resolved long ago in its log, it arms nothing and is closed by nobody."""
    given = [history("INC1", row(1), row(2, t.TICKET_STATE_RESOLVED))]
    await counter.ask(OLA, "ImportSteps", source="log", histories=given)
    (ticket,) = (await counter.ask(OLA, "ListTickets", filter={"source": "log"})).tickets
    assert ticket.state == t.TICKET_STATE_RESOLVED
    assert not ticket.HasField("auto_close_time")
    assert await counter.run.db["timers"].count_documents({}) == 0
