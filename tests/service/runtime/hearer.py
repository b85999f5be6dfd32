"""A process that listens until it is killed: python -m tests.service.runtime.hearer NATS MONGO DATABASE."""

from __future__ import annotations

import asyncio
import sys

from services.runtime.bus import Bus
from services.runtime.listener import Listener
from tests.service.runtime.probe import Counted, Store, counting


async def _main(nats_url: str, mongo_uri: str, database: str) -> None:
    bus = await Bus.connect(nats_url, "probe", manage=True)
    async with Store(mongo_uri, database) as store:
        listener = Listener(bus, "hearer", "probe", {Counted: counting(store.tallies)}, db=store.db)
        listener.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
