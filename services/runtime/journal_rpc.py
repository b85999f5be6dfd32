"""Serves the journal: what was published about a resource, and the check of chains and checkpoints, page by page."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import grpc
from throughline.type.v1 import journal_pb2, journal_pb2_grpc

from services.runtime.client import acting
from services.runtime.door import caller
from services.runtime.journal import Checkpoint, Entry, Fault, Flaw, Journal, check_chain
from services.runtime.journal.audit import CheckSignature
from services.runtime.journal.seal import lines_of, root_of
from services.runtime.paging import PageRequest, decode, encode

_VERIFY_SECONDS = 3.0
_BATCH = 200
_DOCUMENTS, _STRAYS, _SEALS = "documents", "strays", "seals"


class JournalRpc(journal_pb2_grpc.JournalServiceServicer):
    """Every service's JournalService; other services, operators and administrators may ask."""

    def __init__(self, journal: Journal, genuine: CheckSignature) -> None:
        self._journal = journal
        self._genuine = genuine

    async def ReadJournal(
        self, request: journal_pb2.ReadJournalRequest, _context: Any
    ) -> journal_pb2.ReadJournalResponse:
        """The published events of one resource after a sequence, those still in its outbox too."""
        _may_ask("read a journal")
        size = PageRequest(request.page_size).size
        after = request.after_sequence
        if request.page_token:
            (after,) = decode(request.page_token, request.resource, 1)
        entries = await self._journal.of(request.resource, after, size + 1)
        more = len(entries) > size
        entries = entries[:size]
        return journal_pb2.ReadJournalResponse(
            entries=[to_message(entry) for entry in entries],
            next_page_token=encode([entries[-1].sequence], request.resource) if more else "",
        )

    async def VerifyJournal(
        self, request: journal_pb2.VerifyJournalRequest, context: Any
    ) -> journal_pb2.VerifyJournalResponse:
        """Checks on from the token for a few seconds."""
        _may_ask("verify a journal")
        left = context.time_remaining()
        until = time.monotonic() + min(_VERIFY_SECONDS, _VERIFY_SECONDS if left is None else left / 2)
        check = _Check(self._journal, self._genuine)
        if request.page_token:
            check.place = _Place(*decode(request.page_token, "verify", 3))
        while await check.step() and time.monotonic() < until:
            pass
        token = "" if check.place is None else encode([check.place.stage, check.place.part, check.place.last], "verify")
        return journal_pb2.VerifyJournalResponse(
            entry_count=check.entries,
            resource_count=check.resources,
            checkpoint_count=check.checkpoints,
            bad_entry=check.fault.entry if check.fault else "",
            finding=check.fault.flaw.value if check.fault else "",
            next_page_token=token,
        )


def reader(channel: grpc.aio.Channel) -> Callable[[str, int], Awaitable[list[Entry]]]:
    """Reads (resource, after sequence) -> the next published events from the JournalService behind `channel`.

    It asks as the service itself, whoever's call is being served.
    """
    stub = journal_pb2_grpc.JournalServiceStub(channel)

    async def read(resource: str, after: int) -> list[Entry]:
        request = journal_pb2.ReadJournalRequest(resource=resource, after_sequence=after, page_size=200)
        with acting(""):
            answer = await stub.ReadJournal(request)
        return [from_message(entry) for entry in answer.entries]

    return read


def to_message(entry: Entry) -> journal_pb2.JournalEntry:
    """The entry as it travels; the salt stays at home."""
    message = journal_pb2.JournalEntry(
        id=entry.id,
        resource=entry.resource,
        version=entry.version,
        n=entry.n,
        sequence=entry.sequence,
        type=entry.type,
        cause=entry.cause,
        traceparent=entry.traceparent,
        data=entry.data,
        digest=entry.digest,
        prev=entry.prev,
        hash=entry.hash,
        erased=entry.erased,
    )
    message.actor.sub = entry.actor
    message.actor.behalf = entry.behalf
    message.event_time.FromDatetime(entry.time)
    message.record_time.FromDatetime(entry.recorded_at)
    return message


def from_message(message: journal_pb2.JournalEntry) -> Entry:
    """The entry that `to_message` sent, without its salt."""
    return Entry(
        id=message.id,
        resource=message.resource,
        version=message.version,
        n=message.n,
        sequence=message.sequence,
        type=message.type,
        cause=message.cause,
        actor=message.actor.sub,
        behalf=message.actor.behalf,
        time=message.event_time.ToDatetime(UTC),
        recorded_at=message.record_time.ToDatetime(UTC),
        traceparent=message.traceparent,
        data=message.data,
        salt=b"",
        digest=message.digest,
        prev=message.prev,
        hash=message.hash,
        erased=message.erased,
    )


def _may_ask(to: str) -> None:
    actor = caller().actor
    if not actor.is_system:
        actor.require("operator", "administrator", to=to)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a check goes on: behind the resource `last` of the collection `part`, or behind a checkpoint's number."""

    stage: str
    part: int
    last: Any


