"""Judgements as jobs, and the flips that they find; both are kept for 90 days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import ASCENDING, IndexModel, ReadPreference, ReplaceOne, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from throughline.sla.v1 import judgement_pb2

from services.runtime.actor import Actor
from services.runtime.jobs import Job, Jobs, State
from services.runtime.paging import Page, PageRequest, find_page
from services.runtime.records import Cause
from services.runtime.refusal import Refusal
from services.sla.rules.judgement import Verdict
from services.sla.rules.tally import Count, Dimension, Tally
from services.sla.wire import judgement as wire
from services.sla.wire.instants import timestamp

KIND = "judgement"
_JOBS, _JUDGEMENTS = "jobs/", "judgements/"
_STATES = {one: judgement_pb2.JudgementState.Value(f"JUDGEMENT_STATE_{one.name}") for one in State}
_KEPT_S = 90 * 86_400
_ORDER = (("opened", ASCENDING), ("_id", ASCENDING))


@dataclass(slots=True)
class Found:
    """What a judgement has found so far. digest, versions: sums over all that it has read."""

    tally: Tally
    tickets: int = 0
    unconcerned: int = 0
    unjudged: int = 0
    digest: int = 0
    versions: int = 0

    def document(self) -> dict[str, Any]:
        """As it is kept in a job's cursor and result."""
        return {
            "tickets": self.tickets,
            "unconcerned": self.unconcerned,
            "unjudged": self.unjudged,
            "digest": f"{self.digest % 2**256:064x}",
            "versions": self.versions,
            "groups": [[dimension.value, key, *_numbers(count)] for (dimension, key), count in self.tally.items()],
        }


def found(document: Mapping[str, Any]) -> Found:
    """Reads what `Found.document` gave."""
    tally = {(Dimension(dimension), key): Count(*counts) for dimension, key, *counts in document["groups"]}
    return Found(
        tally,
        document["tickets"],
        document["unconcerned"],
        document["unjudged"],
        int(document["digest"], 16),
        document["versions"],
    )


class Judgements:
    """The judgements of the service."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], jobs: Jobs) -> None:
        self._jobs = jobs
        self._flips = db.get_collection(
            "verdict_flips",
            CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC),
            ReadPreference.PRIMARY,
            WriteConcern(w="majority", j=True),
        )

    async def submit(self, message: bytes, cause: Cause) -> Job:
        """Queues a judgement, or returns the one that this cause queued before."""
        return _named(await self._jobs.submit(KIND, {"judgement": message}, cause))

    async def get(self, name: str) -> Job:
        """One judgement.

        Raises:
            Refusal: NOT_FOUND.
        """
        return _own(await self._asked(name, self._jobs.get), name)

    async def cancel(self, name: str) -> Job:
        """Asks a judgement to stop.

        Raises:
            Refusal: NOT_FOUND.
        """
        await self.get(name)
        return _own(await self._asked(name, self._jobs.cancel), name)

    async def page(self, request: PageRequest) -> Page[Job]:
        """The judgements, newest first."""
        page = await self._jobs.page(request, KIND)
        return Page([_named(job) for job in page.items], page.next_token)

    async def begin(self, name: str) -> None:
        """Makes the indexes and forgets the flips of an attempt that counts no more."""
        await self._flips.create_indexes(
            [
                IndexModel([("judgement", ASCENDING), *_ORDER]),
                IndexModel([("written_at", ASCENDING)], expireAfterSeconds=_KEPT_S),
            ]
        )
        await self._flips.delete_many({"judgement": _public(name)})

    async def keep(self, name: str, flips: Sequence[Mapping[str, Any]]) -> None:
        """Writes flips; one written before is written over, so that nothing is there twice."""
        written_at = datetime.now(UTC)
        rows = [
            {**flip, "_id": f"{_public(name)}/{flip['_id']}", "judgement": _public(name), "written_at": written_at}
            for flip in flips
        ]
        if rows:
            await self._flips.bulk_write([ReplaceOne({"_id": row["_id"]}, row, upsert=True) for row in rows])

    async def flips(self, name: str, actor: Actor, verdict: Verdict | None, page: PageRequest) -> Page[dict[str, Any]]:
        """The flips of tickets in the actor's unit and below it, in the order in which they were opened."""
        where: dict[str, Any] = {"judgement": name}
        if verdict is not None:
            where["would"] = verdict.value
        if actor.unit:
            below = {"$gte": f"{actor.unit}/", "$lt": f"{actor.unit}0"}
            where["$or"] = [{"unit": actor.unit}, {"unit": below}]
        return await find_page(self._flips, where, _ORDER, page)

    async def _asked(self, name: str, ask: Any) -> Job:
        try:
            job: Job = await ask(_JOBS + name.removeprefix(_JUDGEMENTS))
        except Refusal:
            raise Refusal.not_found(name) from None
        return job


def shown(job: Job) -> judgement_pb2.Judgement:
    """A judgement with what it has found so far."""
    message = judgement_pb2.Judgement.FromString(job.input["judgement"])
    message.MergeFrom(
        judgement_pb2.Judgement(
            name=job.name,
            state=_STATES[job.state],
            author=job.submitted_by,
            create_time=timestamp(job.created_at),
            update_time=timestamp(job.updated_at),
            done_count=job.done,
            step_count=job.total,
            error=job.error,
        )
    )
    far = job.result or job.cursor
    if far:
        judged, proved = found(far["judged"]), found(far["proved"])
        message.MergeFrom(wire.found(judged.tally, judged.tickets, judged.unconcerned, judged.unjudged))
        message.digest_before = far["judged"]["digest"]
        if job.result:
            message.digest_after = far["proved"]["digest"]
            message.turned_count = proved.versions - judged.versions
    return message


def _own(job: Job, name: str) -> Job:
    if job.kind != KIND:
        raise Refusal.not_found(name)
    return _named(job)


def _named(job: Job) -> Job:
    return replace(job, name=_public(job.name))


def _public(name: str) -> str:
    return _JUDGEMENTS + name.rpartition("/")[2]


def _numbers(count: Count) -> list[int]:
    return [
        int(each)
        for each in (
            count.met_before, count.missed_before, count.met_after, count.missed_after,
            count.to_missed, count.to_met, count.withdrawn,
        )
    ]  # fmt: skip
