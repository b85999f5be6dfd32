"""A folder of mongod that is filled with made-up facts once and measured any number of times.

`python -m deploy.local.seed_store FOLDER COUNT` fills FOLDER/mongo, and does nothing when it holds that many already.
A mongod by itself fills it, in no replica set, since a log of what is written is of no use here and is half the work.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient, MongoClient

from deploy.local import seed
from deploy.local.ports import free_port, in_use
from deploy.local.process import Child
from deploy.local.servers import START_SECONDS, find_mongod, with_libraries

DATABASE = "metrics"
_CACHE_GB = 3
_INDEX_MB = 1_000
_STOP_SECONDS = 300.0


async def prepare(folder: Path, count: int) -> float:
    """Sees that FOLDER/mongo holds `count` facts, what they cost and their cells, in no replica set; seconds it took.

    A folder that was not filled to the end is filled anew.
    """
    began, done = time.monotonic(), folder / f"seeded-{count}"
    if not done.exists():
        shutil.rmtree(folder / "mongo", ignore_errors=True)
    with _alone(folder) as uri:
        if done.exists():
            # The set that it was in has the port of then; the next start makes one of its own.
            with MongoClient[dict[str, Any]](uri) as client:
                client.drop_database("local")
        else:
            await _fill(uri, count)
    done.touch()
    return time.monotonic() - began


async def _fill(uri: str, count: int) -> None:
    async with AsyncMongoClient[dict[str, Any]](uri, tz_aware=True) as client:
        await seed.fill(client[DATABASE], seed.Facts(client[DATABASE]), count, booked=True)


@contextmanager
def _alone(folder: Path) -> Iterator[str]:
    data, port = folder / "mongo", free_port()
    data.mkdir(parents=True, exist_ok=True)
    command = [
        *(str(find_mongod()), "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
        *("--quiet", "--wiredTigerCacheSizeGB", str(_CACHE_GB)),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", f"maxIndexBuildMemoryUsageMegabytes={_INDEX_MB}"),
    ]
    child = Child("mongod", command, folder / "mongod-alone.log", with_libraries())
    child.start()
    try:
        child.await_ready(lambda: in_use(port), START_SECONDS)
        yield f"mongodb://127.0.0.1:{port}/?directConnection=true"
    finally:
        child.stop(_STOP_SECONDS)


if __name__ == "__main__":
    print(f"seeded in {asyncio.run(prepare(Path(sys.argv[1]), int(sys.argv[2]))):,.0f} s")
