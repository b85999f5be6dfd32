"""What all methods share: the parts they work with, and the one way to change or read a ticket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from throughline.tickets.v1 import ticket_pb2

from services.runtime.actor import Actor
from services.runtime.door import Call, caller
from services.runtime.numbers import Numbers
from services.runtime.records import Record, Records
from services.tickets.rules import access
from services.tickets.rules.events import Decided
from services.tickets.rules.ticket import Ticket, Type
from services.tickets.store.attachments import Parts
from services.tickets.store.histories import Histories
from services.tickets.store.matrix import Matrices
from services.tickets.wire.ticket import ticket_for

Verb = Callable[[Ticket, Actor, datetime], Decided]


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything of this service is kept.

    closes_after: how long a resolved ticket waits before it closes by itself; None is for ever.
    """

    tickets: Records[Ticket]
    matrices: Matrices
    numbers: Mapping[Type, Numbers]
    parts: Parts
    histories: Histories
    closes_after: timedelta | None = None


class Desk:
    """The shared part of the servicer."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores

    async def _decide(self, request: Any, verb: Verb) -> ticket_pb2.Ticket:
        """One decision on the ticket that the request names; replies with the ticket after it."""
        call = caller()
        etag: str = getattr(request, "etag", "")
        if etag:
            # Whoever may not see it must not learn from a wrong etag that it is there.
            await self._seen(request.name, call)

        def decide(ticket: Ticket) -> Decided:
            access.require_sight(call.actor, ticket, request.name)
            return verb(ticket, call.actor, call.now)

        record = await self.stores.tickets.change(request.name, call.cause(request), decide, etag=etag)
        return reply(call, record)

    async def _seen(self, name: str, call: Call) -> Record[Ticket]:
        """The ticket, if the caller may see it."""
        record = await self.stores.tickets.get(name)
        access.require_sight(call.actor, record.state, name)
        return record


def reply(call: Call, record: Record[Ticket]) -> ticket_pb2.Ticket:
    """The ticket as the caller may see it."""
    return ticket_for(call.actor, record.name, record.etag, record.state)
