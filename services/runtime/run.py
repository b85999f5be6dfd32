"""Starts a service's parts in order, keeps them running, and on SIGTERM stops them in reverse so that nothing is lost.

A service starts and stays alive without MongoDB and without NATS: it is ready when MongoDB answers, and its events wait
until NATS does.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import pymongo
import structlog
from google.protobuf.message import Message
from joserfc.errors import JoseError
from pymongo import AsyncMongoClient
from throughline.type.v1 import journal_pb2_grpc

from services.runtime.away import is_away
from services.runtime.backlog import Backlog, backlog
from services.runtime.bus import Bus
from services.runtime.client import channel
from services.runtime.door import Door, now
from services.runtime.identity import Keys
from services.runtime.jobs import Jobs, Run
from services.runtime.journal import Journal
from services.runtime.journal_rpc import JournalRpc, reader
from services.runtime.listener import Handler, Listener, ReadJournal
from services.runtime.mongo import connect
from services.runtime.precedence import Precedence
from services.runtime.reconciler import Reconciler
from services.runtime.records import Kind, Records
from services.runtime.refusal import Kind as RefusalKind
from services.runtime.refusal import Refusal
from services.runtime.relay import Relay
from services.runtime.sealing import Sealing
from services.runtime.server import Server
from services.runtime.settings import Settings
from services.runtime.streams import events_of
from services.runtime.telemetry import set_up
from services.runtime.timers import Due, Timers
from services.runtime.upkeep import Background, Upkeep, ended

S = TypeVar("S")

_LOOK_SECONDS = 1.0
_INDEXES_SECONDS = 600.0
_FLUSH_SECONDS = 5.0

log = structlog.get_logger()


class Runtime:
    """One service's process. Use it as `async with`, declare what it has, then `until_stopped`."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service = service
        self.settings = settings
        self.port = 0
        self._asked = asyncio.Event()
        self._prepared = asyncio.Event()
        self._started = False
        self._closed = False
        self._all: list[Records[Any]] = []
        self._listeners: list[Listener] = []
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._backgrounds: list[tuple[str, Background]] = []

    async def __aenter__(self) -> Self:
        told = self.settings
        try:
            self.keys = Keys(told.keys_dir, self.service)
        except (OSError, ValueError, KeyError, JoseError) as error:
            way = f"make them by `python -m services.runtime.identity make {told.keys_dir}`"
            raise SystemExit(f"{self.service}: no keys in {told.keys_dir} ({error}); {way}") from error
        try:
            self.telemetry = set_up(
                self.service,
                told.otlp_endpoint,
                keys=self.keys if told.otlp_signed else None,
                trace_ratio=told.trace_ratio,
                log_level=told.log_level,
                metrics_listen=told.metrics_listen,
            )
        except OSError as error:
            raise SystemExit(f"{self.service}: {error}") from error
        self._upkeep = Upkeep()
        self._mongo: AsyncMongoClient[dict[str, Any]] = connect(told)
        self.db = self._mongo[told.database]
        self.journal = Journal(self.db)
        self.timers = Timers(self.db, self.service)
        self.jobs = Jobs(self.db)
        self._bus = await Bus.connect(told.nats_url, self.service, told.bus_manage)
        self._reconciler = Reconciler(self.journal, self._bus, self.service)
        self.relay = Relay(self.journal, self._bus.publish, told=self._reconciler.told)
        self._precedence = Precedence()
        self._door = Door(self.keys, self.telemetry, precedence=self._precedence)
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

    async def backlog(self, stream: str) -> Backlog | None:
        """How far this service is with the events of the service `stream`; None when that cannot be told now."""
        return await backlog(self._bus, events_of(stream, self.service))

    def on_due(
        self,
        records: Records[S],
        decide: Callable[[Due], Callable[[S], tuple[S, Sequence[Any]]]],
        *,
        before_batch: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Registers the decision that a deadline of these records calls for.

        before_batch: called before the decisions, to read what they look things up in.
        """
        self.timers.on_due(records, decide, before_batch=before_batch)

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
        """Starts everything, then waits for SIGTERM or SIGINT and stops.

        Raises:
            SystemExit: the listen address is in use, named in one line.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked.set)
        try:
            await self.start()
        except OSError as error:
            raise SystemExit(f"{self.service}: {error}") from error
        await self._asked.wait()
        await self.stop()

    async def start(self) -> None:
        """Listens at once; the rest follows as MongoDB and NATS come. Returns when calls can be answered at all.

        Raises:
            OSError: the listen address is in use, naming it.
        """
        self.port = await self._server.start()
        self._started = True
        self._upkeep.run("preparation", self._prepare)
        self._upkeep.run("readiness", self._watch_store)
        self._upkeep.run("bus watch", self._watch_bus)
        self._upkeep.run("reconciler", self._reconciler.run)
        self._upkeep.run("checkpoints", Sealing(self.journal, self.keys, self._bus).run)
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
        self._upkeep.stop.set()
        await ended(*(listener.stop for listener in self._listeners))
        if self._prepared.is_set():
            await ended(self.timers.stop, self.jobs.stop)
        await self._upkeep.end()
        if self._prepared.is_set():
            await ended(self.relay.stop)
        await self._close()
        log.info("stopped", service=self.service)

    async def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for one in self._channels.values():
            await one.close()
        self._channels.clear()
        await ended(self._bus.close)
        await asyncio.to_thread(self.telemetry.close, _FLUSH_SECONDS)
        await ended(self._mongo.close)

    async def _prepare(self, stop: asyncio.Event) -> None:
        """Once the store is there: indexes first, because uniqueness is what makes a second try harmless."""
        pause = 0.5
        while not stop.is_set():
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
                await self._upkeep.sleep(pause)
                pause = min(pause * 2, 5.0)
        if stop.is_set():
            return
        self.relay.start()
        self.timers.start()
        behind = self._precedence.behind()
        for start in (self.jobs.start, *(listener.start for listener in self._listeners)):
            behind.run(start)
        for name, run in self._backgrounds:
            behind.run(self._upkeep.run, name, run)
        self._door.closed = None
        await self._server.set_ready(ready=True)
        self._prepared.set()

    async def _watch_store(self, stop: asyncio.Event) -> None:
        """Ready follows the store's answers, and while it is known to be away calls hear so at once."""
        await self._upkeep.either(self._prepared)
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
            await self._upkeep.sleep(_LOOK_SECONDS)

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
            await self._upkeep.sleep(_LOOK_SECONDS / 4)


def _store_away() -> Refusal:
    waiting = "The service waits for its store; try again."
    return Refusal(RefusalKind.UNAVAILABLE, "STORE_UNAVAILABLE", waiting, retry_after=timedelta(seconds=1))
