"""A whole service process on real stores: it stops without failing a call, and lives through the loss of each store."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import nats
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from pymongo import AsyncMongoClient

from deploy.local.servers import Mongod, Nats
from services.runtime import precedence
from services.runtime.client import refusal_of
from services.runtime.precedence import give_way
from services.runtime.records import Cause, Records
from services.runtime.refusal import Kind
from services.runtime.run import Runtime
from services.runtime.settings import Settings
from tests.service.runtime.echo import (
    ANN,
    COUNTERS,
    Counted,
    Counter,
    EchoRequest,
    EchoResponse,
    EchoServicer,
    add,
    as_ann,
    call,
    environment,
    make_keys,
)
from tests.service.runtime.probe import until

AWAY = "127.0.0.1:9"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Keys for all."""
    return make_keys(tmp_path / "keys")


@asynccontextmanager
async def process(environment: dict[str, str]) -> AsyncIterator[tuple[Process, int]]:
    """The echo service as a process of its own, and its port; killed at the end if it still runs."""
    command = [sys.executable, "-m", "tests.service.runtime.echo"]
    own = {**environment, "PYTHONPATH": ":".join([*sys.path])}
    running = await asyncio.create_subprocess_exec(*command, env=own, stdout=PIPE, cwd=Path(__file__).parents[3])
    assert running.stdout is not None
    drain: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(60):
            while not (line := await running.stdout.readline()).startswith(b"PORT "):
                assert line, "the service ended before it was ready"
        drain = asyncio.create_task(_drain(running.stdout))
        yield running, int(line.split()[1])
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        await running.wait()
        if drain is not None:
            await drain


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


def settings(keys: Path, mongo_uri: str, nats_url: str, database: str, **more: Any) -> Settings:
    """Settings of a service inside this process."""
    told: dict[str, Any] = {
        "mongo_uri": mongo_uri,
        "nats_url": nats_url,
        "database": database,
        "keys_dir": keys,
        "listen": "127.0.0.1:0",
        "bus_manage": True,
        "stop_wait_seconds": 0.0,
        "stop_grace_seconds": 2.0,
        **more,
    }
    return Settings(service="echo", **told)


@asynccontextmanager
async def service(told: Settings, timeout: float = 20) -> AsyncIterator[Runtime]:
    """The echo service inside this process, started."""
    async with Runtime("echo", told) as run:
        run.serve(add, EchoServicer(run.records(COUNTERS)))
        await run.start()
        if timeout:
            assert await run.ready(timeout)
        yield run


@asynccontextmanager
async def called(told: Settings, keys: Path, timeout: float = 20) -> AsyncIterator[tuple[Runtime, grpc.aio.Channel]]:
    """The same, and Ann's channel to it."""
    async with service(told, timeout) as run, as_ann(f"127.0.0.1:{run.port}", keys) as on:
        yield run, on


async def health(port: int, name: str) -> int:
    """1 serving, 2 not."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as on:
        stub: Any = health_pb2_grpc.HealthStub(on)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        return int(answer.status)


async def reason(answer: Any) -> tuple[Kind, str]:
    """Kind and reason of the Refusal that the call must end in."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await answer
    refused = refusal_of(failed.value)
    return refused.kind, refused.reason


async def test_sigterm_under_load_fails_no_call(keys: Path, mongo_uri: str, empty_nats: str, database: str) -> None:
    """Two replicas under load; one gets SIGTERM: every call succeeds, every acknowledged change is there once, and
    its events are on the stream after both have gone."""
    told = environment(keys, mongo_uri, empty_nats, database)
    async with process(told) as (first, one), process(told) as (second, two):
        address = f"ipv4:127.0.0.1:{one},127.0.0.1:{two}"
        async with as_ann(address, keys) as on:
            done, failed, stop = 0, [], asyncio.Event()

            async def load(worker: int) -> None:
                nonlocal done
                number = 0
                while not stop.is_set():
                    number += 1
                    request = EchoRequest(request_id=f"{worker}/{number}", text=f"c{worker}", seconds=0.02)
                    try:
                        answer = await call(on, "Count", request)
                        assert answer.number == number
                        done += 1
                    except Exception as error:  # noqa: BLE001 - whatever it is, it is a failed call
                        failed.append(error)

            workers = [asyncio.create_task(load(worker)) for worker in range(8)]
            await asyncio.sleep(2)
            before = done
            first.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(first.wait(), 15) == 0
            await asyncio.sleep(1)
            stop.set()
            await asyncio.gather(*workers)
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 15) == 0
    assert failed == []
    assert done > before > 0
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        db = client[database]
        numbers = [document["state"]["number"] async for document in db["counters"].find()]
        assert sum(numbers) == done
        assert await db["counters"].count_documents({"outbox.0": {"$exists": True}}) == 0
        assert await db["journal"].count_documents({"state": {"$ne": "sent"}}) == 0
        assert await db["journal"].count_documents({}) == done
    nc = await nats.connect(empty_nats)
    assert (await nc.jetstream().stream_info("echo")).state.messages == done
    await nc.close()


