"""The operator's view of parked messages: shown with their reasons, sent again to their listener alone, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.runtime.binding import MESSAGE_ID, encode
from services.runtime.bus import Bus
from services.runtime.parked import main, parked_messages, replay
from services.runtime.streams import PARKED, events_of, replay_for
from tests.service.runtime.probe import COUNTED, entry


@pytest.fixture
async def bus(empty_nats: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bus]:
    """A managing bus; the tool finds the same server."""
    monkeypatch.setenv("TL_NATS_URL", empty_nats)
    bus = await Bus.connect(empty_nats, "probe", manage=True)
    assert await bus.ready(timeout=10)
    yield bus
    await bus.close()


async def _park(bus: Bus, listener: str, number: int) -> None:
    _, payload, headers = encode(entry(number))
    parked = {"parked-reason": "NEGATIVE", "parked-text": "A%0Anumber", "parked-stream": "probe"}
    parked["parked-stream-seq"] = str(number)
    parked[MESSAGE_ID] = f"{listener}/{number}"
    await bus.send(f"{PARKED}.{listener}.{COUNTED}", payload, {**headers, **parked}, PARKED)


async def _tool(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert await asyncio.to_thread(main, arguments) == 0
    return capsys.readouterr().out


async def test_parked_list_names_listener_event_and_reason(bus: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a message, oldest first, of all listeners or of one."""
    assert await _tool(capsys, "list") == "Nothing is parked.\n"
    await _park(bus, "sla", 1)
    await _park(bus, "metrics", 2)
    lines = (await _tool(capsys, "list")).splitlines()
    assert lines[0].split() == ["no.", "listener", "event", "resource", "reason", "parked", "at", "why"]
    assert lines[1].split()[:5] == ["1", "sla", "probe.v1.Counted", "probes/P-1", "NEGATIVE"]
    assert lines[2].split()[:2] == ["2", "metrics"]
    assert lines[3] == "2 parked"
    assert "metrics" not in await _tool(capsys, "list", "--listener", "sla")


async def test_parked_replay_reaches_its_listener_alone(bus: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    """What is sent again keeps its ce-id, gets a new message id, and only its own listener hears it."""
    for listener in ("sla", "metrics"):
        bus.want(replay_for("probe", listener))
    assert await bus.ready(timeout=10)
    await _park(bus, "sla", 1)
    assert await _tool(capsys, "replay") == "Sent again: 1.\n"
    assert (await bus.jetstream.consumer_info("replay", "metrics-probe")).num_pending == 0
    pull = await bus.jetstream.pull_subscribe_bind("sla-probe", "replay")
    (msg,) = await pull.fetch(1, timeout=5)
    assert msg.headers is not None
    assert msg.headers["ce-id"] == entry(1).id
    assert msg.headers[MESSAGE_ID] == f"{entry(1).id}~replay/1"
    assert not any(key.startswith("parked-") for key in msg.headers)
    assert msg.data == entry(1).data
    await pull.unsubscribe()


async def test_parked_replay_once(bus: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    """What was sent again is no longer listed or sent, unless all are asked for."""
    for number in (1, 2, 3):
        await _park(bus, "sla", number)
    first = (await parked_messages(bus.jetstream))[0]
    assert await replay(bus.jetstream, first) == await replay(bus.jetstream, first)
    assert await _tool(capsys, "replay") == "Sent again: 2.\n"
    assert await _tool(capsys, "replay") == "Sent again: 0.\n"
    assert await _tool(capsys, "list") == "Nothing is parked.\n"
    assert (await _tool(capsys, "list", "--all")).endswith("3 parked\n")


async def test_parked_many_are_all_shown(bus: Bus) -> None:
    """More than one batch is read to its end."""
    for number in range(1, 301):
        await _park(bus, "sla", number)
    assert [item.stream_seq for item in await parked_messages(bus.jetstream)] == list(range(1, 301))


async def test_parked_says_when_nats_is_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server: an exit code and a sentence that names the setting."""
    monkeypatch.setenv("TL_NATS_URL", "nats://127.0.0.1:1")
    assert await asyncio.to_thread(main, ["list"]) == 1
    assert "TL_NATS_URL" in capsys.readouterr().err
    assert events_of("tickets", "sla").subject == "throughline.tickets.>"
