"""Where the tests stand: people who call the service, and the events of tickets as their service would publish them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.sla.v1 import sla_pb2
from throughline.sla.v1 import sla_service_pb2 as pb
from throughline.sla.v1.sla_service_pb2_grpc import SlaServiceStub
from throughline.tickets.v1 import events_pb2, ticket_pb2

from services.runtime.actor import Actor
from services.runtime.bus import Bus
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys
from services.runtime.journal import Entry
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime

ROOT = Actor("people/root", frozenset({"administrator"}))
LI = Actor("people/li-na", frozenset({"requester"}), unit="cn/east")
EVE = Actor("people/eve", frozenset({"requester"}), unit="cn/east")
BEN = Actor("people/ben", frozenset({"agent"}), unit="cn/east")
WEI = Actor("people/wei", frozenset({"agent"}), unit="cn/west")
OPEN = ticket_pb2.TICKET_STATE_NEW
WORK = ticket_pb2.TICKET_STATE_IN_PROGRESS
ASKED = ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
HELD = ticket_pb2.TICKET_STATE_ON_HOLD
DONE = ticket_pb2.TICKET_STATE_RESOLVED
SHUT = ticket_pb2.TICKET_STATE_CLOSED
RESPONSE, RESOLUTION = sla_pb2.CLOCK_KIND_RESPONSE, sla_pb2.CLOCK_KIND_RESOLUTION


def stamp(at: datetime) -> Timestamp:
    """An instant as a message."""
    message = Timestamp()
    message.FromDatetime(at)
    return message


def instant(message: Timestamp) -> datetime:
    """A message as an instant."""
    return message.ToDatetime(tzinfo=UTC)


def seconds(count: float) -> Duration:
    """A duration as a message."""
    message = Duration()
    message.FromTimedelta(timedelta(seconds=count))
    return message


def now() -> datetime:
    """This instant, in milliseconds."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Desk:
    """Calls one replica of the service as somebody."""

    def __init__(self, run: Runtime, keys_dir: Path) -> None:
        self._keys = Keys(keys_dir, "portal")
        self.run = run
        self.channel = channel(f"127.0.0.1:{run.port}", "sla", self._keys)
        self._stub = SlaServiceStub(self.channel)

    def sign(self, actor: Actor) -> str:
        """The portal's word that the actor calls."""
        return self._keys.sign_person(actor)

    async def ask(self, actor: Actor, method: str, **fields: Any) -> Any:
        """Calls a method as the actor; a request_id is made up unless one is given."""
        request = getattr(pb, f"{method}Request")(**fields)
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = str(uuid.uuid4())
        with acting(self.sign(actor)):
            return await getattr(self._stub, method)(request, timeout=9)

    async def refused(self, actor: Actor, method: str, **fields: Any) -> Refusal:
        """Calls a method that must be refused; why it was."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(actor, method, **fields)
        return refusal_of(caught.value)

    async def clocks(self, ticket: str, until: Callable[[Any], bool] = bool, *, actor: Actor = BEN) -> Any:
        """The clocks of a ticket as soon as they are as wanted; fails after half a minute, showing them."""
        found: Any = None
        for _ in range(1200):
            try:
                found = await self.ask(actor, "GetTicketClocks", ticket=ticket)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
            if found is not None and until(found):
                return found
            await asyncio.sleep(0.025)
        raise AssertionError(f"not as wanted: {found}")

    async def calendar(self, name: str, zone: str = "Asia/Shanghai", *hours: tuple[str, str], **fields: Any) -> Any:
        """Publishes a calendar with the same hours Monday to Friday; around the clock every day when none are given."""
        days = range(1, 6) if hours else range(1, 8)
        spans = [sla_pb2.Segment(start=start, end=end) for start, end in hours or (("00:00", "24:00"),)]
        calendar = sla_pb2.Calendar(
            name=f"calendars/{name}",
            time_zone=zone,
            weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=spans) for day in days],
            **fields,
        )
        return await self.ask(ROOT, "PublishCalendar", calendar=calendar)

    async def policy(self, name: str, calendar: str, *targets: sla_pb2.Target, order: int = 10, **match: Any) -> Any:
        """Publishes a policy."""
        policy = sla_pb2.Policy(
            name=f"policies/{name}",
            order=order,
            calendar=f"calendars/{calendar}",
            match=sla_pb2.PolicyMatch(**match),
            targets=targets,
        )
        return await self.ask(ROOT, "PublishPolicy", policy=policy)


@dataclass
class Paper:
    """A ticket as its own service would publish it, event by event; `bus` is that service's connection."""

    bus: Bus
    number: str
    ticket: ticket_pb2.Ticket = field(default_factory=ticket_pb2.Ticket)
    told: list[Entry] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"tickets/{self.number}"

    def opened(self, at: datetime, **fields: Any) -> Entry:
        """The first event."""
        given = {
            "type": ticket_pb2.TICKET_TYPE_INCIDENT,
            "state": OPEN,
            "priority": 3,
            "requester": LI.sub,
            "unit": "cn/east",
            "team": "teams/desk",
            **fields,
        }
        self.ticket = ticket_pb2.Ticket(name=self.name, open_time=stamp(at), **given)
        return self.event(events_pb2.TicketOpened, at)

    def event(self, kind: type[Message], at: datetime, **changes: Any) -> Entry:
        """The next event, after these fields of the ticket have changed."""
        for name, value in changes.items():
            if isinstance(value, Message):
                getattr(self.ticket, name).CopyFrom(value)
            else:
                setattr(self.ticket, name, value)
        number = len(self.told) + 1
        self.ticket.etag = f'"{number}"'
        message = kind(ticket=self.ticket)
        entry = Entry(
            id=f"{self.name}/{number}/0~1",
            resource=self.name,
            version=number,
            n=0,
            sequence=number,
            type=message.DESCRIPTOR.full_name,
            cause=str(uuid.uuid4()),
            actor=LI.sub,
            behalf="",
            time=at,
            recorded_at=at,
            traceparent="",
            data=message.SerializeToString(deterministic=True),
            salt=b"",
            digest=b"",
            prev=b"",
            hash=b"",
        )
        self.told.append(entry)
        return entry

    async def tell(self, *entries: Entry) -> None:
        """Publishes events (all so far when none is given), in the order given."""
        for answer in await self.bus.publish(entries or self.told):
            assert not isinstance(answer, Exception), answer

    def moved(self, kind: str, at: datetime, state: Any, **changes: Any) -> Entry:
        """The next event by its short name, in another state."""
        return self.event(getattr(events_pb2, kind), at, state=state, **changes)


def clock_of(clocks: Any, kind: Any) -> Any:
    """The one clock of a kind."""
    return next(one for one in clocks.clocks if one.kind == kind)


async def entries_of(run: Runtime, ticket: str, *kinds: str) -> list[Entry]:
    """What sla's journal holds of a ticket's clocks: the published events of these short names, oldest first."""
    name = f"clocks/{ticket.partition('/')[2]}"
    for _ in range(400):
        if not await run.db["clocks"].count_documents({"_id": name, "outbox.0": {"$exists": True}}):
            break
        await asyncio.sleep(0.025)
    found = run.db["journal"].find({"resource": name, "type": {"$exists": True}})
    entries = [Entry.from_document(one) async for one in found.sort([("version", 1), ("n", 1)])]
    return [one for one in entries if not kinds or one.type.rpartition(".")[2] in kinds]
