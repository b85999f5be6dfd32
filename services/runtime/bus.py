"""JetStream as the house uses it: one connection that never gives up, streams and consumers declared and compared,
events published by windows with an answer for each. A service starts and works while NATS is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError
from opentelemetry import metrics

from services.runtime.binding import MESSAGE_ID, BadEnvelope, Heard, UnknownType, decode, encode, stream_of
from services.runtime.ending import end
from services.runtime.streams import PARKED, REPLAY, Consumer, declare, stream_config
from services.runtime.upkeep import ended, lasting

if TYPE_CHECKING:
    from services.runtime.journal import Entry

__all__ = ["BadEnvelope", "Bus", "BusAway", "Heard", "StreamState", "UnknownType", "decode", "encode"]

WINDOW = 256
_ACK_TIMEOUT_S = 5.0
_RECONNECT_WAIT_S = 1.0
_DECLARE_RETRY_S = 1.0
_GIVE_UP_S = 30.0

_log = structlog.get_logger(__name__)
_meter = metrics.get_meter("throughline.bus")
_published = _meter.create_counter("throughline_bus_published", description="Events acknowledged by the stream")
_duplicates = _meter.create_counter("throughline_bus_duplicates", description="Publishes the stream already held")
_failures = _meter.create_counter(
    "throughline_bus_publish_failures", description="Publishes without an acknowledgement"
)
_errors = _meter.create_counter("throughline_bus_errors", description="Errors that NATS reported beside any call")
_differs = _meter.create_gauge("throughline_bus_differences", description="Streams and consumers not as declared")


class BusAway(ConnectionError):
    """NATS is not connected now; what was to be sent waits in the journal."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream as it is now. created: another instant than before means that it was wiped in between."""

    name: str
    created: datetime
    first_seq: int
    last_seq: int
    messages: int
    bytes: int
    _jetstream: JetStreamContext

    async def tail_msg_id(self, seq: int) -> str | None:
        """The Nats-Msg-Id, so the entry's id, of the message at `seq`; None when there is no such message.

        Raises:
            nats.errors.Error: the server cannot be asked.
        """
        try:
            found = await self._jetstream.get_msg(self.name, seq)
        except NotFoundError:
            return None
        return unquote((found.headers or {}).get(MESSAGE_ID, ""))


