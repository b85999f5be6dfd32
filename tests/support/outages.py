"""The OTLP door and the watch of outages on a real MongoDB, driven in event time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import grpc
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.availability import SLICE
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.outage_record import Outage, State
from services.metrics.spans import TraceDoor, add_to_server
from services.metrics.store.facts import FACTS
from services.metrics.store.outages import OUTAGES
from services.metrics.store.promises import BUSINESS_SERVICES, PromiseBook
from services.metrics.store.spans import Spans
from services.metrics.store.votes import Votes
from services.metrics.store.watch import Watch
from services.runtime.identity import Keys
from services.runtime.run import Runtime

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOOK_EVERY = timedelta(seconds=30)


@dataclass
class Stand:
    """Exports go in through gRPC at their own time; the watch looks as that time passes."""

    run: Runtime
    watch: Watch
    spans: Spans
    export: Any
    at: datetime

    async def play(self, exports: Sequence[tuple[datetime, bytes]], until: datetime) -> None:
        """Sends what arrives, looks every half minute, and ends with a look at `until`."""
        look = exports[0][0] + LOOK_EVERY
        for arrives, together in groupby(exports, key=itemgetter(0)):
            while arrives >= look:
                self.at = look
                await self.watch.look(look)
                look += LOOK_EVERY
            self.at = arrives
            await asyncio.gather(*(self.export(request, timeout=30) for _, request in together))
        while look <= until:
            self.at = look
            await self.watch.look(look)
            look += LOOK_EVERY

    async def outages(self, start: datetime, end: datetime, *, retracted: bool = False) -> list[Outage]:
        """The outages that touch a period."""
        first, last = slice_of(start), slice_of(end)
        where = {"state.first": {"$lt": last}, "state.last": {"$gte": first}}
        found = [OUTAGES.decode(one["state"]) async for one in self.run.db["outages"].find(where).sort("_id", 1)]
        return [one for one in found if retracted or one.state is not State.RETRACTED]


def slice_of(at: datetime) -> int:
    """The slice of ten seconds in which an instant lies, counted from 1970."""
    return (at - EPOCH) // SLICE


async def stand(run: Runtime, keys: Keys, start: datetime) -> tuple[Stand, grpc.aio.Server, grpc.aio.Channel]:
    """A door of its own with the stand's clock, and the watch of `run`'s database."""
    db: AsyncDatabase[dict[str, Any]] = run.db
    outages, services, facts = run.records(OUTAGES), run.records(BUSINESS_SERVICES), run.records(FACTS)
    spans = Spans(db)
    await spans.ensure_indexes()
    await Votes(db).ensure_indexes()
    await outages.ensure_indexes()
    watch = Watch(db, outages, facts, PromiseBook(services))
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 16 << 20)])
    made: list[Stand] = []
    door = TraceDoor(spans, keys, clock=lambda: made[0].at)
    add_to_server(door, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
    found = Stand(run, watch, spans, channel.unary_unary(METHOD), start)
    made.append(found)
    return found, server, channel
