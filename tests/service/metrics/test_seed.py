"""Facts and entries in bulk are what events would have made of the same tickets, field by field, and so are cells."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from google.protobuf.message import Message
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandListener, CommandStartedEvent
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2

from deploy.local import seed
from services.metrics.rules.fact import Channel, Judged, State
from services.metrics.rules.fold import Seen, SeenClocks
from services.metrics.rules.friction import By, narrowed
from services.metrics.rules.people_model import PeopleModel
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.pieces import summed
from services.metrics.store import counts
from services.metrics.store.cells import CELLS
from services.metrics.store.facts import FACTS
from services.metrics.store.frictions import Frictions
from services.metrics.store.ledger import ENTRIES
from services.metrics.store.roller import Roller
from services.metrics.store.value_ledger import ValueLedger
from services.metrics.wire.cost_model import draft_of
from services.metrics.wire.fact import CHANNELS, STATES, TYPES
from services.metrics.wire.instants import timestamp
from services.runtime.journal import Entry, Journal
from services.runtime.records import Records
from tests.service.metrics.bank import Bank, model, papers
from tests.service.metrics.desk import ROOT, Desk, between, entry
from tests.service.metrics.test_board import _numbers

COUNT, FEW, MOST_READS, SAMPLE = 400, 40, 12, (0, 3, 57, 123, 248, 399)
MONEY = (0, 1, 3, 10, 57, 123, 248, 251)
_KINDS = {
    State.IN_PROGRESS: ticket_events.TicketStarted,
    State.AWAITING_REQUESTER: ticket_events.RequesterAsked,
    State.RESOLVED: ticket_events.TicketResolved,
    State.CLOSED: ticket_events.TicketClosed,
}


def _ticket(seen: Seen, assignee: str, sequence: int, resolved_at: datetime | None = None) -> ticket_pb2.Ticket:
    ticket = ticket_pb2.Ticket(
        name=seen.name, type=TYPES[seen.type], state=STATES[seen.state], title=seen.title, impact=seen.impact,
        urgency=seen.urgency, priority=seen.priority, service=seen.service, category=seen.category, site=seen.site,
        unit=seen.unit, team=seen.team, assignee=assignee, channel=CHANNELS[seen.channel],
        open_time=timestamp(seen.opened_at), first_response_time=timestamp(seen.responded_at),
        knowledge_used=seen.knowledge_used, item=seen.item, etag=f'"{sequence}"', resolve_time=timestamp(resolved_at),
        importing=seen.importing,
    )  # fmt: skip
    if seen.duplicate:
        ticket.links.add(relation=ticket_pb2.LINK_RELATION_DUPLICATES, target="tickets/INC-000001")
    return ticket


def _clocks(seen: SeenClocks) -> sla_pb2.TicketClocks:
    def clock(kind: Any, judged: Judged) -> sla_pb2.Clock:
        state = sla_pb2.CLOCK_STATE_MET if judged.met else sla_pb2.CLOCK_STATE_MISSED
        made = sla_pb2.Clock(
            kind=kind,
            state=state if judged.finished_at else sla_pb2.CLOCK_STATE_RUNNING,
            stop_time=timestamp(judged.finished_at),
            breach_time=timestamp(judged.breached_at),
        )
        made.elapsed.seconds = judged.elapsed
        return made

    kinds = ((sla_pb2.CLOCK_KIND_RESPONSE, seen.response), (sla_pb2.CLOCK_KIND_RESOLUTION, seen.resolution))
    name = seen.ticket.replace("tickets/", "clocks/")
    return sla_pb2.TicketClocks(name=name, ticket=seen.ticket, clocks=[clock(*one) for one in kinds])


def told(number: int, *, importing: bool = False) -> list[Entry]:
    """The life of a seeded ticket as its owners would tell it."""
    first, steps = seed.life(number, COUNT)
    first = replace(first, importing=importing)
    seen, assignee, sequences = first, "", {"ticket": 0, "clocks": 0}
    resolved_at: datetime | None = None
    reopens = 0

    def next_entry(stream: str, name: str, message: Message, at: Any, actor: str) -> Entry:
        sequences[stream] += 1
        return entry(name, sequences[stream], message, at, actor)

    opened = ticket_events.TicketOpened(ticket=_ticket(first, "", 1))
    found = [next_entry("ticket", first.name, opened, first.opened_at, "people/ann")]
    for step in steps:
        if step.clocks is not None:
            message: Message = sla_events.ClockStopped(clocks=_clocks(step.clocks))
            name = first.name.replace("tickets/", "clocks/")
            found.append(next_entry("clocks", name, message, step.at, "system/sla"))
            continue
        before = seen
        seen = replace(replace(seen, given=False, asked=False), **step.change)
        assignee = "people/ben" if seen.given else assignee
        kind = _KINDS.get(seen.state, ticket_events.TicketStarted)
        if "state" in step.change and seen.state is State.RESOLVED:
            resolved_at = step.at
        elif before.state is State.RESOLVED and seen.state is State.IN_PROGRESS:
            kind, resolved_at, reopens = ticket_events.TicketReopened, None, reopens + 1
        ticket = _ticket(seen, assignee, sequences["ticket"] + 1, resolved_at)
        ticket.reopens = reopens
        if "team" in step.change:
            previous = assignee if not seen.given else ""
            message = ticket_events.TicketAssigned(ticket=ticket, previous_team=before.team, previous_assignee=previous)
        elif "state" in step.change:
            message = kind(ticket=ticket)
        else:
            message = ticket_events.CommentAdded(ticket=ticket)
        found.append(next_entry("ticket", first.name, message, step.at, "people/ben" if step.human else "system/rules"))
    return found


async def test_a_sample_equals_what_events_make(desk: Desk) -> None:
    """Every field of the document's state, and the number of its changes."""
    for number in SAMPLE:
        await desk.publish(*told(number))
    await desk.heard()
    await desk.rolled()
    for number in SAMPLE:
        expected = seed.document(number, COUNT)
        found = await desk.run.db["facts"].find_one({"_id": expected["_id"]})
        assert found is not None
        assert {key: one for key, one in found["state"].items() if key != "stale"} == expected["state"]
        assert found["version"] == expected["version"]


