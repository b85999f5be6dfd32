"""The listener on real MongoDB and real NATS: every event has one effect, in the promised order, whatever fails."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.local.servers import Mongod, Nats
from services.runtime import streams
from services.runtime.attempts import Attempts
from services.runtime.binding import MESSAGE_ID, Heard, encode
from services.runtime.bus import Bus
from services.runtime.journal import Entry
from services.runtime.listener import Handler, Listener, ReadJournal
from services.runtime.parked import parked_messages, replay
from services.runtime.records import Change, change_many
from tests.service.runtime.probe import (
    COUNTED,
    NOTED,
    TRACEPARENT,
    Counted,
    Store,
    counting,
    deliver_without_end,
    entry,
    impatient,
    traced,
    until,
)

Hear = Callable[..., Awaitable[Listener]]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
async def bus(empty_nats: str) -> AsyncIterator[Bus]:
    """The managing bus of service "probe", ready."""
    bus = await Bus.connect(empty_nats, "probe", manage=True)
    assert await bus.ready(timeout=10)
    yield bus
    await bus.close()


@pytest.fixture
async def store(mongo_uri: str, database: str) -> AsyncIterator[Store]:
    """The database of the service that listens."""
    async with Store(mongo_uri, database) as store:
        yield store


@pytest.fixture
async def hear(bus: Bus, store: Store) -> AsyncIterator[Hear]:
    """Starts listeners of "hearer" on "probe", ready to hear, and stops them in the end."""
    listeners: list[Listener] = []

    async def start(handler: Handler, journal: ReadJournal | None = None) -> Listener:
        listener = Listener(bus, "hearer", "probe", {Counted: handler}, journal, db=store.db)
        listeners.append(listener)
        listener.start()
        await asyncio.sleep(0)
        assert await bus.ready(timeout=10)
        return listener

    yield start
    for listener in listeners:
        await listener.stop()


async def _pending(bus: Bus) -> int:
    assert await bus.ready(timeout=10)
    info = await bus.jetstream.consumer_info("probe", "hearer")
    return int(info.num_pending or 0) + int(info.num_ack_pending or 0)


async def _quiet(bus: Bus) -> bool:
    return await _pending(bus) == 0


async def test_listener_delivers(bus: Bus, store: Store, hear: Hear) -> None:
    """Every event published has its effect once, and all of them are acknowledged."""
    await hear(counting(store.tallies))
    names = [f"probes/P-{number % 7}" for number in range(350)]
    await bus.publish([entry(index + 1, name) for index, name in enumerate(names)])
    await until(lambda: _quiet(bus))
    assert [(await store.tally(f"probes/P-{number}")).total for number in range(7)] == [50] * 7


async def test_listener_duplicates_have_one_effect(bus: Bus, store: Store, hear: Hear) -> None:
    """The same event stored twice in the stream (after the window, or by a replay) counts once."""
    await hear(counting(store.tallies))
    subject, payload, headers = encode(entry(1, number=5))
    for copy in range(3):
        await bus.send(subject, payload, {**headers, MESSAGE_ID: f"copy-{copy}"}, "probe")
    await until(lambda: _quiet(bus))
    assert (await store.tally()).numbers == (5,)


async def test_listener_two_replicas_share(bus: Bus, store: Store, hear: Hear) -> None:
    """Two replicas hear one stream together: each event has one effect."""
    for _ in range(2):
        await hear(counting(store.tallies))
    await bus.publish([entry(index, f"probes/P-{index % 3}") for index in range(1, 301)])
    await until(lambda: _quiet(bus))
    assert [(await store.tally(f"probes/P-{number}")).total for number in range(3)] == [100] * 3


async def test_listener_folds_in_order(bus: Bus, store: Store, hear: Hear) -> None:
    """Events that arrive in the wrong order are folded in the right one: the early ones wait."""
    await hear(counting(store.tallies, fold=True))
    await bus.publish([entry(3, number=3)])
    await asyncio.sleep(0.3)
    assert (await store.tally()).numbers == ()
    await bus.publish([entry(2, number=2), entry(1, number=1)])
    await until(lambda: _quiet(bus))
    assert (await store.tally()).numbers == (1, 2, 3)


async def test_listener_fills_a_gap_from_the_owner(
    bus: Bus, store: Store, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that never comes is fetched from its owner's journal after ten deliveries of the one behind it."""
    monkeypatch.setattr("services.runtime.listener._LATER_S", 0.02)
    asked: list[tuple[str, int]] = []

    async def journal(resource: str, after: int) -> list[Entry]:
        asked.append((resource, after))
        return [entry(number, number=number) for number in (1, 2, 3)][after : after + 2]

    await hear(counting(store.tallies, fold=True), journal)
    await bus.publish([entry(4, number=4)])
    await until(lambda: _quiet(bus))
    assert (await store.tally()).numbers == (1, 2, 3, 4)
    assert asked == [("probes/P-1", 0), ("probes/P-1", 2)]


