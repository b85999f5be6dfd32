"""A replica that fires the deadlines of tallies until it is killed; its arguments: MONGO DATABASE."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from services.runtime.records import Records
from services.runtime.timers import Due, Timers
from tests.service.runtime.probe import TALLIES, Store, Tally, Told


def _decide(due: Due) -> Callable[[Tally], tuple[Tally, Sequence[Told]]]:
    def decision(tally: Tally) -> tuple[Tally, Sequence[Told]]:
        left = tuple(deadline for deadline in tally.deadlines if deadline.at != due.at)
        return replace(tally, deadlines=left, fired=(*tally.fired, due.step)), (Told(1),)

    return decision


async def _main(mongo_uri: str, database: str) -> None:
    async with Store(mongo_uri, database, serverSelectionTimeoutMS=2000) as store:
        timers = Timers(store.db, "probe")
        timers.on_due(Records(store.db, TALLIES, store.journal, arm=timers.arm), _decide)
        await timers.ensure_indexes()
        timers.start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
