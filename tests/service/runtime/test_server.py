"""The server: health that follows readiness, a port in use that is named, a stop that lets calls end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.runtime.door import Door
from services.runtime.identity import Keys
from services.runtime.server import Server
from services.runtime.telemetry import set_up
from tests.service.runtime.echo import EchoRequest, EchoServicer, add, as_ann, call, make_keys

SERVING, NOT_SERVING = 1, 2


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys for all."""
    return make_keys(tmp_path / "keys")


@pytest.fixture
async def server(keys: Path) -> AsyncIterator[Server]:
    """A started server that is not yet ready."""
    server = Server(Door(Keys(keys, "echo"), set_up("echo")), "127.0.0.1:0")
    server.add(add, EchoServicer())
    await server.start()
    yield server
    await server.stop(0, 0)


async def health(server: Server) -> dict[str, int]:
    """What each probe hears."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as on:
        stub: Any = health_pb2_grpc.HealthStub(on)
        answers = {}
        for name in ("live", "ready", ""):
            answers[name] = (await stub.Check(health_pb2.HealthCheckRequest(service=name))).status
        return answers


async def test_live_and_ready_are_two_things(server: Server) -> None:
    """A started server is alive at once and ready only when told; the unnamed health is readiness."""
    assert await health(server) == {"live": SERVING, "ready": NOT_SERVING, "": NOT_SERVING}
    await server.set_ready(ready=True)
    assert await health(server) == {"live": SERVING, "ready": SERVING, "": SERVING}
    await server.set_ready(ready=False)
    assert await health(server) == {"live": SERVING, "ready": NOT_SERVING, "": NOT_SERVING}


async def test_stop_turns_callers_away_first_and_lets_calls_end(server: Server, keys: Path) -> None:
    """During the wait the server takes nothing new from our channels, still serves who did not hear, and what is in
    flight ends within the grace."""
    await server.set_ready(ready=True)
    async with as_ann(f"127.0.0.1:{server.port}", keys) as on:
        slow = asyncio.create_task(call(on, "Sleep", EchoRequest(seconds=1.0, text="slow")))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        stopping = asyncio.create_task(server.stop(0.4, 5))
        await asyncio.sleep(0.1)
        assert await health(server) == {"live": SERVING, "ready": NOT_SERVING, "": NOT_SERVING}
        await server.set_ready(ready=True)
        assert (await health(server))["ready"] == NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError, match="unhealthy"):
            await call(on, "Echo")
        tokens = (("x-service-token", Keys(keys, "portal").sign_service("echo")),)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as deaf:
            assert (await call(deaf, "Echo", EchoRequest(text="late"), metadata=tokens)).text == "late"
        assert (await slow).text == "slow"
        await stopping
    assert time.monotonic() - began < 3


async def test_port_in_use_is_named(server: Server, keys: Path) -> None:
    """Two processes on one port would share its calls in silence; the second one says so instead."""
    other = Server(Door(Keys(keys, "echo"), set_up("echo")), f"127.0.0.1:{server.port}")
    with pytest.raises(OSError, match=f"127.0.0.1:{server.port}"):
        await other.start()
