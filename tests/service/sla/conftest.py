"""The sla service in this process, one or several replicas, on real stores, called through gRPC and its door."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.ports import free_port
from deploy.local.process import Child
from deploy.local.servers import ROOT
from services.runtime.bus import Bus
from services.runtime.identity import make
from services.runtime.run import Runtime
from services.runtime.settings import Settings
from services.sla.main import compose
from tests.service.sla.desk import Desk, Paper

Replica = Callable[[], Awaitable[Desk]]


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    """Keys of the service, and of the portal and the command line, who sign that a person acts."""
    directory = tmp_path / "keys"
    make(directory, ["sla", "portal", "tl"])
    return directory


@pytest.fixture
async def replica(mongo_uri: str, empty_nats: str, database: str, keys_dir: Path) -> AsyncIterator[Replica]:
    """Starts one more replica of the service, ready; all share one database and one listener."""
    settings = Settings.load(
        "sla",
        mongo_uri=mongo_uri,
        nats_url=empty_nats,
        database=database,
        keys_dir=keys_dir,
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
        stop_grace_seconds=2.0,
    )
    async with AsyncExitStack() as stack:

        async def start() -> Desk:
            run = await stack.enter_async_context(Runtime("sla", settings))
            compose(run)
            await run.start()
            assert await run.ready(30), "the service did not become ready"
            desk = Desk(run, keys_dir)
            stack.push_async_callback(desk.channel.close)
            return desk

        yield start


@pytest.fixture
async def desk(replica: Replica) -> Desk:
    """The service as one replica."""
    return await replica()


@pytest.fixture
def process(mongo_uri: str, empty_nats: str, database: str, keys_dir: Path, tmp_path: Path) -> Iterator[Child]:
    """The service as a process of its own on the same stores, not started yet: one that can be killed."""
    told = {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "proto" / "gen"))),
        "TL_MONGO_URI": mongo_uri,
        "TL_NATS_URL": empty_nats,
        "TL_DATABASE": database,
        "TL_KEYS_DIR": str(keys_dir),
        "TL_LISTEN": f"127.0.0.1:{free_port()}",
        "TL_BUS_MANAGE": "true",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TL_")}
    command = [sys.executable, "-m", "services.sla.main"]
    child = Child("sla", command, tmp_path / "sla.log", {**inherited, **told}, folder=ROOT)
    yield child
    child.kill()


@pytest.fixture
async def stored(mongo_uri: str, database: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """The service's database, read beside it."""
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_uri, tz_aware=True)
    yield client[database]
    await client.close()


@pytest.fixture
async def paper(empty_nats: str) -> AsyncIterator[Callable[[str], Paper]]:
    """paper(number): a ticket whose events the test publishes as the tickets service would."""
    bus = await Bus.connect(empty_nats, "tickets", manage=True)
    assert await bus.ready(30)
    yield partial(Paper, bus)
    await bus.close()
