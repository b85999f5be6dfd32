"""Puts the sla service together and runs it."""

from __future__ import annotations

import asyncio

from throughline.sla.v1 import sla_service_pb2_grpc

from services.runtime.run import Runtime
from services.runtime.settings import Settings
from services.sla import events, timer
from services.sla.rpc import SlaRpc
from services.sla.store import CALENDARS, CLOCKS, POLICIES, Shelf


def compose(run: Runtime) -> None:
    """Declares what the service keeps, answers, hears and waits for."""
    policies, calendars, clocks = run.records(POLICIES), run.records(CALENDARS), run.records(CLOCKS)
    shelf = Shelf(policies, calendars)
    rpc = SlaRpc(policies, calendars, clocks, shelf)
    run.serve(sla_service_pb2_grpc.add_SlaServiceServicer_to_server, rpc)
    run.hear("tickets", events.handlers(clocks, shelf), before_batch=shelf.refresh)
    run.on_due(clocks, timer.decide)


async def main() -> None:
    """Runs until SIGTERM."""
    async with Runtime("sla", Settings.load("sla")) as run:
        compose(run)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
