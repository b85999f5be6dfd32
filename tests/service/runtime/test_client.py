"""Channels: what a call carries along, what is retried, and that a sync channel does the same."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from services.runtime.client import acting, channel, refusal_of, sync_channel
from services.runtime.door import Door
from services.runtime.identity import Keys
from services.runtime.refusal import Kind
from services.runtime.server import Server
from services.runtime.telemetry import set_up
from tests.service.runtime.echo import (
    ANN,
    SERVICE,
    EchoRequest,
    EchoResponse,
    EchoServicer,
    add,
    as_ann,
    call,
    make_keys,
)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys for all."""
    return make_keys(tmp_path / "keys")


class Flaky(EchoServicer):
    """Unavailable for the first `bad` calls, counting all of them; tells how much time each was given."""

    def __init__(self, bad: int = 0, onward: grpc.aio.Channel | None = None) -> None:
        super().__init__(onward=onward)
        self.bad = bad
        self.calls = 0
        self.given: list[float] = []

    async def Echo(self, request: Any, context: Any) -> Any:
        self.calls += 1
        self.given.append(context.time_remaining())
        if self.calls <= self.bad:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return await super().Echo(request, context)


async def serve(keys: Path, service: str, servicer: EchoServicer, *, max_calls: int = 512) -> tuple[Server, str]:
    """A running server of `service` and its address."""
    server = Server(Door(Keys(keys, service), set_up(service)), "127.0.0.1:0", max_calls=max_calls)
    server.add(add, servicer)
    return server, f"127.0.0.1:{await server.start()}"


async def test_unavailable_is_tried_twice(keys: Path) -> None:
    """One more try, not more: a query that kills its server must not kill three."""
    flaky = Flaky(bad=1)
    server, address = await serve(keys, "echo", flaky)
    async with as_ann(address, keys) as on:
        assert (await call(on, "Echo")).sub == "people/ann"
        assert flaky.calls == 2
        flaky.calls, flaky.bad = 0, 9
        with pytest.raises(grpc.aio.AioRpcError):
            await call(on, "Echo")
        assert flaky.calls == 2
    await server.stop(0, 0)


async def test_a_call_passes_on_who_and_how_long(keys: Path) -> None:
    """The callee's callee sees the same person, and less time than the first caller had left."""
    inner = Flaky()
    inner_server, inner_address = await serve(keys, "other", inner)
    async with channel(inner_address, "other", Keys(keys, "echo")) as onward:
        outer_server, outer_address = await serve(keys, "echo", EchoServicer(onward=onward))
        async with as_ann(outer_address, keys) as on:
            answer = await call(on, "Pass", timeout=2)
        await outer_server.stop(0, 0)
    await inner_server.stop(0, 0)
    assert answer.sub == "people/ann"
    assert inner.given[0] < 1.85


async def test_a_call_has_a_deadline_by_default(keys: Path) -> None:
    """Nobody waits for ever: five seconds when nothing is said."""
    flaky = Flaky()
    server, address = await serve(keys, "echo", flaky)
    async with as_ann(address, keys) as on:
        await call(on, "Echo")
    await server.stop(0, 0)
    assert 4.0 < flaky.given[0] <= 5.0


async def test_sync_channel_does_the_same(keys: Path) -> None:
    """A thread's channel carries the person and reads a refusal alike."""
    server, address = await serve(keys, "echo", EchoServicer())
    portal = Keys(keys, "portal")

    def use() -> tuple[str, Any]:
        with sync_channel(address, "echo", portal) as on, acting(portal.sign_person(ANN)):
            stubs = {
                name: on.unary_unary(
                    f"/{SERVICE}/{name}",
                    request_serializer=EchoRequest.SerializeToString,
                    response_deserializer=EchoResponse.FromString,
                )
                for name in ("Echo", "Refuse")
            }
            sub = stubs["Echo"](EchoRequest()).sub
            with pytest.raises(grpc.RpcError) as failed:
                stubs["Refuse"](EchoRequest(text="pre"))
            return sub, refusal_of(failed.value)

    sub, refused = await asyncio.to_thread(use)
    await server.stop(0, 0)
    assert sub == "people/ann"
    assert (refused.kind, refused.reason) == (Kind.PRECONDITION, "NOT_OPEN")


async def test_nobody_there_is_unavailable(keys: Path) -> None:
    """A callee that is not there reads as a Refusal too."""
    async with as_ann("127.0.0.1:1", keys) as on:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await call(on, "Echo", timeout=2)
    refused = refusal_of(failed.value)
    assert (refused.kind, refused.reason) == (Kind.UNAVAILABLE, "UNAVAILABLE")


async def test_too_many_calls_are_shed(keys: Path) -> None:
    """Beyond its limit a server answers at once that it has enough, instead of queueing."""
    server, address = await serve(keys, "echo", EchoServicer(), max_calls=2)
    async with as_ann(address, keys) as on:
        slow = [asyncio.create_task(call(on, "Sleep", EchoRequest(seconds=0.5))) for _ in range(6)]
        answers = await asyncio.gather(*slow, return_exceptions=True)
    await server.stop(0, 0)
    shed = [one for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert len(shed) >= 3
    assert {one.code() for one in shed} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert len(shed) < 6
