"""Reads at one instant that the store cannot show yet, as beside a new index: the reader never hears of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from bson.timestamp import Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import OperationFailure

from services.metrics.store.instant import at_one_instant

BEHIND_SECONDS = 0.3


async def test_an_instant_is_waited_for(mongo_uri: str, database: str) -> None:
    """The store refuses for a while, in its own words; then every read sees one instant."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, w="majority") as client:
        db, loop, refused = client[database], asyncio.get_running_loop(), 0
        await db["kept"].insert_one({"_id": 1})
        behind_until = loop.time() + BEHIND_SECONDS

        async def read(session: AsyncClientSession) -> list[int]:
            nonlocal refused
            if loop.time() < behind_until:
                refused += 1
                await db.command("find", "kept", readConcern={"level": "snapshot", "atClusterTime": Timestamp(1, 1)})
            return [await db["kept"].count_documents({}, session=session) for _ in range(2)]

        assert await at_one_instant(db, read) == [1, 1]
        assert refused > 1


async def test_another_failure_is_told_at_once(mongo_uri: str, database: str) -> None:
    """What waiting cannot mend is not tried again."""
    tries = 0
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:

        async def read(session: AsyncClientSession) -> None:
            nonlocal tries
            tries += 1
            await (await client[database]["c"].aggregate([{"$nosuch": {}}], session=session)).to_list()

        with pytest.raises(OperationFailure, match="nosuch"):
            await at_one_instant(client[database], read)
    assert tries == 1
