"""Decides causes on one document, in order, without any I/O: at most once each, and all or nothing of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne

from services.runtime.journal.entry import KEPT, NEW, Entry, data_digest, entry_id, link, new_salt
from services.runtime.records.kind import Change, Deadline, Follow, Kind, Mode, Record, Stamp, due_id
from services.runtime.refusal import Kind as RefusalKind
from services.runtime.refusal import NotYet, Refusal

S = TypeVar("S")

CAUSES_KEPT = 64
OUTBOX_ENTRIES = 256
OUTBOX_BYTES = 8 * 1024 * 1024
RESOURCE_BYTES = 128 * 1024
# Half of what the broker takes in one message.
EVENT_BYTES = 256 * 1024
_NO_DATA = data_digest(b"", b"")


class Draft(Generic[S]):
    """One document while causes are decided on it; `write` gives the one update that carries them all."""

    def __init__(
        self, kind: Kind[S], name: str, document: Mapping[str, Any] | None, *, epoch: int, now: datetime
    ) -> None:
        self.kind = kind
        self.name = name
        self.entries: list[Entry] = []
        self.repeated = False
        self._epoch = epoch
        self._now = now
        self._document = document
        held = document or {}
        self._state: S | None = decoded(kind, name, held) if document else None
        self._before = self._state
        self.read_version: int = held.get("version", 0)
        self.version = self.read_version
        self.sequence: int = held.get("sequence", 0)
        self.head: bytes = held.get("head", b"")
        outbox: Sequence[Mapping[str, Any]] = held.get("outbox", ())
        self._waiting = len(outbox)
        self._waiting_bytes = sum(len(entry.get("data", b"")) for entry in outbox)
        self._causes = {entry["cause"]: "" for entry in outbox}
        self._causes.update((cause["id"], cause.get("digest", "")) for cause in held.get("causes", ()))
        self._follows: dict[str, int] = dict(held.get("follows", {}))
        self._births: tuple[str, str] = (held.get("birth", ""), held.get("birth_digest", ""))
        self._new_causes: list[dict[str, str]] = []
        self._new_follows: dict[str, int] = {}

    @property
    def record(self) -> Record[S]:
        """The resource as decided so far.

        Raises:
            Refusal: NOT_FOUND, when there is no such document.
        """
        if self._state is None:
            raise Refusal.not_found(self.name)
        return Record(self.name, self._state, self.version, self.sequence)

    def unsure_of(self, change: Change) -> bool:
        """Whether only the journal can tell if the cause was applied: the document has forgotten its oldest ones."""
        return self.read_version > CAUSES_KEPT and change.follow is None and change.cause.id not in self._causes

    def apply(self, change: Change, *, journalled: bool = False, weigh: bool = False) -> Record[S]:
        """Decides one change and returns the resource after it, or as it is when the cause was applied before.

        journalled: the journal holds the cause. weigh: also refuse here a state that has become too large.

        Raises:
            Refusal, NotYet: nothing of this change stays; the ones before it do.
        """
        cause = change.cause
        digest = self._causes.get(cause.id)
        if digest is None and cause.id == self._births[0]:
            digest = self._births[1]
        if digest is not None or journalled or self._is_stale(change.follow):
            require_same_request(cause.digest, digest or "")
            self.repeated = True
            return self.record
        self._require_expected(change)
        state, events = change.decide(self._state)
        entries, head, sequence = self._told(change, events)
        if weigh and len(bson.encode(self.kind.encode(state))) > RESOURCE_BYTES:
            raise too_large(self.name)
        if self._state is None and change.mode is Mode.CREATE:
            self._births = (cause.id, cause.digest)
        self._state, self.head, self.sequence = state, head, sequence
        self.version += 1
        self.entries += entries
        self._causes[cause.id] = cause.digest
        self._new_causes.append({"id": cause.id, "digest": cause.digest} if cause.digest else {"id": cause.id})
        if change.follow is not None:
            key = follow_key(change.follow.resource)
            self._follows[key] = self._new_follows[key] = change.follow.sequence
        return self.record

    def new_deadlines(self) -> list[tuple[str, datetime]]:
        """The deadlines that the state now has and had not before, as (hint id, moment)."""
        if not self.entries:
            return []
        before = set(self._deadlines(self._before))
        return [(due_id(self.name, d.step, d.at), d.at) for d in self._deadlines(self._state) if d not in before]

    def write(self) -> InsertOne[dict[str, Any]] | UpdateOne:
        """The one write that carries everything decided; it has no effect when somebody else wrote first.

        Raises:
            Refusal: RESOURCE_TOO_LARGE.
        """
        assert self._state is not None, "nothing was decided"  # noqa: S101 - says why to the type checker
        state = bson.encode(self.kind.encode(self._state))
        if len(state) > RESOURCE_BYTES:
            raise too_large(self.name)
        fields: dict[str, Any] = {
            "schema": self.kind.schema,
            "version": self.version,
            "sequence": self.sequence,
            "head": self.head,
            "state": RawBSONDocument(state),
        }
        causes = self._new_causes[-CAUSES_KEPT:]
        outbox = [entry.to_document() for entry in self.entries]
        if self._document is None:
            document: dict[str, Any] = {"_id": self.name, **fields, "causes": causes, "outbox": outbox}
            document.update(pending=self._now, follows=self._new_follows)
            if self._births[0]:
                document["birth"] = self._births[0]
                document["birth_digest"] = self._births[1]
            return InsertOne(document)
        fields.update((f"follows.{key}", sequence) for key, sequence in self._new_follows.items())
        # Pushed, not set: the relay takes entries out of the outbox meanwhile, without moving the version.
        pushed = {"causes": {"$each": causes, "$slice": -CAUSES_KEPT}, "outbox": {"$each": outbox}}
        return UpdateOne(
            {"_id": self.name, "version": self.read_version},
            {"$set": fields, "$push": pushed, "$min": {"pending": self._now}},
        )

    def _deadlines(self, state: S | None) -> Iterable[Deadline]:
        return () if state is None else self.kind.deadlines(state)

    def _is_stale(self, follow: Follow | None) -> bool:
        if follow is None:
            return False
        last = self._follows.get(follow_key(follow.resource), 0)
        if follow.fold and follow.sequence > last + 1:
            raise NotYet(f"{self.name} has taken {follow.resource} up to {last}; {follow.sequence} must wait")
        return follow.sequence <= last

    def _require_expected(self, change: Change) -> None:
        if self._state is None:
            if change.mode is Mode.CHANGE:
                raise Refusal.not_found(self.name)
        elif change.mode is Mode.CREATE:
            raise Refusal(RefusalKind.EXISTS, "ALREADY_EXISTS", f"There is a {self.name} already.", "name")
        elif change.etag and change.etag != self.record.etag:
            raise outdated(self.name)
        if self._waiting + len(self.entries) >= OUTBOX_ENTRIES or self._waiting_bytes >= OUTBOX_BYTES:
            raise Refusal(
                RefusalKind.EXHAUSTED,
                "OUTBOX_FULL",
                f"{self.name} has changed faster than its events can be kept; wait a moment.",
                retry_after=timedelta(seconds=1),
            )

    def _told(self, change: Change, events: Sequence[Any]) -> tuple[list[Entry], bytes, int]:
        version, sequence, head, cause = self.version + 1, self.sequence, self.head, change.cause
        entries: list[Entry] = []
        for n, event in enumerate(events or (None,)):
            type_name, data, salt, digest = "", b"", b"", _NO_DATA
            if event is not None:
                sequence += 1
                message = self.kind.message(event, Stamp(self.name, sequence, version, cause.at))
                type_name = message.DESCRIPTOR.full_name
                data, salt = message.SerializeToString(deterministic=True), new_salt()
                if len(data) > EVENT_BYTES:
                    raise too_large(self.name)
                digest = data_digest(salt, data)
            hashed: dict[str, Any] = {
                "id": entry_id(self.name, version, n, self._epoch),
                "sequence": sequence if type_name else 0,
                "type": type_name,
                "cause": cause.id,
                "actor": cause.actor.sub,
                "behalf": cause.actor.behalf,
                "time": cause.at,
                "recorded_at": self._now,
                "digest": digest,
                "prev": head,
            }
            head = link(**hashed)
            entries.append(
                Entry(
                    **hashed,
                    resource=self.name,
                    version=version,
                    n=n,
                    traceparent=change.traceparent,
                    data=data,
                    salt=salt,
                    hash=head,
                    state=NEW if type_name else KEPT,
                )
            )
        return entries, head, sequence


def decoded(kind: Kind[S], name: str, document: Mapping[str, Any]) -> S:
    """The state inside a document, brought up to the kind's schema.

    Raises:
        Refusal: SCHEMA_NEWER, when a later release wrote it (a rolling update is under way).
    """
    schema, state = document["schema"], document["state"]
    if schema > kind.schema:
        raise Refusal(
            RefusalKind.UNAVAILABLE,
            "SCHEMA_NEWER",
            f"{name} was written by a later release; try again when the update is through.",
            retry_after=timedelta(seconds=5),
        )
    for older in range(schema, kind.schema):
        state = kind.upcasts[older](dict(state))
    return kind.decode(state)


def require_same_request(asked: str, known: str) -> None:
    """Refuses a request_id that came before with another content; an unknown digest cannot be compared.

    Raises:
        Refusal: REQUEST_ID_REUSED.
    """
    if asked and known and asked != known:
        raise Refusal.invalid(
            "request_id", "REQUEST_ID_REUSED", "This request_id was used for another request; make a new one."
        )


def outdated(name: str) -> Refusal:
    """The refusal of a change to what somebody else has changed meanwhile."""
    return Refusal.conflict("ETAG_MISMATCH", f"{name} has changed since you read it; read it again and decide again.")


def too_large(name: str) -> Refusal:
    """The refusal of a resource that would pass 128 KB."""
    return Refusal(
        RefusalKind.EXHAUSTED,
        "RESOURCE_TOO_LARGE",
        f"{name} would grow past {RESOURCE_BYTES // 1024} KB; shorten its texts or open another.",
    )


def follow_key(resource: str) -> str:
    """The resource's name as a field name: MongoDB reads dots as paths and dollars as operators."""
    return resource.replace("%", "%25").replace(".", "%2E").replace("$", "%24")