async def test_listener_parks_poison_while_others_flow(bus: Bus, store: Store, hear: Hear) -> None:
    """A refusal, a bug and a bad envelope are parked with their reasons; everything around them takes effect."""
    await hear(counting(store.tallies))
    numbers = [1, -1, 2, -2, 3]
    await bus.publish([entry(index + 1, f"probes/P-{index}", number=number) for index, number in enumerate(numbers)])
    await bus.send(COUNTED, b"not an event", {}, "probe")
    await until(lambda: _quiet(bus))
    assert [(await store.tally(f"probes/P-{index}")).total for index in range(5)] == [1, 0, 2, 0, 3]
    parked = await parked_messages(bus.jetstream, "hearer")
    assert [(item.reason, item.stream_seq, item.type) for item in sorted(parked, key=lambda item: item.stream_seq)] == [
        ("NEGATIVE", 2, COUNTED),
        ("HANDLER_FAILED", 4, COUNTED),
        ("BAD_ENVELOPE", 6, COUNTED),
    ]
    refused = next(item for item in parked if item.reason == "NEGATIVE")
    assert refused.text == "A number is not negative."
    assert refused.event_id == entry(2, "probes/P-1").id


async def test_listener_one_unwritable_state_does_not_stop_the_batch(bus: Bus, store: Store, hear: Hear) -> None:
    """A change that breaks the whole write is found and parked; its neighbours in the batch pass."""
    await bus.publish([entry(index, f"probes/P-{index}", number=2**62 if index == 2 else 1) for index in (1, 2, 3)])
    await bus.publish([entry(9, "probes/P-2", number=2**62), entry(10, "probes/P-2", number=2**62)])
    await hear(counting(store.tallies))
    await until(lambda: _quiet(bus))
    assert [(await store.tally(f"probes/P-{index}")).total for index in (1, 3)] == [1, 1]
    assert {item.reason for item in await parked_messages(bus.jetstream)} == {"HANDLER_FAILED"}


async def test_listener_passes_unknown_types_by(bus: Bus, store: Store, hear: Hear) -> None:
    """A type without a handler is acknowledged, not parked: newer publishers may send it."""
    await hear(counting(store.tallies))
    await bus.publish([entry(1, type=NOTED), entry(2)])
    await until(lambda: _quiet(bus))
    assert (await store.tally()).total == 1
    assert await parked_messages(bus.jetstream) == []


async def test_listener_waits_for_mongodb(bus: Bus, own_mongod: Mongod) -> None:
    """While MongoDB is away nothing is parked and nothing counted; everything takes effect when it is back."""
    options = {"serverSelectionTimeoutMS": 300, "socketTimeoutMS": 1000}
    async with Store(own_mongod.uri, "hearer", **options) as store:
        listener = Listener(bus, "hearer", "probe", {Counted: counting(store.tallies)}, db=store.db)
        listener.start()
        await bus.publish([entry(1)])
        await until(lambda: _quiet(bus))
        own_mongod.kill()
        await bus.publish([entry(index) for index in range(2, 52)])
        await asyncio.sleep(2)
        assert await _pending(bus) == 50
        own_mongod.start()
        await until(lambda: _quiet(bus), 30)
        assert (await store.tally()).total == 51
        assert await parked_messages(bus.jetstream) == []
        await listener.stop()


