"""An outage that opens an incident: once, through the ticket service, noted at its end, whoever dies on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from throughline.tickets.v1 import ticket_pb2

from services.metrics.rules.outage_incident import Filing
from services.metrics.rules.outage_record import Outage, State, Tier, judged
from services.metrics.store.incidents import Incidents
from services.metrics.store.outages import OUTAGES
from services.runtime.actor import system
from services.runtime.client import channel
from services.runtime.door import now
from services.runtime.identity import Keys, make
from services.runtime.records import Cause
from services.runtime.run import Runtime
from services.tickets.main import TicketsSettings
from services.tickets.main import compose as compose_tickets
from tests.service.metrics.bank import Bank, opened
from tests.service.tickets.counter import Counter, person

NAME = "outages/shop.1795824000"
FILING = Filing("businessServices/checkout", "Outage: Checkout", "shop fails", "people/ann", "services/checkout", 1, 2)
BEGAN = now().replace(microsecond=0) - timedelta(minutes=4)
ROOT = person("root", "agent", unit="")


@dataclass
class Stand:
    """Metrics with one outage, and the ticket service that it calls with its own identity."""

    bank: Bank
    tickets: Runtime
    counter: Counter
    incidents: Incidents

    @property
    def outages(self) -> Any:
        return self.bank.run.db["outages"]

    async def look(self, state: State, minute: int) -> None:
        """What the watch finds."""
        at = now() + timedelta(minutes=minute)
        filing = replace(FILING, impact_started_at=BEGAN)
        found = Outage("shop", state, 179_582_400, 179_582_430, at, root="shop", filing=filing)
        cause = Cause(f"look/{minute}", system("metrics"), at)
        await self.bank.run.records(OUTAGES).upsert(NAME, cause, partial(judged, found=found))

    async def listed(self) -> list[ticket_pb2.Ticket]:
        """All tickets."""
        return list((await self.counter.ask(ROOT, "ListTickets")).tickets)


@pytest.fixture
async def stand(mongo_uri: str, empty_nats: str, database: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """Both services in this process."""
    async with AsyncExitStack() as stack:
        start = await stack.enter_async_context(opened(mongo_uri, empty_nats, database, tmp_path / "keys"))
        make(tmp_path / "keys", ["metrics", "portal", "tl", "tickets"])
        bank = await start()
        settings = TicketsSettings.load(
            "tickets",
            mongo_uri=mongo_uri,
            nats_url=empty_nats,
            database=f"{database}_tickets",
            keys_dir=tmp_path / "keys",
            listen="127.0.0.1:0",
            bus_manage=True,
            stop_wait_seconds=0.0,
            stop_grace_seconds=2.0,
        )
        run = await stack.enter_async_context(Runtime("tickets", settings))
        compose_tickets(run, timedelta(days=7))
        await run.start()
        assert await run.ready(30), "the ticket service did not become ready"
        counter = await stack.enter_async_context(Counter(run.port, tmp_path / "keys"))
        calls = channel(f"127.0.0.1:{run.port}", "tickets", Keys(tmp_path / "keys", "metrics"))
        stack.push_async_callback(calls.close)
        yield Stand(bank, run, counter, Incidents(bank.run.records(OUTAGES), calls))
        await run.db.client.drop_database(f"{database}_tickets")


async def test_an_outage_opens_one_incident_whoever_dies_on_the_way(stand: Stand) -> None:
    """As if the process had been killed after each call and before it noted the answer: one incident, one note."""
    await stand.look(State.OPEN, 0)
    before = await stand.outages.find_one({"_id": NAME})
    await stand.incidents.look()
    (ticket,) = await stand.listed()
    assert (ticket.requester, ticket.opener, ticket.service) == ("people/ann", "system/metrics", "services/checkout")
    assert (ticket.channel, ticket.impact, ticket.urgency) == (ticket_pb2.CHANNEL_MONITORING, 1, 2)
    assert ticket.impact_start_time.ToDatetime(UTC) == BEGAN
    # The answer was lost with the process: the outage stands as it did before the call.
    await stand.outages.replace_one({"_id": NAME}, before)
    await stand.incidents.look()
    await stand.incidents.look()
    assert [one.name for one in await stand.listed()] == [ticket.name]
    outage = (await stand.bank.run.records(OUTAGES).get(NAME)).state
    assert outage.incident == ticket.name
    assert [(one.ticket, one.tier) for one in outage.tickets] == [(ticket.name, Tier.A)]

    await stand.look(State.CLOSED, 1)
    before = await stand.outages.find_one({"_id": NAME})
    await stand.incidents.look()
    await stand.outages.replace_one({"_id": NAME}, before)
    await stand.incidents.look()
    entries = (await stand.counter.ask(ROOT, "ListTimelineEntries", name=ticket.name)).entries
    assert [(one.kind, one.actor) for one in entries if one.kind == "CommentAdded"] == [
        ("CommentAdded", "system/metrics")
    ]
    assert (await stand.listed())[0].state == ticket_pb2.TICKET_STATE_NEW
    assert await stand.outages.count_documents({"state.waits": True}) == 0


async def test_an_incident_waits_for_the_ticket_service(stand: Stand) -> None:
    """While nobody answers, the outage keeps what it has to say."""
    await stand.look(State.OPEN, 0)
    nobody = channel("127.0.0.1:1", "tickets", stand.bank.keys)
    await Incidents(stand.bank.run.records(OUTAGES), nobody).look()
    await nobody.close()
    assert await stand.outages.count_documents({"state.waits": True}) == 1
    assert await stand.listed() == []
    await stand.incidents.look()
    assert len(await stand.listed()) == 1
