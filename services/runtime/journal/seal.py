"""Signed checkpoints over the journal: what they cover can no longer be cut off without anyone noticing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from pymongo.errors import DuplicateKeyError

from services.runtime.journal.entry import fields_digest, millis, moment
from services.runtime.journal.store import Journal

ENTRIES_EACH = 10_000

Sign = Callable[[bytes], tuple[str, bytes]]
"""The bytes to sign -> (key id, Ed25519 signature)."""

_LINE = b"\x01"
_ROOT = b"\x02"
_SEAL = b"\x03"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """How far one resource's chain had come: everything before this entry is covered through the chain."""

    entry: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The number-th statement: `count` new entries, `root` over the lines, `previous` checkpoint's digest, signed."""

    number: int
    at: datetime
    count: int
    root: bytes
    previous: bytes
    kid: str
    signature: bytes

    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        numbers = [value.to_bytes(8, "big") for value in (self.number, millis(self.at), self.count)]
        return fields_digest(_SEAL, *numbers, self.root, self.previous)

    def digest(self) -> bytes:
        """What the next checkpoint keeps of this one."""
        return fields_digest(_SEAL, self.signed_bytes(), self.kid.encode(), self.signature)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Checkpoint:
        """Reads a document of the collection `checkpoints`."""
        names = ("at", "count", "root", "previous", "kid", "signature")
        return cls(document["_id"], *(document[name] for name in names))


def root_of(lines: Sequence[Line]) -> bytes:
    """One hash over the lines, which are sorted by resource."""
    return fields_digest(_ROOT, *[fields_digest(_LINE, line.entry.encode(), line.hash) for line in lines])


def lines_of(document: Mapping[str, Any]) -> list[Line]:
    """The lines kept with a checkpoint."""
    return [Line(*line) for line in document["lines"]]


async def checkpoint(journal: Journal, sign: Sign, *, now: datetime | None = None) -> list[Checkpoint]:
    """Signs statements over all entries that no statement covers yet, 10,000 entries each; [] when there are none.

    The caller publishes them: a copy outside of this database is what shows that its end was cut off.
    Two replicas that do this at once: one makes the statement, the other finds its number taken and stops.

    Raises:
        pymongo.errors.PyMongoError: the store is away; what was not covered stays so.
    """
    made: list[Checkpoint] = []
    # A part-filled statement is the last: what is written meanwhile waits for the next time.
    while not made or made[-1].count == ENTRIES_EACH:
        one = await _next_checkpoint(journal, sign, now)
        if one is None:
            break
        made.append(one)
    return made


async def _next_checkpoint(journal: Journal, sign: Sign, now: datetime | None) -> Checkpoint | None:
    fields = {"resource": 1, "version": 1, "n": 1, "hash": 1}
    fresh = await journal.entries.find({"unsealed": True}, fields).limit(ENTRIES_EACH).to_list()
    if not fresh:
        return None
    tips: dict[str, dict[str, Any]] = {}
    for entry in fresh:
        tip = tips.setdefault(entry["resource"], entry)
        if (entry["version"], entry["n"]) > (tip["version"], tip["n"]):
            tips[entry["resource"]] = entry
    lines = [Line(tips[resource]["_id"], tips[resource]["hash"]) for resource in sorted(tips)]
    latest = await journal.checkpoints.find({}, {"lines": 0}).sort("_id", -1).limit(1).to_list()
    before = Checkpoint.from_document(latest[0]) if latest else None
    at = moment(now or datetime.now(UTC))
    number, previous = (before.number + 1, before.digest()) if before else (1, b"")
    unsigned = Checkpoint(number, at, len(fresh), root_of(lines), previous, "", b"")
    kid, signature = sign(unsigned.signed_bytes())
    signed = Checkpoint(number, at, len(fresh), unsigned.root, previous, kid, signature)
    document = {name: getattr(signed, name) for name in ("at", "count", "root", "previous", "kid", "signature")}
    kept = [[line.entry, line.hash] for line in lines]
    try:
        await journal.checkpoints.insert_one({"_id": number, **document, "lines": kept})
    except DuplicateKeyError:
        return None
    # After a crash right here the entries are covered once more by the next statement: true twice is no harm.
    covered = {"_id": {"$in": [entry["_id"] for entry in fresh]}}
    await journal.entries.update_many(covered, {"$unset": {"unsealed": ""}})
    _log.info(
        "checkpoint", number=number, entries=len(fresh), root=signed.root.hex(), kid=kid, signature=signature.hex()
    )
    return signed
