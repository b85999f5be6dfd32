"""The portal's own process: people, teams and sign-in behind the pages."""

from __future__ import annotations

import asyncio

from throughline.portal.v1 import people_service_pb2_grpc

from services.portal import rpc, store
from services.runtime.run import Runtime
from services.runtime.settings import Settings


def compose(run: Runtime) -> None:
    """Puts the parts of the service into the runtime."""
    people = rpc.PeopleRpc(
        run.records(store.PEOPLE),
        run.records(store.TEAMS),
        run.records(store.SESSIONS),
        run.records(store.TRIES),
    )
    run.serve(people_service_pb2_grpc.add_PeopleServiceServicer_to_server, people)


async def main() -> None:
    """Runs until it is told to stop."""
    async with Runtime("portal", Settings.load("portal")) as run:
        compose(run)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
