"""The journal tells when anything in it was touched: each way of tampering is named with the entry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.runtime.journal import Checkpoint, Entry, Fault, Flaw, Verdict, checkpoint, verify
from services.runtime.journal.entry import data_digest
from services.runtime.paging import PageRequest
from tests.service.runtime.jars import Cellar, cause, put

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def sign(signed: bytes) -> tuple[str, bytes]:
    """Signs as the service would."""
    return "probe.1", KEY.sign(signed)


def genuine(kid: str, signature: bytes, signed: bytes) -> bool:
    """Checks as anyone can who has the public key."""
    try:
        KEY.public_key().verify(signature, signed)
    except InvalidSignature:
        return False
    return kid == "probe.1"


@pytest.fixture
async def cellar(mongo_uri: str, database: str) -> AsyncIterator[Cellar]:
    """Three jars with five entries each in the journal; the last of jars/C still in its outbox."""
    async with Cellar(mongo_uri, database) as one:
        for turn in range(1, 6):
            for jar in "ABC":
                if (jar, turn) == ("C", 5):
                    await one.relay.stop()
                await one.jars.upsert(f"jars/{jar}", cause(f"{jar}{turn}"), put(turn))
        one.jars.notice = one.relay.notice
        yield one


async def _verdict(cellar: Cellar, witness: Checkpoint | None = None) -> Verdict:
    return await verify(cellar.journal, genuine, witness=witness)


async def test_an_untouched_journal_holds(cellar: Cellar) -> None:
    """Entries, outboxes and checkpoints are counted and hold together; a second checkpoint covers only what is new."""
    first = await checkpoint(cellar.journal, sign)
    await cellar.relay.stop()
    second = await checkpoint(cellar.journal, sign)
    third = await checkpoint(cellar.journal, sign)

    assert [(one.number, one.count) for one in (*first, *second, *third)] == [(1, 14), (2, 1)]
    assert second[0].previous == first[0].digest()
    assert await _verdict(cellar, second[0]) == Verdict(3, 15, 0, 2, None)


async def test_it_can_be_verified_while_work_goes_on(cellar: Cellar) -> None:
    """Writers and relay run; no verification sees a fault that is not there."""
    cellar.relay.start()
    done = asyncio.Event()

    async def work() -> int:
        turn = 100
        while not done.is_set():
            turn += 1
            await asyncio.gather(
                *(cellar.jars.upsert(f"jars/{jar}", cause(f"{jar}{turn}"), put(turn)) for jar in "ABCDE")
            )
        return turn

    working = asyncio.create_task(work())
    verdicts = []
    for _ in range(8):
        await checkpoint(cellar.journal, sign)
        verdicts.append(await _verdict(cellar))
    done.set()
    turns = await working
    await cellar.relay.stop()

    assert turns > 110
    assert {verdict.fault for verdict in verdicts} == {None}
    assert verdicts[-1].entries > verdicts[0].entries


async def _edit(cellar: Cellar) -> None:
    await cellar.journal.entries.update_one({"_id": "jars/B/3/0~1"}, {"$set": {"actor": "people/eve"}})


async def _edit_data(cellar: Cellar) -> None:
    await cellar.journal.entries.update_one({"_id": "jars/B/3/0~1"}, {"$set": {"data": b"other"}})


async def _edit_with_its_digest_and_hash(cellar: Cellar) -> None:
    document = await cellar.journal.entries.find_one({"_id": "jars/B/3/0~1"}) or {}
    forged = replace(Entry.from_document(document), data=b"x", digest=data_digest(document["salt"], b"x"))
    forged = replace(forged, hash=forged.computed_hash())
    await cellar.journal.entries.replace_one({"_id": forged.id}, forged.to_document())


async def _drop_data_unmarked(cellar: Cellar) -> None:
    await cellar.journal.entries.update_one({"_id": "jars/B/3/0~1"}, {"$unset": {"data": "", "salt": ""}})


async def _delete(cellar: Cellar) -> None:
    await cellar.journal.entries.delete_one({"_id": "jars/B/3/0~1"})


async def _delete_first(cellar: Cellar) -> None:
    await cellar.journal.entries.delete_one({"_id": "jars/B/1/0~1"})


async def _cut_tail(cellar: Cellar) -> None:
    await cellar.journal.entries.delete_many({"resource": "jars/B", "version": {"$gte": 4}})


async def _cut_all(cellar: Cellar) -> None:
    await cellar.journal.entries.delete_many({"resource": "jars/B"})


async def _cut_outbox(cellar: Cellar) -> None:
    await cellar.jars.collection.update_one({"_id": "jars/C"}, {"$set": {"outbox": []}})


async def _swap(cellar: Cellar) -> None:
    two = await cellar.journal.entries.find_one_and_delete({"_id": "jars/B/2/0~1"}) or {}
    three = await cellar.journal.entries.find_one_and_delete({"_id": "jars/B/3/0~1"}) or {}
    two.update(_id="jars/B/3/0~1", version=3)
    three.update(_id="jars/B/2/0~1", version=2)
    await cellar.journal.entries.insert_many([two, three])


async def _fork(cellar: Cellar) -> None:
    document = await cellar.journal.entries.find_one({"_id": "jars/B/3/0~1"}) or {}
    await cellar.journal.entries.drop_indexes()
    forged = replace(Entry.from_document(document), id="jars/B/3/0~2", cause="people/eve/1")
    await cellar.journal.entries.insert_one(replace(forged, hash=forged.computed_hash()).to_document())


async def _recount(cellar: Cellar) -> None:
    document = await cellar.journal.entries.find_one({"_id": "jars/B/5/0~1"}) or {}
    forged = replace(Entry.from_document(document), sequence=9)
    forged = replace(forged, hash=forged.computed_hash())
    await cellar.journal.entries.replace_one({"_id": forged.id}, forged.to_document())
    await cellar.jars.collection.update_one({"_id": "jars/B"}, {"$set": {"head": forged.hash}})


async def _delete_document(cellar: Cellar) -> None:
    await cellar.jars.collection.delete_one({"_id": "jars/B"})


Tamper = Callable[[Cellar], Awaitable[None]]


@pytest.mark.parametrize(
    ("tamper", "entry", "flaw"),
    [
        (_edit, "jars/B/3/0~1", Flaw.EDITED),
        (_edit_data, "jars/B/3/0~1", Flaw.DATA_CHANGED),
        (_edit_with_its_digest_and_hash, "jars/B/4/0~1", Flaw.BROKEN_LINK),
        (_drop_data_unmarked, "jars/B/3/0~1", Flaw.DATA_CHANGED),
        (_delete, "jars/B/4/0~1", Flaw.MISSING),
        (_delete_first, "jars/B/2/0~1", Flaw.MISSING),
        (_cut_tail, "jars/B/3/0~1", Flaw.TAIL_CUT),
        (_cut_all, "jars/B/1/0", Flaw.TAIL_CUT),
        (_cut_outbox, "jars/C/4/0~1", Flaw.TAIL_CUT),
        (_swap, "jars/B/2/0~1", Flaw.EDITED),
        (_fork, "jars/B/3/0~2", Flaw.FORKED),
        (_recount, "jars/B/5/0~1", Flaw.MISCOUNTED),
        (_delete_document, "jars/B/1/0~1", Flaw.HEADLESS),
    ],
)
async def test_tampering_is_found_and_named(cellar: Cellar, tamper: Tamper, entry: str, flaw: Flaw) -> None:
    """One touch anywhere, and the first bad entry is named with what is wrong with it."""
    assert (await _verdict(cellar)).fault is None
    await tamper(cellar)

    assert (await _verdict(cellar)).fault == Fault(entry, flaw)


async def test_erased_data_keeps_the_chain(cellar: Cellar) -> None:
    """What an entry said can be deleted, marked as such; the chain and everything else still hold."""
    await checkpoint(cellar.journal, sign)
    await cellar.journal.erase(["jars/B/3/0~1"])
    verdict = await _verdict(cellar)

    assert (verdict.fault, verdict.erased) == (None, 1)
    assert (await cellar.entries("jars/B"))[2].data == b""


async def test_a_tail_cut_with_its_document_shows_in_the_checkpoint(cellar: Cellar) -> None:
    """Journal and document rolled back together fool the chain, not the checkpoint that covers them."""
    await checkpoint(cellar.journal, sign)
    await _cut_tail(cellar)
    third = (await cellar.entries("jars/B"))[-1]
    rolled = {"head": third.hash, "version": 3, "sequence": 3}
    await cellar.jars.collection.update_one({"_id": "jars/B"}, {"$set": rolled})

    assert (await _verdict(cellar)).fault == Fault("jars/B/5/0~1", Flaw.COVERED_GONE)


async def test_a_resource_cut_out_altogether_shows_in_the_checkpoint(cellar: Cellar) -> None:
    """Neither document nor entries are left, only the checkpoint's line."""
    await checkpoint(cellar.journal, sign)
    await _cut_all(cellar)
    await _delete_document(cellar)

    assert (await _verdict(cellar)).fault == Fault("jars/B/5/0~1", Flaw.COVERED_GONE)


