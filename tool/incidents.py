"""Brings a log of incidents in: batches of whole histories, a few calls at a time, each at most once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from throughline.tickets.v1 import tickets_service_pb2
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub

from tool import progress as kept
from tool.connection import Connection
from tool.log import Log, Rejection

# A call carries whole histories up to about this many steps: large enough to be written in bulk, small enough to be
# answered well within its deadline.
STEPS_A_CALL = 300
HISTORIES_A_CALL = 50
STEPS_A_HISTORY = 500
CALLS_AT_ONCE = 3
DEADLINE_SECONDS = 10.0

Histories = list[tickets_service_pb2.TicketHistory]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Rows in = applied + merged + rejected, or something was lost."""

    rows: int
    applied: int
    merged: int
    rejections: list[Rejection]
    tickets: int

    @property
    def balanced(self) -> bool:
        """Whether every row of the file is accounted for."""
        return self.rows == self.applied + self.merged + len(self.rejections)


def batches(log: Log) -> Iterator[Histories]:
    """The calls of a log, always cut alike, so that their numbers mean the same after a restart."""
    batch: Histories = []
    steps = 0
    for history in log.histories:
        if batch and (steps + len(history.steps) > STEPS_A_CALL or len(batch) == HISTORIES_A_CALL):
            yield batch
            batch, steps = [], 0
        if len(history.steps) > STEPS_A_HISTORY:
            yield from _parts(history)
            continue
        batch.append(history)
        steps += len(history.steps)
    if batch:
        yield batch


def _parts(history: tickets_service_pb2.TicketHistory) -> Iterator[Histories]:
    """A history too long for one call, as calls that follow each other."""
    steps = list(history.steps)
    for start in range(0, len(steps), STEPS_A_HISTORY):
        part = tickets_service_pb2.TicketHistory()
        part.CopyFrom(history)
        del part.steps[:]
        part.steps.extend(steps[start : start + STEPS_A_HISTORY])
        part.complete = start + STEPS_A_HISTORY >= len(steps)
        yield [part]


def bring_in(
    connection: Connection,
    source: str,
    log: Log,
    progress: kept.Progress,
    console: Console,
    *,
    at_once: int = CALLS_AT_ONCE,
) -> Outcome:
    """Brings in what `progress` does not hold yet; prints a bar with rate and time left.

    Raises:
        Refusal: a call was refused as a whole.
    """
    calls = list(enumerate(batches(log)))
    total = sum(len(history.steps) for _, batch in calls for history in batch)
    done = sum(one.applied + one.merged + len(one.rejected) for one in progress.batches.values())
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar, ThreadPoolExecutor(at_once) as pool:
        task = bar.add_task("rows", total=total, completed=done, rate="")
        waiting: set[Future[kept.Batch]] = set()
        for index, batch in calls:
            if index in progress.batches:
                continue
            # Parts of one history must not overtake each other.
            room = 1 if len(batch[0].steps) == STEPS_A_HISTORY or not batch[0].complete else at_once
            while len(waiting) >= room:
                waiting = _take(waiting, progress, bar, task)
            waiting.add(pool.submit(_call, connection, source, index, batch, log))
        while waiting:
            waiting = _take(waiting, progress, bar, task)
    return Outcome(
        rows=log.rows,
        applied=progress.applied,
        merged=progress.merged,
        rejections=[*log.rejections, *progress.rejections()],
        tickets=len(log.histories),
    )


def _take(
    waiting: set[Future[kept.Batch]], progress: kept.Progress, bar: Progress, task: object
) -> set[Future[kept.Batch]]:
    finished, rest = wait(waiting, return_when=FIRST_COMPLETED)
    for one in finished:
        batch = one.result()
        progress.add(batch)
        speed = bar.tasks[0].speed
        rate = f"{speed:,.0f}/s" if speed else ""
        bar.update(task, advance=batch.applied + batch.merged + len(batch.rejected), rate=rate)  # type: ignore[arg-type]  # any object will do
    return rest


def _call(connection: Connection, source: str, index: int, batch: Histories, log: Log) -> kept.Batch:
    stub = connection.stub("tickets", TicketsServiceStub)
    request = tickets_service_pb2.ImportStepsRequest(source=source, histories=batch)
    answer = connection.call(stub.ImportSteps, request, timeout=DEADLINE_SECONDS)
    counted = {tickets_service_pb2.STEP_OUTCOME_APPLIED: 0, tickets_service_pb2.STEP_OUTCOME_MERGED: 0}
    rejected = []
    for result in answer.results:
        if result.outcome in counted:
            counted[result.outcome] += 1
        else:
            line = log.lines[result.external_id, result.step_id]
            rejected.append(Rejection(line, result.external_id, result.reason, result.message))
    applied, merged = counted.values()
    return kept.Batch(index, applied, merged, tuple(rejected))


def write_rejections(path: Path, rejections: list[Rejection]) -> None:
    """The reject file: line, ticket, reason and message of every row that was not taken."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "ticket", "reason", "message"])
        for one in sorted(rejections, key=lambda one: one.line):
            writer.writerow([one.line, one.external_id, one.reason, one.message])