async def test_listener_survives_nats_away(own_nats: Nats, store: Store) -> None:
    """After NATS went and came back the listener goes on by itself, soon."""
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    listener = Listener(bus, "hearer", "probe", {Counted: counting(store.tallies)}, db=store.db)
    listener.start()
    assert await bus.ready(timeout=20)
    await bus.publish([entry(1)])
    await until(lambda: _quiet(bus))
    own_nats.kill()
    await until(lambda: not bus.connected)
    await asyncio.sleep(1)
    own_nats.start()
    await until(lambda: bus.connected)
    await bus.publish([entry(2)])
    await until(lambda: _total(store, 2), 8)
    await listener.stop()
    await bus.close()


async def test_listener_hears_a_refilled_server(own_nats: Nats, store: Store) -> None:
    """A wiped server is declared again; what comes once more has no second effect, what is new has one."""
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    listener = Listener(bus, "hearer", "probe", {Counted: counting(store.tallies)}, db=store.db)
    listener.start()
    assert await bus.ready(timeout=20)
    await bus.publish([entry(index) for index in (1, 2, 3)])
    await until(lambda: _total(store, 3))
    own_nats.kill()
    await until(lambda: not bus.connected)
    own_nats.wipe()
    own_nats.start()
    await until(lambda: bus.connected)
    assert await bus.ready(timeout=20)
    await bus.publish([entry(index) for index in (1, 2, 3, 4)])
    await until(lambda: _total(store, 4))
    await until(lambda: _quiet(bus))
    assert (await store.tally()).total == 4
    await listener.stop()
    await bus.close()


async def test_listener_finds_its_consumer_gone(bus: Bus, store: Store, hear: Hear) -> None:
    """A consumer deleted under a live connection is declared again and heard."""
    await hear(counting(store.tallies))
    await bus.publish([entry(1)])
    await until(lambda: _total(store, 1))
    await bus.jetstream.delete_consumer("probe", "hearer")
    await bus.publish([entry(2)])
    await until(lambda: _total(store, 2), 10)


async def test_listener_replay_cures(bus: Bus, store: Store, hear: Hear) -> None:
    """What was parked takes effect once it is sent again to a listener that has learned to take it."""
    listener = await hear(_refusing)
    await bus.publish([entry(1, number=7), entry(2, number=8)])
    await until(lambda: _parked(bus, 2))
    await listener.stop()
    await hear(counting(store.tallies))
    for item in await parked_messages(bus.jetstream, "hearer"):
        await replay(bus.jetstream, item)
    await until(lambda: _total(store, 15))
    assert await parked_messages(bus.jetstream) == []


async def test_listener_parks_what_kills_its_worker(bus: Bus, store: Store, hear: Hear) -> None:
    """A message that kills the process that handles it is run a few times, then parked; its neighbours take effect."""
    attempts = Attempts(store.db)
    await deliver_without_end(bus, times=8)
    for _ in range(Attempts.LIMIT):
        await attempts.begin("hearer/probe/2")
    await hear(counting(store.tallies))
    await until(lambda: _parked(bus, 1), 60)
    await until(lambda: _quiet(bus))
    (item,) = await parked_messages(bus.jetstream)
    assert (item.reason, item.stream_seq) == ("WORKER_CRASHED", 2)
    assert (await store.tally()).numbers == (1, 3)
    assert await store.db["attempts"].count_documents({}) == 0


