"""Pages of the ledger's entries: the right rows of any filter, and not many more looked at than are shown."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from deploy.local import seed
from deploy.local.seed_ledger import document
from services.metrics.rules.access import is_within
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.ledger import Entry
from services.metrics.rules.money import Category
from services.metrics.rules.period import Filter, Period
from services.metrics.store.ledger import CLASSES, ENTRIES, PLACES, SELDOM, decode_entry, lasting
from services.metrics.store.ledger_pages import gathered, page_of_entries, rarest, walked
from services.runtime.journal import Journal
from services.runtime.paging import PageRequest
from services.runtime.records import Records

LIVES, COPIES, PAGE = 250, 12, 30
# Most are recorded when they are over; some days or a year later, and a few before.
LATE = (*(0,) * 30, 1, 3, 7, 20, 100, 400, -3)
UNITS = (*("cn/east", "cn/east/shanghai", "cn/east-2", "cn/west", "") * 20, "de")
START = seed.END - timedelta(days=seed.DAYS)
LOSS = Category.INCURRED_LOSS
MONTH, ALL = Period(START + timedelta(days=90, hours=7), START + timedelta(days=121)), Period()


def _made_up() -> Iterator[Entry]:
    chance = random.Random("entries")
    count = seed.LIVES * COPIES
    for number in range(0, count, seed.LIVES // LIVES):
        for made in seed.money(number, count)[1]:
            entry = decode_entry(made["state"])
            yield replace(
                entry,
                category=chance.choice([*(LOSS,) * 20, Category.HOURS]),
                place=replace(entry.place, unit=chance.choice(UNITS), source=chance.choice(("old", "old", ""))),
                recorded_at=entry.recorded_at + timedelta(days=chance.choice(LATE)),
            )


@pytest.fixture
async def ledger(mongo_uri: str, database: str) -> AsyncIterator[tuple[Records[Entry], list[Entry]]]:
    """Some thousand entries of two years, and the same as they are kept; a few as an earlier release kept them."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, tz_aware=True, appname=database) as client:
        records, entries = Records(client[database], ENTRIES, Journal(client[database])), list(_made_up())
        await records.ensure_indexes()
        kept = [document(ENTRIES, one.name, ENTRIES.encode(one), 1) for one in entries]
        for one in kept[:: len(kept) // 20]:
            del one["state"]["lag"], one["state"]["item"]
        await records.collection.insert_many(kept)
        yield records, entries


_NAMES = ("service", "team", "site", "item", "source")


def _asked(entry: Entry, period: Period, filter: Filter, scope: str, category: Category | None) -> bool:
    first = entry.amounts.first_hour
    last, place = first + timedelta(hours=len(entry.amounts.amounts) - 1), entry.place
    return (
        last >= period.start
        and first < period.end
        and is_within(place.unit, scope)
        and category in (None, entry.category)
        and filter.channel in (Channel.UNSPECIFIED, place.channel)
        and filter.type in (None, place.type)
        and (not filter.priorities or place.priority in filter.priorities)
        and all(getattr(filter, name) in ("", getattr(place, name)) for name in _NAMES)
    )


async def test_every_way_gives_the_same_rows_the_newest_first(ledger: tuple[Records[Entry], list[Entry]]) -> None:
    """Page after page, however late an entry was recorded, by a walk and by each index of what is asked for."""
    records, entries = ledger
    newest = sorted(entries, key=lambda one: (one.recorded_at, one.name), reverse=True)
    filters = (
        Filter(),
        Filter(service="services/service-00", team="teams/team-00"),
        Filter(site="sites/site-07", priorities=(1, 2)),
        Filter(type=Type.REQUEST),
        Filter(source="old", team="teams/team-01"),
        Filter(channel=Channel.CHAT, service="services/service-01", site="sites/site-02"),
    )
    seen = (("", LOSS), ("cn/east", None), ("de", LOSS))
    for period, filter, (scope, category) in product((ALL, MONTH), filters, seen):
        wanted = [one for one in newest if _asked(one, period, filter, scope, category)]
        found: list[Entry] = []
        token = ""
        for _ in range(3):
            page = PageRequest(PAGE, token)
            rows = await page_of_entries(records, period, filter, scope, page, category=category)
            found += [one.state for one in rows.items]
            if not (token := rows.next_token):
                break
        assert found == wanted[: 3 * PAGE]
        assert bool(token) == (len(wanted) > 3 * PAGE)
        where = lasting(period, filter, scope)
        indexes = [keys for keys in (*PLACES, *SELDOM, CLASSES) if keys is CLASSES or keys[0][0] in where]
        first = PageRequest(PAGE)
        ways = [await gathered(records, where, category, first, keys) for keys in indexes]
        for way in (*ways, await walked(records, where, period, category, first)):
            assert [one.state for one in way.items] == wanted[:PAGE]


async def test_a_page_looks_at_little_more_than_it_shows(ledger: tuple[Records[Entry], list[Entry]]) -> None:
    """A month of long ago is found without what was recorded since, and what does not match is passed over."""
    records, entries = ledger
    db = records.collection.database
    asked = (
        (MONTH, Filter(), "", 250),
        (MONTH, Filter(type=Type.INCIDENT), "cn", 400),
        (ALL, Filter(), "cn/east", 250),
        (ALL, Filter(priorities=(1,)), "cn", 700),
    )
    assert len(entries) > 1500
    await db.command("profile", 2)
    for number, (period, filter, scope, keys) in enumerate(asked):
        page = await walked(records, lasting(period, filter, scope), period, LOSS, PageRequest(PAGE))
        told = (await db["system.profile"].find({"ns": records.collection.full_name}).sort("ts", 1).to_list())[number:]
        assert len(page.items) == PAGE
        assert len(told) == 1
        # The store tried no other plan, which costs as much as the best of them many times over.
        assert "fromMultiPlanner" not in told[0]
        assert told[0]["keysExamined"] <= keys
        assert told[0]["docsExamined"] <= 2 * PAGE


async def test_what_a_walk_does_not_find_in_time_is_looked_up_where_it_is_rarest(
    ledger: tuple[Records[Entry], list[Entry]],
) -> None:
    """By the place or the class that has the fewest; a place is gone through in its index, where that tells enough."""
    records, entries = ledger
    scarce = (
        (Filter(priorities=(9,)), "cn", "type"),
        (Filter(item="items/item-01"), "", "item"),
        (Filter(service="services/service-00", team="teams/team-07"), "cn", "service"),
        (Filter(site="sites/site-07", service="services/service-00", priorities=(1,)), "", "site"),
        (Filter(priorities=(3,)), "de", "unit"),
    )
    for filter, scope, leads in scarce:
        keys = await rarest(records, lasting(ALL, filter, scope))
        assert keys is not None
        assert keys[0][0] == f"state.{leads}", filter
    for common in (Filter(source="old", type=Type.INCIDENT), Filter(type=Type.INCIDENT)):
        assert await rarest(records, lasting(ALL, common, "cn")) is None

    admin, filter = records.collection.database.client.admin, scarce[2][0]
    wanted = [one for one in entries if _asked(one, ALL, filter, "cn", None)]
    late = {"failCommands": ["find"], "errorCode": 50, "appName": records.collection.database.name}
    await admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": late})
    rows = await page_of_entries(records, ALL, filter, "cn", PageRequest(PAGE))
    assert {one.name for one in rows.items} == {one.name for one in wanted}
    assert 0 < len(wanted) <= PAGE
