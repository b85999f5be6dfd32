"""Keyset pages on a real MongoDB: every row once and in order, whatever is missing, equal or added meanwhile."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from services.runtime.paging import PageRequest, find_page
from services.runtime.refusal import Refusal
from tests.service.runtime.jars import Cellar, cause, put


def _sorted(rows: list[dict[str, Any]], order: list[tuple[str, int]]) -> list[int]:
    for path, direction in reversed(order):
        rows = sorted(rows, key=lambda row: ((value := row.get(path)) is not None, value or 0), reverse=direction < 0)
    return [row["_id"] for row in rows]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("directions", [(1, 1), (1, -1), (-1, 1), (-1, -1)])
async def test_pages_hold_every_row_once_in_order(
    mongo_uri: str, database: str, seed: int, directions: tuple[int, int]
) -> None:
    """Two sort keys with ties, nulls and missing values, both directions: pages of 7 make up the whole list."""
    dice = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(60):
        row: dict[str, Any] = {"_id": number}
        for key in "ab":
            value = dice.choice([None, "missing", 1, 2, 3])
            if value != "missing":
                row[key] = value
        rows.append(row)
    order = [("a", directions[0]), ("b", directions[1]), ("_id", dice.choice((1, -1)))]
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        collection = client[database]["rows"]
        await collection.create_index(order)
        await collection.insert_many(rows)
        seen: list[int] = []
        token = ""
        while True:
            page = await find_page(collection, {}, order, PageRequest(7, token))
            seen += [row["_id"] for row in page.items]
            token = page.next_token
            if not token:
                break

    assert seen == _sorted(rows, order)


async def test_records_page_by_their_state(mongo_uri: str, database: str) -> None:
    """Records are paged by a path of their state with the name as tie-break; a token of another list is refused."""
    async with Cellar(mongo_uri, database) as cellar:
        for i in range(9):
            await cellar.jars.upsert(f"jars/{i}", cause(f"r{i}"), put(i // 3))
        order = [("state.total", -1)]
        first = await cellar.jars.page({}, order, PageRequest(4, bind="all"))
        await cellar.jars.upsert("jars/late", cause("late"), put(2))
        second = await cellar.jars.page({}, order, PageRequest(5, first.next_token, bind="all"))

        for where in (order, []):
            with pytest.raises(Refusal, match="PAGE_TOKEN_INVALID"):
                await cellar.jars.page({}, where, PageRequest(4, first.next_token, bind="mine"))
        with pytest.raises(Refusal, match="PAGE_TOKEN_INVALID"):
            await cellar.jars.page({}, [("state.label", -1)], PageRequest(4, first.next_token, bind="all"))

    assert [record.name for record in (*first.items, *second.items)] == [f"jars/{i}" for i in range(8, -1, -1)]
    assert second.next_token == ""


async def test_a_deep_page_reads_no_more_than_a_page(mongo_uri: str, database: str) -> None:
    """With an index on the order, a page from the middle of 5,000 rows examines little more than its own rows."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        collection = client[database]["rows"]
        order = [("unit", 1), ("at", -1), ("_id", -1)]
        await collection.create_index(order)
        await collection.insert_many([{"_id": i, "unit": "eu", "at": i // 3} for i in range(5000)])
        page = await find_page(collection, {"unit": "eu"}, order, PageRequest(50))
        for _ in range(30):
            page = await find_page(collection, {"unit": "eu"}, order, PageRequest(50, page.next_token))
        await client[database].command("profile", 2)
        await find_page(collection, {"unit": "eu"}, order, PageRequest(50, page.next_token))
        await client[database].command("profile", 0)
        profiles = await client[database]["system.profile"].find({"op": "query"}).to_list()

    assert sum(profile["nreturned"] for profile in profiles) == 51
    assert sum(profile["docsExamined"] for profile in profiles) <= 60
