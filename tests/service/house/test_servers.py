"""The servers that tests and `make run` start: they take writes, survive kill -9 and lose what is wiped."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nats
import psutil
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.write_concern import WriteConcern

from deploy.local.servers import Mongod, Nats

Document = dict[str, object]


def _notes(client: MongoClient[Document], database: str = "notes") -> Collection[Document]:
    return client[database].get_collection("notes", write_concern=WriteConcern("majority", j=True))


async def _streams(url: str) -> int:
    client = await nats.connect(url)
    found = await client.jetstream().streams_info()
    await client.close()
    return len(found)


def test_a_database_takes_journalled_majority_writes(mongo_uri: str, database: str) -> None:
    """The shared replica set acknowledges a write as production does."""
    with MongoClient[Document](mongo_uri) as client:
        _notes(client, database).insert_one({"_id": 1})

        assert _notes(client, database).count_documents({}) == 1


def test_mongod_keeps_acknowledged_writes_over_a_kill(own_mongod: Mongod) -> None:
    """kill -9 and a restart on the same port lose nothing that was acknowledged."""
    with MongoClient[Document](own_mongod.uri) as client:
        _notes(client).insert_one({"_id": 1})
        own_mongod.kill()
        own_mongod.restart()

        assert _notes(client).count_documents({}) == 1


async def test_nats_keeps_streams_over_a_kill_and_loses_them_when_wiped(own_nats: Nats) -> None:
    """A restart finds the stream again; a wiped store does not."""
    client = await nats.connect(own_nats.url)
    await client.jetstream().add_stream(name="notes", subjects=["notes.>"])
    await client.jetstream().publish("notes.one", b"1")
    await client.close()
    own_nats.kill()
    own_nats.restart()
    kept = await _streams(own_nats.url)
    own_nats.kill()
    own_nats.wipe()
    own_nats.restart()

    assert kept == 1
    assert await _streams(own_nats.url) == 0


async def test_an_emptied_bus_holds_no_stream(nats_url: str, empty_nats: str) -> None:
    """What another test left behind on the shared server is gone."""
    assert empty_nats == nats_url
    assert await _streams(empty_nats) == 0


def test_servers_die_with_the_process_that_started_them(tmp_path: Path) -> None:
    """After kill -9 of a parent no nats-server stays behind on its port."""
    script = (
        "import sys, time; from pathlib import Path; from deploy.local.servers import Nats\n"
        "server = Nats(Path(sys.argv[1])); server.start(); print(server.child.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "s")], stdout=subprocess.PIPE, cwd=root
    ) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    server.wait(timeout=5)

    assert not server.is_running()
