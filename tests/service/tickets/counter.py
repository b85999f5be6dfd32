"""Where people of the tests come with their tickets: calls as one of them, and refusals as they meet them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import pytest
from google.protobuf.message import Message
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub

from services.runtime.actor import Actor
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime

MAX_REPLY = 16 * 1024 * 1024


def person(name: str, *roles: str, unit: str = "cn/east") -> Actor:
    """Somebody signed in."""
    return Actor(f"people/{name}", frozenset(roles), frozenset(), unit)


ANN = person("ann", "requester")
EVE = person("eve", "requester")
BEN = person("ben", "agent")
WEI = person("wei", "agent", unit="cn/west")
ROOT = person("root", "administrator", unit="")
OLA = person("ola", "operator", unit="")

_REQUESTS: Mapping[str, Callable[..., Message]] = {
    method: getattr(pb, f"{method}Request")
    for method in (one.name for one in pb.DESCRIPTOR.services_by_name["TicketsService"].methods)
}


class Counter:
    """A client of the service; `at(actor)` says who calls."""

    run: Runtime

    def __init__(self, port: int, keys_dir: Path) -> None:
        self._keys = Keys(keys_dir, "portal")
        self.channel = channel(f"127.0.0.1:{port}", "tickets", self._keys, max_receive_bytes=MAX_REPLY)
        self._stub = TicketsServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.channel.close()

    async def ask(self, actor: Actor, method: str, **fields: Any) -> Any:
        """Calls a method as the actor; a request_id is made up unless one is given."""
        request = _REQUESTS[method]()
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            fields.setdefault("request_id", str(uuid.uuid4()))
        with acting(self._keys.sign_person(actor)):
            return await getattr(self._stub, method)(_REQUESTS[method](**fields), timeout=9)

    async def refused(self, actor: Actor, method: str, **fields: Any) -> Refusal:
        """Calls a method that must be refused; why it was."""
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.ask(actor, method, **fields)
        return refusal_of(caught.value)

    async def filed(self, actor: Actor = ANN, **fields: Any) -> Any:
        """A new incident."""
        given = {"type": ticket_pb2.TICKET_TYPE_INCIDENT, "title": "打印机 offline", **fields}
        return await self.ask(actor, "CreateTicket", **given)
