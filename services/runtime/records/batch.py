"""Carries out many changes of one kind together: one read, one bulk write, and again for those who lost a race."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from pymongo import InsertOne, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError

from services.runtime import crashpoint
from services.runtime.precedence import give_way
from services.runtime.records.decide import Draft, decoded, require_same_request
from services.runtime.records.kind import Change, Mode, Record
from services.runtime.refusal import Refusal

if TYPE_CHECKING:
    from services.runtime.records.store import Records

ROUNDS = 5
_DUPLICATE_KEY = 11000
_AT_ONCE = 1000

Result = Record[Any] | Exception

_lost_races = metrics.get_meter("throughline.records").create_counter(
    "throughline_records_lost_races", description="Documents decided again because somebody else wrote first."
)


async def carry_out(records: Records[Any], changes: Sequence[Change]) -> list[Result]:
    """Decides and writes the changes, those of one resource in their order; per change the record or why not.

    Raises:
        pymongo.errors.PyMongoError: what became of the writes is unknown; try again with the same causes.
    """
    batch = _Batch(records, changes)
    for attempt in range(ROUNDS):
        if attempt:
            _lost_races.add(len(batch.open), {"collection": records.kind.collection})
            await asyncio.sleep(random.uniform(0, 0.002 * 2**attempt))  # noqa: S311 - spreads, guards nothing
        await batch.round(first=attempt == 0)
        if not batch.open:
            break
    return await batch.settled()


class _Batch:
    def __init__(self, records: Records[Any], changes: Sequence[Change]) -> None:
        self._records = records
        self._changes = changes
        self._results: dict[int, Result] = {}
        self._repeated: set[str] = set()
        self.open: dict[str, list[int]] = {}
        for index, change in enumerate(changes):
            self.open.setdefault(change.name, []).append(index)

    async def round(self, *, first: bool) -> None:
        """Reads, decides and writes every open resource; `open` keeps those that somebody else wrote meanwhile."""
        documents = await self._load(first=first)
        now = self._records.now()
        drafts = []
        for name in self.open:
            await give_way()
            drafts.append(self._draft(name, documents.get(name), now))
        known = await self._known(drafts)
        writes: list[tuple[Draft[Any], InsertOne[dict[str, Any]] | UpdateOne]] = []
        for draft in drafts:
            await give_way()
            write = self._decided(draft, documents.get(draft.name), known, now)
            if first and self._guessed_wrong(draft.name):
                continue
            if write is None:
                del self.open[draft.name]
            else:
                writes.append(write)
        if not writes:
            return
        if armed := [hint for draft, _ in writes for hint in draft.new_deadlines()]:
            await self._records.arm(armed)
        landed = await self._written(writes)
        crashpoint.reach("after-write-before-relay")
        for draft, _ in writes:
            if draft.name in landed:
                del self.open[draft.name]
                self._records.notice(self._records, draft.name, draft.entries)

    async def settled(self) -> list[Result]:
        """The results in the order of the changes; those still racing are refused."""
        for name, indexes in self.open.items():
            for index in indexes:
                self._results[index] = Refusal.conflict(
                    "CONTENTION", f"{name} is being changed by many at once; try again with the same request_id."
                )
        if self._repeated:
            # "Applied before" was read from the primary alone. A write without effect waits until the majority holds
            # all that was read, so that no answer rests on something which a failover can still take back.
            await self._records.collection.update_many(
                {"_id": {"$in": sorted(self._repeated)}}, {"$max": {"version": 0}}
            )
        return [self._results[index] for index in range(len(self._changes))]

    def _draft(self, name: str, document: Mapping[str, Any] | None, now: datetime) -> Draft[Any]:
        return Draft(self._records.kind, name, document, epoch=self._records.epoch, now=now)

    def _guessed_wrong(self, name: str) -> bool:
        """Whether a creation was refused without a look whether its cause had been carried out before."""
        indexes = self.open[name]
        creates = self._changes[indexes[0]].mode is Mode.CREATE
        return creates and any(isinstance(self._results[index], Exception) for index in indexes)

    async def _load(self, *, first: bool) -> dict[str, Mapping[str, Any]]:
        births = {
            self._changes[indexes[0]].cause.id: name
            for name, indexes in self.open.items()
            if self._changes[indexes[0]].mode is Mode.CREATE
        }
        unborn = set(births.values())
        # A creation is nearly always the first of its cause: try the insert, and read only if a unique key objects.
        names = [name for name in self.open if not first or name not in unborn]
        found = await self._read({"_id": {"$in": names}}) if names else {}
        if births and not first:
            for document in (await self._read({"birth": {"$in": list(births)}})).values():
                self._born_before(births[document["birth"]], document)
        return found

    async def _read(self, where: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return {
            document["_id"]: document async for document in self._records.collection.find(where, batch_size=_AT_ONCE)
        }

    def _born_before(self, name: str, document: Mapping[str, Any]) -> None:
        """The creation of `name` was carried out before, under another name: answers with that resource."""
        if document["_id"] == name:
            return
        index = self.open[name].pop(0)
        kind, other = self._records.kind, document["_id"]
        try:
            require_same_request(self._changes[index].cause.digest, document["birth_digest"])
            state = decoded(kind, other, document)
            self._results[index] = Record(other, state, document["version"], document["sequence"])
            self._repeated.add(other)
        except Refusal as refusal:
            self._results[index] = refusal
        if not self.open[name]:
            del self.open[name]

    async def _known(self, drafts: Iterable[Draft[Any]]) -> set[tuple[str, str]]:
        unsure = [
            (draft.name, self._changes[index].cause.id)
            for draft in drafts
            for index in self.open[draft.name]
            if draft.unsure_of(self._changes[index])
        ]
        return await self._records.journal.seen_many(unsure) if unsure else set()

    def _decided(
        self, draft: Draft[Any], document: Mapping[str, Any] | None, known: set[tuple[str, str]], now: datetime
    ) -> tuple[Draft[Any], InsertOne[dict[str, Any]] | UpdateOne] | None:
        """The draft with its write; None when there is nothing to write."""
        self._apply_all(draft, known, weigh=False)
        try:
            write = draft.write() if draft.entries else None
        except Refusal:
            # Too large in the end: find out which change made it so, and let the others pass.
            draft = self._draft(draft.name, document, now)
            self._apply_all(draft, known, weigh=True)
            write = draft.write() if draft.entries else None
        if draft.repeated:
            self._repeated.add(draft.name)
        return (draft, write) if write is not None else None

    def _apply_all(self, draft: Draft[Any], known: set[tuple[str, str]], *, weigh: bool) -> None:
        for index in self.open[draft.name]:
            change = self._changes[index]
            try:
                journalled = (draft.name, change.cause.id) in known
                self._results[index] = draft.apply(change, journalled=journalled, weigh=weigh)
            except Exception as reason:  # noqa: BLE001 - one change that fails must not stop the others
                self._results[index] = reason

    async def _written(self, writes: Sequence[tuple[Draft[Any], Any]]) -> set[str]:
        """Sends the writes; the names of the documents in which they took effect."""
        collection = self._records.collection
        names = {draft.name for draft, _ in writes}
        result: Mapping[str, Any]
        try:
            result = (await collection.bulk_write([write for _, write in writes], ordered=False)).bulk_api_result
        except BulkWriteError as error:
            result = error.details or {}
            if result["writeConcernErrors"]:
                raise AutoReconnect(f"not acknowledged by a majority: {result['writeConcernErrors']}") from error
            if any(failure["code"] != _DUPLICATE_KEY for failure in result["writeErrors"]):
                raise
        if result["nInserted"] + result["nMatched"] == len(writes):
            return names
        heads = collection.find({"_id": {"$in": sorted(names)}}, {"head": 1}, batch_size=_AT_ONCE)
        now = {document["_id"]: document["head"] async for document in heads}
        return {draft.name for draft, _ in writes if now.get(draft.name) == draft.head}
