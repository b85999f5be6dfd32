"""One kept event: what it says, who caused it, and its place in the hash chain of its resource."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NEW = "new"
SENT = "sent"
KEPT = "kept"

_LEAF = b"\x00"
_OPTIONAL = ("type", "behalf", "traceparent", "data", "salt", "prev", "erased", "stream_sequence")


def moment(at: datetime) -> datetime:
    """The instant in UTC, truncated to the millisecond that the store keeps.

    Raises:
        ValueError: the instant carries no time zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"an instant needs a time zone: {at!r}")
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def millis(at: datetime) -> int:
    """Milliseconds since 1970, exact (no float in between)."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def fields_digest(tag: bytes, *fields: bytes) -> bytes:
    """SHA-256 over the tag and the length-prefixed fields, so that no two field lists share their bytes."""
    digest = hashlib.sha256(tag)
    for field in fields:
        digest.update(len(field).to_bytes(4, "big"))
        digest.update(field)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Entry:
    """What one cause left on one resource: the n-th event of that version, or the note that it changed nothing.

    id: "<resource>/<version>/<n>~<epoch>", also the ce-id and the Nats-Msg-Id.
    sequence: the number of the published event on its resource, from 1; 0 when it is not published.
    type: protobuf full name of the event; "" when the cause changed nothing worth telling.
    time: when it happened; recorded_at: when it was written. Both UTC, truncated to milliseconds.
    data: the event message's deterministic bytes; salt and digest let it be erased without breaking the chain.
    state: "new" (to be published), "sent", or "kept" (never published).
    """

    id: str
    resource: str
    version: int
    n: int
    sequence: int
    type: str
    cause: str
    actor: str
    behalf: str
    time: datetime
    recorded_at: datetime
    traceparent: str
    data: bytes
    salt: bytes
    digest: bytes
    prev: bytes
    hash: bytes
    state: str = NEW
    stream_sequence: int = 0
    erased: bool = False

    def computed_hash(self) -> bytes:
        """The hash that the fields of this entry give; differs from `hash` when one of them was altered."""
        return link(
            prev=self.prev,
            id=self.id,
            sequence=self.sequence,
            type=self.type,
            cause=self.cause,
            actor=self.actor,
            behalf=self.behalf,
            time=self.time,
            recorded_at=self.recorded_at,
            digest=self.digest,
        )

    def to_document(self) -> dict[str, Any]:
        """The document kept in an outbox and in the journal; empty fields are left out."""
        document: dict[str, Any] = {
            "_id": self.id,
            "resource": self.resource,
            "version": self.version,
            "n": self.n,
            "sequence": self.sequence,
            "cause": self.cause,
            "actor": self.actor,
            "time": self.time,
            "recorded_at": self.recorded_at,
            "digest": self.digest,
            "hash": self.hash,
            "state": self.state,
        }
        for name in _OPTIONAL:
            value = getattr(self, name)
            if value:
                document[name] = value
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Entry:
        """Reads what `to_document` wrote; the instants must come back time-zone aware."""
        get = document.get
        return cls(
            id=document["_id"],
            resource=document["resource"],
            version=document["version"],
            n=document["n"],
            sequence=document["sequence"],
            type=get("type", ""),
            cause=document["cause"],
            actor=document["actor"],
            behalf=get("behalf", ""),
            time=document["time"],
            recorded_at=document["recorded_at"],
            traceparent=get("traceparent", ""),
            data=get("data", b""),
            salt=get("salt", b""),
            digest=document["digest"],
            prev=get("prev", b""),
            hash=document["hash"],
            state=document["state"],
            stream_sequence=get("stream_sequence", 0),
            erased=get("erased", False),
        )


def link(
    *,
    prev: bytes,
    id: str,
    sequence: int,
    type: str,
    cause: str,
    actor: str,
    behalf: str,
    time: datetime,
    recorded_at: datetime,
    digest: bytes,
) -> bytes:
    """The hash of an entry: over what it says (by digest), who caused it, when, its place, and the hash before it."""
    return fields_digest(
        _LEAF,
        prev,
        id.encode(),
        sequence.to_bytes(8, "big"),
        type.encode(),
        cause.encode(),
        actor.encode(),
        behalf.encode(),
        millis(time).to_bytes(8, "big", signed=True),
        millis(recorded_at).to_bytes(8, "big", signed=True),
        digest,
    )


def entry_id(resource: str, version: int, n: int, epoch: int) -> str:
    """The id of an entry; `epoch` rises when the store is restored, so that a lost entry's id is never used again."""
    return f"{resource}/{version}/{n}~{epoch}"


def data_digest(salt: bytes, data: bytes) -> bytes:
    """What the chain keeps of the data."""
    return hashlib.sha256(salt + data).digest()


def new_salt() -> bytes:
    """16 random bytes, so that the digest of an erased text cannot be guessed back."""
    return secrets.token_bytes(16)
