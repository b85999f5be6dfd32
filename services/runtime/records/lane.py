"""Joins calls that wait at the same time into one batch: under load one write carries many of them.

Two calls of this process never race for one document: the later waits for the earlier, or travels with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from services.runtime.precedence import first
from services.runtime.records.batch import Result
from services.runtime.records.kind import Change

FLIGHTS = 4
BATCH = 128

Run = Callable[[Sequence[Change]], Awaitable[list[Result]]]


class Lane:
    """The way of single changes into one collection."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: list[tuple[Change, asyncio.Future[Result]]] = []
        self._busy: set[str] = set()
        self._flights: set[asyncio.Task[None]] = set()

    async def put(self, change: Change) -> Result:
        """Carries the change out with whatever waits beside it; the record, or why not.

        Raises:
            pymongo.errors.PyMongoError: what became of it is unknown; try again with the same cause.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, future))
        self._depart()
        return await future

    def _depart(self) -> None:
        while self._waiting and len(self._flights) < FLIGHTS:
            boarding: list[tuple[Change, asyncio.Future[Result]]] = []
            staying: list[tuple[Change, asyncio.Future[Result]]] = []
            for item in self._waiting:
                boards = len(boarding) < BATCH and item[0].name not in self._busy
                (boarding if boards else staying).append(item)
            if not boarding:
                return
            self._waiting = staying
            names = {change.name for change, _ in boarding}
            self._busy |= names
            task = asyncio.create_task(self._fly(boarding))
            self._flights.add(task)
            task.add_done_callback(lambda done, names=names: self._landed(done, names))  # type: ignore[misc]  # mypy cannot type a default in a lambda

    async def _fly(self, boarding: Sequence[tuple[Change, asyncio.Future[Result]]]) -> None:
        first()
        results: Sequence[Result | BaseException]
        try:
            results = await self._run([change for change, _ in boarding])
        except BaseException as error:  # noqa: BLE001 - handed to everyone on board
            for _, future in boarding:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(boarding, results, strict=True):
            if not future.done():
                future.set_result(result)

    def _landed(self, task: asyncio.Task[None], names: set[str]) -> None:
        self._flights.discard(task)
        self._busy -= names
        self._depart()
