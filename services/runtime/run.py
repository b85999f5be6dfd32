"""Starts a service's parts in order, keeps them running, and on SIGTERM stops them in reverse so that nothing is lost.

A service starts and stays alive without MongoDB and without NATS: it is ready when MongoDB answers, and its events wait
until NATS does.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import pymongo
import structlog
from google.protobuf.message import Message
from pymongo import AsyncMongoClient
from throughline.type.v1 import journal_pb2_grpc

from services.runtime.away import is_away
from services.runtime.bus import Bus
from services.runtime.client import channel
from services.runtime.door import Door, now
from services.runtime.identity import Keys
from services.runtime.jobs import Jobs, Run
from services.runtime.journal import Journal
from services.runtime.journal_rpc import JournalRpc, reader
from services.runtime.listener import Handler, Listener, ReadJournal
from services.runtime.reconciler import Reconciler
from services.runtime.records import Kind, Records
from services.runtime.refusal import Kind as RefusalKind
from services.runtime.refusal import Refusal
from services.runtime.relay import Relay
from services.runtime.sealing import Sealing
from services.runtime.server import Server
from services.runtime.settings import Settings
from services.runtime.telemetry import set_up
from services.runtime.timers import Due, Timers

S = TypeVar("S")
Background = Callable[[asyncio.Event], Awaitable[None]]

_LOOK_SECONDS = 1.0
_SELECT_MS = 1_500
_INDEXES_SECONDS = 600.0
_PART_STOP_SECONDS = 8.0
_FLUSH_SECONDS = 5.0
_PAUSE_SECONDS = (0.5, 30.0)

log = structlog.get_logger()


class Runtime:
    """One service's process. Use it as `async with`, declare what it has, then `until_stopped`."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.port = 0
        self._asked = asyncio.Event()
        self._stop = asyncio.Event()
        self._prepared = asyncio.Event()
        self._started = False
        self._all: list[Records[Any]] = []
        self._listeners: list[Listener] = []
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._backgrounds: list[tuple[str, Background]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        told = self.settings
        self.telemetry = set_up(
            self.service,
            told.otlp_endpoint,
            trace_ratio=told.trace_ratio,
            log_level=told.log_level,
            metrics_listen=told.metrics_listen,
        )
        self.keys = Keys(told.keys_dir, self.service)
        self._failures = self.telemetry.meter.create_counter(
            "throughline_background_failures", description="Background work that ended by an exception, by name."
        )
        self._mongo: AsyncMongoClient[dict[str, Any]] = _mongo(told, self.service)
        self.db = self._mongo[told.database]
        self.journal = Journal(self.db)
        self.timers = Timers(self.db, self.service)
        self.jobs = Jobs(self.db)
        self._bus = await Bus.connect(told.nats_url, self.service, told.bus_manage)
        self._reconciler = Reconciler(self.journal, self._bus, self.service)
        self.relay = Relay(self.journal, self._bus.publish, told=self._reconciler.told)
        self._door = Door(self.keys, self.telemetry)
        self._door.closed = _store_away()
        self._server = Server(
            self._door,
            told.listen,
            max_calls=told.max_calls,
            max_request_bytes=told.max_request_bytes,
            reflect=told.reflection,
        )
        self.serve(journal_pb2_grpc.add_JournalServiceServicer_to_server, JournalRpc(self.journal, self.keys.genuine))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def now(self) -> datetime:
        """This instant, aware UTC in milliseconds."""
        return now()

    def records(self, kind: Kind[S]) -> Records[S]:
        """The service's documents of this kind, wired to its journal, timers and relay."""
        found = Records(
            self.db,
            kind,
            self.journal,
            arm=self.timers.arm,
            notice=self.relay.notice,
            epoch=self.settings.epoch,
            clock=now,
        )
        self._all.append(found)
        self.relay.watch(found)
        return found

    def serve(self, adder: Callable[[Any, grpc.aio.Server], None], servicer: Any) -> None:
        """Serves `servicer`; adder: the generated add_XServicer_to_server."""
        self._server.add(adder, servicer)

    def hear(
        self,
        stream: str,
        handlers: Mapping[type[Message], Handler],
        *,
        before_batch: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Hears the events of the service `stream`; a gap is filled from its journal when its address is known.

        before_batch: called before the handlers take a batch, to read what they look things up in.
        """
        owner: ReadJournal | None = None
        if stream in self.settings.addresses:
            owner = reader(self.channel(stream))
        self._listeners.append(
            Listener(self._bus, self.service, stream, handlers, owner, db=self.db, before_batch=before_batch)
        )

    def on_due(self, records: Records[S], decide: Callable[[Due], Callable[[S], tuple[S, Sequence[Any]]]]) -> None:
        """Registers the decision that a deadline of these records calls for."""
        self.timers.on_due(records, decide)

    def job(self, kind: str, run: Run) -> None:
        """Registers what jobs of `kind` do."""
        self.jobs.register(kind, run)

    def background(self, name: str, run: Background) -> None:
        """Keeps run(stop) running from when the store is ready; after an exception it starts again, a little later."""
        self._backgrounds.append((name, run))

    def channel(self, service: str) -> grpc.aio.Channel:
        """The channel to another service at its declared address; one per service, closed at the stop.

        Raises:
            KeyError: the settings hold no address for it.
        """
        found = self._channels.get(service)
        if found is None:
            address = self.settings.addresses[service]
            found = self._channels[service] = channel(address, service, self.keys, tracer=self.telemetry.tracer)
        return found

    async def until_stopped(self) -> None:
        """Starts everything, then waits for SIGTERM or SIGINT and stops."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked.set)
        await self.start()
        await self._asked.wait()
        await self.stop()

    async def start(self) -> None:
        """Listens at once; the rest follows as MongoDB and NATS come. Returns when calls can be answered at all.

        Raises:
            OSError: the listen address is in use, naming it.
        """
        self._started = True
        self.port = await self._server.start()
        self._tasks = [
            asyncio.create_task(self._prepare()),
            self._kept("readiness", self._watch_store),
            self._kept("bus watch", self._watch_bus),
            self._kept("reconciler", self._reconciler.run),
            self._kept("checkpoints", Sealing(self.journal, self.keys, self._bus).run),
        ]
        log.info("started", service=self.service, port=self.port, metrics_port=self.telemetry.metrics_port)

    async def ready(self, timeout: float) -> bool:
        """Waits until the store is there and everything has begun; False after `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._prepared.wait()
        return self._prepared.is_set()

    async def stop(self) -> None:
        """Stops in reverse: no new calls, those in flight end, no new events, the outbox goes out, spans go out."""
        if not self._started:
            await self._close()
            return
        self._started = False
        log.info("stopping", service=self.service)
        await self._server.stop(self.settings.stop_wait_seconds, self.settings.stop_grace_seconds)
        self._stop.set()
        await _ended(*(listener.stop for listener in self._listeners))
        if self._prepared.is_set():
            await _ended(self.timers.stop, self.jobs.stop)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_PART_STOP_SECONDS)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_PART_STOP_SECONDS)
        if self._prepared.is_set():
            await _ended(self.relay.stop)
        await self._close()
        log.info("stopped", service=self.service)

    async def _close(self) -> None:
        for one in self._channels.values():
            await one.close()
        self._channels.clear()
        await _ended(self._bus.close)
        await asyncio.to_thread(self.telemetry.close, _FLUSH_SECONDS)
        await self._mongo.close()

    async def _prepare(self) -> None:
        """Once the store is there: indexes first, because uniqueness is what makes a second try harmless."""
        pause = _PAUSE_SECONDS[0]
        while not self._stop.is_set():
            try:
                await self._mongo.admin.command("ping")
                with pymongo.timeout(_INDEXES_SECONDS):
                    await self.journal.ensure_indexes()
                    await self.timers.ensure_indexes()
                    await self.jobs.ensure_indexes()
                    for records in self._all:
                        await records.ensure_indexes()
                break
            except Exception as error:
                if is_away(error):
                    log.warning("store not there yet", error=type(error).__name__)
                else:
                    log.exception("indexes cannot be made")
                await self._sleep(pause)
                pause = min(pause * 2, 5.0)
        if self._stop.is_set():
            return
        self.relay.start()
        self.timers.start()
        self.jobs.start()
        for listener in self._listeners:
            listener.start()
        self._tasks += [self._kept(name, run) for name, run in self._backgrounds]
        self._door.closed = None
        await self._server.set_ready(ready=True)
        self._prepared.set()

    async def _watch_store(self, stop: asyncio.Event) -> None:
        """Ready follows the store's answers, and while it is known to be away calls hear so at once."""
        await self._either(self._prepared)
        unanswered = 0
        while not stop.is_set():
            try:
                async with asyncio.timeout(2 * _LOOK_SECONDS):
                    await self._mongo.admin.command("ping")
                unanswered = 0
            except Exception as error:
                if not is_away(error):
                    raise
                unanswered += 1
            # One slow answer is no outage.
            away = unanswered >= 2
            self._door.closed = _store_away() if away else None
            await self._server.set_ready(ready=not away)
            await self._sleep(_LOOK_SECONDS)

    async def _watch_bus(self, stop: asyncio.Event) -> None:
        """After each (re)connection the relay need not wait any longer, and the stream may have lost something."""
        seen: tuple[int, int] | None = None
        while not stop.is_set():
            if self._bus.connected:
                client = self._bus.client
                connection = (id(client), client.stats["reconnects"])
                if connection != seen and await self._bus.ready(_LOOK_SECONDS):
                    seen = connection
                    self.relay.broker_is_back()
                    self._reconciler.ask()
            await self._sleep(_LOOK_SECONDS / 4)

    def _kept(self, name: str, run: Background) -> asyncio.Task[None]:
        return asyncio.create_task(self._keep(name, run), name=name)

    async def _keep(self, name: str, run: Background) -> None:
        pause, longest = _PAUSE_SECONDS
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                await run(self._stop)
                return
            except Exception:
                self._failures.add(1, {"name": name})
                log.exception("background work failed; it starts again", name=name, pause=pause)
            if time.monotonic() - began > longest:
                pause = _PAUSE_SECONDS[0]
            await self._sleep(pause)
            pause = min(pause * 2, longest)

    async def _either(self, event: asyncio.Event) -> None:
        """Waits for `event` or the stop."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self._stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    async def _sleep(self, seconds: float) -> None:
        """Sleeps, but not through the stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()


async def _ended(*stops: Callable[[], Awaitable[None]]) -> None:
    """Stops parts side by side, within bounds: a store that is away must not hold the stop.

    A second try, because waiting for a store can swallow a cancellation; what is left then, the next start finds.
    """

    async def end(stop: Callable[[], Awaitable[None]]) -> None:
        for seconds in (_PART_STOP_SECONDS, _PART_STOP_SECONDS / 2):
            try:
                async with asyncio.timeout(seconds):
                    await stop()
                return
            except TimeoutError:
                continue
            except Exception:
                log.exception("a part did not stop cleanly")
                return
        log.warning("a part did not stop in time", part=str(stop))

    await asyncio.gather(*(end(stop) for stop in stops))


def _store_away() -> Refusal:
    waiting = "The service waits for its store; try again."
    return Refusal(RefusalKind.UNAVAILABLE, "STORE_UNAVAILABLE", waiting, retry_after=timedelta(seconds=1))


def _mongo(settings: Settings, service: str) -> AsyncMongoClient[dict[str, Any]]:
    """The driver gives up well before a caller does, so that the caller hears why, also when it tries twice.

    Not timeoutMS: under it the driver would look for a primary for as long as a slow answer may take.
    """
    return AsyncMongoClient(
        settings.mongo_uri,
        appname=service,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        retryWrites=True,
        retryReads=True,
        tz_aware=True,
        serverSelectionTimeoutMS=_SELECT_MS,
        connectTimeoutMS=_SELECT_MS,
        waitQueueTimeoutMS=_SELECT_MS,
        socketTimeoutMS=settings.store_timeout_ms,
        maxPoolSize=64,
    )
