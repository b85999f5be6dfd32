"""A judgement as a job: in batches, on processes of its own, resumed where it stopped, each ticket counted once.

What is counted is kept in the same write as how far it is; flips are written before it, each under its own id.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from throughline.sla.v1 import judgement_pb2

from services.runtime import crashpoint
from services.runtime.jobs import Jobs, Progress
from services.sla.jobs import worker
from services.sla.rules.trial import Period, edition
from services.sla.store import Shelf
from services.sla.store.judgements import Found, Judgements, found
from services.sla.store.past import Batch, Past
from services.sla.wire import judgement as wire

R = TypeVar("R")

Judged = Callable[[bytes], tuple[Found, list[dict[str, Any]]]]

BATCH = 1000
# Below so many tickets a process costs more time to start than it saves.
FEW = 2000
MOST_PROCESSES = 2


@dataclass(slots=True)
class _Stage:
    """Where a judgement is. proof: the second look, over what was published."""

    proof: bool
    since: tuple[datetime, str] | None
    judged: Found
    proved: Found

    def cursor(self, book: str) -> dict[str, Any]:
        return {
            "book": book,
            "proof": self.proof,
            "since": None if self.since is None else list(self.since),
            "judged": self.judged.document(),
            "proved": self.proved.document(),
        }


class Judging:
    """What jobs of the kind `judgement` do."""

    def __init__(self, jobs: Jobs, judgements: Judgements, past: Past, shelf: Shelf) -> None:
        self._jobs, self._judgements, self._past, self._shelf = jobs, judgements, past, shelf

    async def run(self, progress: Progress) -> None:
        """Judges every ticket of the period, then reads what is published once more.

        Raises:
            Refusal: the drafts no longer fit what is published.
            LeaseLost: another replica has taken over.
        """
        message = judgement_pb2.Judgement.FromString(progress.input["judgement"])
        period = wire.period(message)
        await self._shelf.refresh()
        trial, book = wire.drafted(message, self._shelf.book), edition(self._shelf.book)
        now = (await self._jobs.get(progress.name)).created_at
        tickets = await self._past.count(period)
        stage = _stage(progress.cursor, book)
        if stage.since is None and not stage.proof:
            await self._judgements.begin(progress.name)
        async with _workers(worker.Given(trial, now), tickets) as (pool, judged):
            if not stage.proof and not await self._judge(progress, period, stage, pool, judged, (book, tickets)):
                return
            if not await self._prove(progress, period, stage, pool, (book, tickets)):
                return
        progress.result = stage.cursor(book)

    async def _judge(
        self,
        progress: Progress,
        period: Period,
        stage: _Stage,
        pool: Executor,
        judged: Judged,
        about: tuple[str, int],
    ) -> bool:
        """The first look; False when somebody asked to stop."""
        batches = self._past.batches(period, stage.since, BATCH)
        async for batch, (part, flips) in _in_order(batches, pool, judged):
            await self._judgements.keep(progress.name, flips)
            crashpoint.reach("after-flips-before-cursor")
            worker.add(stage.judged, [part])
            stage.since = (batch.opened_at, batch.name)
            await _advance(progress, stage, about)
            if progress.cancelled:
                return False
        stage.proof, stage.since = True, None
        return True

    async def _prove(
        self, progress: Progress, period: Period, stage: _Stage, pool: Executor, about: tuple[str, int]
    ) -> bool:
        """The second look: what is published is summed up again; False when somebody asked to stop."""
        batches = self._past.batches(period, stage.since, BATCH)
        async for batch, part in _in_order(batches, pool, worker.summed):
            worker.add(stage.proved, [part])
            stage.since = (batch.opened_at, batch.name)
            await _advance(progress, stage, about)
            if progress.cancelled:
                return False
        return True


def _stage(cursor: Mapping[str, Any] | None, book: str) -> _Stage:
    """Where to go on: at the beginning, too, when something was published since, as half would be judged by it."""
    if cursor is None or cursor["book"] != book:
        return _Stage(proof=False, since=None, judged=Found({}), proved=Found({}))
    since = cursor["since"]
    return _Stage(
        cursor["proof"],
        None if since is None else (since[0], since[1]),
        found(cursor["judged"]),
        found(cursor["proved"]),
    )


async def _advance(progress: Progress, stage: _Stage, about: tuple[str, int]) -> None:
    book, tickets = about
    done = stage.judged.tickets + stage.proved.tickets
    await progress.advance(done, max(2 * tickets, done), stage.cursor(book))


@asynccontextmanager
async def _workers(given: worker.Given, tickets: int) -> AsyncIterator[tuple[Executor, Judged]]:
    """Who judges, and by what: a thread for a few tickets, else processes that are given the drafts once."""
    pool: Executor
    judged: Judged = worker.judged
    if tickets <= FEW:
        pool, judged = ThreadPoolExecutor(1), partial(worker.judge_batch, given)
    else:
        # Spawned, not forked: a copy of this process would hold its connections and threads half alive.
        pool = ProcessPoolExecutor(
            min(MOST_PROCESSES, os.cpu_count() or 1),
            multiprocessing.get_context("spawn"),
            initializer=worker.prepare,
            initargs=(given,),
        )
    try:
        yield pool, judged
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


async def _in_order(
    batches: AsyncIterator[Batch], pool: Executor, work: Callable[[bytes], R]
) -> AsyncIterator[tuple[Batch, R]]:
    """The batches with what becomes of them; the next ones are read and worked on while one is taken in."""
    loop = asyncio.get_running_loop()
    ahead: deque[tuple[Batch, Awaitable[R]]] = deque()
    async for batch in batches:
        ahead.append((batch, loop.run_in_executor(pool, work, batch.data)))
        if len(ahead) > MOST_PROCESSES:
            first, result = ahead.popleft()
            yield first, await result
    while ahead:
        first, result = ahead.popleft()
        yield first, await result
