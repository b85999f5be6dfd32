"""The door for events: pulls batches, turns each event into changes, writes them together, then acknowledges.

An event takes effect once and is never lost: it waits while it is early or a store is away, and what no later event can
cure is parked with its reason while the others flow.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, TypeVar

import structlog
from google.protobuf.message import Message
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from opentelemetry import metrics, trace
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from services.runtime import crashpoint
from services.runtime.attempts import Attempts
from services.runtime.away import is_away
from services.runtime.binding import BadEnvelope, Heard, UnknownType, decode, encode
from services.runtime.bus import Bus
from services.runtime.consumed import span_of, traceparent
from services.runtime.ending import end
from services.runtime.journal import Entry
from services.runtime.parked import park
from services.runtime.precedence import give_way
from services.runtime.pull import Pull
from services.runtime.records import Change, change_many
from services.runtime.refusal import Kind, NotYet, Refusal
from services.runtime.streams import events_of, replay_for
from services.runtime.upkeep import lasting

Handler = Callable[[Heard[Any]], Iterable[Change]]
"""A pure mapping from one event to changes; nothing to do is no changes."""
ReadJournal = Callable[[str, int], Awaitable[Sequence[Entry]]]
"""(resource, after): the next entries of its owner's journal with sequence > after, in order; none at the end."""

T = TypeVar("T")

SUSPECT_FROM = 4
"""A message delivered this often may be what kills its worker: its runs are counted from here on, and once one of them
did not end it runs alone.
"""
_GAP_FROM = 10
_LATER_S = 1.0
_IN_PROGRESS_S = 10.0
_BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_CURABLE = (Kind.UNAVAILABLE, Kind.CONFLICT, Kind.EXHAUSTED)

_log = structlog.get_logger(__name__)
_meter = metrics.get_meter("throughline.listener")
_handled = _meter.create_counter("throughline_listener_handled", description="Messages by listener, stream and outcome")
_lag = _meter.create_histogram(
    "throughline_listener_lag", unit="s", description="From the stream's taking to the effect, oldest of each batch"
)


class Fate(StrEnum):
    """What becomes of a message that did not take effect."""

    LATER = "later"
    PARK = "parked"
    AWAY = "away"


def fate(error: BaseException) -> Fate:
    """LATER: something else may cure it. AWAY: a store or NATS does not answer, the message is not at fault.
    PARK: no later event can cure it.
    """
    if is_away(error):
        return Fate.AWAY
    if isinstance(error, NotYet | PyMongoError) or (isinstance(error, Refusal) and error.kind in _CURABLE):
        return Fate.LATER
    return Fate.PARK


@dataclasses.dataclass(slots=True)
class _Delivery:
    msg: Msg
    heard: Heard[Any]
    changes: list[Change]
    span: trace.Span | None


