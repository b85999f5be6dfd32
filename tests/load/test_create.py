"""What filing a ticket costs in the tickets service, beside a bare gRPC call that writes one journalled document."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as pb

from deploy.local.system import System
from tests.load import bare_server, places
from tests.load.rounds import Rounds, paced

CALLS = 1_000
IN_FLIGHT = 32
ROUNDS = 4
CREATE = "/throughline.tickets.v1.TicketsService/CreateTicket"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def spans(tmp_path: Path) -> Iterator[str]:
    """Where spans go, in a process of its own as in the system."""
    with places.bare_server(tmp_path) as address:
        yield address


@pytest.fixture
def tickets(tmp_path: Path, spans: str) -> Iterator[System]:
    """The tickets service alone on its stores."""
    with places.part_of_the_system(tmp_path / "system", "tickets", spans_to=spans) as part:
        yield part


@pytest.fixture
def floor(tmp_path: Path, tickets: System) -> Iterator[str]:
    """The bare server on the same MongoDB."""
    with places.bare_server(tmp_path, tickets.mongod.uri) as address:
        yield address


def _files(on: grpc.aio.Channel, path: str, proof: grpc.aio.Metadata | None = None) -> Callable[[int], Awaitable[Any]]:
    method: Any = on.unary_unary(
        path,
        request_serializer=pb.CreateTicketRequest.SerializeToString,
        response_deserializer=ticket_pb2.Ticket.FromString,
    )
    return lambda _: method(places.filing(), metadata=proof)


async def test_filing_a_ticket(tickets: System, floor: str) -> None:
    """Filing (rule, number, write, event, trace) reaches 0.6 of the bare write's rate and passes the transaction's."""
    rounds = Rounds("file a ticket over gRPC, one process")
    async with (
        grpc.aio.insecure_channel(floor) as to_floor,
        grpc.aio.insecure_channel(tickets.addresses["tickets"]) as to_ours,
    ):
        write, transaction = (
            _files(to_floor, path) for path in (bare_server.CREATE, bare_server.CREATE_IN_TRANSACTION)
        )
        for method in (write, transaction, _files(to_ours, CREATE, places.metadata(tickets.keys, "tickets"))):
            await paced(method, 100, IN_FLIGHT)
        for _ in range(ROUNDS):
            await places.drained(tickets, ("tickets",))
            bare = await paced(write, CALLS, IN_FLIGHT)
            both = await paced(transaction, CALLS // 2, IN_FLIGHT)
            file = _files(to_ours, CREATE, places.metadata(tickets.keys, "tickets"))
            began = time.perf_counter()
            ours = await paced(file, CALLS, IN_FLIGHT)
            rounds.add("bare write", bare.rate)
            rounds.add("bare transaction", both.rate)
            rounds.add("ours", ours.rate)
            rounds.add("published", CALLS / (await places.drained(tickets, ("tickets",)) - began))
    rounds.hold("create against one bare write", "ours", "bare write", least=0.6)
    rounds.hold("create against a bare transaction", "ours", "bare transaction", least=1.0)
    rounds.hold("... until all its events are published", "published", "bare write")
    rounds.close()
