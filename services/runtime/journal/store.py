"""The journal of a service: every entry once, the log of record that JetStream only caches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, DESCENDING, IndexModel, ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, BulkWriteError
from pymongo.read_concern import ReadConcern

from services.runtime.journal.entry import NEW, SENT, Entry
from services.runtime.paging import Page, PageRequest, find_page

_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_ORDER = [("resource", ASCENDING), ("version", ASCENDING), ("n", ASCENDING)]
_DUPLICATE_KEY = 11000

_log = structlog.get_logger(__name__)


class Journal:
    """Collections `journal`, `checkpoints` and `cursors` of one service's database."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        def kept(name: str) -> AsyncCollection[dict[str, Any]]:
            return database.get_collection(name, _AWARE, ReadPreference.PRIMARY, _ACKNOWLEDGED, ReadConcern("majority"))

        self.entries = kept("journal")
        self.checkpoints = kept("checkpoints")
        self.cursors = kept("cursors")
        self.owned: list[AsyncCollection[dict[str, Any]]] = []

    def own(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        """Says that the documents of this collection write into this journal."""
        settled = collection.with_options(read_concern=ReadConcern("majority"))
        self.owned = [*(known for known in self.owned if known.name != collection.name), settled]

    async def ensure_indexes(self) -> None:
        """Creates what is missing: order, one entry a cause, what waits for the broker or for a checkpoint."""
        waiting = {"partialFilterExpression": {"state": NEW}}
        await self.entries.create_indexes(
            [
                IndexModel(_ORDER, unique=True),
                IndexModel([("resource", ASCENDING), ("cause", ASCENDING), ("n", ASCENDING)], unique=True),
                IndexModel([("recorded_at", ASCENDING)], name="unsent", **waiting),
                IndexModel([("unsealed", ASCENDING)], sparse=True),
            ]
        )

    async def append(self, entries: Sequence[Entry]) -> set[str]:
        """Keeps the entries; the ids of those that the journal now holds, by this call or an earlier one.

        An id that is missing from the answer contradicts what is kept (another entry has its place or its cause);
        it is logged, and stays where it was.

        Raises:
            pymongo.errors.PyMongoError: some may be kept and some not; append them again.
        """
        documents = [{**entry.to_document(), "unsealed": True} for entry in entries]
        held = {entry.id for entry in entries}
        try:
            await self.entries.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            if details["writeConcernErrors"]:
                raise AutoReconnect("the journal's write was not acknowledged by a majority") from error
            failures = details["writeErrors"]
            if any(failure["code"] != _DUPLICATE_KEY for failure in failures):
                raise
            held -= await self._contradicted([entries[failure["index"]] for failure in failures])
        return held

    async def unsent(self, since: datetime | None, limit: int) -> list[Entry]:
        """Entries that wait for the broker, oldest first; `since` spares the scan of what was sent long ago."""
        where: dict[str, Any] = {"state": NEW}
        if since is not None:
            where["recorded_at"] = {"$gte": since}
        found = self.entries.find(where).sort("recorded_at", ASCENDING).limit(limit)
        return [Entry.from_document(document) async for document in found]

    async def mark_sent(self, sent: Sequence[tuple[str, int]]) -> None:
        """Notes (entry id, stream sequence) of what the broker acknowledged."""
        if not sent:
            return
        ids, sequences = [id_ for id_, _ in sent], [sequence for _, sequence in sent]
        # One statement for all costs the server less than half of one for each.
        own = {"$arrayElemAt": [sequences, {"$indexOfArray": [ids, "$_id"]}]}
        await self.entries.update_many({"_id": {"$in": ids}}, [{"$set": {"state": SENT, "stream_sequence": own}}])

    async def of(self, resource: str, after: int = 0, limit: int = 200) -> list[Entry]:
        """The published events of a resource with sequence > `after`, in order, those still in its outbox too."""
        # The outbox first: what leaves it meanwhile is already in the journal.
        waiting = [entry for entry in await self.outbox(resource) if entry.sequence > after]
        where = {"resource": resource, "sequence": {"$gt": after}}
        kept = [Entry.from_document(document) async for document in self.entries.find(where).sort(_ORDER).limit(limit)]
        if len(kept) < limit:
            known = {entry.id for entry in kept}
            kept += [entry for entry in waiting if entry.id not in known]
        return kept[:limit]

    async def outbox(self, resource: str) -> list[Entry]:
        """What the resource's document has not yet handed to the journal."""
        for collection in self.owned:
            document = await collection.find_one({"_id": resource}, {"outbox": 1})
            if document is not None:
                return [Entry.from_document(entry) for entry in document["outbox"]]
        return []

    async def page(self, request: PageRequest, resource: str = "") -> Page[Entry]:
        """One page of all entries in (resource, version, n) order, or of one resource.

        Raises:
            Refusal: PAGE_TOKEN_INVALID.
        """
        where = {"resource": resource} if resource else {}
        bound = PageRequest(request.size, request.token, f"{resource}\n{request.bind}")
        found = await find_page(self.entries, where, _ORDER, bound)
        return Page([Entry.from_document(document) for document in found.items], found.next_token)

    async def walk(self, where: Mapping[str, Any], batch: int = 1000) -> AsyncIterator[list[Entry]]:
        """All entries that match, in (resource, version, n) order, by batches."""
        entries: list[Entry] = []
        async for document in self.entries.find(where, batch_size=batch).sort(_ORDER):
            entries.append(Entry.from_document(document))
            if len(entries) == batch:
                yield entries
                entries = []
        if entries:
            yield entries

    async def seen(self, resource: str, cause: str) -> bool:
        """Whether the cause left an entry on the resource."""
        return bool(await self.seen_many([(resource, cause)]))

    async def seen_many(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of the (resource, cause) pairs that left an entry."""
        causes: dict[str, list[str]] = {}
        for resource, cause in pairs:
            causes.setdefault(resource, []).append(cause)
        if not causes:
            return set()
        where = {"$or": [{"resource": resource, "cause": {"$in": found}} for resource, found in causes.items()]}
        rows = self.entries.find(where, {"_id": 0, "resource": 1, "cause": 1})
        return {(row["resource"], row["cause"]) async for row in rows}

    async def newest_sent(self) -> Entry | None:
        """The entry with the highest stream sequence among those that no checkpoint covers yet."""
        found = self.entries.find({"unsealed": True, "state": SENT}).sort("stream_sequence", DESCENDING).limit(1)
        return next((Entry.from_document(document) for document in await found.to_list()), None)

    async def erase(self, ids: Sequence[str]) -> None:
        """Deletes what the entries say, for ever; that they were, and when, stays, and so does the chain."""
        gone = {"$unset": {"data": "", "salt": ""}, "$set": {"erased": True}}
        await self.entries.update_many({"_id": {"$in": list(ids)}}, gone)

    async def _contradicted(self, entries: Sequence[Entry]) -> set[str]:
        found = self.entries.find({"_id": {"$in": [entry.id for entry in entries]}}, {"hash": 1})
        hashes = {document["_id"]: document["hash"] async for document in found}
        wrong = {entry.id for entry in entries if hashes.get(entry.id) != entry.hash}
        for id_ in sorted(wrong):
            _log.error("journal holds another entry in the place or for the cause of this one", entry=id_)
        return wrong
