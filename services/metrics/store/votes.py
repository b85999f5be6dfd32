"""Votes of failed requests, by service and slice: written again whenever the bones of a slice are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo import ReplaceOne
from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules.availability import SLICE
from services.metrics.rules.blame import Bone, Share, Vote, shares, traces
from services.metrics.rules.outage_record import Exemplar

VOTES = "span_votes"
_SLICE_MS = int(SLICE.total_seconds() * 1000)
_EXEMPLARS = 5


class Votes:
    """The votes in MongoDB."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._votes = db[VOTES]

    async def cast(self, bones: Sequence[Bone], since: int) -> None:
        """Counts the votes of failed requests that started in a slice from `since` on: the bones hold all of them."""
        counted: dict[tuple[str, int], dict[Vote, float]] = {}
        shown: dict[tuple[str, int], list[Bone]] = {}
        for trace in traces(bones):
            for bone, vote in trace.votes():
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
