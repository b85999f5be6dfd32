"""A made-up service for tests of the event path: its one event, its journal entries, and a record that counts them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from nats.js.api import ConsumerConfig
from pymongo import AsyncMongoClient

from services.runtime.binding import Heard
from services.runtime.bus import Bus
from services.runtime.journal import Entry, Journal
from services.runtime.records import Change, Deadline, Follow, Kind, Records, Stamp
from services.runtime.refusal import Refusal
from services.runtime.streams import Consumer, events_of

COUNTED = "throughline.probe.v1.Counted"
NOTED = "throughline.probe.v1.Noted"
START = datetime(2026, 3, 2, 9, 0, 0, 123000, tzinfo=UTC)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _messages() -> dict[str, type[Any]]:
    file = descriptor_pb2.FileDescriptorProto(name="throughline/probe/v1/events.proto", package="throughline.probe.v1")
    file.syntax = "proto3"
    for name in ("Counted", "Noted"):
        message = file.message_type.add(name=name)
        message.field.add(name="number", number=1, type=descriptor_pb2.FieldDescriptorProto.TYPE_INT64, label=1)
        message.field.add(name="text", number=2, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in (COUNTED, NOTED)}


MESSAGES = _messages()
Counted, Noted = MESSAGES[COUNTED], MESSAGES[NOTED]


def entry(
    sequence: int, resource: str = "probes/P-1", *, number: int = 1, text: str = "", type: str = COUNTED
) -> Entry:
    """A journal entry that tells of the `sequence`-th event of a resource."""
    data = MESSAGES[type](number=number, text=text).SerializeToString(deterministic=True)
    return Entry(
        id=f"{resource}/{sequence}/0~1",
        resource=resource,
        version=sequence,
        n=0,
        sequence=sequence,
        type=type,
        cause=f"people/ann/r-{sequence}",
        actor="people/ann",
        behalf="",
        time=START + timedelta(seconds=sequence),
        recorded_at=START + timedelta(seconds=sequence, milliseconds=7),
        traceparent="",
        data=data,
        salt=b"salt",
        digest=b"d" * 32,
        prev=b"",
        hash=b"h" * 32,
    )


def traced(of: Entry) -> Entry:
    """The same entry, told inside a sampled trace."""
    return replace(of, traceparent=TRACEPARENT)


@dataclass(frozen=True)
class Tally:
    """What a listener keeps: how often and how much it heard, in which order, and when to look again."""

    total: int = 0
    numbers: tuple[int, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    fired: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """The tally's own event."""

    number: int


def _encode(tally: Tally) -> dict[str, Any]:
    return {
        "total": tally.total,
        "numbers": list(tally.numbers),
        "deadlines": [{"step": deadline.step, "at": deadline.at} for deadline in tally.deadlines],
        "fired": list(tally.fired),
    }


def _decode(document: Mapping[str, Any]) -> Tally:
    deadlines = tuple(Deadline(item["step"], item["at"]) for item in document["deadlines"])
    return Tally(document["total"], tuple(document["numbers"]), deadlines, tuple(document["fired"]))


def _message(event: Told, _stamp: Stamp) -> Message:
    message: Message = Noted(number=event.number)
    return message


TALLIES: Kind[Tally] = Kind(
    collection="tallies", encode=_encode, decode=_decode, message=_message, deadlines=lambda tally: tally.deadlines
)


class Store:
    """A database with tallies; close it at the end."""

    def __init__(self, uri: str, database: str, **options: Any) -> None:
        self.client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, tz_aware=True, **options)
        self.db = self.client[database]
        self.journal = Journal(self.db)
        self.tallies = Records(self.db, TALLIES, self.journal)

    async def __aenter__(self) -> Self:
        await self.tallies.ensure_indexes()
        await self.journal.ensure_indexes()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def tally(self, resource: str = "probes/P-1") -> Tally:
        """What was heard of a resource; nothing yet is an empty tally."""
        found = await self.tallies.find([tally_of(resource)])
        return found[tally_of(resource)].state if found else Tally()

    async def outboxes(self) -> list[dict[str, Any]]:
        """All outbox entries."""
        documents = await self.tallies.collection.find({}).to_list()
        return [item for document in documents for item in document["outbox"]]


def tally_of(resource: str) -> str:
    """The name of the tally of a resource."""
    return f"tallies/{resource.replace('/', '-')}"


def counting(tallies: Records[Tally], *, fold: bool = False) -> Callable[[Heard[Any]], list[Change]]:
    """A handler that adds up; number -1 is refused for ever, -2 fails like a bug."""

    def handle(heard: Heard[Any]) -> list[Change]:
        def decide(tally: Tally | None) -> tuple[Tally, Sequence[Told]]:
            number = heard.message.number
            if number == -1:
                raise Refusal.precondition("NEGATIVE", "A number is not negative.")
            if number == -2:
                raise KeyError("no such thing")
            before = tally or Tally()
            after = replace(before, total=before.total + number, numbers=(*before.numbers, number))
            return after, (Told(number),)

        follow = Follow(heard.resource, heard.sequence, fold=True) if fold else None
        return [tallies.entry(tally_of(heard.resource), heard.cause, decide, follow=follow)]

    return handle


async def until(true: Callable[[], Any], seconds: float = 12.0) -> None:
    """Waits until the (perhaps awaitable) condition holds; fails the test when it never does."""
    async with asyncio.timeout(seconds):
        while True:
            answer = true()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            await asyncio.sleep(0.02)


def impatient(declared: Callable[[Consumer], ConsumerConfig]) -> Callable[[Consumer], ConsumerConfig]:
    """Consumers as declared, but for an ack that may take a second only."""

    def config(consumer: Consumer) -> ConsumerConfig:
        found = declared(consumer)
        found.ack_wait = 1.0
        return found

    return config


async def deliver_without_end(bus: Bus, times: int) -> None:
    """Publishes three events and delivers them `times` times to nobody, as a worker that dies each time would."""
    await bus.publish([entry(index, number=index) for index in (1, 2, 3)])
    bus.want(events_of("probe", "hearer"))
    assert await bus.ready(timeout=10)
    pull = await bus.jetstream.pull_subscribe_bind("hearer", "probe")
    for _ in range(times):
        for msg in await pull.fetch(3, timeout=5):
            await msg.nak()
    await pull.unsubscribe()
