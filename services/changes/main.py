"""Puts the changes service together and runs it."""

from __future__ import annotations

import asyncio

from throughline.changes.v1 import changes_service_pb2_grpc

from services.changes import rpc, store
from services.runtime.numbers import Numbers
from services.runtime.run import Runtime
from services.runtime.settings import Settings


def compose(run: Runtime) -> None:
    """Declares what the service keeps and answers."""
    servicer = rpc.ChangesRpc(run.records(store.CHANGES), Numbers(run.db, "CHG"))
    run.serve(changes_service_pb2_grpc.add_ChangesServiceServicer_to_server, servicer)


async def main() -> None:
    """Runs until SIGTERM."""
    async with Runtime("changes", Settings.load("changes")) as run:
        compose(run)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
