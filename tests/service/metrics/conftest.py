"""The metrics service in this process, on real stores, told of tickets through NATS and asked through gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.metrics.main import MetricsSettings, compose
from services.runtime.identity import make
from services.runtime.run import Runtime
from tests.service.metrics.desk import Desk


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