class Listener:
    """Hears the events of one service's stream, and what an operator replays from `parked` for it."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        stream: str,
        handlers: Mapping[type[Message], Handler],
        owner_journal: ReadJournal | None = None,
        *,
        db: AsyncDatabase[dict[str, Any]],
        before_batch: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._bus = bus
        self._before_batch = before_batch
        self._service = service
        self._stream = stream
        self._handlers = {cls.DESCRIPTOR.full_name: handler for cls, handler in handlers.items()}
        self._registry = {cls.DESCRIPTOR.full_name: cls for cls in handlers}
        self._owner_journal = owner_journal
        self._attempts = Attempts(db)
        self._stopping = asyncio.Event()
        self._pulls: list[Pull] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to hear, as soon as NATS and the consumers are there."""
        for consumer in (events_of(self._stream, self._service), replay_for(self._stream, self._service)):
            pull = Pull(self._bus, consumer)
            self._pulls.append(pull)
            self._tasks.append(asyncio.create_task(self._run(pull, f"listener {consumer.durable}")))

    async def stop(self) -> None:
        """Finishes the batch in hand, gives back the rest and unsubscribes."""
        self._stopping.set()
        for pull in self._pulls:
            pull.wake()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _run(self, pull: Pull, name: str) -> None:
        try:
            await lasting(name, partial(self._hear, pull), self._stopping)
        finally:
            for msg in await pull.close():
                await self._tell(msg.nak())

    async def _hear(self, pull: Pull) -> None:
        while not self._stopping.is_set():
            if batch := await pull.batch():
                await self._work(batch, pull)

    async def _work(self, batch: list[Msg], pull: Pull) -> None:
        """Brings every message of the batch to an end, whatever happens to it."""
        batch.sort(key=lambda msg: msg.metadata.sequence.stream)
        # Those that gathered meanwhile too: while a batch takes long they must not go to another replica as well.
        keeper = asyncio.create_task(self._keep_alive(lambda: [*batch, *pull.waiting]))
        _lag.record(time.time() - batch[0].metadata.timestamp.timestamp(), self._labels())
        try:
            await self._take_all(batch)
        except Exception:  # noqa: BLE001 - one bad batch must not end the listening
            # Nothing is acknowledged that did not take effect, so the rest simply comes again.
            _log.exception("batch not finished", listener=self._service, stream=self._stream)
            for msg in batch:
                await self._later(msg)
        finally:
            await end([keeper])

    async def _take_all(self, batch: list[Msg]) -> None:
        """Takes a batch to its effects together, but for those of which a run did not end: they run alone.

        Most of what is delivered often only came early. One that kills its worker puts the others under suspicion with
        it once; then each is counted by itself.
        """
        suspects = {self._key(msg): msg for msg in batch if msg.metadata.num_delivered >= SUSPECT_FROM}
        marked = await self._when_there(lambda: self._attempts.unfinished(list(suspects)))
        alone = [key for key in suspects if marked and key in marked]
        for key in alone:
            await self._guarded(key, suspects.pop(key))
        rest = [msg for msg in batch if self._key(msg) not in alone]
        counted = list(suspects)
        if marked is None or await self._when_there(lambda: self._attempts.begin_together(counted)) is None:
            for msg in rest:
                await self._later(msg)
        elif rest:
            await self._together(rest, counted)

    async def _guarded(self, key: str, msg: Msg) -> None:
        """Runs one message alone, counted beforehand, so that a crash is blamed on it and not on its neighbours."""
        begun = await self._when_there(lambda: self._attempts.begin(key))
        if begun is None:
            await self._later(msg)
        elif begun > Attempts.LIMIT:
            await self._park(msg, "WORKER_CRASHED", f"the worker died {begun - 1} times while it handled this message")
            await self._when_there(lambda: self._attempts.end([key]))
        else:
            await self._together([msg], [key])

    async def _together(self, batch: list[Msg], begun: Sequence[str] = ()) -> None:
        """Takes a batch to its effects in one go. begun: the runs that are counted, until the effects are there."""
        deliveries: list[_Delivery] = []
        unknown: list[Msg] = []
        results: list[Exception | None] | None = None
        if await self._when_there(self._prepare):
            deliveries, unknown = await self._taken(batch)
            results = await self._effects(deliveries)
        if begun:
            await self._when_there(lambda: self._attempts.end(begun))
        if results is None:
            for msg in batch:
                await self._later(msg)
            return
        crashpoint.reach("after-write-before-ack")
        for msg in unknown:
            await self._done(msg, "unknown")
        for delivery, result in zip(deliveries, results, strict=True):
            await give_way()
            await self._settle(delivery, result)

    async def _taken(self, batch: list[Msg]) -> tuple[list[_Delivery], list[Msg]]:
        """What the handlers make of the batch, and the messages of types that they do not know."""
        deliveries: list[_Delivery] = []
        unknown: list[Msg] = []
        for msg in batch:
            await give_way()
            try:
                deliveries.append(self._take(msg))
            except UnknownType:
                unknown.append(msg)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises is a reason to park
                await self._fail(msg, error)
        return deliveries, unknown

    async def _prepare(self) -> bool:
        """Lets the service read what its pure handlers look things up in."""
        if self._before_batch is not None:
            await self._before_batch()
        return True

    async def _settle(self, delivery: _Delivery, error: Exception | None) -> None:
        msg, span = delivery.msg, delivery.span
        if isinstance(error, NotYet) and msg.metadata.num_delivered >= _GAP_FROM:
            error = await self._fill_gap(delivery)
        if span is not None:
            if error is not None:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
            span.end()
        if error is None:
            await self._done(msg, "done")
        else:
            await self._fail(msg, error)

    def _take(self, msg: Msg) -> _Delivery:
        heard = decode(msg.headers, msg.data, self._registry, self._service)
        span = span_of(heard)
        parent = heard.traceparent if span is None else traceparent(span)
        try:
            changes = [dataclasses.replace(change, traceparent=parent) for change in self._handlers[heard.type](heard)]
        except Exception:
            if span is not None:
                span.set_status(trace.StatusCode.ERROR)
                span.end()
            raise
        return _Delivery(msg, heard, changes, span)

    async def _effects(self, deliveries: Sequence[_Delivery]) -> list[Exception | None] | None:
        """Writes the changes of all; per delivery, why it is not in effect, or None. None: the service stops."""
        try:
            return await self._when_there(lambda: self._change([delivery.changes for delivery in deliveries]))
        except Exception as error:  # noqa: BLE001 - `fate` judges it
            if len(deliveries) == 1:
                return [error]
        # One of them breaks the whole write: find out which, and let the others pass.
        alone = [await self._effects([delivery]) for delivery in deliveries]
        return [result[0] for result in alone if result] if all(alone) else None

    async def _change(self, groups: Sequence[Sequence[Change]]) -> list[Exception | None]:
        """Writes all changes at once; per group, why it is not wholly in effect, or None.

        Raises:
            Exception: a store is away; all of it may be tried again.
        """
        results = await change_many([change for group in groups for change in group])
        errors: list[Exception | None] = []
        start = 0
        for group in groups:
            part = [result for result in results[start : start + len(group)] if isinstance(result, Exception)]
            start += len(group)
            for error in part:
                if fate(error) is Fate.AWAY:
                    raise error
            # What parks weighs more than what waits: waiting does not cure it.
            part.sort(key=lambda error: fate(error) is not Fate.PARK)
            errors.append(part[0] if part else None)
        return errors

    async def _when_there(self, act: Callable[[], Awaitable[T]]) -> T | None:
        """Does it, waiting as long as a store is away; None when the service stops meanwhile."""
        tries = 0
        while True:
            try:
                return await act()
            except Exception as error:
                if fate(error) is not Fate.AWAY:
                    raise
                _log.warning("listener waits for a store", listener=self._service, error=str(error))
            if self._stopping.is_set():
                return None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BACKOFF_S[min(tries, len(_BACKOFF_S) - 1)]):
                    await self._stopping.wait()
            tries += 1

    async def _fill_gap(self, delivery: _Delivery) -> Exception | None:
        """Fetches what is missing before an early event from its owner's journal and applies all of it in order."""
        if self._owner_journal is None:
            return NotYet()
        resource, last = delivery.heard.resource, delivery.heard.sequence - 1
        try:
            after = 0
            while after < last and (entries := await self._owner_journal(resource, after)):
                after = entries[-1].sequence
                earlier = [entry for entry in entries if entry.sequence <= last and entry.type in self._registry]
                await self._change([self._changes_of(entry) for entry in earlier])
            _log.warning("gap filled from the owner's journal", listener=self._service, resource=resource, events=last)
            return (await self._change([delivery.changes]))[0]
        except Exception as error:  # noqa: BLE001 - whatever the owner's answer breaks, the event only waits on
            _log.warning("gap not filled", resource=resource, error=f"{type(error).__name__}: {error}")
            return NotYet()

    def _changes_of(self, entry: Entry) -> list[Change]:
        _, payload, headers = encode(entry)
        heard = decode(headers, payload, self._registry, self._service)
        return list(self._handlers[heard.type](heard))

    async def _fail(self, msg: Msg, error: Exception) -> None:
        if fate(error) is not Fate.PARK:
            await self._later(msg)
        elif isinstance(error, Refusal):
            await self._park(msg, error.reason, error.message)
        elif isinstance(error, BadEnvelope):
            await self._park(msg, "BAD_ENVELOPE", str(error))
        else:
            _log.error("handler failed", listener=self._service, subject=msg.subject, exc_info=error)
            await self._park(msg, "HANDLER_FAILED", f"{type(error).__name__}: {error}")

    async def _park(self, msg: Msg, reason: str, text: str) -> None:
        """Keeps the evidence first, then ends the deliveries; the other order could lose it."""
        try:
            await park(self._bus, self._service, msg, reason, text)
        except (NatsError, OSError, TimeoutError) as error:
            _log.warning("not parked yet", listener=self._service, subject=msg.subject, error=str(error))
            return await self._later(msg)
        _log.error("message parked", listener=self._service, subject=msg.subject, reason=reason, text=text)
        self._count("parked")
        await self._tell(msg.term())
        return None

    async def _done(self, msg: Msg, outcome: str) -> None:
        self._count(outcome)
        await self._tell(msg.ack())

    async def _later(self, msg: Msg) -> None:
        if not msg.is_acked:
            self._count("later")
            await self._tell(msg.nak(_LATER_S if msg.metadata.num_delivered < _GAP_FROM else 5 * _LATER_S))

    async def _tell(self, saying: Awaitable[None]) -> None:
        # An answer that does not arrive means one delivery more, which the cause absorbs.
        with contextlib.suppress(NatsError, OSError):
            await saying

    async def _keep_alive(self, held: Callable[[], Iterable[Msg]]) -> None:
        while True:
            await asyncio.sleep(_IN_PROGRESS_S)
            for msg in list(held()):
                if not msg.is_acked and self._bus.connected:
                    await self._tell(msg.in_progress())

    def _key(self, msg: Msg) -> str:
        return f"{self._service}/{msg.metadata.stream}/{msg.metadata.sequence.stream}"

    def _labels(self) -> dict[str, str]:
        return {"listener": self._service, "stream": self._stream}

    def _count(self, outcome: str) -> None:
        _handled.add(1, {**self._labels(), "outcome": outcome})
