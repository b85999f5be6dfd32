"""Puts the tickets service together and runs it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from pydantic import Field
from throughline.tickets.v1 import tickets_service_pb2_grpc

from services.runtime.numbers import Numbers
from services.runtime.run import Runtime
from services.runtime.settings import Settings
from services.tickets import timer
from services.tickets.rpc import Stores, TicketsRpc
from services.tickets.rules.ticket import Type
from services.tickets.store.attachments import Parts
from services.tickets.store.histories import Histories
from services.tickets.store.matrix import MATRIX, Matrices
from services.tickets.store.tickets import TICKETS


class TicketsSettings(Settings):
    """A request may carry a file of 5 MB, or a stretch of a log.

    close_resolved_after: how long a resolved ticket waits for somebody to disagree before it closes (ISO 8601, such
    as P7D); nothing closes by itself at PT0S. It counts for what is resolved from then on.
    """

    max_request_bytes: int = Field(default=8_388_608, ge=1_024)
    close_resolved_after: timedelta = Field(default=timedelta(days=7), ge=timedelta())


def compose(run: Runtime, closes_after: timedelta | None = None) -> None:
    """Declares what the service keeps, answers and waits for. closes_after: as in the settings; None is never."""
    tickets = run.records(TICKETS)
    numbers = {Type.INCIDENT: Numbers(run.db, "INC"), Type.REQUEST: Numbers(run.db, "REQ")}
    parts = Parts(run.db, tickets)
    stores = Stores(
        tickets=tickets,
        matrices=Matrices(run.records(MATRIX)),
        numbers=numbers,
        parts=parts,
        histories=Histories(tickets, numbers),
        closes_after=closes_after,
    )
    run.serve(tickets_service_pb2_grpc.add_TicketsServiceServicer_to_server, TicketsRpc(stores))
    run.on_due(tickets, timer.decide)
    run.background("attachments", parts.sweep_for_ever)


async def main() -> None:
    """Runs until SIGTERM."""
    settings = TicketsSettings.load("tickets")
    async with Runtime("tickets", settings) as run:
        compose(run, settings.close_resolved_after)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
