"""What the door costs: a call behind it, with trace, identity and validation, beside a bare echo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from deploy.local.ports import free_port
from services.runtime.client import acting, channel
from services.runtime.identity import Keys
from tests.load import bare_server, places
from tests.load.rounds import ROUNDS, Rounds, paced
from tests.service.runtime import echo

CALLS = 4_000
IN_FLIGHT = 32

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[str]:
    """A bare server, which also takes the spans."""
    with places.bare_server(tmp_path) as address:
        yield address


@pytest.fixture
def ours(tmp_path: Path, floor: str, mongo_uri: str, nats_url: str, database: str) -> Iterator[tuple[str, Path]]:
    """The same echo in a service of the house, and where its keys are."""
    keys, port = echo.make_keys(tmp_path / "keys"), free_port()
    told = echo.environment(
        keys, mongo_uri, nats_url, database, SERVICE="echo", LISTEN=f"127.0.0.1:{port}", OTLP_ENDPOINT=floor
    )
    with places.process("tests.service.runtime.echo", tmp_path, port, **told) as child:
        child.await_ready(lambda: "PORT" in child.tail(200), 60)
        yield f"127.0.0.1:{port}", keys


async def test_a_call_behind_the_door(floor: str, ours: tuple[str, Path]) -> None:
    """A call behind the door reaches at least half the rate of a bare echo, 32 in flight, two processes."""
    address, keys = ours
    request = echo.EchoRequest(request_id="5e7c8f0e-9f0b-4f0e-8d3b-0c7c1d2e3f40", text="hello")
    exact = request.SerializeToString()
    proof = places.metadata(keys, "echo", echo.ANN)
    portal = Keys(keys, "portal")
    rounds = Rounds("a call behind the door")
    async with (
        grpc.aio.insecure_channel(floor) as to_floor,
        grpc.aio.insecure_channel(address) as to_ours,
        channel(address, "echo", portal) as by_our_client,
    ):
        bare: Any = to_floor.unary_unary(bare_server.ECHO)
        behind: Any = to_ours.unary_unary(f"/{echo.SERVICE}/Echo")
        await bare(exact), await behind(exact, metadata=proof)
        for _ in range(ROUNDS):
            rounds.add("bare echo", (await paced(lambda _: bare(exact), CALLS, IN_FLIGHT)).rate)
            rounds.add("behind the door", (await paced(lambda _: behind(exact, metadata=proof), CALLS, IN_FLIGHT)).rate)
            with acting(portal.sign_person(echo.ANN)):
                pace = await paced(lambda _: echo.call(by_our_client, "Echo", request), CALLS, IN_FLIGHT)
            rounds.add("and through our client", pace.rate)
    rounds.hold("echo, 32 in flight", "behind the door", "bare echo", least=0.5)
    rounds.hold("... and through our client", "and through our client", "bare echo")
    rounds.close()