@pytest.mark.long
async def test_cells_of_bulk_facts_are_those_of_their_facts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a board reads from cells of days, of eight and of 64 equals a count of the facts one by one."""
    await seed.fill(desk.run.db, seed.Facts(desk.run.db), COUNT, workers=1)
    item = {"item": "items/item-05", "channel": 1}
    for filter in ({}, {"channel": 1, "priorities": [3]}, item):
        exact = await desk.values(ROOT, period=between(), filter=filter)
        board = await desk.ask(ROOT, "GetBoard", period=between(), filter=filter, time_zone="Asia/Shanghai")
        monkeypatch.setattr(counts, "EXACT_BELOW", 1)
        assert _numbers(await desk.values(ROOT, period=between(), filter=filter)) == _numbers(exact)
        again = await desk.ask(ROOT, "GetBoard", period=between(), filter=filter, time_zone="Asia/Shanghai")
        assert again.days == board.days
        assert len(again.days) == 400
        monkeypatch.undo()


async def test_cells_written_at_once_are_those_of_the_roller(mongo_uri: str, database: str) -> None:
    """Document by document: cells of all levels, quarter hours and the calendar; and sums of money, row by row."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        one, other = client[database], client[f"{database}-rolled"]
        ledger = ValueLedger(Records(one, ENTRIES, Journal(one)))
        assert await ledger.money_lines(Period(), Filter(), "") == []
        await seed.fill(one, seed.Facts(one), FEW, workers=1, booked=True)
        assert [line.entries > 1 for line in await ledger.money_lines(Period(), Filter(), "")] == [True]
        # A store that has a cell is left to the roller.
        await other[CELLS].insert_one({"_id": "another"})
        await seed.fill(other, seed.Facts(other), FEW, workers=1, booked=True)
        await other[CELLS].delete_one({"_id": "another"})
        for name in (CELLS, "cell_slots", "cell_days", "money_cells"):
            made, rolled = [{row["_id"]: row async for row in db[name].find({})} for db in (one, other)]
            assert len(made) > 1
            assert made == rolled
        assert await one["ledger_entries"].count_documents({"summed": True}) > 1
        assert await one["ledger_entries"].count_documents({"summed": None}) == 0
        await client.drop_database(other)


