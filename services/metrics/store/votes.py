"""Votes of failed requests, by service and slice: written again whenever the bones of a slice are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo import ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.availability import SLICE
from services.metrics.rules.blame import Bone, Share, Trace, Vote, by_trace, shares
from services.metrics.rules.outage_record import Exemplar

VOTES = "span_votes"
_SLICE_MS = int(SLICE.total_seconds() * 1000)
_EXEMPLARS = 5


class Votes:
    """The votes in MongoDB."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._votes = db[VOTES]
        # What was judged in the last cast: most of what the next one gets is the same.
        self._judged: dict[bytes, tuple[list[Bone], list[tuple[Bone, Vote]]]] = {}

    async def cast(self, bones: Sequence[Bone], since: int) -> None:
        """Counts the votes of failed requests that started in a slice from `since` on: the bones hold all of them."""
        counted: dict[tuple[str, int], dict[Vote, float]] = {}
        shown: dict[tuple[str, int], list[Bone]] = {}
        judged = {trace: self._of_trace(trace, found) for trace, found in by_trace(bones)}
        self._judged = judged
        for _, votes_of_trace in judged.values():
            for bone, vote in votes_of_trace:
                place = (bone.service, bone.began_ms // _SLICE_MS)
                if place[1] < since:
                    continue
                of_place = counted.setdefault(place, {})
                of_place[vote] = of_place.get(vote, 0.0) + bone.weight
                shown.setdefault(place, []).append(bone)
        writes = [
            ReplaceOne(
                {"_id": f"{service}/{slice}"},
                {
                    "s": service,
                    "t": slice,
                    "votes": [[*vote, weight] for vote, weight in sorted(votes.items())],
                    "shown": [
                        [one.trace.hex(), one.span.hex(), one.ended_ms, one.route]
                        for one in sorted(shown[service, slice], key=lambda one: one.trace[8:])[:_EXEMPLARS]
                    ],
                },
                upsert=True,
            )
            for (service, slice), votes in counted.items()
        ]
        if writes:
            await self._votes.bulk_write(writes, ordered=False)

    def _of_trace(self, trace: bytes, bones: list[Bone]) -> tuple[list[Bone], list[tuple[Bone, Vote]]]:
        """The bones of a trace with its votes; walked anew only when some have come or gone."""
        before = self._judged.get(trace)
        return before if before is not None and before[0] == bones else (bones, Trace(bones).votes())

    async def of(self, service: str, wanted: range, most: int) -> tuple[tuple[Share, ...], tuple[Exemplar, ...]]:
        """The shares of the votes of a stretch, and spans that show it, spread over its time."""
        votes: dict[Vote, float] = {}
        shown: list[Exemplar] = []
        where = {"s": service, "t": {"$gte": wanted.start, "$lt": wanted.stop}}
        async for document in self._votes.find(where).sort("t", 1):
            for blamed, failure, weight in document["votes"]:
                vote = Vote(blamed, failure)
                votes[vote] = votes.get(vote, 0.0) + weight
            shown += [Exemplar(*one) for one in document["shown"]]
        step = max(1, len(shown) // most)
        return shares(votes), tuple(shown[::step][:most])

    async def ensure_indexes(self) -> None:
        """Creates what is missing."""
        await self._votes.create_index([("s", 1), ("t", 1)])