class _Check:
    """The check of a whole journal as steps of bounded size: documents with their chains, entries without a document,
    then the checkpoints. place: where to go on, None when all is done or a fault is found."""

    def __init__(self, journal: Journal, genuine: CheckSignature) -> None:
        self.place: _Place | None = _Place(_DOCUMENTS, 0, "")
        self.fault: Fault | None = None
        self.resources = self.entries = self.checkpoints = 0
        self._journal = journal
        self._genuine = genuine

    async def step(self) -> bool:
        """Checks one batch; whether there is more to check."""
        if self.place is None:
            return False
        steps = {_DOCUMENTS: self._documents, _STRAYS: self._strays, _SEALS: self._seals}
        self.place = await steps[self.place.stage](self.place)
        if self.fault is not None:
            self.place = None
        return self.place is not None

    async def _documents(self, place: _Place) -> _Place:
        collections = sorted(self._journal.owned, key=lambda one: one.name)
        if place.part >= len(collections):
            return _Place(_STRAYS, 0, "")
        fields = {"version": 1, "head": 1, "outbox": 1}
        found = collections[place.part].find({"_id": {"$gt": place.last}}, fields).sort("_id", 1).limit(_BATCH)
        documents = await found.to_list()
        if not documents:
            return _Place(_DOCUMENTS, place.part + 1, "")
        chains: dict[str, list[Entry]] = {document["_id"]: [] for document in documents}
        # The documents were read before: what left their outboxes since then is in the journal.
        async for batch in self._journal.walk({"resource": {"$in": list(chains)}}):
            for entry in batch:
                chains[entry.resource].append(entry)
        for document in documents:
            chain = _with_outbox(chains[document["_id"]], document["outbox"])
            self.resources += 1
            self.entries += len(chain)
            self.fault = check_chain(document["_id"], chain, document["version"], document["head"])
            if self.fault is not None:
                break
        return _Place(_DOCUMENTS, place.part, documents[-1]["_id"])

    async def _strays(self, place: _Place) -> _Place:
        pipeline: list[dict[str, Any]] = [
            {"$match": {"resource": {"$gt": place.last}}},
            {"$sort": {"resource": 1, "version": 1, "n": 1}},
            {"$limit": _BATCH * 20},
            {"$group": {"_id": "$resource", "first": {"$first": "$_id"}}},
            {"$sort": {"_id": 1}},
        ]
        rows = [row async for row in await self._journal.entries.aggregate(pipeline)]
        if not rows:
            return _Place(_SEALS, 0, 0)
        left = {row["_id"]: row["first"] for row in rows}
        for collection in self._journal.owned:
            async for document in collection.find({"_id": {"$in": list(left)}}, {"_id": 1}):
                del left[document["_id"]]
        if left:
            self.fault = Fault(left[min(left)], Flaw.HEADLESS)
        return _Place(_STRAYS, 0, rows[-1]["_id"])

    async def _seals(self, place: _Place) -> _Place | None:
        found = self._journal.checkpoints.find({"_id": {"$gte": place.last}}).sort("_id", 1).limit(2)
        documents = await found.to_list()
        before = Checkpoint.from_document(documents.pop(0)) if documents and documents[0]["_id"] == place.last else None
        if before is None and place.last:
            self.fault = Fault(f"checkpoint {place.last}", Flaw.CHECKPOINT_MISSING)
        if not documents:
            return None
        one, lines = Checkpoint.from_document(documents[0]), lines_of(documents[0])
        self.checkpoints += 1
        if one.number != place.last + 1:
            self.fault = Fault(f"checkpoint {place.last + 1}", Flaw.CHECKPOINT_MISSING)
            return None
        follows = one.previous == (before.digest() if before else b"") and one.root == root_of(lines)
        if not follows or not self._genuine(one.kid, one.signature, one.signed_bytes()):
            self.fault = Fault(f"checkpoint {one.number}", Flaw.CHECKPOINT_FORGED)
            return None
        kept: dict[str, bytes] = {}
        for start in range(0, len(lines), 1000):
            ids = [line.entry for line in lines[start : start + 1000]]
            async for row in self._journal.entries.find({"_id": {"$in": ids}}, {"hash": 1}):
                kept[row["_id"]] = row["hash"]
        gone = next((line.entry for line in lines if kept.get(line.entry) != line.hash), None)
        if gone is not None:
            self.fault = Fault(gone, Flaw.COVERED_GONE)
        return _Place(_SEALS, 0, one.number)


def _with_outbox(kept: Sequence[Entry], outbox: Sequence[dict[str, Any]]) -> list[Entry]:
    known = {entry.id for entry in kept}
    waiting = [Entry.from_document(entry) for entry in outbox if entry["_id"] not in known]
    return sorted([*kept, *waiting], key=lambda entry: (entry.version, entry.n))
