"""The metrics service in this process, on real stores, told of tickets through NATS and asked through gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.metrics.main import MetricsSettings, compose
from services.runtime.identity import make
from services.runtime.run import Runtime
from tests.service.metrics.bank import Bank, Start, opened, papers
from tests.service.metrics.desk import Desk
from tests.service.metrics.till import Till, tills
from tests.service.sla.desk import Paper


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    """Keys of the services, and of the portal, who signs that a person acts."""
    directory = tmp_path / "keys"
    make(directory, ["metrics", "tickets", "sla", "changes", "portal"])
    return directory


@pytest.fixture
async def desk(mongo_uri: str, empty_nats: str, database: str, keys_dir: Path) -> AsyncIterator[Desk]:
    """The service, ready, with a database and streams of its own."""
    settings = MetricsSettings.load(
        "metrics",
        mongo_uri=mongo_uri,
        nats_url=empty_nats,
        database=database,
        keys_dir=keys_dir,
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
        stop_grace_seconds=2.0,
    )
    async with Runtime("metrics", settings) as run:
        compose(run)
        await run.start()
        assert await run.ready(30), "the service did not become ready"
        async with Desk(run, keys_dir, empty_nats) as desk:
            yield desk


@pytest.fixture
async def start(mongo_uri: str, empty_nats: str, database: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts one more replica of the service."""
    async with opened(mongo_uri, empty_nats, database, tmp_path / "keys") as start:
        yield start


@pytest.fixture
async def bank(start: Start) -> Bank:
    """The service as one replica."""
    return await start()


@pytest.fixture
async def paper(bank: Bank, empty_nats: str) -> AsyncIterator[Callable[[str], Paper]]:
    """A ticket whose events the test publishes."""
    async with papers(empty_nats) as paper:
        yield paper


@pytest.fixture
async def till(bank: Bank, empty_nats: str) -> AsyncIterator[Till]:
    """Outages, business services and calendars that the test publishes."""
    async with tills(empty_nats) as till:
        yield till
