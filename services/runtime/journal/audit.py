"""Checks a whole journal: every hash, every link, every head and every signed checkpoint; names the first bad entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from services.runtime.journal.entry import Entry, data_digest
from services.runtime.journal.seal import Checkpoint, Line, lines_of, root_of
from services.runtime.journal.store import Journal

BATCH = 500

CheckSignature = Callable[[str, bytes, bytes], bool]
"""(key id, signature, signed bytes) -> whether it is genuine."""


class Flaw(Enum):
    """What is wrong with an entry, or missing where one should be."""

    EDITED = "a field of the entry was changed"
    DATA_CHANGED = "the data is not what was recorded"
    MISSING = "the entry before this one is gone"
    FORKED = "two entries claim this place"
    BROKEN_LINK = "the entry does not follow the one before it"
    MISCOUNTED = "the sequence does not count the published events"
    TAIL_CUT = "the resource has changed after this entry, and the journal does not show it"
    HEADLESS = "the journal has entries of a resource that has no document"
    CHECKPOINT_FORGED = "the checkpoint's signature or link does not hold"
    CHECKPOINT_MISSING = "a checkpoint is gone"
    COVERED_GONE = "a checkpoint covers this entry, and the journal does not hold it"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing wrong: the entry's id (or place, or "checkpoint <n>") and why."""

    entry: str
    flaw: Flaw


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was checked, and the first fault, None when all is well."""

    resources: int
    entries: int
    erased: int
    checkpoints: int
    fault: Fault | None


@dataclass(slots=True)
class _Count:
    resources: int = 0
    entries: int = 0
    erased: int = 0
    checkpoints: int = 0


def check_chain(resource: str, entries: Sequence[Entry], version: int, head: bytes) -> Fault | None:
    """Checks one resource's entries, in order, against the document's version and head.

    Entries behind the head are fine: they were written while we read.
    """
    before: Entry | None = None
    sequence, headed = 0, False
    for entry in entries:
        flaw = _flaw(before, entry)
        if flaw is None:
            sequence += bool(entry.type)
            if entry.sequence != (sequence if entry.type else 0):
                flaw = Flaw.MISCOUNTED
        if flaw is not None:
            return Fault(entry.id, flaw)
        headed = headed or (entry.version == version and entry.hash == head)
        before = entry
    if not headed:
        return Fault(before.id if before else f"{resource}/1/0", Flaw.TAIL_CUT)
    return None


def _flaw(before: Entry | None, entry: Entry) -> Flaw | None:
    place = f"{entry.resource}/{entry.version}/{entry.n}"
    if not entry.id.startswith(f"{place}~") or entry.computed_hash() != entry.hash:
        return Flaw.EDITED
    if entry.erased:
        if entry.data or entry.salt:
            return Flaw.DATA_CHANGED
    elif data_digest(entry.salt, entry.data) != entry.digest:
        return Flaw.DATA_CHANGED
    at = (entry.version, entry.n)
    if before is None:
        return (None if not entry.prev else Flaw.BROKEN_LINK) if at == (1, 0) else Flaw.MISSING
    if at == (before.version, before.n):
        return Flaw.FORKED
    if at not in ((before.version, before.n + 1), (before.version + 1, 0)):
        return Flaw.MISSING
    if entry.prev != before.hash:
        # Also where the last events of the version before were taken out.
        return Flaw.BROKEN_LINK
    return None


async def verify(journal: Journal, genuine: CheckSignature, *, witness: Checkpoint | None = None) -> Verdict:
    """Reads everything and says whether it holds together; safe beside running work.

    witness: the newest checkpoint known from outside (the stream, the log); shows that the end was cut off together
    with its checkpoints.

    Raises:
        pymongo.errors.PyMongoError: the store is away.
    """
    count = _Count()
    faults = [await _check_documents(journal, count), await _check_strays(journal)]
    found = [fault for fault in faults if fault is not None]
    fault = min(found, key=lambda one: one.entry) if found else await _check_seals(journal, genuine, witness, count)
    return Verdict(count.resources, count.entries, count.erased, count.checkpoints, fault)


async def _check_documents(journal: Journal, count: _Count) -> Fault | None:
    first: Fault | None = None
    for collection in journal.owned:
        async for documents in _documents(collection):
            names = [document["_id"] for document in documents]
            # The documents were read before: what left their outboxes since then is in the journal.
            chains: dict[str, list[Entry]] = {name: [] for name in names}
            async for batch in journal.walk({"resource": {"$in": names}}):
                for entry in batch:
                    chains[entry.resource].append(entry)
            for document in documents:
                entries = _with_outbox(chains[document["_id"]], document)
                count.resources += 1
                count.entries += len(entries)
                count.erased += sum(entry.erased for entry in entries)
                fault = check_chain(document["_id"], entries, document["version"], document["head"])
                if fault is not None:
                    first = min(first, fault, key=lambda one: one.entry) if first else fault
                    break
            if first is not None:
                break
    return first


def _with_outbox(kept: Sequence[Entry], document: Mapping[str, Any]) -> list[Entry]:
    known = {entry.id for entry in kept}
    waiting = [Entry.from_document(entry) for entry in document["outbox"] if entry["_id"] not in known]
    return sorted([*kept, *waiting], key=lambda entry: (entry.version, entry.n))


async def _documents(collection: AsyncCollection[dict[str, Any]]) -> AsyncIterator[list[dict[str, Any]]]:
    fields = {"version": 1, "head": 1, "outbox": 1}
    last: str | None = None
    while True:
        where = {} if last is None else {"_id": {"$gt": last}}
        documents = await collection.find(where, fields).sort("_id", 1).limit(BATCH).to_list()
        if not documents:
            return
        yield documents
        last = documents[-1]["_id"]


async def _check_strays(journal: Journal) -> Fault | None:
    resources = await journal.entries.aggregate(
        [{"$sort": {"resource": 1}}, {"$group": {"_id": "$resource"}}, {"$sort": {"_id": 1}}], allowDiskUse=True
    )
    names: list[str] = []
    async for row in resources:
        names.append(row["_id"])
        if len(names) == BATCH:
            if (fault := await _stray(journal, names)) is not None:
                return fault
            names = []
    return await _stray(journal, names) if names else None


async def _stray(journal: Journal, names: Sequence[str]) -> Fault | None:
    left = set(names)
    for collection in journal.owned:
        left -= {document["_id"] async for document in collection.find({"_id": {"$in": list(left)}}, {"_id": 1})}
    if not left:
        return None
    first = await journal.entries.find({"resource": min(left)}, {"_id": 1}).sort([("version", 1), ("n", 1)]).to_list(1)
    return Fault(first[0]["_id"], Flaw.HEADLESS) if first else None


async def _check_seals(
    journal: Journal, genuine: CheckSignature, witness: Checkpoint | None, count: _Count
) -> Fault | None:
    before: Checkpoint | None = None
    async for document in journal.checkpoints.find({}).sort("_id", 1):
        one, lines = Checkpoint.from_document(document), lines_of(document)
        name = f"checkpoint {one.number}"
        expected = (before.number + 1, before.digest()) if before else (1, b"")
        if one.number != expected[0]:
            return Fault(f"checkpoint {expected[0]}", Flaw.CHECKPOINT_MISSING)
        holds = one.previous == expected[1] and one.root == root_of(lines)
        if not holds or not genuine(one.kid, one.signature, one.signed_bytes()):
            return Fault(name, Flaw.CHECKPOINT_FORGED)
        if witness and witness.number == one.number and witness.digest() != one.digest():
            return Fault(name, Flaw.CHECKPOINT_FORGED)
        if (gone := await _gone(journal, lines)) is not None:
            return Fault(gone.entry, Flaw.COVERED_GONE)
        count.checkpoints += 1
        before = one
    if witness and (before is None or before.number < witness.number):
        return Fault(f"checkpoint {witness.number}", Flaw.CHECKPOINT_MISSING)
    return None


async def _gone(journal: Journal, lines: Sequence[Line]) -> Line | None:
    """The first line whose entry the journal does not hold as it was covered."""
    for start in range(0, len(lines), BATCH):
        part = lines[start : start + BATCH]
        rows = journal.entries.find({"_id": {"$in": [line.entry for line in part]}}, {"hash": 1})
        kept = {row["_id"]: row["hash"] async for row in rows}
        for line in part:
            if kept.get(line.entry) != line.hash:
                return line
    return None
