"""Real servers for tests: one replica set and one JetStream a test process, and servers of one's own for faults."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from pymongo import MongoClient

from deploy.local.servers import Mongod, Nats


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a single-node replica set that all tests of this process share; take a `database` of your own."""
    server = Mongod(tmp_path_factory.mktemp("mongod") / "data")
    server.start()
    yield server.uri
    server.kill()


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a nats-server with JetStream that all tests of this process share."""
    server = Nats(tmp_path_factory.mktemp("nats") / "store")
    server.start()
    yield server.url
    server.kill()


@pytest.fixture
def empty_nats(nats_url: str) -> str:
    """The shared nats-server without any stream, for a test that declares the real ones."""
    asyncio.run(_drop_streams(nats_url))
    return nats_url


@pytest.fixture
def database(mongo_uri: str) -> Iterator[str]:
    """The name of a database that no other test uses; dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    yield name
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.drop_database(name)


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongod]:
    """A running replica set of the test's own, to stop, kill and restart."""
    server = Mongod(tmp_path / "own-mongod")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Nats]:
    """A running nats-server of the test's own, to stop, kill, wipe and restart."""
    server = Nats(tmp_path / "own-nats")
    server.start()
    yield server
    server.kill()


async def _drop_streams(url: str) -> None:
    client = await nats.connect(url)
    jetstream = client.jetstream()
    for stream in await jetstream.streams_info():
        await jetstream.delete_stream(str(stream.config.name))
    await client.close()
