"""The tickets service in this process, on real stores, called through gRPC and its door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.runtime.identity import make
from services.runtime.run import Runtime
from services.tickets.main import TicketsSettings, compose
from tests.service.tickets.counter import Counter


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    """Keys of the service and of the portal, who signs that a person acts."""
    directory = tmp_path / "keys"
    make(directory, ["tickets", "portal"])
    return directory


@pytest.fixture
def closes_after() -> timedelta:
    """How long a resolved ticket waits to be closed."""
    return timedelta(days=7)


@pytest.fixture
async def counter(
    mongo_uri: str, nats_url: str, database: str, keys_dir: Path, closes_after: timedelta
) -> AsyncIterator[Counter]:
    """The service, ready, with a database of its own."""
    settings = TicketsSettings.load(
        "tickets",
        mongo_uri=mongo_uri,
        nats_url=nats_url,
        database=database,
        keys_dir=keys_dir,
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
        stop_grace_seconds=2.0,
    )
    async with Runtime("tickets", settings) as run:
        compose(run, closes_after)
        await run.start()
        assert await run.ready(30), "the service did not become ready"
        async with Counter(run.port, keys_dir) as counter:
            counter.run = run
            yield counter
