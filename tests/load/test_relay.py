"""What the way from the documents' outboxes through the journal to JetStream costs, beside publishing alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import nats
import pytest
from google.protobuf.message import Message
from nats.aio.msg import Msg
from pymongo import AsyncMongoClient
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.runtime.actor import Actor
from services.runtime.binding import encode
from services.runtime.bus import Bus
from services.runtime.journal import Entry, Journal
from services.runtime.records import Cause, Change, Kind, Records, Stamp, change_many
from services.runtime.records.decide import Draft
from services.runtime.relay import Relay
from tests.load import places
from tests.load.rounds import ROUNDS, Rounds, until

EVENTS = 3_000
WINDOW = 256

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True, slots=True)
class Note:
    """A made-up resource as large as a ticket."""

    text: str
    count: int = 0


def _message(event: Note, stamp: Stamp) -> Message:
    ticket = ticket_pb2.Ticket(name=stamp.name, etag=stamp.etag, title="VPN", description=event.text)
    return events_pb2.TicketStarted(ticket=ticket)


def _decode(document: Mapping[str, Any]) -> Note:
    return Note(document["text"], document["count"])


NOTES: Kind[Note] = Kind(
    collection="notes",
    encode=lambda note: {"text": note.text, "count": note.count},
    decode=_decode,
    message=_message,
)


class Way:
    """Documents with full outboxes, a journal, a stream; `sent` carries on what waits."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], database: str, bus: Bus) -> None:
        db = client[database]
        self.journal = Journal(db)
        self.relay = Relay(self.journal, bus.publish)
        self.notes = Records(db, NOTES, self.journal, notice=self.relay.notice)
        self._filled = 0

    async def fill(self, events: int, of_each: int) -> None:
        """Writes documents until `events` events wait, so many of each document."""
        text = places.filing().description
        actor, now = Actor("people/load"), datetime.now(UTC)

        def decide(note: Note | None) -> tuple[Note, Sequence[Note]]:
            after = Note(text) if note is None else replace(note, count=note.count + 1)
            return after, (after,)

        for _ in range(events // (of_each * 100)):
            names = [f"notes/{self._filled + number}" for number in range(100)]
            self._filled += 100
            await change_many(
                [
                    self.notes.entry(name, Cause(f"{name}/{turn}", actor, now), decide)
                    for turn in range(of_each)
                    for name in names
                ]
            )

    async def _nothing_waits(self) -> bool:
        return not self.relay.waiting

    async def sent(self) -> float:
        """Seconds until everything that waited is published and marked."""
        began = time.perf_counter()
        self.relay.start()
        took = await until(self._nothing_waits, 0.002) - began
        await self.relay.stop()
        assert not await self.journal.unsent(None, 1)
        return took


@pytest.fixture
async def bus(empty_nats: str) -> AsyncIterator[Bus]:
    """The bus of a service that owns the stream `tickets`."""
    one = await Bus.connect(empty_nats, "tickets", True)
    assert await one.ready(20)
    yield one
    await one.close()


@pytest.fixture
async def way(mongo_uri: str, database: str, bus: Bus) -> AsyncIterator[Way]:
    """An empty way."""
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, w="majority", journal=True, tz_aware=True) as client:
        one = Way(client, database, bus)
        await one.journal.ensure_indexes()
        await one.notes.ensure_indexes()
        yield one


def _entry() -> Entry:
    """What the relay carries, as an entry of a first version."""
    actor, now, text = Actor("people/load"), datetime.now(UTC), places.filing().description
    draft = Draft(NOTES, "notes/0", None, epoch=1, now=now)
    records: Any = None
    draft.apply(Change(records, "notes/0", Cause("notes/0/0", actor, now), lambda _none: (Note(text), (Note(text),))))
    return draft.entries[0]


class Publisher:
    """A bare client of the same stream, with the same messages ready-made."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._jetstream = client.jetstream()
        self._inbox = client.new_inbox() + "."
        self._left = 0
        self._all = asyncio.Event()
        self._subject, self._data, self._headers = encode(_entry())
        self._number = 0

    async def begin(self) -> None:
        """Hears acknowledgements."""
        await self._client.subscribe(self._inbox + "*", cb=self._acknowledged)

    async def window(self, count: int) -> float:
        """Publishes a second, 256 in flight."""
        began = time.perf_counter()
        for start in range(0, count, WINDOW):
            self._left = min(WINDOW, count - start)
            self._all.clear()
            for _ in range(self._left):
                await self._client.publish(self._subject, self._data, self._inbox + "a", self._message())
            await self._all.wait()
        return count / (time.perf_counter() - began)

    async def sequential(self, count: int) -> float:
        """Publishes a second, one at a time."""
        began = time.perf_counter()
        for _ in range(count):
            await self._jetstream.publish(self._subject, self._data, headers=self._message())
        return count / (time.perf_counter() - began)

    def _message(self) -> dict[str, str]:
        self._number += 1
        return {**self._headers, "Nats-Msg-Id": f"bare/{self._number}"}

    async def _acknowledged(self, _msg: Msg) -> None:
        self._left -= 1
        if not self._left:
            self._all.set()


@pytest.mark.parametrize("of_each", [1, 6])
async def test_from_the_outbox_to_the_stream(way: Way, bus: Bus, empty_nats: str, of_each: int) -> None:
    """Outbox, journal and stream reach 0.4 of a window of publishes and twice one publish at a time."""
    connection = await nats.connect(empty_nats)
    publisher = Publisher(connection)
    await publisher.begin()
    rounds = Rounds(f"outbox -> journal -> JetStream, {of_each} events a document")
    for _ in range(ROUNDS):
        await way.fill(EVENTS, of_each)
        rounds.add("window", await publisher.window(EVENTS))
        rounds.add("sequential", await publisher.sequential(EVENTS // 5))
        rounds.add("relay", EVENTS / await way.sent())
    await connection.close()
    rounds.hold("relay against a window of 256", "relay", "window", least=0.4)
    rounds.hold("relay against one at a time", "relay", "sequential", least=2.0)
    rounds.close()