async def test_checkpoints_cannot_be_forged_or_dropped(cellar: Cellar) -> None:
    """A changed line, a foreign signature, a missing one in the middle or, with a witness, at the end: all named."""
    made = await checkpoint(cellar.journal, sign)
    await cellar.relay.stop()
    made += await checkpoint(cellar.journal, sign)
    checkpoints = cellar.journal.checkpoints
    second = await checkpoints.find_one({"_id": 2}) or {}

    await checkpoints.update_one({"_id": 2}, {"$set": {"lines": []}})
    assert (await _verdict(cellar)).fault == Fault("checkpoint 2", Flaw.CHECKPOINT_FORGED)
    await checkpoints.replace_one({"_id": 2}, {**second, "signature": b"x" * 64})
    assert (await _verdict(cellar)).fault == Fault("checkpoint 2", Flaw.CHECKPOINT_FORGED)
    await checkpoints.delete_one({"_id": 2})
    assert (await _verdict(cellar)).fault is None
    assert (await _verdict(cellar, made[1])).fault == Fault("checkpoint 2", Flaw.CHECKPOINT_MISSING)
    await checkpoints.insert_one(second)
    await checkpoints.delete_one({"_id": 1})
    assert (await _verdict(cellar)).fault == Fault("checkpoint 1", Flaw.CHECKPOINT_MISSING)


