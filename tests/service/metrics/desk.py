"""Where the tests of metrics tell of tickets, as the streams of tickets and sla would, and ask for numbers."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from nats.js.errors import NotFoundError
from throughline.changes.v1 import change_pb2
from throughline.changes.v1 import events_pb2 as change_events
from throughline.metrics.v1 import board_pb2, comparisons_service_pb2
from throughline.metrics.v1 import metrics_service_pb2 as pb
from throughline.metrics.v1.comparisons_service_pb2_grpc import ComparisonsServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.sla.v1 import events_pb2 as sla_events
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import interval_pb2

from services.metrics.wire.instants import timestamp
from services.runtime.actor import Actor
from services.runtime.binding import MESSAGE_ID, encode
from services.runtime.bus import Bus
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys
from services.runtime.journal import Entry
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime
from tests.service.runtime.probe import until

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def person(name: str, *roles: str, unit: str = "") -> Actor:
    """Somebody signed in."""
    return Actor(f"people/{name}", frozenset(roles), frozenset(), unit)


ROOT = person("root", "administrator")
EAST = person("eli", "lead", unit="cn/east")
ANN = person("ann", "requester")


def at(hours: float) -> datetime:
    """So many hours after a Monday long ago."""
    return MONDAY + timedelta(hours=hours)


def between(start: float | None = None, end: float | None = None) -> interval_pb2.Interval:
    """A period by hours after the Monday."""
    ends = (None if one is None else timestamp(at(one)) for one in (start, end))
    return interval_pb2.Interval(start_time=next(ends), end_time=next(ends))


class Story:
    """The events of one ticket and of its clocks, numbered as their owners would."""

    def __init__(self, number: int, **fields: Any) -> None:
        self.name = f"tickets/INC-{number:06d}"
        self.clocks = f"clocks/INC-{number:06d}"
        self._ticket = 0
        self._clock = 0
        given = {
            "type": ticket_pb2.TICKET_TYPE_INCIDENT,
            "title": f"Printer {number} offline",
            "requester": "people/ann",
            "unit": "cn/east",
            "priority": 3,
            "impact": 2,
            "urgency": 2,
            "channel": ticket_pb2.CHANNEL_PORTAL,
        }
        self.ticket = ticket_pb2.Ticket(name=self.name, state=ticket_pb2.TICKET_STATE_NEW, **{**given, **fields})

    def tell(self, kind: str, hours: float, *, actor: str = "people/ben", extra: Any = None, **fields: Any) -> Entry:
        """The next event of the ticket, which changes these fields of it."""
        if kind == "TicketOpened":
            self.ticket.open_time.CopyFrom(stamp(hours))
        self.ticket.update_time.CopyFrom(stamp(hours))
        if kind == "TicketReopened":
            self.ticket.reopens += 1
            self.ticket.ClearField("resolve_time")
            self.ticket.ClearField("close_time")
        elif kind in ("TicketResolved", "TicketClosed"):
            mark = self.ticket.resolve_time if kind == "TicketResolved" else self.ticket.close_time
            mark.CopyFrom(stamp(hours))
        for name, value in fields.items():
            setattr(self.ticket, name, value)
        self._ticket += 1
        message = getattr(ticket_events, kind)(ticket=self.ticket, **(extra or {}))
        return entry(self.name, self._ticket, message, at(hours), actor)

    def tell_clocks(self, kind: str, hours: float, *clocks: sla_pb2.Clock) -> Entry:
        """The next event of its clocks."""
        self._clock += 1
        all_of_them = sla_pb2.TicketClocks(name=self.clocks, ticket=self.name, clocks=clocks)
        message = getattr(sla_events, kind)(clocks=all_of_them)
        return entry(self.clocks, self._clock, message, at(hours), "system/sla")

    def resolved(self, opened: float, hours: float, team: str = "teams/a") -> list[Entry]:
        """Opened, given to a team and person, started, resolved after so many hours."""
        resolved = ticket_pb2.TICKET_STATE_RESOLVED
        return [*self.started(opened, team), self.tell("TicketResolved", opened + hours, state=resolved)]

    def started(self, opened: float, team: str = "teams/a") -> list[Entry]:
        """Opened, given to a team and person, started."""
        return [
            self.tell("TicketOpened", opened),
            self.tell("TicketAssigned", opened + 0.1, team=team, assignee="people/ben"),
            self.tell("TicketStarted", opened + 0.2, state=ticket_pb2.TICKET_STATE_IN_PROGRESS),
        ]


class Plan:
    """The events of one change."""

    def __init__(self, number: int, **fields: Any) -> None:
        self.name = f"changes/CHG-{number:06d}"
        given = {"type": change_pb2.CHANGE_TYPE_NORMAL, "services": ["services/print"], "unit": "cn/east"}
        self.change = change_pb2.Change(name=self.name, **{**given, **fields})
        self._told = 0

    def tell(self, kind: str, hours: float, state: Any) -> Entry:
        """The next event of the change, which brings it into a state."""
        if kind == "ChangeDrafted":
            self.change.create_time.CopyFrom(stamp(hours))
        elif kind in ("ChangeSucceeded", "ChangeFailed", "ChangeRolledBack"):
            self.change.finish_time.CopyFrom(stamp(hours))
        self.change.state = state
        self._told += 1
        message = getattr(change_events, kind)(change=self.change)
        return entry(self.name, self._told, message, at(hours), "people/ben")


def entry(resource: str, sequence: int, message: Message, when: datetime, actor: str) -> Entry:
    """What the owner's journal holds of an event."""
    return Entry(
        id=f"{resource}/{sequence}/0~1", resource=resource, version=sequence, n=0, sequence=sequence,
        type=message.DESCRIPTOR.full_name, cause=f"{actor}/{sequence}", actor=actor, behalf="", time=when,
        recorded_at=when, traceparent="", data=message.SerializeToString(deterministic=True), salt=b"salt",
        digest=b"d" * 32, prev=b"", hash=b"h" * 32,
    )  # fmt: skip