async def test_a_map_of_all_places_is_the_map_of_each_in_as_many_reads_however_many_they_are(
    mongo_uri: str, database: str
) -> None:
    """By service and by team, of a filter that a pair of places has cells for, and of one that only facts answer."""
    reads = Reads()
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True, event_listeners=[reads]) as client:
        db = client[database]
        await seed.fill(db, seed.Facts(db), COUNT, workers=1)
        frictions = Frictions(db, Records(db, FACTS, Journal(db)))
        day = seed.END - timedelta(days=300)
        period = Period(day - timedelta(hours=8), day + timedelta(days=191, hours=5))
        for by, filter, scope in (
            (By.SERVICE, Filter(), ""),
            (By.TEAM, Filter(channel=Channel.PORTAL, priorities=(3, 4)), "cn"),
            (By.TEAM, Filter(service="services/service-00"), ""),
            (By.SERVICE, Filter(team="teams/team-00"), ""),
            (By.SERVICE, Filter(site="sites/site-07"), "cn/east"),
        ):
            reads.count = 0
            found = await frictions.by_place(period, filter, by, scope)
            assert reads.count <= MOST_READS
            for row in found.rows:
                (alone,) = (await frictions.by_place(period, narrowed(filter, by, row.place), by, scope)).rows
                assert row == alone
            assert sum(row.ended for row in found.rows) == found.whole.ended > 0
            assert len(found.rows) > 1


