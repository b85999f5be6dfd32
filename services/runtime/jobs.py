"""Work that may take longer than a call: submitted once per cause, run by any replica, resumed where it stopped, shown
with its progress, and cancelled when asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import bson
import structlog
from bson.codec_options import CodecOptions
from opentelemetry import metrics, trace
from pymongo import ASCENDING, DESCENDING, IndexModel, ReadPreference, ReturnDocument, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.runtime.away import is_away
from services.runtime.ending import end
from services.runtime.paging import Page, PageRequest, find_page
from services.runtime.records import Cause
from services.runtime.refusal import Refusal

LEASE_S = 30
RETRIES = 3
_HEARTBEAT_S = 10.0
_POLL_S = 1.0
_BACKOFF_S = (1, 5, 25)
_KEPT_S = 90 * 86_400
_TEXT_CHARS = 2000
_PREFIX = "jobs/"

_log = structlog.get_logger(__name__)
_tracer = trace.get_tracer("throughline.jobs")
_ended = metrics.get_meter("throughline.jobs").create_counter(
    "throughline_jobs_ended", description="Jobs by kind and final state"
)


class State(StrEnum):
    """Where a job is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_FINAL = (State.DONE, State.FAILED, State.CANCELLED)
_OPEN = (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now. name: "jobs/<id>". done of total: steps, total 0 while unknown. cursor: where it goes on.

    error: why the last attempt failed, "" when it did not. attempts: failed ones since it last advanced.
    """

    name: str
    kind: str
    input: Mapping[str, Any]
    state: State
    cursor: Any
    done: int
    total: int
    result: Mapping[str, Any]
    error: str
    attempts: int
    submitted_by: str
    created_at: datetime
    updated_at: datetime


class LeaseLost(Exception):
    """Another replica runs the job now; stop without writing anything."""


@dataclass(slots=True)
class Progress:
    """What a running job knows and tells. `result` is kept when the function returns."""

    name: str
    kind: str
    input: Mapping[str, Any]
    cursor: Any
    done: int
    total: int
    _save: Callable[[Progress], Awaitable[bool]]
    cancelled: bool = False
    result: dict[str, Any] = field(default_factory=dict)

    async def advance(self, done: int, total: int, cursor: Any) -> None:
        """Keeps how far the job is; after a crash it goes on from `cursor`, so all before it must be in effect.

        Afterwards `cancelled` says whether somebody asked to stop; the function then returns early.

        Raises:
            LeaseLost: another replica has taken over.
            pymongo.errors.PyMongoError: not kept; the attempt is repeated from the last cursor kept.
        """
        self.done, self.total, self.cursor = done, total, cursor
        self.cancelled = await self._save(self)


Run = Callable[[Progress], Awaitable[None]]


class Jobs:
    """The jobs of one service, in the collection `jobs`."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], *, parallel: int = 2) -> None:
        self._jobs = db.get_collection(
            "jobs",
            CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC),
            ReadPreference.PRIMARY,
            WriteConcern(w="majority", j=True),
        )
        self._runs: dict[str, Run] = {}
        self._parallel = parallel
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def ensure_indexes(self) -> None:
        """What runners, lists and the end of retention (90 days after the end) walk along."""
        await self._jobs.create_indexes(
            [
                IndexModel([("state", ASCENDING), ("created_at", ASCENDING)]),
                IndexModel([("created_at", DESCENDING), ("_id", DESCENDING)]),
                IndexModel([("ended_at", ASCENDING)], expireAfterSeconds=_KEPT_S),
            ]
        )

    def register(self, kind: str, run: Run) -> None:
        """Says how jobs of this kind run. `run` may be called again from the last cursor, on any replica."""
        self._runs[kind] = run

    async def submit(self, kind: str, input: Mapping[str, Any], cause: Cause) -> Job:
        """Queues a job, or returns the one that this cause queued before.

        input: what BSON can hold.

        Raises:
            Refusal: REQUEST_ID_REUSED, when the cause came before with another input.
        """
        document = {
            "_id": _PREFIX + hashlib.sha256(cause.id.encode()).hexdigest()[:24],
            "kind": kind,
            "input": dict(input),
            "digest": hashlib.sha256(bson.encode({"kind": kind, "input": dict(input)})).hexdigest(),
            "state": State.QUEUED,
            "submitted_by": cause.actor.sub,
            "created_at": cause.at,
            "updated_at": cause.at,
        }
        try:
            await self._jobs.insert_one(document)
        except DuplicateKeyError:
            found = await self._jobs.find_one({"_id": document["_id"]})
            if found is not None and found["digest"] != document["digest"]:
                raise Refusal.invalid(
                    "request_id", "REQUEST_ID_REUSED", "This request_id was used for another request; make a new one."
                ) from None
            return _job(found or document)
        self._news.set()
        return _job(document)

    async def get(self, name: str) -> Job:
        """One job.

        Raises:
            Refusal: NOT_FOUND.
        """
        found = await self._jobs.find_one({"_id": name})
        if found is None:
            raise Refusal.not_found(name)
        return _job(found)

    async def cancel(self, name: str) -> Job:
        """Ends a queued job at once and asks a running one to stop; one that has ended stays as it is.

        Raises:
            Refusal: NOT_FOUND.
        """
        now = datetime.now(UTC)
        ended = {"$set": {"state": State.CANCELLED, "updated_at": now, "ended_at": now}}
        await self._jobs.update_one({"_id": name, "state": State.QUEUED}, ended)
        await self._jobs.update_one({"_id": name, "state": State.RUNNING}, {"$set": {"cancel": True}})
        return await self.get(name)

    async def page(self, request: PageRequest, kind: str = "", state: State | None = None) -> Page[Job]:
        """The jobs, newest first, of one kind and in one state when given.

        Raises:
            Refusal: PAGE_TOKEN_INVALID.
        """
        where = {key: value for key, value in (("kind", kind), ("state", state)) if value}
        bound = PageRequest(request.size, request.token, f"{request.bind}/{kind}/{state or ''}")
        found = await find_page(self._jobs, where, [("created_at", -1), ("_id", -1)], bound)
        return Page([_job(document) for document in found.items], found.next_token)

    def start(self) -> None:
        """Begins to run jobs of the registered kinds, `parallel` at a time."""
        self._tasks = [asyncio.create_task(self._keep_running()) for _ in range(self._parallel)]

    async def stop(self) -> None:
        """Stops the running functions and gives their jobs back, to be resumed from their cursors."""
        self._stopping.set()
        self._news.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep_running(self) -> None:
        while not self._stopping.is_set():
            self._news.clear()
            try:
                if await self._run_next():
                    continue
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                if not is_away(error):
                    _log.exception("jobs cannot run")
            with contextlib.suppress(TimeoutError):
                pause = _POLL_S * random.uniform(0.8, 1.2)  # noqa: S311 - only spreads replicas
                async with asyncio.timeout(pause):
                    await self._news.wait()

    async def _run_next(self) -> bool:
        owner = uuid.uuid4().hex
        document = await self._claim(owner)
        if document is None:
            return False
        if document.get("attempts", 0) > RETRIES:
            text = document.get("error") or "The process that ran it died each time."
            await self._end(document, owner, State.FAILED, error=text)
        elif document.get("cancel"):
            await self._end(document, owner, State.CANCELLED)
        else:
            await self._run(document, owner)
        return True

    async def _claim(self, owner: str) -> dict[str, Any] | None:
        """Takes the oldest job that nobody runs; one whose runner died counts an attempt more."""
        free = {"$lte": [{"$ifNull": ["$lease_until", datetime(1970, 1, 1, tzinfo=UTC)]}, "$$NOW"]}
        died = {"$cond": [{"$eq": ["$state", State.RUNNING]}, 1, 0]}
        return await self._jobs.find_one_and_update(
            {"state": {"$in": list(_OPEN)}, "kind": {"$in": list(self._runs)}, "$expr": free},
            [
                {
                    "$set": {
                        "attempts": {"$add": [{"$ifNull": ["$attempts", 0]}, died]},
                        "state": State.RUNNING,
                        "owner": owner,
                        "lease_until": _in_seconds(LEASE_S),
                        "updated_at": "$$NOW",
                    }
                }
            ],
            sort=[("created_at", ASCENDING)],
            return_document=ReturnDocument.AFTER,
        )

    async def _run(self, document: Mapping[str, Any], owner: str) -> None:
        async def save(progress: Progress) -> bool:
            told = {"done": progress.done, "total": progress.total, "cursor": progress.cursor, "attempts": 0}
            return await self._renew(document["_id"], owner, told)

        progress = Progress(
            name=document["_id"],
            kind=document["kind"],
            input=document["input"],
            cursor=document.get("cursor"),
            done=document.get("done", 0),
            total=document.get("total", 0),
            _save=save,
        )
        work = asyncio.create_task(self._traced(progress))
        beat = asyncio.create_task(self._beat(progress, owner, work))
        try:
            await work
        except asyncio.CancelledError:
            if self._stopping.is_set():
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await work
                await self._give_back(document, owner, 0)
                raise
            _log.warning("job taken over by another replica", job=document["_id"])
        except LeaseLost:
            _log.warning("job taken over by another replica", job=document["_id"])
        except Exception as error:  # noqa: BLE001 - a job fails by itself, with its error shown
            await self._failed(document, owner, error)
        else:
            state = State.CANCELLED if progress.cancelled else State.DONE
            await self._end(document, owner, state, result=progress.result)
        finally:
            beat.cancel()

    async def _traced(self, progress: Progress) -> None:
        with _tracer.start_as_current_span(f"job {progress.kind}"):
            await self._runs[progress.kind](progress)

    async def _beat(self, progress: Progress, owner: str, work: asyncio.Task[None]) -> None:
        """Keeps the lease while the function runs, and ends it when the lease is lost."""
        loop = asyncio.get_running_loop()
        trusted_until = loop.time() + LEASE_S - 5
        while True:
            await asyncio.sleep(_HEARTBEAT_S)
            try:
                progress.cancelled = await self._renew(progress.name, owner, {})
                trusted_until = loop.time() + LEASE_S - 5
            except LeaseLost:
                return await end([work])
            except Exception as error:  # noqa: BLE001 - it may be renewed by the next beat
                _log.warning("job cannot renew its lease", job=progress.name, error=str(error))
                if loop.time() > trusted_until:
                    return await end([work])

    async def _renew(self, name: str, owner: str, told: Mapping[str, Any]) -> bool:
        literal = {key: {"$literal": value} for key, value in told.items()}
        found = await self._jobs.find_one_and_update(
            {"_id": name, "owner": owner},
            [{"$set": {**literal, "lease_until": _in_seconds(LEASE_S), "updated_at": "$$NOW"}}],
            {"cancel": 1},
        )
        if found is None:
            raise LeaseLost(name)
        return bool(found.get("cancel"))

    async def _failed(self, document: Mapping[str, Any], owner: str, error: Exception) -> None:
        text = f"{error.reason}: {error.message}" if isinstance(error, Refusal) else f"{type(error).__name__}: {error}"
        if is_away(error):
            _log.warning("job waits for a store", job=document["_id"], error=text)
            await self._give_back(document, owner, _BACKOFF_S[0])
            return
        _log.error("job failed", job=document["_id"], kind=document["kind"], exc_info=error)
        now = await self._jobs.find_one({"_id": document["_id"], "owner": owner}, {"attempts": 1})
        attempts = 1 + (now or document).get("attempts", 0)
        if isinstance(error, Refusal) or attempts > RETRIES:
            await self._end(document, owner, State.FAILED, error=text, attempts=attempts)
        else:
            wait = _BACKOFF_S[min(attempts, len(_BACKOFF_S)) - 1]
            await self._give_back(document, owner, wait, error=text[:_TEXT_CHARS], attempts=attempts)

    async def _give_back(self, document: Mapping[str, Any], owner: str, seconds: int, **told: Any) -> None:
        literal = {key: {"$literal": value} for key, value in told.items()}
        held = {"state": State.QUEUED, "owner": "", "lease_until": _in_seconds(seconds), "updated_at": "$$NOW"}
        await self._jobs.update_one({"_id": document["_id"], "owner": owner}, [{"$set": {**literal, **held}}])

    async def _end(self, document: Mapping[str, Any], owner: str, state: State, error: str = "", **told: Any) -> None:
        literal = {key: {"$literal": value} for key, value in told.items()}
        ended = {
            **literal,
            "state": state,
            "error": {"$literal": error[:_TEXT_CHARS]},
            "owner": "",
            "updated_at": "$$NOW",
            "ended_at": "$$NOW",
        }
        await self._jobs.update_one({"_id": document["_id"], "owner": owner}, [{"$set": ended}])
        _ended.add(1, {"kind": document["kind"], "state": state})


def _in_seconds(seconds: int) -> dict[str, Any]:
    return {"$dateAdd": {"startDate": "$$NOW", "unit": "second", "amount": seconds}}


def _job(document: Mapping[str, Any]) -> Job:
    return Job(
        name=document["_id"],
        kind=document["kind"],
        input=document["input"],
        state=State(document["state"]),
        cursor=document.get("cursor"),
        done=document.get("done", 0),
        total=document.get("total", 0),
        result=document.get("result", {}),
        error=document.get("error", ""),
        attempts=document.get("attempts", 0),
        submitted_by=document["submitted_by"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
    )
