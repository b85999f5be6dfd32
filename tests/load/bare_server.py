"""A gRPC server with nothing around it: an echo, one journalled write, a transaction of two documents, spans thrown
away. What the services' own calls are held against.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from pymongo import AsyncMongoClient, WriteConcern
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

ECHO = "/floor.Floor/Echo"
CREATE = "/floor.Floor/Create"
CREATE_IN_TRANSACTION = "/floor.Floor/CreateInTransaction"
_EXPORT = "opentelemetry.proto.collector.trace.v1.TraceService"


class Floor:
    """What the methods do. uri: of a replica set, "" when only the echo is wanted."""

    def __init__(self, uri: str) -> None:
        self._count = 0
        if uri:
            self._client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(uri, maxPoolSize=64)
            name = f"floor_{uuid.uuid4().hex[:8]}"
            self._db = self._client.get_database(name, write_concern=WriteConcern("majority", j=True))

    async def prepare(self) -> None:
        """Makes the collections: transactions that would do it themselves conflict."""
        for name in ("tickets", "events"):
            await self._db.create_collection(name)

    async def echo(self, request: bytes, _context: Any) -> bytes:
        """The same bytes back."""
        return request

    async def create(self, request: pb.CreateTicketRequest, _context: Any) -> ticket_pb2.Ticket:
        """One document, its event in it, acknowledged by the majority's journal."""
        document, event = self._filed(request)
        await self._db.tickets.insert_one({**document, "outbox": [event]})
        return _answer(document)

    async def create_in_transaction(self, request: pb.CreateTicketRequest, _context: Any) -> ticket_pb2.Ticket:
        """The document and its event as two documents of one transaction."""
        document, event = self._filed(request)
        async with self._client.start_session() as session:  # noqa: SIM117 - the second needs the first
            async with await session.start_transaction(write_concern=self._db.write_concern):
                await self._db.tickets.insert_one(document, session=session)
                await self._db.events.insert_one(event, session=session)
        return _answer(document)

    async def discard(self, _request: bytes, _context: Any) -> bytes:
        """An OTLP receiver that keeps nothing."""
        return b""

    def _filed(self, request: pb.CreateTicketRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        self._count += 1
        name, now = f"tickets/INC-{self._count:06}", time.time()
        document = {
            "_id": name,
            "version": 1,
            "title": request.title,
            "description": request.description,
            "requester": request.requester,
            "impact": request.impact,
            "urgency": request.urgency,
            "state": "NEW",
            "opened_at": now,
            "updated_at": now,
        }
        event = {
            "_id": uuid.uuid4().hex,
            "type": "TicketOpened",
            "resource": name,
            "time": now,
            "data": request.SerializeToString(),
        }
        return document, event


def _answer(document: Mapping[str, Any]) -> ticket_pb2.Ticket:
    return ticket_pb2.Ticket(
        name=document["_id"],
        etag='"1"',
        title=document["title"],
        description=document["description"],
        requester=document["requester"],
    )


def _writes(method: Callable[..., Any]) -> grpc.RpcMethodHandler[Any, Any]:
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=pb.CreateTicketRequest.FromString,
        response_serializer=ticket_pb2.Ticket.SerializeToString,
    )


async def main(port: str, uri: str) -> None:
    """Serves until it is killed."""
    floor = Floor(uri)
    if uri:
        await floor.prepare()
    server = grpc.aio.server()
    methods: dict[str, Any] = {
        "Echo": grpc.unary_unary_rpc_method_handler(floor.echo),
        "Create": _writes(floor.create),
        "CreateInTransaction": _writes(floor.create_in_transaction),
    }
    export: dict[str, Any] = {"Export": grpc.unary_unary_rpc_method_handler(floor.discard)}
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("floor.Floor", methods),
            grpc.method_handlers_generic_handler(_EXPORT, export),
        )
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
