"""A made-up service for tests of the call path: it echoes, refuses, fails, dawdles and counts; also as a process."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from buf.validate import validate_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.message import Message
from pymongo.errors import PyMongoError

from services.runtime import identity
from services.runtime.actor import Actor
from services.runtime.client import acting, channel
from services.runtime.door import caller
from services.runtime.identity import Keys
from services.runtime.records import Kind, Records, Stamp
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime
from services.runtime.settings import Settings

PACKAGE = "throughline.echo.v1"
SERVICE = f"{PACKAGE}.EchoService"
ANN = Actor("people/ann", frozenset({"agent"}), frozenset({"teams/network"}), "emea")
METHODS = ("Echo", "Refuse", "Fail", "Sleep", "Count", "Pass")


def _messages() -> dict[str, type[Message]]:
    file = descriptor_pb2.FileDescriptorProto(name="throughline/echo/v1/echo.proto", package=PACKAGE)
    file.syntax = "proto3"
    file.dependency.append("buf/validate/validate.proto")
    line = file.message_type.add(name="Line")
    line.field.add(name="amount", number=1, type=FieldDescriptorProto.TYPE_STRING, label=1)
    request = file.message_type.add(name="EchoRequest")
    request.field.add(name="request_id", number=1, type=FieldDescriptorProto.TYPE_STRING, label=1)
    request.field.add(name="text", number=2, type=FieldDescriptorProto.TYPE_STRING, label=1)
    request.field.add(name="seconds", number=3, type=FieldDescriptorProto.TYPE_DOUBLE, label=1)
    request.field.add(
        name="lines", number=4, type=FieldDescriptorProto.TYPE_MESSAGE, type_name=f".{PACKAGE}.Line", label=3
    )
    answer = file.message_type.add(name="EchoResponse")
    answer.field.add(name="text", number=1, type=FieldDescriptorProto.TYPE_STRING, label=1)
    answer.field.add(name="sub", number=2, type=FieldDescriptorProto.TYPE_STRING, label=1)
    answer.field.add(name="number", number=3, type=FieldDescriptorProto.TYPE_INT64, label=1)
    counted = file.message_type.add(name="Counted")
    counted.field.add(name="number", number=1, type=FieldDescriptorProto.TYPE_INT64, label=1)
    request.field[1].options.Extensions[validate_pb2.field].string.max_len = 10
    line.field[0].options.Extensions[validate_pb2.field].string.min_len = 1
    pool = descriptor_pool.Default()
    pool.Add(file)
    names = ("EchoRequest", "EchoResponse", "Line", "Counted")
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names}


_MESSAGES = _messages()
EchoRequest: Any = _MESSAGES["EchoRequest"]
EchoResponse: Any = _MESSAGES["EchoResponse"]
Line: Any = _MESSAGES["Line"]
Counted: Any = _MESSAGES["Counted"]


@dataclass(frozen=True)
class Counter:
    """What the service keeps: one number."""

    number: int = 0


def _encode(counter: Counter) -> dict[str, Any]:
    return {"number": counter.number}


def _decode(document: Mapping[str, Any]) -> Counter:
    return Counter(document["number"])


def _message(event: Counter, _stamp: Stamp) -> Message:
    told: Message = Counted(number=event.number)
    return told


COUNTERS: Kind[Counter] = Kind(collection="counters", encode=_encode, decode=_decode, message=_message)


class EchoServicer:
    """The methods, by name."""

    def __init__(self, counters: Records[Counter] | None = None, onward: grpc.aio.Channel | None = None) -> None:
        self._counters = counters
        self._onward = onward

    async def Echo(self, request: Any, context: Any) -> Any:
        return EchoResponse(text=request.text, sub=caller().actor.sub)

    async def Refuse(self, request: Any, context: Any) -> Any:
        refusals = {
            "invalid": Refusal.invalid("text", "TEXT_WRONG", "The text is wrong; write another."),
            "pre": Refusal.precondition("NOT_OPEN", "It is closed; open it first.", "text"),
            "absent": Refusal.not_found("tickets/INC-1"),
            "conflict": Refusal.conflict("ETAG_MISMATCH", "Somebody changed it; read it again."),
        }
        raise refusals[request.text]

    async def Fail(self, request: Any, context: Any) -> Any:
        if request.text == "store":
            raise PyMongoError("not the connection")
        raise RuntimeError("secret detail")

    async def Sleep(self, request: Any, context: Any) -> Any:
        await asyncio.sleep(request.seconds)
        return EchoResponse(text=request.text)

    async def Count(self, request: Any, context: Any) -> Any:
        cause = caller().cause(request)
        assert self._counters is not None

        def decide(counter: Counter | None) -> tuple[Counter, tuple[Counter, ...]]:
            after = Counter((counter or Counter()).number + 1)
            return after, (after,)

        await asyncio.sleep(request.seconds)
        record = await self._counters.upsert(f"counters/{request.text}", cause, decide)
        return EchoResponse(number=record.state.number, sub=caller().actor.sub)

    async def Pass(self, request: Any, context: Any) -> Any:
        assert self._onward is not None
        return await call(self._onward, "Echo", request)


def add(servicer: EchoServicer, server: grpc.aio.Server) -> None:
    """What a generated add_EchoServiceServicer_to_server does."""
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            getattr(servicer, name),
            request_deserializer=EchoRequest.FromString,
            response_serializer=EchoResponse.SerializeToString,
        )
        for name in METHODS
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))


async def call(on: grpc.aio.Channel, method: str, request: Any = None, **options: Any) -> Any:
    """One call of the service, as a stub makes it."""
    stub = on.unary_unary(
        f"/{SERVICE}/{method}",
        request_serializer=EchoRequest.SerializeToString,
        response_deserializer=EchoResponse.FromString,
    )
    return await stub(request if request is not None else EchoRequest(), **options)


def make_keys(folder: Path) -> Path:
    """Keys for all who take part in these tests."""
    identity.make(folder, ["portal", "tl", "echo", "other"])
    return folder


@asynccontextmanager
async def as_ann(address: str, keys: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of the portal, on which Ann acts."""
    portal = Keys(keys, "portal")
    async with channel(address, "echo", portal) as on:
        with acting(portal.sign_person(ANN)):
            yield on


def environment(keys: Path, mongo_uri: str, nats_url: str, database: str, **more: str) -> dict[str, str]:
    """What such a process is told."""
    told = {"MONGO_URI": mongo_uri, "NATS_URL": nats_url, "DATABASE": database, "KEYS_DIR": str(keys), **more}
    told = {"LISTEN": "127.0.0.1:0", "BUS_MANAGE": "true", "STOP_WAIT_SECONDS": "0.5", **told}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TL_")}
    return {**kept, **{f"TL_{name}": value for name, value in told.items()}}


async def main() -> None:
    """The service as a process; the first line on stdout is its port."""
    async with Runtime("echo", Settings.load("echo")) as run:
        run.serve(add, EchoServicer(run.records(COUNTERS)))
        announced = asyncio.create_task(_announce(run))
        await run.until_stopped()
        await announced


async def _announce(run: Runtime) -> None:
    await run.ready(60)
    sys.stdout.write(f"PORT {run.port}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
