"""MongoDB is killed in the middle of work: nothing acknowledged is lost, nothing is applied twice."""

from __future__ import annotations

import asyncio

from pymongo.errors import PyMongoError

from deploy.local.servers import Mongod
from services.runtime.journal import NEW
from tests.service.runtime.jars import Cellar, cause, put
from tests.service.runtime.probe import until


async def test_a_killed_mongod_loses_and_doubles_nothing(own_mongod: Mongod) -> None:
    """Four writers repeat each cause until it is acknowledged, over two kills; the relay goes on by itself."""
    async with Cellar(own_mongod.uri, "faults", serverSelectionTimeoutMS=500) as cellar:
        cellar.relay.start()
        failures = 0

        async def write(writer: int) -> None:
            nonlocal failures
            for turn in range(150):
                while True:
                    try:
                        await cellar.jars.upsert(
                            f"jars/{turn % 5}", cause(f"{writer}-{turn}"), put(writer * 1000 + turn)
                        )
                        break
                    except PyMongoError:
                        failures += 1
                        await asyncio.sleep(0.05)
                await asyncio.sleep(0.005)

        async def kill() -> None:
            for _ in range(2):
                await asyncio.sleep(0.4)
                own_mongod.kill()
                await asyncio.to_thread(own_mongod.restart)

        await asyncio.gather(kill(), *(write(writer) for writer in range(4)))

        async def settled() -> bool:
            pending = await cellar.jars.collection.count_documents({"pending": {"$exists": True}})
            return not pending and not await cellar.journal.entries.count_documents({"state": NEW})

        await until(settled)
        await cellar.relay.stop()
        jars = await cellar.jars.find([f"jars/{i}" for i in range(5)])
        verdict = await cellar.verdict()

    assert failures > 0
    coins = sorted(coin for record in jars.values() for coin in record.state.coins)
    assert coins == sorted(writer * 1000 + turn for writer in range(4) for turn in range(150))
    assert verdict.fault is None
    assert verdict.entries == len(cellar.broker.ids) == 600
