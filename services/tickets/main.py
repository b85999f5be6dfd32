"""Puts the tickets service together and runs it."""

from __future__ import annotations

import asyncio

from pydantic import Field
from throughline.tickets.v1 import tickets_service_pb2_grpc

from services.runtime.numbers import Numbers
from services.runtime.run import Runtime
from services.runtime.settings import Settings
from services.tickets.rpc import Stores, TicketsRpc
from services.tickets.rules.ticket import Type
from services.tickets.store.attachments import Parts
from services.tickets.store.histories import Histories
from services.tickets.store.matrix import MATRIX, Matrices
from services.tickets.store.tickets import TICKETS


class TicketsSettings(Settings):
    """A request may carry a file of 5 MB, or a stretch of a log."""

    max_request_bytes: int = Field(default=8_388_608, ge=1_024)


def compose(run: Runtime) -> None:
    """Declares what the service keeps and answers."""
    tickets = run.records(TICKETS)
    numbers = {Type.INCIDENT: Numbers(run.db, "INC"), Type.REQUEST: Numbers(run.db, "REQ")}
    parts = Parts(run.db, tickets)
    stores = Stores(
        tickets=tickets,
        matrices=Matrices(run.records(MATRIX)),
        numbers=numbers,
        parts=parts,
        histories=Histories(tickets, numbers),
    )
    run.serve(tickets_service_pb2_grpc.add_TicketsServiceServicer_to_server, TicketsRpc(stores))
    run.background("attachments", parts.sweep_for_ever)


async def main() -> None:
    """Runs until SIGTERM."""
    async with Runtime("tickets", TicketsSettings.load("tickets")) as run:
        compose(run)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
