"""The processes that a measurement needs: a floor beside ours, a part of the system alone, and when it stands still."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pymongo import MongoClient
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from deploy.local.ports import free_port, in_use
from deploy.local.process import Child
from deploy.local.servers import ROOT
from deploy.local.system import System
from services.runtime.actor import Actor
from services.runtime.identity import Keys
from tests.load.rounds import until

AGENT = Actor("people/load", frozenset({"agent", "knowledge_author"}), frozenset({"teams/network"}), "")
_TEXT = "The VPN client cannot connect since the password was reset; 重置密码后无法连接VPN，远程办公受影响。" * 4
_START_SECONDS = 60.0
_QUIET_SECONDS = 120.0
# (listener, stream): who must have heard everything before an import counts as done.
_LISTENERS = (("sla", "tickets"), ("metrics", "tickets"), ("metrics", "sla"))
_KEPT = {"tickets": ("tickets",), "sla": ("clocks",), "metrics": ("facts",)}


@contextmanager
def process(module: str, folder: Path, port: int, *arguments: str, **environment: str) -> Iterator[Child]:
    """`python -m <module> ...` with this environment added, once it listens on the port; killed in the end."""
    paths = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "proto" / "gen"))), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", module, *arguments]
    child = Child(module, command, folder / f"{module}-{port}.log", {**os.environ, **paths, **environment}, ROOT)
    child.start()
    try:
        child.await_ready(lambda: in_use(port), _START_SECONDS)
        yield child
    finally:
        child.kill()


@contextmanager
def bare_server(folder: Path, mongo_uri: str = "") -> Iterator[str]:
    """The bare server's process; gives its address."""
    port = free_port()
    with process("tests.load.bare_server", folder, port, str(port), mongo_uri):
        yield f"127.0.0.1:{port}"


@contextmanager
def part_of_the_system(folder: Path, *processes: str, spans_to: str = "") -> Iterator[System]:
    """Both stores and only these processes of the system. spans_to: the address of an OTLP receiver."""
    part = System(folder, environment={"TL_OTLP_ENDPOINT": spans_to, "TL_STOP_WAIT_SECONDS": "0"})
    for process in set(part.children) - set(processes):
        del part.children[process]
    part.start()
    try:
        yield part
    finally:
        part.abandon()


def started(system: System, process: str) -> None:
    """Starts one more process of the system, and waits until it serves."""
    system.children[process] = system._child(process)
    system.children[process].start()
    system.await_ready(process)


def metadata(keys: Path, callee: str, actor: Actor = AGENT) -> grpc.aio.Metadata:
    """What the portal's own channel sends with a call in the name of `actor`; good for a minute."""
    portal = Keys(keys, "portal")
    span = f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01"
    return grpc.aio.Metadata(
        ("authorization", f"Bearer {portal.sign_person(actor)}"),
        ("x-service-token", portal.sign_service(callee)),
        ("traceparent", span),
    )


def filing() -> pb.CreateTicketRequest:
    """A ticket as people file one: a title, 400 characters in two languages, and its triage."""
    return pb.CreateTicketRequest(
        request_id=str(uuid.uuid4()),
        type=ticket_pb2.TICKET_TYPE_INCIDENT,
        title="VPN cannot connect 无法连接",
        description=_TEXT,
        channel=ticket_pb2.CHANNEL_PORTAL,
        impact=2,
        urgency=2,
    )


async def drained(system: System, services: Sequence[str] = tuple(_KEPT)) -> float:
    """Waits until every event of these services is journalled, published and taken by all who hear it; when that was.

    Raises:
        TimeoutError: it was not within two minutes.
    """
    client = await nats.connect(system.nats.url)
    mongo: MongoClient[dict[str, Any]] = MongoClient(system.mongod.uri)
    try:
        async with asyncio.timeout(_QUIET_SECONDS):
            return await until(lambda: _is_drained(mongo, client.jetstream(), services), 0.05)
    finally:
        mongo.close()
        await client.close()


async def _is_drained(mongo: MongoClient[dict[str, Any]], jetstream: JetStreamContext, services: Sequence[str]) -> bool:
    # Down the stream: what is gone from one place is by then in the next, which is looked at later.
    for service in services:
        for collection in _KEPT[service]:
            if mongo[service][collection].find_one({"pending": {"$exists": True}}, {"_id": 1}):
                return False
        if mongo[service]["journal"].find_one({"state": "new"}, {"_id": 1}):
            return False
        for listener, stream in _LISTENERS:
            if stream != service or listener not in services:
                continue
            try:
                info = await jetstream.consumer_info(stream, listener)
            except NotFoundError:
                return False
            if info.num_pending or info.num_ack_pending:
                return False
    return True
