"""The bus against a real nats-server: declared streams, publishes with an answer each, and a server that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import nats
import pytest
from nats.js.api import DiscardPolicy, StorageType, StreamConfig

from deploy.local.servers import Nats
from services.runtime.bus import Bus, BusAway
from services.runtime.streams import events_of, replay_for
from tests.service.runtime.probe import entry, until


@pytest.fixture
async def bus(empty_nats: str) -> AsyncIterator[Bus]:
    """The managing bus of service "probe", ready."""
    bus = await Bus.connect(empty_nats, "probe", manage=True)
    assert await bus.ready(timeout=10)
    yield bus
    await bus.close()


async def test_bus_declares_streams(bus: Bus) -> None:
    """The streams hold what is promised: on disk, refusing when full, 10 minutes of de-duplication, 30 days."""
    found = await bus.jetstream.stream_info("probe")
    assert found.config.subjects == ["throughline.probe.>"]
    assert (found.config.storage, found.config.discard) == (StorageType.FILE, DiscardPolicy.NEW)
    assert (found.config.duplicate_window, found.config.max_age) == (600.0, 30 * 86400.0)
    assert (found.config.max_msg_size, found.config.deny_delete) == (512 * 1024, True)
    assert {info.config.name for info in await bus.jetstream.streams_info()} == {"probe", "parked", "replay"}
    assert bus.differences == ()


async def test_bus_declares_consumers(bus: Bus) -> None:
    """A consumer never gives a message up, and is made with the stream it reads."""
    bus.want(events_of("probe", "hearer"))
    bus.want(replay_for("probe", "hearer"))
    assert await bus.ready(timeout=10)
    config = (await bus.jetstream.consumer_info("probe", "hearer")).config
    assert (config.max_deliver, config.ack_wait, config.max_ack_pending) == (-1, 30.0, 1024)
    assert config.filter_subject == "throughline.probe.>"
    replay = (await bus.jetstream.consumer_info("replay", "hearer-probe")).config
    assert replay.filter_subject == "replay.hearer.throughline.probe.>"


async def test_bus_says_what_differs_and_goes_on(bus: Bus, empty_nats: str) -> None:
    """Who does not manage compares, names the difference, and works all the same."""
    config = (await bus.jetstream.stream_info("probe")).config
    config.max_age = 3600.0
    await bus.jetstream.update_stream(config)
    other = await Bus.connect(empty_nats, "probe", manage=False)
    other.want(events_of("elsewhere", "probe"))
    await other.ready(timeout=10)
    await until(lambda: len(other.differences) == 3)
    assert other.differences[0] == "stream probe has max_age=3600.0, not 2592000.0"
    assert "stream elsewhere is missing" in other.differences
    assert await other.publish([entry(1)]) == [1]
    await other.close()


async def test_bus_brings_a_stream_up_to_date(bus: Bus, empty_nats: str) -> None:
    """Who manages changes what differs, without losing what the stream holds."""
    await bus.publish([entry(1)])
    config = (await bus.jetstream.stream_info("probe")).config
    config.max_age = 3600.0
    await bus.jetstream.update_stream(config)
    again = await Bus.connect(empty_nats, "probe", manage=True)
    assert await again.ready(timeout=10)
    found = await again.jetstream.stream_info("probe")
    assert (found.config.max_age, found.state.messages) == (30 * 86400.0, 1)
    await again.close()


async def test_bus_publishes_in_order_with_an_answer_each(bus: Bus) -> None:
    """More than two windows arrive in order, each entry answered by its stream sequence."""
    entries = [entry(number) for number in range(1, 601)]
    assert await bus.publish(entries) == list(range(1, 601))
    state = await bus.stream_state("probe")
    assert state is not None
    assert (state.messages, state.last_seq) == (600, 600)
    assert await state.tail_msg_id(600) == entries[-1].id
    assert await state.tail_msg_id(601) is None
    assert await bus.stream_state("nowhere") is None


async def test_bus_publishing_again_stores_once(bus: Bus) -> None:
    """The same id within the window is the same message: same sequence, nothing stored."""
    assert await bus.publish([entry(1), entry(2)]) == [1, 2]
    assert await bus.publish([entry(2), entry(3)]) == [2, 3]


async def test_bus_one_bad_entry_does_not_stop_the_others(bus: Bus) -> None:
    """A message over the limit is refused by itself; the others are stored."""
    answers = await bus.publish([entry(1), entry(2, text="x" * 600_000), entry(3)])
    assert (answers[0], answers[2]) == (1, 2)
    assert isinstance(answers[1], Exception)


async def test_bus_full_stream_refuses_and_drops_nothing(bus: Bus, empty_nats: str) -> None:
    """A stream at its bound answers with an error for each entry that it did not take."""
    config = (await bus.jetstream.stream_info("probe")).config
    config.max_bytes = 100_000
    await bus.jetstream.update_stream(config)
    answers = await bus.publish([entry(number, text="x" * 1000) for number in range(1, 201)])
    taken = [answer for answer in answers if isinstance(answer, int)]
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert taken == list(range(1, len(taken) + 1))
    assert 0 < len(taken) < 200
    assert all("maximum bytes" in str(answer) for answer in refused)


async def test_bus_starts_while_nats_is_away(own_nats: Nats) -> None:
    """connect returns at once; publishes say that NATS is away; all works when it comes."""
    own_nats.kill()
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    assert not await bus.ready(timeout=0.3)
    (answer,) = await bus.publish([entry(1)])
    assert isinstance(answer, BusAway)
    with pytest.raises(BusAway):
        await bus.stream_state("probe")
    own_nats.start()
    assert await bus.ready(timeout=20)
    assert await bus.publish([entry(1)]) == [1]
    await bus.close()


async def test_bus_nats_goes_and_comes_back(own_nats: Nats) -> None:
    """Publishes fail while NATS is away, one by one and in bounded time, and work again without a restart."""
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    assert await bus.ready(timeout=20)
    assert await bus.publish([entry(1)]) == [1]
    own_nats.kill()
    await until(lambda: not bus.connected)
    async with asyncio.timeout(1):
        assert all(isinstance(answer, BusAway) for answer in await bus.publish([entry(2), entry(3)]))
    own_nats.start()
    await until(lambda: bus.connected)
    assert await bus.publish([entry(1), entry(2)]) == [1, 2]
    await bus.close()


async def test_bus_declares_a_wiped_server_again(own_nats: Nats) -> None:
    """A server that lost its disk gets its streams and consumers back from who manages them."""
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    bus.want(events_of("probe", "hearer"))
    assert await bus.ready(timeout=20)
    before = await bus.stream_state("probe")
    own_nats.kill()
    await until(lambda: not bus.connected)
    own_nats.wipe()
    own_nats.start()
    await until(lambda: bus.connected)
    assert await bus.ready(timeout=20)
    after = await bus.stream_state("probe")
    assert before is not None
    assert after is not None
    assert after.created != before.created
    assert (await bus.jetstream.consumer_info("probe", "hearer")).num_pending == 0
    await bus.close()


async def test_bus_declares_a_deleted_stream_again(bus: Bus) -> None:
    """A stream that vanishes under a live connection comes back at the next publish that misses it."""
    await bus.jetstream.delete_stream("probe")
    (answer,) = await bus.publish([entry(1)])
    assert isinstance(answer, Exception)
    assert await bus.ready(timeout=10)
    assert await bus.publish([entry(1)]) == [1]


async def test_bus_never_publishes_into_another_stream(bus: Bus, empty_nats: str) -> None:
    """A stream that took over the subjects under another name is refused, not silently filled."""
    await bus.jetstream.delete_stream("probe")
    client = await nats.connect(empty_nats)
    await client.jetstream().add_stream(StreamConfig(name="impostor", subjects=["throughline.probe.>"]))
    (answer,) = await bus.publish([entry(1)])
    assert isinstance(answer, Exception)
    assert (await client.jetstream().stream_info("impostor")).state.messages == 0
    await client.close()


async def test_a_reconnecting_that_broke_off_is_begun_anew(own_nats: Nats, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's own reconnecting ends in silence by an error that it did not foresee: a new client takes over."""
    monkeypatch.setattr("services.runtime.bus._GIVE_UP_S", 2.0)
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    assert await bus.ready(timeout=10)
    before = bus.client
    own_nats.kill()
    await until(lambda: before.is_reconnecting)
    reconnecting = before._reconnection_task
    assert reconnecting is not None
    reconnecting.cancel()
    await until(reconnecting.done)
    await asyncio.to_thread(own_nats.restart)
    await until(lambda: bus.connected)
    assert bus.client is not before
    assert await bus.ready(timeout=10)
    assert await bus.publish([entry(1)]) == [1]
    await bus.close()