async def test_the_facts_of_a_cut_day_are_read_once_until_its_cells_are_made_anew(
    mongo_uri: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of them counts as the facts do, whatever the filter; and a fact that changes is seen at once, while
    it is in no cell yet and when it is.
    """
    monkeypatch.setattr(counts, "EXACT_BELOW", 1)
    reads = Reads()
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True, event_listeners=[reads]) as client:
        db = client[database]
        await seed.fill(db, seed.Facts(db), COUNT, workers=1)
        records = Records(db, FACTS, Journal(db))
        changed = await db["facts"].find_one({"state.service": "services/service-00", "state.unit": "cn/east"})
        assert changed is not None
        day = changed["state"]["opened_at"].replace(hour=0, minute=0, second=0, microsecond=0)
        period = Period(changed["state"]["opened_at"], day + timedelta(days=120, hours=11))
        filters = (Filter(), Filter(service="services/service-00", channel=Channel.PORTAL), Filter(priorities=(3, 4)))

        async def agree(scope: str) -> list[int]:
            found = []
            for filter in filters:
                async with client.start_session(snapshot=True) as session:
                    one = counts.Counts(db, records, session, scope)
                    sums = (await one.sums(period, filter, courses=False)).whole
                    exact = summed(await one._of_facts(period, filter)).whole
                    for name in ("counts", "shares", "spreads"):
                        assert getattr(sums, name) == getattr(exact, name)
                    found.append(sums.count("tickets_opened"))
            return found

        reads.count = 0
        assert (await agree(""))[0] > 1
        first, reads.count = reads.count, 0
        before = await agree("cn")
        assert reads.count == first - 2
        await db["facts"].update_one(
            {"_id": changed["_id"]},
            {"$set": {"state.unit": "de", "state.stale": changed["state"]["days"]}, "$inc": {"version": 1}},
        )
        assert (await agree("cn"))[0] == before[0] - 1
        roller = Roller(db, records)
        while await roller.roll_stale(8):
            assert (await agree("cn"))[0] == before[0] - 1
        assert (await agree("cn"))[0] == before[0] - 1
        assert await db["facts"].count_documents({"state.stale": {"$gte": 0}}) == 0


class Reads(CommandListener):
    """How many reads the store was asked for."""

    count = 0

    def started(self, event: CommandStartedEvent) -> None:
        """One more."""
        self.count += event.command_name in ("find", "aggregate", "distinct", "count", "getMore")

    def succeeded(self, event: Any) -> None:
        """No matter."""

    def failed(self, event: Any) -> None:
        """No matter."""


async def test_a_sample_of_money_equals_what_the_books_make(bank: Bank, empty_nats: str) -> None:
    """Every field of the entries and of the booking but the place of the input, for ends, reopenings and duplicates.

    As a past that is imported: the model that judges it is approved today.
    """
    await bank.approve(draft_of_seed())
    async with papers(empty_nats) as paper:
        for number in MONEY:
            await paper("INC-000000").tell(*(one for one in told(number, importing=True) if "tickets/" in one.resource))
    expected = [seed.money(number, COUNT) for number in MONEY]
    names = [entry["_id"] for _, entries in expected for entry in entries]
    await bank.until(lambda: bank.run.db["ledger_entries"].count_documents({"summed": True}), len(names))
    for booking, entries in expected:
        for one in entries:
            found = await bank.run.db["ledger_entries"].find_one({"_id": one["_id"]})
            assert found is not None
            assert found["state"] == one["state"]
        if booking is not None:
            found = await bank.run.db["bookings"].find_one({"_id": booking["_id"]})
            assert found is not None
            assert _but_how_read(found["state"]) == _but_how_read(booking["state"])
            assert found["version"] == booking["version"]
    assert await bank.run.db["ledger_entries"].count_documents({}) == len(names)
    assert any(one.endswith(".3") for one in names)


def _but_how_read(state: dict[str, Any]) -> dict[str, Any]:
    end = state["end"] and {**state["end"], "importing": True}
    return {**state, "end": end, "seq": 0}


def draft_of_seed() -> Any:
    """The model of bulk entries as somebody would write it."""
    version = seed.cost_model().versions[0]
    made = model(version.effective_at)
    assert isinstance(version.terms, PeopleModel)
    assert draft_of(made).scopes == tuple(version.terms.users.items())
    return made


async def test_sums_of_bulk_entries_are_those_of_their_entries(mongo_uri: str, database: str) -> None:
    """From cells, whatever the filter and the period, also while some entries are in none, and never twice."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        await _sums_agree(client[database])


async def _sums_agree(db: AsyncDatabase[dict[str, Any]]) -> None:
    await db["ledger_entries"].create_indexes(list(ENTRIES.indexes))
    ledger = ValueLedger(Records(db, ENTRIES, Journal(db)))
    day = seed.END - timedelta(days=300)
    periods = (
        Period(),
        Period(day - timedelta(hours=8), day + timedelta(days=91, hours=5, minutes=1)),
        Period(day + timedelta(hours=9), day + timedelta(hours=30)),
    )
    filters = (
        Filter(),
        Filter(service="services/service-00"),
        Filter(team="teams/team-00", priorities=(1, 3)),
        Filter(channel=Channel.PORTAL),
        Filter(site="sites/site-07", service="services/service-01"),
    )
    asked = list(product(periods, filters, ("", "cn/east", "cn")))

    async def found() -> list[Any]:
        return [await ledger.money_lines(*one) for one in asked]

    entries = [entry for number in range(COUNT) for entry in seed.money(number, COUNT)[1]]
    # What waits for its journal is added to nothing, so all of it is counted one by one.
    await db["ledger_entries"].insert_many([one | {"pending": seed.END} for one in entries])
    one_by_one = await found()
    assert sum(len(one) for one in one_by_one) > len(asked) / 2
    assert await db["money_cells"].count_documents({}) == 0
    await db["ledger_entries"].update_many({}, {"$unset": {"pending": ""}})
    rollers = [Roller(db, Records(db, FACTS, Journal(db))) for _ in range(2)]

    async def roll(roller: Roller) -> None:
        while await roller.add_entries(37):
            assert await ledger.money_lines(*asked[0]) == one_by_one[0]

    await asyncio.gather(*map(roll, rollers))
    assert await db["ledger_entries"].count_documents({"summed": True}) == len(entries)
    assert await found() == one_by_one
