"""A process that runs the job "steps" slowly until it is killed; its arguments: MONGO DATABASE."""

from __future__ import annotations

import asyncio
import sys

from services.runtime.jobs import Jobs, Progress
from tests.service.runtime.probe import Store


async def _main(mongo_uri: str, database: str) -> None:
    async with Store(mongo_uri, database) as store:

        async def steps(progress: Progress) -> None:
            for step in range(progress.cursor or 0, progress.input["steps"]):
                await store.db["steps"].update_one({"_id": step}, {"$inc": {"times": 1}}, upsert=True)
                await progress.advance(step + 1, progress.input["steps"], step + 1)
                await asyncio.sleep(0.05)

        jobs = Jobs(store.db)
        jobs.register("steps", steps)
        jobs.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
