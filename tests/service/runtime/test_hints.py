"""Hints on real MongoDB, as a service reads them: what a replica took it knows, also while the others take."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from services.runtime.hints import BATCH, Hints
from tests.service.runtime.probe import Store

ROUNDS = 8


@pytest.fixture
async def store(mongo_uri: str, database: str) -> AsyncIterator[Store]:
    """A database read as services read theirs: what the majority has."""
    async with Store(mongo_uri, database, w="majority", journal=True, readConcernLevel="majority") as store:
        yield store


async def test_what_two_replicas_take_at_once_is_known_to_one_of_them(store: Store) -> None:
    """Nothing is leased to a replica that does not know of it: it would wait until the lease has ended."""
    one, other = Hints(store.db), Hints(store.db)
    await one.ensure_indexes()
    for _ in range(ROUNDS):
        at = datetime.now(UTC) - timedelta(seconds=1)
        asked = {f"due/tallies/{uuid.uuid4().hex}/breach/{at.isoformat()}" for _ in range(BATCH // 2)}
        await one.arm([(hint, at) for hint in asked])
        taken = [claim.id for claims, _ in await asyncio.gather(one.claim(), other.claim()) for claim in claims]
        again = [claim.id for claims, _ in await asyncio.gather(one.claim(), other.claim()) for claim in claims]
        assert asked - {*taken, *again} == set(), "leased, and nobody knows"
        await one.finish(sorted(asked))
        await other.finish(sorted(asked))