async def test_listener_runs_alone_what_did_not_end(
    bus: Bus, store: Store, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is delivered often, only that of which a run did not end is run alone; the rest goes together."""
    await deliver_without_end(bus, times=8)
    await Attempts(store.db).begin("hearer/probe/2")
    batches: list[list[str]] = []

    async def spied(changes: Sequence[Change]) -> list[Any]:
        batches.append([change.cause.id.rpartition("/")[0].rpartition("/")[2] for change in changes])
        return await change_many(changes)

    monkeypatch.setattr("services.runtime.listener.change_many", spied)
    await hear(counting(store.tallies))
    await until(lambda: _quiet(bus), 60)
    assert (await store.tally()).total == 6
    assert ["2"] in batches
    assert sorted(one for batch in batches for one in batch) == ["1", "2", "3"]
    assert await store.db["attempts"].count_documents({}) == 0


async def test_listener_keeps_what_waits_behind_a_slow_batch(
    bus: Bus, store: Store, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What gathers while a batch takes longer than an ack may take does not go to another replica too."""
    monkeypatch.setattr("services.runtime.listener._IN_PROGRESS_S", 0.2)
    monkeypatch.setattr(streams, "consumer_config", impatient(streams.consumer_config))
    slow = asyncio.Event()
    count = counting(store.tallies)
    taken: list[int] = []

    def taking(heard: Heard[Any]) -> list[Change]:
        taken.append(heard.sequence)
        return count(heard)

    async def slowly() -> None:
        await slow.wait()

    listener = Listener(bus, "hearer", "probe", {Counted: taking}, db=store.db, before_batch=slowly)
    listener.start()
    await asyncio.sleep(0)
    assert await bus.ready(timeout=10)
    await bus.publish([entry(number) for number in range(1, 251)])
    await until(lambda: listener._pulls[0].waiting)
    await hear(taking)
    await asyncio.sleep(3.0)
    assert listener._pulls[0].waiting
    slow.set()
    await until(lambda: _quiet(bus))
    await listener.stop()
    assert sorted(taken) == list(range(1, 251))


async def test_listener_killed_before_the_acknowledgement(
    bus: Bus, store: Store, hear: Hear, empty_nats: str, mongo_uri: str, database: str
) -> None:
    """kill -9 between write and acknowledgement, twice: nothing is lost, nothing is applied twice."""
    await bus.publish([entry(index) for index in range(1, 31)])
    program = [sys.executable, "-m", "tests.service.runtime.hearer", empty_nats, mongo_uri, database]
    applied = 1
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            *program, cwd=ROOT, env={**os.environ, "TL_CRASH_AT": "after-write-before-ack:1"}
        )
        assert await asyncio.wait_for(process.wait(), 60) == 9
        # How many of them came in the batch that it died over is up to the server.
        applied, before = (await store.tally()).total, applied
        assert before <= applied <= 30
        await bus.jetstream.delete_consumer("probe", "hearer")
    await hear(counting(store.tallies))
    await until(lambda: _quiet(bus))
    assert (await store.tally()).total == 30


async def test_listener_carries_the_trace_on(
    bus: Bus, store: Store, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entries that an event causes belong to its trace, under a consumer span; an unsampled one makes none."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr("services.runtime.consumed._tracer", provider.get_tracer("test"))
    await hear(counting(store.tallies))
    unsampled = replace(entry(2), traceparent=f"{TRACEPARENT[:-2]}00")
    await bus.publish([traced(entry(1)), unsampled])
    await until(lambda: _total(store, 2))
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("Counted process", trace.SpanKind.CONSUMER)
    assert span.parent is not None
    assert trace.format_span_id(span.parent.span_id) == TRACEPARENT.split("-")[2]
    first, second = await store.outboxes()
    trace_id = TRACEPARENT.split("-")[1]
    assert first["traceparent"] == f"00-{trace_id}-{trace.format_span_id(span.context.span_id)}-01"
    assert second["traceparent"] == unsampled.traceparent


async def test_listener_stop_gives_back_at_once(bus: Bus, store: Store, hear: Hear) -> None:
    """Stopping ends soon and leaves what was not worked on to the next replica, without waiting."""
    listener = await hear(counting(store.tallies))
    await bus.publish([entry(index, f"probes/P-{index % 5}") for index in range(1, 501)])
    async with asyncio.timeout(2):
        await listener.stop()
    await hear(counting(store.tallies))
    await until(lambda: _quiet(bus), 10)
    assert [(await store.tally(f"probes/P-{number}")).total for number in range(5)] == [100] * 5


async def _total(store: Store, total: int) -> bool:
    return (await store.tally()).total == total


async def _parked(bus: Bus, number: int) -> bool:
    return len(await parked_messages(bus.jetstream)) == number


def _refusing(_heard: object) -> list[object]:
    raise ValueError("not understood yet")