async def test_sigterm_ends_also_while_stores_stand_still(keys: Path, own_mongod: Mongod, own_nats: Nats) -> None:
    """MongoDB and NATS hold their connections and answer nothing, and a call waits for them: the process ends by itself
    well within a pod's minute; what it could not carry on the next start finds.
    """
    told = environment(keys, own_mongod.uri, own_nats.url, "echo", STOP_GRACE_SECONDS="5")
    async with process(told) as (running, port), as_ann(f"127.0.0.1:{port}", keys) as on:
        assert (await call(on, "Count", EchoRequest(request_id="1", text="a"))).number == 1
        for server in (own_mongod, own_nats):
            assert server.child.process is not None
            server.child.process.send_signal(signal.SIGSTOP)
        waiting = asyncio.ensure_future(call(on, "Count", EchoRequest(request_id="2", text="a")))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        running.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(running.wait(), 50) == 0
        assert time.monotonic() - began < 45
        with pytest.raises(grpc.aio.AioRpcError):
            await waiting


async def test_store_away_and_back(keys: Path, own_mongod: Mongod, nats_url: str) -> None:
    """With MongoDB gone a call hears UNAVAILABLE and why within its deadline, the service is not ready but alive;
    with MongoDB back the same process serves again."""
    async with called(settings(keys, own_mongod.uri, nats_url, "echo"), keys) as (run, on):
        assert (await call(on, "Count", EchoRequest(request_id="1", text="a"))).number == 1
        await asyncio.to_thread(own_mongod.kill)
        began = time.monotonic()
        found = await reason(call(on, "Count", EchoRequest(request_id="2", text="a")))
        assert found == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
        assert time.monotonic() - began < 5
        await until(lambda: _is(health(run.port, "ready"), 2))
        assert await health(run.port, "live") == 1
        await asyncio.to_thread(own_mongod.restart)
        await until(lambda: _is(health(run.port, "ready"), 1))
        assert (await call(on, "Count", EchoRequest(request_id="2", text="a"))).number == 2


async def test_start_without_store(keys: Path, nats_url: str, own_mongod: Mongod) -> None:
    """A service that comes up before its store is alive, says why it cannot serve, and serves once it can."""
    await asyncio.to_thread(own_mongod.kill)
    async with called(settings(keys, own_mongod.uri, nats_url, "echo"), keys, timeout=0) as (run, on):
        assert await health(run.port, "live") == 1
        assert await health(run.port, "ready") == 2
        found = await reason(call(on, "Count", EchoRequest(request_id="1", text="a")))
        assert found == (Kind.UNAVAILABLE, "STORE_UNAVAILABLE")
        await asyncio.to_thread(own_mongod.restart)
        assert await run.ready(20)
        assert (await call(on, "Count", EchoRequest(request_id="1", text="a"))).number == 1


async def test_broker_away_and_back(keys: Path, mongo_uri: str, own_nats: Nats, database: str) -> None:
    """With NATS away from the start a service is ready and its commands succeed; their events go out when it comes."""
    own_nats.kill()
    async with called(settings(keys, mongo_uri, own_nats.url, database), keys) as (run, on):
        for number in range(1, 6):
            request = EchoRequest(request_id=str(number), text="a")
            assert (await call(on, "Count", request)).number == number
        assert await health(run.port, "ready") == 1
        await asyncio.to_thread(own_nats.restart)
        await until(lambda: _is(run.db["journal"].count_documents({"state": "sent"}), 5))


async def test_wiped_broker_is_refilled(keys: Path, mongo_uri: str, own_nats: Nats, database: str) -> None:
    """NATS comes back without its disk: the reconciler is asked at the connection and the stream holds all again."""
    async with called(settings(keys, mongo_uri, own_nats.url, database), keys) as (run, on):
        for number in range(1, 4):
            await call(on, "Count", EchoRequest(request_id=str(number), text="a"))
        await until(lambda: _is(run.db["journal"].count_documents({"state": "sent"}), 3))
        own_nats.kill()
        own_nats.wipe()
        await asyncio.to_thread(own_nats.restart)

        async def refilled() -> bool:
            state = await run._bus.stream_state("echo") if run._bus.connected else None
            return state is not None and state.messages == 3

        await until(refilled)


