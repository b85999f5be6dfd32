"""What a page costs must not grow with the number of tickets: every usual list reads little more than it shows."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from services.runtime.journal import Journal
from services.runtime.paging import after
from services.runtime.records import Records
from services.tickets.rules.access import Sight
from services.tickets.rules.selection import Order, Selection
from services.tickets.rules.ticket import OPEN, Channel, State, Ticket, Type
from services.tickets.store.queries import ORDERS, query
from services.tickets.store.tickets import TICKETS, encode

COUNT, PAGE = 4000, 20
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ALL, EAST, ANN = Sight("", "people/root"), Sight("cn/east", "people/ben"), Sight(None, "people/caller-7")

LISTS: dict[str, tuple[Selection, Sight, Order]] = {
    "everything, newest": (Selection(), ALL, Order.NEWEST_FIRST),
    "everything, lately changed": (Selection(), ALL, Order.RECENTLY_UPDATED),
    "the whole queue": (Selection(states=OPEN), ALL, Order.PRIORITY_THEN_OLDEST),
    "a team's queue": (Selection(states=OPEN, team="teams/t3"), ALL, Order.PRIORITY_THEN_OLDEST),
    "a person's work": (Selection(states=OPEN, assignee="people/a3"), ALL, Order.PRIORITY_THEN_OLDEST),
    "a unit's queue": (Selection(states=OPEN), EAST, Order.PRIORITY_THEN_OLDEST),
    "a unit's newest": (Selection(), EAST, Order.NEWEST_FIRST),
    "my tickets": (Selection(), ANN, Order.NEWEST_FIRST),
    "a word": (Selection(text="printer"), ALL, Order.NEWEST_FIRST),
    "a number": (Selection(text="INC-000777"), ALL, Order.NEWEST_FIRST),
    "an imported number": (Selection(source="log", external_id="X77"), ALL, Order.NEWEST_FIRST),
}


def ticket(number: int, chance: random.Random) -> Ticket:
    """One of many, most of them closed."""
    state = chance.choice([*OPEN, *[State.CLOSED] * 12])
    opened_at = START + timedelta(minutes=number)
    return Ticket(
        type=Type.INCIDENT,
        state=state,
        title=f"{chance.choice(['The printer', 'No mail', 'VPN', 'Screen'])} fails {number}",
        opened_at=opened_at,
        updated_at=opened_at + timedelta(minutes=chance.randint(0, 9000)),
        requester=f"people/caller-{chance.randint(1, 100)}",
        channel=Channel.PORTAL,
        priority=chance.randint(0, 4),
        team=f"teams/t{chance.randint(1, 8)}",
        assignee=f"people/a{chance.randint(1, 40)}",
        unit=chance.choice(["cn/east", "cn/west", "cn/east/hz"]),
    )


@pytest.fixture
async def tickets(mongo_uri: str, database: str) -> Any:
    """The collection with its indexes and some thousand tickets."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        records = Records(client[database], TICKETS, Journal(client[database]))
        await records.ensure_indexes()
        chance = random.Random(1)
        many = [ticket(number, chance) for number in range(COUNT)]
        many[77] = replace(many[77], source="log", external_id="X77")
        await records.collection.insert_many(
            [
                {"_id": f"tickets/INC-{number:06d}", "birth": str(number), "state": encode(one)}
                for number, one in enumerate(many)
            ]
        )
        yield records.collection


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_reads_little_more_than_it_shows(tickets: Any, name: str) -> None:
    """The first page and the one in the middle: no scan of the collection, and few documents read per one shown."""
    selection, sight, order = LISTS[name]
    where, sort = query(selection, sight), ORDERS[order]
    shown = await tickets.find(where).sort(sort).to_list()
    assert shown, "the test has nothing to show"
    middle = shown[len(shown) // 2]
    keys = [middle["_id"] if path == "_id" else middle["state"][path.removeprefix("state.")] for path, _ in sort]
    for step in ({}, *after(sort, keys)):
        page = {"$and": [where, step]} if where and step else where or step
        found = {"find": tickets.name, "filter": page, "sort": dict(sort), "limit": PAGE + 1}
        explained = await tickets.database.command("explain", found, verbosity="executionStats")
        stats = explained["executionStats"]
        assert "COLLSCAN" not in str(stats)
        assert stats["totalDocsExamined"] <= 10 * PAGE, f"{stats['totalDocsExamined']} read for {stats['nReturned']}"