class Bus:
    """The service's one connection to NATS. Make it with `connect`; end it with `close`."""

    def __init__(self, url: str, service: str, *, manage: bool, replicas: int = 1, max_bytes: int = -1) -> None:
        self.service = service
        self.differences: tuple[str, ...] = ()
        """How streams and consumers differ from what is declared; the service says so and keeps running."""
        self.declarations = 0
        """How often everything was declared or compared; a rise means that what was missing may be there now."""
        self._url = url
        self._manage = manage
        self._replicas, self._max_bytes = replicas, max_bytes
        self._consumers: dict[Consumer, None] = {}
        self._connected = asyncio.Event()
        self._declared = asyncio.Event()
        self._wanted = asyncio.Event()
        self._client: Client | None = None
        self._js: JetStreamContext | None = None
        self._acks: dict[str, asyncio.Future[int]] = {}
        self._tokens = itertools.count()
        self._reply = ""
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def connect(cls, url: str, service: str, manage: bool, *, replicas: int = 1, max_bytes: int = -1) -> Bus:
        """Starts connecting in the background, for ever, and returns at once.

        url: one address or several by comma. manage: create and update streams and consumers, not only compare.
        replicas, max_bytes: of every stream declared here (-1: no bound in bytes).
        """
        bus = cls(url, service, manage=manage, replicas=replicas, max_bytes=max_bytes)
        works = {"connect": bus._keep_connected, "declare": bus._keep_declared}
        bus._tasks = [asyncio.create_task(lasting(f"bus {name}", work)) for name, work in works.items()]
        return bus

    @property
    def connected(self) -> bool:
        """Whether NATS can be reached now."""
        return self._client is not None and self._client.is_connected

    @property
    def jetstream(self) -> JetStreamContext:
        """The JetStream client of the present connection.

        Raises:
            BusAway: NATS is not connected.
        """
        if self._js is None or not self.connected:
            raise BusAway(f"NATS is not connected at {self._url}")
        return self._js

    @property
    def client(self) -> Client:
        """The present connection itself.

        Raises:
            BusAway: NATS is not connected.
        """
        if self._client is None or not self.connected:
            raise BusAway(f"NATS is not connected at {self._url}")
        return self._client

    async def ready(self, timeout: float | None = None) -> bool:
        """Waits until NATS is connected and everything is declared or compared; False after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._declared.wait()
        except TimeoutError:
            return False
        return True

    async def reached(self, timeout: float | None = None) -> bool:
        """Waits until NATS is connected, declared or not; False after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._connected.wait()
        except TimeoutError:
            return False
        return True

    def want(self, consumer: Consumer) -> None:
        """Adds a consumer (and its stream) to what is declared now and after each reconnection."""
        self._consumers[consumer] = None
        self.redeclare()

    def redeclare(self) -> None:
        """Declares again soon: called by whoever finds a stream or consumer gone."""
        self._declared.clear()
        self._wanted.set()

    async def publish(self, entries: Sequence[Entry]) -> list[int | Exception]:
        """Publishes in order by windows of 256; per entry its stream sequence, or why the stream has not taken it.

        An entry sent again under the same id within the stream's window is stored once, and gets its first sequence.
        """
        answers: list[int | Exception] = []
        for start in range(0, len(entries), WINDOW):
            answers += await self._window(entries[start : start + WINDOW])
        failed = sum(isinstance(answer, Exception) for answer in answers)
        _published.add(len(answers) - failed)
        if failed:
            _failures.add(failed)
            if any(isinstance(answer, NoStreamResponseError) for answer in answers):
                self.redeclare()
        return answers

    async def send(self, subject: str, payload: bytes, headers: dict[str, str], stream: str) -> int:
        """Publishes one message to `stream` and waits for its acknowledgement: the stream sequence.

        Raises:
            BusAway, nats.errors.Error, TimeoutError: it may or may not be stored; send it again under the same id.
        """
        try:
            return (await self.jetstream.publish(subject, payload, headers=headers, stream=stream)).seq
        except NoStreamResponseError:
            self.redeclare()
            raise

    async def stream_state(self, name: str) -> StreamState | None:
        """The stream's state, None when there is no such stream.

        Raises:
            BusAway, nats.errors.Error: the server cannot be asked.
        """
        try:
            info = await self.jetstream.stream_info(name)
        except NotFoundError:
            self.redeclare()
            return None
        if info.created is None:
            raise NatsError(f"stream {name} does not say when it was created")
        state = info.state
        return StreamState(
            name, info.created, state.first_seq, state.last_seq, state.messages, state.bytes, self.jetstream
        )

    async def close(self) -> None:
        """Ends the connection; what is in flight without an acknowledgement counts as not sent."""
        await end(self._tasks)
        if self._client is not None:
            with contextlib.suppress(NatsError, OSError):
                await self._client.close()

    async def _window(self, entries: Sequence[Entry]) -> list[int | Exception]:
        try:
            client = self.client
        except BusAway as error:
            return [error] * len(entries)
        waiting: list[asyncio.Future[int] | Exception] = []
        tokens: list[str] = []
        for entry in entries:
            token = str(next(self._tokens))
            try:
                subject, payload, headers = encode(entry)
                headers["Nats-Expected-Stream"] = stream_of(entry.type)
                future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                self._acks[token] = future
                tokens.append(token)
                await client.publish(subject, payload, reply=self._reply + token, headers=headers)
                waiting.append(future)
            except (NatsError, ValueError, OSError) as error:
                waiting.append(error)
        pending = [item for item in waiting if isinstance(item, asyncio.Future)]
        if pending:
            await asyncio.wait(pending, timeout=_ACK_TIMEOUT_S)
        for token in tokens:
            self._acks.pop(token, None)
        return [_answer(item) for item in waiting]

    async def _heed(self, msg: Msg) -> None:
        """Settles the publish that an acknowledgement belongs to; one that came too late is dropped."""
        future = self._acks.pop(msg.subject[len(self._reply) :], None)
        if future is None or future.done():
            return
        if msg.headers and msg.headers.get("Status") == "503":
            future.set_exception(NoStreamResponseError())
            return
        answer = json.loads(msg.data)
        if error := answer.get("error"):
            future.set_exception(APIError(**error))
            return
        if answer.get("duplicate"):
            _duplicates.add(1)
        future.set_result(int(answer["seq"]))

    async def _keep_connected(self) -> None:
        while True:
            client = Client()
            self._client = client
            try:
                await client.connect(
                    self._url.split(","),
                    name=self.service,
                    allow_reconnect=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_WAIT_S,  # type: ignore[arg-type]  # a float works, its type says int
                    connect_timeout=3,
                    ping_interval=10,
                    max_outstanding_pings=2,
                    inbox_prefix=f"_INBOX_{self.service}",
                    pending_size=8 * 1024 * 1024,
                    error_cb=self._complain,
                    reconnected_cb=self._back,
                )
                self._reply = client.new_inbox() + "."
                await client.subscribe(self._reply + "*", cb=self._heed)
                self._js = client.jetstream(timeout=_ACK_TIMEOUT_S)
                await self._back()
                await _lost(client)
            except (NatsError, OSError, ValueError) as error:
                await self._complain(error)
            await ended(client.close)
            await asyncio.sleep(_RECONNECT_WAIT_S)

    async def _keep_declared(self) -> None:
        while True:
            await self._connected.wait()
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._declare()
            except Exception as error:  # noqa: BLE001 - whatever it was, what is wanted stays wanted
                _log.warning("streams not declared yet", error=f"{type(error).__name__}: {error}")
                self._wanted.set()
                await asyncio.sleep(_DECLARE_RETRY_S)
                continue
            self.declarations += 1
            if self.differences and not self._manage:
                # Whoever manages them may be a moment behind: look again, calmly.
                asyncio.get_running_loop().call_later(5 * _DECLARE_RETRY_S, self._wanted.set)
            if not self._wanted.is_set():
                self._declared.set()

    async def _declare(self) -> None:
        consumers = list(self._consumers)
        names = dict.fromkeys([self.service, PARKED, REPLAY, *(consumer.stream for consumer in consumers)])
        streams = [stream_config(name, replicas=self._replicas, max_bytes=self._max_bytes) for name in names]
        found = tuple(await declare(self.jetstream, streams, consumers, manage=self._manage))
        _differs.set(len(found))
        for difference in found:
            if difference not in self.differences:
                _log.error("bus differs from its declaration", difference=difference)
        self.differences = found

    async def _back(self) -> None:
        self._connected.set()
        self.redeclare()

    async def _complain(self, error: Exception) -> None:
        # A refused permission reaches the caller only as a timeout; this is the one place that shows it.
        _errors.add(1, {"error": type(error).__name__})
        _log.warning("NATS reported an error", error=f"{type(error).__name__}: {error}")


def _answer(item: asyncio.Future[int] | Exception) -> int | Exception:
    if isinstance(item, Exception):
        return item
    if not item.done():
        item.cancel()
        return TimeoutError(f"no acknowledgement within {_ACK_TIMEOUT_S:g} s")
    return item.exception() or item.result()  # type: ignore[return-value]  # a publish fails with nothing else


async def _lost(client: Client) -> None:
    """Returns when a connection will not come back by itself, and a new one is to be made.

    NATS closes for good on a refused sign-in, and a secret may be rotated meanwhile. And the client's own reconnecting
    ends in silence by an error that it does not foresee.
    """
    away = 0.0
    while not client.is_closed and away < _GIVE_UP_S:
        await asyncio.sleep(_RECONNECT_WAIT_S)
        away = 0.0 if client.is_connected else away + _RECONNECT_WAIT_S
