"""Says to the ticket service what outages have to say: their incident is filed once, and noted when they end.

What is to be said is in the outage itself, so whoever dies between two steps leaves it to the next look of any replica;
the request ids make a second saying have no second effect.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any

import grpc
import structlog
from throughline.tickets.v1 import tickets_service_pb2_grpc

from services.metrics.rules import outage_record
from services.metrics.rules.outage_record import Outage
from services.metrics.store.outages import waiting
from services.metrics.wire.outage_incident import incident_request, note_request
from services.runtime.actor import system
from services.runtime.away import is_away
from services.runtime.client import acting, refusal_of
from services.runtime.door import now
from services.runtime.records import Cause, Record, Records
from services.runtime.refusal import Kind

EVERY_SECONDS = 2.0
_AT_ONCE = 200
# A refusal is shown in the log, and asked about again only now and then: an operator may cure it.
_SECONDS_AFTER_REFUSAL = 60.0
_AWAY = (Kind.UNAVAILABLE, Kind.EXHAUSTED)

_log = structlog.get_logger(__name__)


class Incidents:
    """Carries out what outages have decided to say."""

    def __init__(self, outages: Records[Outage], channel: grpc.aio.Channel) -> None:
        self._outages = outages
        self._tickets: Any = tickets_service_pb2_grpc.TicketsServiceStub(channel)
        self._later: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Looks every few seconds, until the service stops."""
        while not stop.is_set():
            try:
                await self.look()
            except Exception as error:
                if not is_away(error):
                    raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()

    async def look(self) -> None:
        """Says all that is still to be said; what the ticket service cannot take now waits."""
        clock = asyncio.get_running_loop().time
        for record in await waiting(self._outages, _AT_ONCE):
            if self._later.get(record.name, 0.0) > clock():
                continue
            try:
                with acting(""):
                    await self._say(record)
            except grpc.aio.AioRpcError as error:
                refusal = refusal_of(error)
                _log.warning("incident of an outage waits", outage=record.name, reason=refusal.reason)
                if refusal.kind in _AWAY:
                    return
                self._later[record.name] = clock() + _SECONDS_AFTER_REFUSAL
            else:
                self._later.pop(record.name, None)

    async def _say(self, record: Record[Outage]) -> None:
        name, filing = record.name, record.state.filing
        if filing is None:
            return
        ticket = filing.ticket
        if not ticket:
            ticket = (await self._tickets.CreateTicket(incident_request(name, filing))).name
            await self._outages.change(name, _cause(name, "filed"), partial(outage_record.filed, ticket=ticket))
        for place in range(filing.noted, len(filing.notes)):
            await self._tickets.AddComment(note_request(name, filing, ticket, place))
            decide = partial(outage_record.noted, count=place + 1)
            await self._outages.change(name, _cause(name, f"noted/{place}"), decide)


def _cause(outage: str, step: str) -> Cause:
    return Cause(f"incident/{outage}/{step}", system("metrics"), now())
