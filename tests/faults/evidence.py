"""What the stores hold once everything stands still: documents, journals, streams and timers of every service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import nats
from bson.codec_options import CodecOptions
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from pymongo import MongoClient
from pymongo.database import Database

from services.runtime.binding import MESSAGE_ID
from services.runtime.journal import Entry
from services.runtime.parked import parked_messages
from services.runtime.records import Deadline, Kind
from services.sla.store import CHAINS, CLOCKS, ROTAS
from services.tickets.store.tickets import TICKETS

AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
DUE = "due/"
_TIMED: Sequence[Kind[Any]] = (CLOCKS, CHAINS, ROTAS, TICKETS)
_FETCH_S = 2.0
_WINDOW = 500
_READINGS, _PAUSE_S = 20, 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """One message of a stream."""

    id: str
    type: str
    payload: bytes


@dataclass
class Kept:
    """What one service holds. documents: by resource name, each with its `collection`. entries: by resource, in order.

    told: the service's stream. hints: armed timers as (id, due). attempts: runs of messages that never ended.
    """

    service: str
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    hints: list[tuple[str, datetime]] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)

    def everything(self) -> Iterator[Entry]:
        """All entries, those of a resource in their order."""
        for entries in self.entries.values():
            yield from entries


@dataclass
class Evidence:
    """Everything, as of `at`. parked: what no handler could take, in words."""

    at: datetime
    services: dict[str, Kept]
    parked: list[str]

    def entries_of(self, service: str, prefix: str) -> dict[str, list[Entry]]:
        """A service's entries by resource, of the resources whose names start so."""
        kept = self.services[service].entries if service in self.services else {}
        return {resource: entries for resource, entries in kept.items() if resource.startswith(prefix)}


async def gather(mongo_uri: str, nats_url: str, services: Sequence[str]) -> Evidence:
    """Reads it all; the system must stand still. Read again when a deadline passed while it was read.

    Raises:
        AssertionError: something moved each time.
    """
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        with MongoClient[dict[str, Any]](mongo_uri) as mongo:
            for _ in range(_READINGS):
                at, before = datetime.now(UTC), await _ends(mongo, jetstream, services)
                found = {service: _kept(mongo.get_database(service, AWARE), service) for service in services}
                for service, kept in found.items():
                    kept.told = await _told(jetstream, service)
                if await _ends(mongo, jetstream, services) == before:
                    break
                await asyncio.sleep(_PAUSE_S)
            else:
                raise AssertionError(f"it never stood still while it was read {_READINGS} times")
        parked = [f"{one.listener}: {one.type} {one.event_id}: {one.reason} {one.text}"
                  for one in await parked_messages(jetstream)]  # fmt: skip
    finally:
        await client.close()
    return Evidence(at, found, parked)


def records_of(database: Database[dict[str, Any]]) -> list[str]:
    """The collections whose documents are resources."""
    names = database.list_collection_names()
    return [name for name in sorted(names) if database[name].find_one({"head": {"$exists": True}}, {"_id": 1})]


def is_asked_for(database: Database[dict[str, Any]], hint: str) -> bool:
    """Whether the resource of a hint still waits for its deadline; else it is dropped in its own time."""
    name, step, at = due_of(hint)
    kind = next(one for one in _TIMED if name.startswith(f"{one.prefix or one.collection}/"))
    found = database.get_collection(kind.collection, AWARE).find_one({"_id": name}, {"state": 1})
    return found is not None and Deadline(step, at) in kind.deadlines(kind.decode(found["state"]))


def due_of(cause: str) -> tuple[str, str, datetime]:
    """The resource, the step and the instant of a timer's cause, which is its hint too."""
    name, step, at = cause.removeprefix(DUE).rsplit("/", 2)
    return name, step, datetime.fromisoformat(at)


def _kept(database: Database[dict[str, Any]], service: str) -> Kept:
    kept = Kept(service)
    for collection in records_of(database):
        for document in database[collection].find():
            kept.documents[document["_id"]] = {**document, "collection": collection}
    for row in database["journal"].find().sort([("resource", 1), ("version", 1), ("n", 1)]):
        kept.entries.setdefault(row["resource"], []).append(Entry.from_document(row))
    kept.hints = [(row["_id"], row["due_at"]) for row in database["timers"].find()]
    kept.attempts = [row["_id"] for row in database["attempts"].find()]
    return kept


async def _ends(
    mongo: MongoClient[dict[str, Any]], jetstream: JetStreamContext, services: Sequence[str]
) -> list[tuple[int, int, int]]:
    """How far journals and streams have come, and what of the journals is not sent yet."""
    return [
        (
            mongo[service]["journal"].count_documents({}),
            mongo[service]["journal"].count_documents({"state": "new"}),
            (await jetstream.stream_info(service)).state.last_seq,
        )
        for service in services
    ]


async def _told(jetstream: JetStreamContext, stream: str) -> list[Told]:
    last = (await jetstream.stream_info(stream)).state.last_seq
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, inactive_threshold=30.0)
    config.ack_policy = None
    reader = await jetstream.pull_subscribe(f"throughline.{stream}.>", stream=stream, config=config)
    told: list[Told] = []
    at = 0
    try:
        while at < last:
            for msg in await reader.fetch(_WINDOW, timeout=_FETCH_S):
                at = msg.metadata.sequence.stream
                headers = msg.headers or {}
                told.append(Told(unquote(headers.get(MESSAGE_ID, "")), headers.get("ce-type", ""), msg.data))
    finally:
        await reader.unsubscribe()
    return told
