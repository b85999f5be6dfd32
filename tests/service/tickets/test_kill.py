"""kill -9 in the middle of an import, at the points that matter: run again, and nothing is lost and nothing twice."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from pymongo import MongoClient
from throughline.tickets.v1 import tickets_service_pb2 as pb

from deploy.local.ports import free_port
from deploy.local.process import Child
from services.tickets.store.tickets import decode
from tests.service.tickets.counter import OLA, Counter
from tests.service.tickets.log import histories

ROOT = Path(__file__).resolve().parents[3]
LOG = histories(60)
CALLS = [LOG[at : at + 10] for at in range(0, len(LOG), 10)]


class Process:
    """The tickets service as a process of its own."""

    def __init__(self, folder: Path, keys_dir: Path, told: Mapping[str, str]) -> None:
        self.port = free_port()
        self.keys_dir = keys_dir
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TL_")},
            **told,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
            "TL_KEYS_DIR": str(keys_dir),
            "TL_LISTEN": f"127.0.0.1:{self.port}",
            "TL_BUS_MANAGE": "true",
            "TL_STOP_WAIT_SECONDS": "0",
        }
        self._log = folder / "tickets.log"
        self.child = self._made("")

    def start(self, crash_at: str = "") -> None:
        """Starts it; crash_at: "point:n", where it is to die."""
        self.child = self._made(crash_at)
        self.child.start()

    def _made(self, crash_at: str) -> Child:
        environment = {**self._environment, "TL_CRASH_AT": crash_at} if crash_at else self._environment
        return Child("tickets", [sys.executable, "-m", "services.tickets.main"], self._log, environment)

    @asynccontextmanager
    async def counter(self) -> AsyncIterator[Counter]:
        """A client of it, as soon as it is ready."""
        async with Counter(self.port, self.keys_dir) as counter:
            for _ in range(300):
                try:
                    await counter.ask(OLA, "GetPriorityMatrix")
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.1)
                    continue
                break
            yield counter


@pytest.fixture
def process(mongo_uri: str, empty_nats: str, database: str, keys_dir: Path, tmp_path: Path) -> Iterator[Process]:
    """A process that is not started yet."""
    process = Process(
        tmp_path, keys_dir, {"TL_MONGO_URI": mongo_uri, "TL_NATS_URL": empty_nats, "TL_DATABASE": database}
    )
    yield process
    process.child.stop()


async def run_through(process: Process, *, stop_when_dead: bool) -> dict[tuple[str, str], Any]:
    """Sends the whole log; the outcome of every row that was answered."""
    outcomes: dict[tuple[str, str], Any] = {}
    async with process.counter() as counter:
        for call in CALLS:
            try:
                reply: pb.ImportStepsResponse = await counter.ask(OLA, "ImportSteps", source="log", histories=call)
            except grpc.aio.AioRpcError:
                if stop_when_dead:
                    return outcomes
                raise
            outcomes.update({(one.external_id, one.step_id): one.outcome for one in reply.results})
    return outcomes


def kept(mongo_uri: str, database: str) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """By outside number: every ticket, and its journal as (type, cause, time), gaps in versions included."""
    with MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        found = {row["_id"]: row for row in client[database].tickets.find()}
        tickets = {row["state"]["external_id"]: (decode(row["state"]), row["version"]) for row in found.values()}
        journals: dict[str, list[Any]] = {number: [] for number in tickets}
        for entry in (
            client[database]
            .journal.find({"resource": {"$regex": "^tickets/"}})
            .sort([("resource", 1), ("version", 1), ("n", 1)])
        ):
            number = found[entry["resource"]]["state"]["external_id"]
            journals[number].append(
                (entry["version"], entry.get("n", 0), entry.get("type", ""), entry["cause"], entry["time"])
            )
        return tickets, journals


async def settled(mongo_uri: str, database: str) -> None:
    """Waits until every event is in the journal and on the stream."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        for _ in range(300):
            waiting = client[database].tickets.find_one({"outbox.0": {"$exists": True}})
            if waiting is None and client[database].journal.find_one({"state": "new"}) is None:
                return
            await asyncio.sleep(0.1)
    raise AssertionError("events did not leave in 30 s")


@pytest.mark.parametrize(
    "crash_at",
    [
        "after-write-before-relay:3",
        pytest.param("after-journal-before-publish:2", marks=pytest.mark.long),
        "after-publish-before-mark:2",
    ],
)
async def test_a_killed_import_run_again_is_the_import(
    process: Process, mongo_uri: str, database: str, crash_at: str
) -> None:
    """Tickets, journals and outcomes after a kill and a second run equal those of a third run and of no kill at all."""
    process.start(crash_at)
    broken = await run_through(process, stop_when_dead=True)
    for _ in range(100):
        if not process.child.alive:
            break
        await asyncio.sleep(0.1)
    assert not process.child.alive, "the process was to die in the middle"
    process.start()
    whole = await run_through(process, stop_when_dead=False)
    assert {key: whole[key] for key in broken} == broken
    await settled(mongo_uri, database)
    after = kept(mongo_uri, database)
    assert len(after[0]) == len(LOG)
    assert await run_through(process, stop_when_dead=False) == whole
    await settled(mongo_uri, database)
    assert kept(mongo_uri, database) == after
    process.child.stop()
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(database)
    process.start()
    assert await run_through(process, stop_when_dead=False) == whole
    await settled(mongo_uri, database)
    assert kept(mongo_uri, database) == after
