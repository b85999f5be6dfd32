"""A transaction of the ledger's sums that does not fit into the store's cache, for real, on a mongod of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pymongo import AsyncMongoClient

from deploy.local import seed
from deploy.local.servers import Mongod
from services.metrics.rules.period import Filter, Period
from services.metrics.store.facts import FACTS
from services.metrics.store.ledger import ENTRIES
from services.metrics.store.roller import Roller
from services.metrics.store.value_ledger import ValueLedger
from services.runtime.journal import Journal
from services.runtime.records import Records

LIVES, COPIES, MOST = 100, 6, 500
# What then does not fit, and is a fifth of the cache by itself, will never fit and is not worth another try.
SMALL = ({"wiredTigerEngineRuntimeConfig": "cache_size=12MB"}, {"transactionTooLargeForCacheThreshold": 0.2})
ROOMY = {"wiredTigerEngineRuntimeConfig": "cache_size=256MB"}


async def test_what_is_too_large_for_one_transaction_is_added_in_smaller_ones(own_mongod: Mongod) -> None:
    """All entries are asked for at once: they are added in several steps, each once, and every sum stays what it was
    while they were counted one by one.
    """
    async with AsyncMongoClient[dict[str, Any]](own_mongod.uri, tz_aware=True) as client:
        db = client["metrics"]
        await db[ENTRIES.collection].create_indexes(list(ENTRIES.indexes))
        numbers = [life + seed.LIVES * copy for copy in range(COPIES) for life in range(LIVES)]
        entries = [one for number in numbers for one in seed.money(number, 400_000)[1]]
        await db[ENTRIES.collection].insert_many(entries)
        ledger = ValueLedger(Records(db, ENTRIES, Journal(db)))
        start = seed.END - timedelta(days=seed.DAYS)
        asked = [
            (period, filter, scope)
            for period in (Period(), Period(start + timedelta(hours=11), start + timedelta(days=30, hours=5)))
            for filter, scope in ((Filter(), ""), (Filter(service="services/service-00"), "cn"))
        ]
        one_by_one = [await ledger.money_lines(*one) for one in asked]
        assert all(one_by_one)

        for setting in SMALL:
            await client.admin.command({"setParameter": 1, **setting})
        roller = Roller(db, Records(db, FACTS, Journal(db)))
        assert len(entries) < MOST
        first = await roller.add_entries(MOST)
        assert 0 < first < len(entries)
        assert [await ledger.money_lines(*one) for one in asked] == one_by_one
        await client.admin.command({"setParameter": 1, **ROOMY})
        assert await roller.add_entries(MOST) == len(entries) - first
        assert await roller.add_entries(MOST) == 0
        assert await db[ENTRIES.collection].count_documents({"summed": True}) == len(entries)
        assert [await ledger.money_lines(*one) for one in asked] == one_by_one
