"""Inputs of the ledger as documents, and the journal of the order in which they were taken.

`ledger_taken` holds one line an input: its place, its name and a hash over the line before. A place is given once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions
from google.protobuf.message import Message
from pymongo import ASCENDING, IndexModel, ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.read_concern import ReadConcern
from throughline.metrics.v1 import events_pb2

from services.metrics.rules.books import Taken
from services.metrics.rules.intake import GainBooked, Input, chained
from services.metrics.wire.gains import gain_message
from services.metrics.wire.intake import is_lesson, told_of
from services.runtime.records import Kind, Records, Stamp

_AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_APPLIED = "applied"


def _encode(one: Input) -> dict[str, Any]:
    return {
        "name": one.name,
        "resource": one.resource,
        "sequence": one.sequence,
        "turn": one.turn,
        "type": one.type,
        "event": one.event,
        "at": one.at,
        "digest": one.digest,
        "data": one.data,
        "ordered": one.ordered,
    }


def _decode(document: Mapping[str, Any]) -> Input:
    return Input(**document)


def _told(event: GainBooked, _stamp: Stamp) -> Message:
    return events_pb2.GainBooked(gain=gain_message(event.gain))


INPUTS: Kind[Input] = Kind(
    collection="ledger_inputs",
    prefix="ledgerInputs",
    encode=_encode,
    decode=_decode,
    message=_told,
    # `taken` is beside the state: the place of an input is not its own to say.
    indexes=(IndexModel([("taken", ASCENDING), ("state.at", ASCENDING), ("_id", ASCENDING)]),),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal with its input."""

    seq: int
    hash: bytes
    input: Input

    @property
    def taken(self) -> Taken:
        """The input as the rules read it."""
        one = self.input
        return Taken(self.seq, one.turn, one.at, told_of(one.type, one.data))


class Intake:
    """What waits to be taken, what was taken, and up to where it is in effect."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], inputs: Records[Input]) -> None:
        self._inputs = inputs.collection
        self._taken = db.get_collection(
            "ledger_taken", _AWARE, ReadPreference.PRIMARY, _ACKNOWLEDGED, ReadConcern("majority")
        )
        self._cursor = db.get_collection("ledger_cursor", _AWARE, ReadPreference.PRIMARY, _ACKNOWLEDGED)

    async def ensure_indexes(self) -> None:
        """An input is taken once; what was only to be learned is found again at the start."""
        await self._taken.create_indexes(
            [IndexModel([("input", ASCENDING)], unique=True), IndexModel([("lesson", ASCENDING)], sparse=True)]
        )

    async def waiting(self, most: int) -> list[Input]:
        """Inputs that nobody has taken, by when they happened."""
        rows = self._inputs.find({"taken": None}).sort([("state.at", ASCENDING), ("_id", ASCENDING)]).limit(most)
        return [_decode(one["state"]) async for one in rows]

    async def last(self) -> tuple[int, bytes]:
        """The last place that was given, and its hash; (0, b"") before the first."""
        row = await self._taken.find_one(sort=[("_id", -1)])
        return (0, b"") if row is None else (row["_id"], row["hash"])

    async def take(self, inputs: Sequence[Input]) -> list[Line]:
        """Gives each the next place.

        Raises:
            pymongo.errors.DuplicateKeyError: another replica takes too; look again.
        """
        seq, before = await self.last()
        lines: list[Line] = []
        for one in inputs:
            seq += 1
            before = chained(before, seq, one.name, one.digest, one.data)
            lines.append(Line(seq, before, one))
        rows = [
            {"_id": line.seq, "input": line.input.name, "hash": line.hash}
            | ({"lesson": True} if is_lesson(line.input.type) else {})
            for line in lines
        ]
        if rows:
            await self._taken.insert_many(rows, ordered=True)
        return lines

    async def mark(self, lines: Iterable[Line]) -> None:
        """Notes that they wait no longer, and that all up to the last of them is in effect."""
        names = [line.input.name for line in lines]
        if not names:
            return
        await self._inputs.update_many({"_id": {"$in": names}}, {"$set": {"taken": True}})
        top = max(line.seq for line in lines)
        await self._cursor.update_one({"_id": _APPLIED}, {"$max": {"seq": top}}, upsert=True)

    async def applied(self) -> int:
        """Up to which place everything is in effect."""
        row = await self._cursor.find_one({"_id": _APPLIED})
        return 0 if row is None else int(row["seq"])

    async def lessons(self, until: int) -> list[Line]:
        """What was to be learned up to a place, in its order."""
        return [line async for line in self.lines(0, {"lesson": True, "_id": {"$lte": until}})]

    async def lines(self, after: int, where: Mapping[str, Any] | None = None, most: int = 0) -> AsyncIterator[Line]:
        """The journal after a place, in its order."""
        rows = self._taken.find({"$and": [{"_id": {"$gt": after}}, where or {}]}).sort("_id", ASCENDING).limit(most)
        batch: list[dict[str, Any]] = []
        async for row in rows:
            batch.append(row)
            if len(batch) == 500:
                for line in await self._read(batch):
                    yield line
                batch = []
        for line in await self._read(batch):
            yield line

    async def _read(self, rows: Sequence[Mapping[str, Any]]) -> list[Line]:
        found = self._inputs.find({"_id": {"$in": [row["input"] for row in rows]}})
        inputs = {one["_id"]: _decode(one["state"]) async for one in found}
        return [Line(row["_id"], row["hash"], inputs[row["input"]]) for row in rows]
