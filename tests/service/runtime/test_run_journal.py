"""The journal as every service serves it: read by its neighbours, checked page by page, sealed to the stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import nats
import pytest
from throughline.type.v1 import journal_pb2, journal_pb2_grpc

from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys
from services.runtime.journal import Checkpoint
from services.runtime.journal_rpc import reader
from services.runtime.run import Runtime
from services.runtime.sealing import Sealing
from tests.service.runtime.echo import ANN, EchoRequest, call, make_keys
from tests.service.runtime.probe import until
from tests.service.runtime.test_run import service, settings


@dataclass
class House:
    """A running service with a few counted changes, and its neighbour's channel to it."""

    run: Runtime
    keys: Path
    other: Keys
    on: grpc.aio.Channel
    stub: Any

    async def verify(self) -> tuple[int, int, int, str]:
        """Resources, entries and checkpoints checked by as many calls as it takes, and the bad entry."""
        token, sums, calls = "", [0, 0, 0], 0
        while True:
            answer = await self.stub.VerifyJournal(journal_pb2.VerifyJournalRequest(page_token=token))
            counts = (answer.resource_count, answer.entry_count, answer.checkpoint_count)
            sums = [total + more for total, more in zip(sums, counts, strict=True)]
            token, calls = answer.next_page_token, calls + 1
            assert calls < 100
            if not token:
                return sums[0], sums[1], sums[2], answer.bad_entry


@pytest.fixture
async def house(tmp_path: Path, mongo_uri: str, empty_nats: str, database: str) -> AsyncIterator[House]:
    """Two counters with three changes each, all of them sent."""
    keys = make_keys(tmp_path / "keys")
    other = Keys(keys, "other")
    async with service(settings(keys, mongo_uri, empty_nats, database)) as run:
        on = channel(f"127.0.0.1:{run.port}", "echo", other)
        for text in ("a", "b"):
            for number in range(3):
                await call(on, "Count", EchoRequest(request_id=f"{text}{number}", text=text))
        await until(lambda: _all_sent(run))
        yield House(run, keys, other, on, journal_pb2_grpc.JournalServiceStub(on))
        await on.close()


async def _all_sent(run: Runtime) -> bool:
    return bool(await run.db["journal"].count_documents({"state": "sent"}) == 6)


async def test_a_neighbour_reads_on_from_a_sequence(house: House) -> None:
    """The gap reader gets the published events of one resource in order, whole, and nothing at the end."""
    read = reader(house.on)
    entries = await read("counters/a", 1)
    assert [entry.sequence for entry in entries] == [2, 3]
    kept = await house.run.journal.of("counters/a")
    assert entries[0].computed_hash() == entries[0].hash == kept[1].hash
    assert (entries[0].data, entries[0].cause, entries[0].time) == (kept[1].data, kept[1].cause, kept[1].time)
    assert await read("counters/a", 3) == []


async def test_pages_join_without_a_gap(house: House) -> None:
    """Page by page the same events come, each once; a token of another resource is refused."""
    got: list[int] = []
    token = ""
    while True:
        request = journal_pb2.ReadJournalRequest(resource="counters/a", page_size=2, page_token=token)
        answer = await house.stub.ReadJournal(request)
        got += [entry.sequence for entry in answer.entries]
        token = answer.next_page_token or token
        if not answer.next_page_token:
            break
    assert got == [1, 2, 3]
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await house.stub.ReadJournal(journal_pb2.ReadJournalRequest(resource="counters/b", page_token=token))
    assert refusal_of(failed.value).reason == "PAGE_TOKEN_INVALID"


async def test_an_agent_may_not_read_journals(house: House) -> None:
    """A journal holds everybody's texts: persons need the operator's or the administrator's role."""
    portal = Keys(house.keys, "portal")
    async with channel(f"127.0.0.1:{house.run.port}", "echo", portal) as on:
        stub = journal_pb2_grpc.JournalServiceStub(on)
        with acting(portal.sign_person(ANN)):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await stub.ReadJournal(journal_pb2.ReadJournalRequest(resource="counters/a"))
            assert refusal_of(failed.value).reason == "ROLE_REQUIRED"
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await stub.VerifyJournal(journal_pb2.VerifyJournalRequest())
            assert refusal_of(failed.value).reason == "ROLE_REQUIRED"


async def test_an_intact_journal_verifies(house: House) -> None:
    """Everything is counted and nothing is found, before and after a checkpoint."""
    assert await house.verify() == (2, 6, 0, "")
    assert await Sealing(house.run.journal, house.run.keys, house.run._bus).seal() == 0
    assert await house.verify() == (2, 6, 1, "")


@pytest.mark.parametrize("harm", ["edited", "deleted", "cut", "stray", "forged", "covered", "unsealed"])
async def test_harm_is_found_and_named(house: House, harm: str) -> None:
    """Whatever is done to entries, documents or checkpoints behind the service's back, the check names it."""
    journal, documents = house.run.db["journal"], house.run.db["counters"]
    sealing = Sealing(house.run.journal, house.run.keys, house.run._bus)
    await sealing.seal()
    expected = "counters/b/2/0~1"
    if harm == "edited":
        await journal.update_one({"_id": expected}, {"$set": {"actor": "people/mallory"}})
    elif harm == "deleted":
        await journal.delete_one({"_id": "counters/b/1/0~1"})
    elif harm == "cut":
        await journal.delete_one({"_id": "counters/b/3/0~1"})
    elif harm == "stray":
        await documents.delete_one({"_id": "counters/b"})
        expected = "counters/b/1/0~1"
    elif harm == "forged":
        await house.run.db["checkpoints"].update_one({"_id": 1}, {"$set": {"count": 7}})
        expected = "checkpoint 1"
    elif harm == "covered":
        await journal.delete_many({"resource": "counters/b"})
        await documents.delete_one({"_id": "counters/b"})
        expected = "counters/b/3/0~1"
    else:
        await call(house.on, "Count", EchoRequest(request_id="more", text="a"))
        await until(lambda: _kept(house.run, 7))
        await sealing.seal()
        await house.run.db["checkpoints"].delete_one({"_id": 1})
        expected = "checkpoint 1"
    assert (await house.verify())[3] == expected


async def _kept(run: Runtime, number: int) -> bool:
    return bool(await run.db["journal"].count_documents({}) == number)


async def test_a_checkpoint_reaches_the_stream(house: House, empty_nats: str) -> None:
    """The statement on the stream is the signed one, so that a rewritten database is found out."""
    await Sealing(house.run.journal, house.run.keys, house.run._bus).seal()
    client = await nats.connect(empty_nats)
    message = await client.jetstream().get_last_msg("echo", "throughline.echo.v1.JournalSealed")
    await client.close()
    told = journal_pb2.JournalCheckpoint.FromString(message.data or b"")
    kept = Checkpoint.from_document(await house.run.db["checkpoints"].find_one({"_id": 1}) or {})
    assert (told.number, told.entry_count, told.root) == (1, 6, kept.root)
    assert house.run.keys.genuine(told.key_id, told.signature, kept.signed_bytes())