_REQUESTS: Mapping[str, Callable[..., Message]] = {
    method.name: getattr(board_pb2 if method.name == "GetBoard" else pb, f"{method.name}Request")
    for method in pb.DESCRIPTOR.services_by_name["MetricsService"].methods
} | {
    method.name: getattr(comparisons_service_pb2, f"{method.name}Request")
    for method in comparisons_service_pb2.DESCRIPTOR.services_by_name["ComparisonsService"].methods
}


class Desk:
    """The service with its two sources of events."""

    def __init__(self, run: Runtime, keys_dir: Path, nats_url: str) -> None:
        self.run = run
        self._keys = Keys(keys_dir, "portal")
        self._channel = channel(f"127.0.0.1:{run.port}", "metrics", self._keys, max_receive_bytes=16 * 1024 * 1024)
        self._stub = MetricsServiceStub(self._channel)
        self._comparisons = ComparisonsServiceStub(self._channel)
        self._nats_url = nats_url
        self._again = itertools.count()

    async def __aenter__(self) -> Self:
        self._buses = {
            name: await Bus.connect(self._nats_url, name, manage=True) for name in ("tickets", "sla", "changes")
        }
        for bus in self._buses.values():
            assert await bus.ready(10)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()
        for bus in self._buses.values():
            await bus.close()

    async def publish(self, *entries: Entry) -> None:
        """Tells the events, those of each stream in this order."""
        for stream, bus in self._buses.items():
            told = [one for one in entries if one.type.split(".")[1] == stream]
            failed = [answer for answer in await bus.publish(told) if isinstance(answer, Exception)]
            assert not failed, failed[0]

    async def publish_again(self, one: Entry) -> None:
        """The same event as another message, as after a loss of the stream's memory of ids."""
        subject, payload, headers = encode(one)
        headers[MESSAGE_ID] = f"{one.id}/again/{next(self._again)}"
        await self._buses[one.type.split(".")[1]].client.jetstream().publish(subject, payload, headers=headers)

    async def heard(self, seconds: float = 60.0) -> None:
        """Waits until every event told so far is acknowledged."""
        for stream, bus in self._buses.items():
            await until(partial(_is_quiet, bus, stream), seconds)

    async def rolled(self, seconds: float = 60.0) -> None:
        """Waits until the cells hold every fact."""
        await until(self._is_rolled, seconds)

    async def _is_rolled(self) -> bool:
        return not await self.run.db["facts"].count_documents({"state.stale": {"$gte": 0}}, limit=1)

    async def ask(self, actor: Actor, method: str, **fields: Any) -> Any:
        """Calls a method as the actor."""
        request = _REQUESTS[method]
        if "request_id" in request.DESCRIPTOR.fields_by_name:  # type: ignore[attr-defined]  # every request has it
            fields.setdefault("request_id", str(uuid.uuid4()))
        with acting(self._keys.sign_person(actor)):
            stub = self._stub if hasattr(self._stub, method) else self._comparisons
            return await getattr(stub, method)(request(**fields), timeout=9)

    async def refused(self, actor: Actor, method: str, **fields: Any) -> Refusal:
        """Calls a method that must be refused; why it was."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(actor, method, **fields)
        return refusal_of(caught.value)

    async def values(self, actor: Actor = ROOT, **fields: Any) -> dict[str, Any]:
        """The registry's values by metric name."""
        found = await self.ask(actor, "ListValues", **{"period": between(), **fields})
        return {one.metric: one for one in found.values}


async def _is_quiet(bus: Bus, stream: str) -> bool:
    try:
        info = await bus.client.jetstream().consumer_info(stream, "metrics")
    except NotFoundError:
        return False
    return bool(info.num_pending == 0 and info.num_ack_pending == 0)


def stamp(hours: float) -> Timestamp:
    """The message of an instant."""
    return timestamp(at(hours)) or Timestamp()


def clock(kind: Any, state: Any, start: float, **moments: Any) -> sla_pb2.Clock:
    """A clock as sla tells it; moments in hours, as stop_time=7."""
    made = sla_pb2.Clock(kind=kind, state=state, start_time=timestamp(at(start)))
    for name, value in moments.items():
        if name == "elapsed":
            made.elapsed.seconds = value
        else:
            getattr(made, name).CopyFrom(stamp(value))
    return made