async def test_background_work_is_kept_running(keys: Path, mongo_uri: str, nats_url: str, database: str) -> None:
    """Work that fails is started again; work that stops when asked lets the service stop at once."""
    attempts: list[float] = []
    stopped: list[bool] = []

    async def failing(stop: asyncio.Event) -> None:
        attempts.append(time.monotonic())
        if len(attempts) < 3:
            raise RuntimeError("no luck")
        await stop.wait()
        stopped.append(True)

    async with Runtime("echo", settings(keys, mongo_uri, nats_url, database)) as run:
        run.background("roller", failing)
        await run.start()
        await until(lambda: len(attempts) == 3)
        began = time.monotonic()
    assert stopped == [True]
    assert time.monotonic() - began < 5
    assert attempts[1] - attempts[0] >= 0.5


class Held(EchoServicer):
    """Its Sleep lasts until it is let go."""

    def __init__(self, counters: Records[Counter]) -> None:
        super().__init__(counters)
        self.came, self.go = asyncio.Event(), asyncio.Event()

    async def Sleep(self, request: Any, context: Any) -> Any:
        self.came.set()
        await self.go.wait()
        return EchoResponse(text=request.text)


async def test_calls_come_before_background_work_events_and_jobs(
    keys: Path, mongo_uri: str, empty_nats: str, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a call is in progress all three stand still between their steps, and they go on when it has ended; neither
    has to say anything for that, but where its steps are."""
    monkeypatch.setattr(precedence, "STEP_SECONDS", 0.0)
    monkeypatch.setattr(precedence, "REST_SECONDS", 600.0)
    steps, done = collections.Counter[str](), asyncio.Event()

    async def work(name: str) -> None:
        while not done.is_set():
            await give_way()
            steps[name] += 1
            await asyncio.sleep(0.001)

    async with Runtime("echo", settings(keys, mongo_uri, empty_nats, database)) as run:
        held = Held(run.records(COUNTERS))
        run.serve(add, held)
        run.background("steps", lambda _stop: work("background"))
        run.hear("echo", {Counted: lambda _event: ()}, before_batch=lambda: work("events"))
        run.job("steps", lambda _progress: work("job"))
        await run.start()
        assert await run.ready(20)
        async with as_ann(f"127.0.0.1:{run.port}", keys) as on:
            await call(on, "Count", EchoRequest(request_id="1", text="a"))
            await run.jobs.submit("steps", {}, Cause("people/ann/2", ANN, run.now()))
            await until(lambda: len(steps) == 3)
            waiting = asyncio.create_task(call(on, "Sleep", EchoRequest(text="a")))
            await held.came.wait()
            before = collections.Counter[str]()
            for _ in range(2):
                # No guess: timers fire in order, so in each of these every step that need not rest is taken.
                before = steps.copy()
                for _ in range(20):
                    await asyncio.sleep(0.002)
            assert steps == before
            held.go.set()
            await waiting
            await until(lambda: all(steps[name] > before[name] for name in before))
            done.set()


async def _is(answer: Any, wanted: object) -> bool:
    return bool(await answer == wanted)


def test_importing_has_no_effects() -> None:
    """Tools may import the runtime: no setting is read, no thread begins, no socket opens, nothing is said."""
    look = (
        "import os, threading, services.runtime.run; print(threading.active_count(), len(os.listdir('/proc/self/fd')))"
    )
    own = {"PYTHONPATH": ":".join(sys.path), "TL_NONSENSE": "1"}
    root = Path(__file__).parents[3]
    told = subprocess.run([sys.executable, "-c", look], env=own, cwd=root, capture_output=True, text=True, check=True)
    threads, files = told.stdout.split()
    assert (threads, told.stderr) == ("1", "")
    # Three standard streams and the folder that is being listed.
    assert int(files) <= 4


async def test_missing_keys_stop_the_start(tmp_path: Path, mongo_uri: str, nats_url: str, database: str) -> None:
    """One line says what is missing and how to make it."""
    with pytest.raises(SystemExit, match="identity make"):
        async with Runtime("echo", settings(tmp_path / "none", mongo_uri, nats_url, database)):
            pass


async def test_port_in_use_stops_the_start(keys: Path, mongo_uri: str, nats_url: str, database: str) -> None:
    """One line names the address that another process has."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SystemExit, match=address):
            async with Runtime("echo", settings(keys, mongo_uri, nats_url, database, listen=address)) as run:
                await run.until_stopped()
        with pytest.raises(SystemExit, match=address):
            async with Runtime("echo", settings(keys, mongo_uri, nats_url, database, metrics_listen=address)):
                pass
