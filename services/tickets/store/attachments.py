"""The bytes of attachments, in GridFS: kept before the ticket names them, swept when none ever did."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from bson import ObjectId
from gridfs import AsyncGridFSBucket, NoFile
from gridfs.errors import FileExists
from pymongo import WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from services.runtime.records import Cause, Records
from services.runtime.refusal import Refusal
from services.tickets.rules.ticket import Ticket

CHUNK = 256 * 1024
ORPHAN_AFTER = timedelta(hours=24)
SWEEP_EVERY_S = 3600.0
# A part without its end may still be on its way, for longer than any call lasts.
_ON_ITS_WAY = timedelta(seconds=60)
_BATCH = 500

_log = structlog.get_logger(__name__)


def part_id(name: str, cause: Cause) -> str:
    """The id of the bytes that this call brings to this ticket: the same call again gives the same id."""
    return hashlib.sha256(f"{name}\n{cause.id}\n{cause.digest}".encode()).hexdigest()[:32]


class Parts:
    """The kept bytes of one service's attachments, by id; nobody sees them until a ticket names the id."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], tickets: Records[Ticket]) -> None:
        settled = database.with_options(write_concern=WriteConcern(w="majority", j=True))
        self._bucket = AsyncGridFSBucket(settled, "attachments", chunk_size_bytes=CHUNK)
        self._files = settled["attachments.files"]
        self._chunks = settled["attachments.chunks"]
        self._tickets = tickets

    async def keep(self, id_: str, name: str, content: bytes) -> None:
        """Keeps the bytes under the id, once; name: of the ticket that is going to name them.

        Raises:
            Refusal: ATTACHMENT_UNDER_WAY, when another call is bringing the same bytes right now.
        """
        # Touched, so that the sweep leaves alone what is about to be named at last.
        touched = await self._files.update_one({"_id": id_}, {"$set": {"uploadDate": datetime.now(UTC)}})
        if touched.matched_count:
            return
        begun = await self._chunks.find_one({"files_id": id_}, {"_id": 1})
        if begun is not None:
            if datetime.now(UTC) - begun["_id"].generation_time < _ON_ITS_WAY:
                raise _under_way()
            await self._chunks.delete_many({"files_id": id_})
        try:
            await self._bucket.upload_from_stream_with_id(id_, id_, content, metadata={"ticket": name})
        except FileExists as twin:
            raise _under_way() from twin

    async def read(self, id_: str) -> bytes:
        """The bytes.

        Raises:
            Refusal: NOT_FOUND.
        """
        try:
            stream = await self._bucket.open_download_stream(id_)
            return bytes(await stream.read())
        except NoFile as absent:
            raise Refusal.not_found(f"attachment {id_}") from absent

    async def sweep_for_ever(self, stop: asyncio.Event) -> None:
        """Sweeps once an hour until told to stop; a store that is away is asked again an hour later."""
        while not stop.is_set():
            try:
                swept = await self.sweep(datetime.now(UTC) - ORPHAN_AFTER)
                if swept:
                    _log.info("swept attachments that no ticket names", count=swept)
            except PyMongoError as error:
                _log.warning("attachments not swept", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_EVERY_S):
                    await stop.wait()

    async def sweep(self, before: datetime) -> int:
        """Deletes what was kept before that instant and is named by no ticket; how many parts that were."""
        swept = 0
        # What was once found named is so for ever, and is not looked at again.
        found = self._files.find({"uploadDate": {"$lt": before}, "metadata.named": {"$ne": True}}, {"metadata": 1})
        async for file in found:
            if await self._is_named(file["_id"], file.get("metadata") or {}):
                await self._files.update_one({"_id": file["_id"]}, {"$set": {"metadata.named": True}})
                continue
            # Not by id alone: it may have been touched since it was found.
            gone = await self._files.delete_one({"_id": file["_id"], "uploadDate": {"$lt": before}})
            if gone.deleted_count:
                await self._chunks.delete_many({"files_id": file["_id"]})
                swept += 1
        return swept + await self._sweep_broken(before)

    async def _is_named(self, id_: str, metadata: dict[str, Any]) -> bool:
        name = metadata.get("ticket", "")
        record = (await self._tickets.find([name])).get(name)
        return record is not None and any(one.id == id_ for one in record.state.attachments)

    async def _sweep_broken(self, before: datetime) -> int:
        """Chunks whose file was never finished: the process died between them."""
        swept = 0
        batch: list[str] = []
        # Sorted and grouped by the index's first field, so that only keys are read, and one a file.
        grouped = await self._chunks.aggregate([{"$sort": {"files_id": 1}}, {"$group": {"_id": "$files_id"}}])
        async for group in grouped:
            batch.append(group["_id"])
            if len(batch) == _BATCH:
                swept += await self._drop_unfinished(batch, before)
                batch = []
        return swept + await self._drop_unfinished(batch, before)

    async def _drop_unfinished(self, ids: list[str], before: datetime) -> int:
        finished = {file["_id"] async for file in self._files.find({"_id": {"$in": ids}}, {"_id": 1})}
        swept = 0
        for id_ in ids:
            old = {"files_id": id_, "_id": {"$lt": ObjectId.from_datetime(before)}}
            if id_ not in finished and (await self._chunks.delete_many(old)).deleted_count:
                swept += 1
        return swept


def _under_way() -> Refusal:
    return Refusal.conflict(
        "ATTACHMENT_UNDER_WAY", "The same call is bringing this file already; try again in a minute."
    )
