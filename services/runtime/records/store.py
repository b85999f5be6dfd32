"""The resources of one kind in MongoDB: created, changed and read by name; every change once per cause."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

import bson
from bson.codec_options import CodecOptions
from pymongo import ASCENDING, IndexModel, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern

from services.runtime.journal import Entry, Journal, moment
from services.runtime.paging import Page, PageRequest, find_page
from services.runtime.records.batch import Result, carry_out
from services.runtime.records.decide import RESOURCE_BYTES, decoded, outdated, too_large
from services.runtime.records.kind import Cause, Change, Decide, Follow, Kind, Mode, Record, current_traceparent
from services.runtime.records.lane import Lane
from services.runtime.refusal import Refusal

S = TypeVar("S")

Notice = Callable[["Records[Any]", str, Sequence[Entry]], None]
Arm = Callable[[Sequence[tuple[str, datetime]]], Awaitable[None]]
Clock = Callable[[], datetime]

_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_VISIBLE = {"schema": 1, "version": 1, "sequence": 1, "state": 1}


async def _arm_nothing(_hints: Sequence[tuple[str, datetime]]) -> None:
    return


def _notice_nothing(_records: Records[Any], _name: str, _entries: Sequence[Entry]) -> None:
    return


def _now() -> datetime:
    return datetime.now(UTC)


class Records(Generic[S]):
    """The documents of one kind.

    journal: where causes older than a document remembers are looked up. arm: stores the hints of new deadlines,
    called before the write. notice: is told what was written, after it. epoch: see `entry_id`.
    """

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        kind: Kind[S],
        journal: Journal,
        *,
        arm: Arm = _arm_nothing,
        notice: Notice = _notice_nothing,
        epoch: int = 1,
        clock: Clock = _now,
    ) -> None:
        self.kind = kind
        self.journal = journal
        self.arm = arm
        self.notice = notice
        self.epoch = epoch
        self._clock = clock
        self._prefix = f"{kind.prefix or kind.collection}/"
        self.collection = database.get_collection(
            kind.collection, _AWARE, ReadPreference.PRIMARY, _ACKNOWLEDGED, ReadConcern("local")
        )
        # What a reader is shown must not be taken back by a failover.
        self._settled = self.collection.with_options(read_concern=ReadConcern("majority"))
        self._lane = Lane(lambda changes: carry_out(self, changes))
        journal.own(self.collection)

    def now(self) -> datetime:
        """The clock that stamps `recorded_at`, in milliseconds."""
        return moment(self._clock())

    def owns(self, name: str) -> bool:
        """Whether a resource of this name would be kept here."""
        return name.startswith(self._prefix)

    async def create(self, name: str, cause: Cause, decide: Callable[[], tuple[S, Sequence[Any]]]) -> Record[S]:
        """Creates the resource, or returns the one that this cause created before, whatever its name.

        Raises:
            Refusal: ALREADY_EXISTS, REQUEST_ID_REUSED, RESOURCE_TOO_LARGE, or what `decide` raises.
        """
        return await self._one(self._change(name, cause, lambda _state: decide(), Mode.CREATE))

    async def change(
        self, name: str, cause: Cause, decide: Callable[[S], tuple[S, Sequence[Any]]], *, etag: str = ""
    ) -> Record[S]:
        """Changes a resource that exists; a cause seen before returns the resource as it is now.

        Raises:
            Refusal: NOT_FOUND, ETAG_MISMATCH, REQUEST_ID_REUSED, CONTENTION, OUTBOX_FULL, RESOURCE_TOO_LARGE, or
                what `decide` raises.
        """
        return await self._one(self._change(name, cause, decide, Mode.CHANGE, etag=etag))

    async def upsert(
        self,
        name: str,
        cause: Cause,
        decide: Callable[[S | None], tuple[S, Sequence[Any]]],
        *,
        follow: Follow | None = None,
    ) -> Record[S]:
        """Changes a resource, or makes it from None.

        Raises:
            Refusal: as `change`, but never NOT_FOUND or ETAG_MISMATCH. NotYet: `follow` shows a gap.
        """
        return await self._one(self._change(name, cause, decide, Mode.UPSERT, follow=follow))

    async def rehearse(
        self, name: str, decide: Callable[[S | None], tuple[S, Sequence[Any]]], *, etag: str = ""
    ) -> tuple[S, str]:
        """What a change would give, and the etag as it is now ("" when there is no such resource); nothing is written.

        Raises:
            Refusal: NOT_FOUND with an etag for what is not there, ETAG_MISMATCH, RESOURCE_TOO_LARGE, or what `decide`
                raises.
        """
        kept = (await self.find([name])).get(name)
        if etag and (kept is None or kept.etag != etag):
            raise Refusal.not_found(name) if kept is None else outdated(name)
        state, _ = decide(kept.state if kept is not None else None)
        if len(bson.encode(self.kind.encode(state))) > RESOURCE_BYTES:
            raise too_large(name)
        return state, kept.etag if kept is not None else ""

    def entry(
        self,
        name: str,
        cause: Cause,
        decide: Callable[[S | None], tuple[S, Sequence[Any]]],
        *,
        follow: Follow | None = None,
    ) -> Change:
        """The same as `upsert`, to be carried out later by `change_many`."""
        return self._change(name, cause, decide, Mode.UPSERT, follow=follow)

    async def get(self, name: str) -> Record[S]:
        """One resource.

        Raises:
            Refusal: NOT_FOUND.
        """
        document = await self._settled.find_one({"_id": name}, _VISIBLE)
        if document is None:
            raise Refusal.not_found(name)
        return self._record(document)

    async def find(self, names: Sequence[str]) -> dict[str, Record[S]]:
        """Those of the named resources that exist, by name."""
        found = self._settled.find({"_id": {"$in": list(dict.fromkeys(names))}}, _VISIBLE)
        return {document["_id"]: self._record(document) async for document in found}

    async def page(
        self,
        where: Mapping[str, Any],
        order: Sequence[tuple[str, int]],
        page: PageRequest,
        *,
        hint: Sequence[tuple[str, int]] | None = None,
        most_ms: int | None = None,
    ) -> Page[Record[S]]:
        """One page of the resources that match; `_id` breaks ties, missing values sort as the smallest.

        where, order: over document paths ("state.unit"); a path in `order` holds one type of value and no arrays.
        hint, most_ms: as of `find_page`.

        Raises:
            Refusal: PAGE_TOKEN_INVALID.
            pymongo.errors.ExecutionTimeout: the store needs longer than `most_ms`.
        """
        order = [*order, *([] if any(path == "_id" for path, _ in order) else [("_id", order[-1][1] if order else 1)])]
        found = await find_page(self._settled, where, order, page, projection=_VISIBLE, hint=hint, most_ms=most_ms)
        return Page([self._record(document) for document in found.items], found.next_token)

    async def count(
        self, where: Mapping[str, Any], limit: int, *, hint: Sequence[tuple[str, int]] | None = None
    ) -> int:
        """How many resources match, counted up to `limit` at most. hint: as of `page`."""
        if hint is None:
            return await self._settled.count_documents(where, limit=limit)
        return await self._settled.count_documents(where, limit=limit, hint=list(hint))

    async def ensure_indexes(self) -> None:
        """Creates what is missing: one creation a birth, the sweep's index, and the kind's own."""
        own = [
            IndexModel([("birth", ASCENDING)], unique=True, sparse=True),
            IndexModel([("pending", ASCENDING)], sparse=True),
        ]
        await self.collection.create_indexes([*own, *self.kind.indexes])

    def _change(
        self, name: str, cause: Cause, decide: Decide, mode: Mode, *, etag: str = "", follow: Follow | None = None
    ) -> Change:
        if mode is not Mode.CHANGE and not self.owns(name):
            raise ValueError(f"{name!r} is no name of {self._prefix}...")
        return Change(self, name, cause, decide, follow, etag, mode, current_traceparent())

    async def _one(self, change: Change) -> Record[S]:
        result = await self._lane.put(change)
        if isinstance(result, Exception):
            raise result
        return cast("Record[S]", result)

    def _record(self, document: Mapping[str, Any]) -> Record[S]:
        name = document["_id"]
        return Record(name, decoded(self.kind, name, document), document["version"], document["sequence"])


async def change_many(changes: Sequence[Change]) -> list[Result]:
    """Carries out many changes, one bulk write a kind; those of one resource in their order.

    Per change the record after it, or the exception that kept it from happening; the others go on.

    Raises:
        pymongo.errors.PyMongoError: what became of the writes is unknown; try again with the same causes.
    """
    groups: dict[int, list[int]] = {}
    for index, change in enumerate(changes):
        groups.setdefault(id(change.records), []).append(index)
    results: dict[int, Result] = {}
    for indexes in groups.values():
        group = [changes[index] for index in indexes]
        results.update(zip(indexes, await carry_out(group[0].records, group), strict=True))
    return [results[index] for index in range(len(changes))]