async def test_two_replicas_that_seal_at_once_leave_one_line_of_checkpoints(cellar: Cellar) -> None:
    """Whoever loses the number stops; nothing stays uncovered and the line holds."""
    await cellar.relay.stop()
    for turn in range(6, 12):
        await cellar.jars.upsert("jars/A", cause(f"A{turn}"), put(turn))
        await cellar.relay.stop()
        await asyncio.gather(*(checkpoint(cellar.journal, sign) for _ in range(3)))
    await checkpoint(cellar.journal, sign)

    assert await cellar.journal.entries.count_documents({"unsealed": True}) == 0
    assert (await _verdict(cellar)).fault is None


async def test_a_resource_is_read_from_journal_and_outbox(cellar: Cellar) -> None:
    """`of` continues after a sequence and includes what the relay has not taken yet; pages walk over everything."""
    tail = await cellar.journal.of("jars/C", after=2)
    limited = await cellar.journal.of("jars/C", after=1, limit=2)
    first = await cellar.journal.page(PageRequest(size=10))
    second = await cellar.journal.page(PageRequest(size=10, token=first.next_token))
    one = await cellar.journal.page(PageRequest(), resource="jars/A")

    assert [entry.sequence for entry in tail] == [3, 4, 5]
    assert [entry.sequence for entry in limited] == [2, 3]
    assert [entry.id for entry in (*first.items, *second.items)] == [
        f"jars/{jar}/{turn}/0~1" for jar in "ABC" for turn in range(1, 6) if (jar, turn) != ("C", 5)
    ]
    assert second.next_token == ""
    assert [entry.version for entry in one.items] == [1, 2, 3, 4, 5]


async def test_an_epoch_keeps_ids_apart(mongo_uri: str, database: str) -> None:
    """After a restore the ids differ, and the chain goes on."""
    async with Cellar(mongo_uri, database) as before:
        await before.jars.upsert("jars/A", cause("r1"), put(1))
        await before.relay.stop()
    async with Cellar(mongo_uri, database, epoch=2) as after:
        await after.jars.upsert("jars/A", cause("r2"), put(2))
        await after.relay.stop()
        entries = await after.entries("jars/A")
        verdict = await _verdict(after)

    assert [entry.id for entry in entries] == ["jars/A/1/0~1", "jars/A/2/0~2"]
    assert verdict.fault is None
