"""Armed hints in MongoDB: small documents that say when to look at a resource again, claimed a little ahead of time.

due_at is indexed and never changes, the lease is a field without an index, a watermark spares the deleted keys at the
bottom, and the database's clock judges: what keeps an empty look cheap with a million armed. Replicas that see each
other share the hints out by the resource's name, so that they do not race for the same ones.
"""

from __future__ import annotations

import random
import time
import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.codec_options import CodecOptions
from opentelemetry import metrics
from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

BATCH = 500
AHEAD = timedelta(milliseconds=300)
LOOK = timedelta(seconds=1)
LEASE = timedelta(seconds=30)
SLOTS = 64
SEEN = timedelta(seconds=6)
"""A replica that was not seen for so long has no share; what it holds comes back when its leases end."""
_MEET_S = 2.0
_FORGET_S = 3600
_SWEEP_S = 20.0
_CLOCK_S = 10.0
_STEP = timedelta(milliseconds=50)
_TRUST_MARGIN_S = 5.0
_DUPLICATE_KEY = 11000
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_claimed = metrics.get_meter("throughline.timers").create_counter(
    "throughline_timers_claims", description="Hints asked for by outcome: taken, lost to another replica"
)


@dataclass(order=True, slots=True)
class Claim:
    """A hint that this replica acts on. moment: when, by the monotonic clock in seconds; lease_ends: the same."""

    moment: float
    due_at: datetime
    id: str = field(compare=False)
    name: str = field(compare=False)
    step: str = field(compare=False)
    armed_at: datetime = field(compare=False)
    lease_ends: float = field(compare=False)


class Hints:
    """The collection `timers`, as one replica sees it."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        aware = CodecOptions[dict[str, Any]](tz_aware=True, tzinfo=UTC)
        self._hints = db.get_collection("timers", aware, ReadPreference.PRIMARY, WriteConcern(w="majority", j=True))
        # Claims and their ends only spare work: one lost in a failover costs a look at a cause that was applied before.
        # They are read as the primary has them: what the majority has lags behind a claim just made, and a hint that
        # this replica took and did not see would lie there until its lease ended.
        self._claims = self._hints.with_options(read_concern=ReadConcern("local"), write_concern=WriteConcern(w=1))
        self._db = db
        self._owner = uuid.uuid4().hex
        self._low = _START
        self._next_sweep = 0.0
        self._offset = timedelta()
        self._offset_read = float("-inf")
        self._clock_read = float("-inf")
        self._met = db.get_collection(
            "timer_replicas", aware, ReadPreference.PRIMARY, WriteConcern(w=1), ReadConcern("local")
        )
        self._next_meeting = 0.0
        self._next_help, self._help_low = 0.0, _START
        self._share: tuple[int, int] = (0, 1)
        self.lost = 0
        """How many hints this replica asked for and another one had taken meanwhile."""

    async def ensure_indexes(self) -> None:
        """The one index that claims walk along, and the end of what replicas say of themselves."""
        await self._hints.create_index("due_at")
        await self._met.create_index("seen_at", expireAfterSeconds=_FORGET_S)

    async def meet(self) -> None:
        """Shows this replica to the others and learns its share of the hints: two small calls every two seconds.

        A share only spares work: a claim is atomic all the same, and what nobody takes is found from the bottom.

        Raises:
            pymongo.errors.PyMongoError: the share stays as it was.
        """
        if time.monotonic() < self._next_meeting:
            return
        await self._met.update_one({"_id": self._owner}, [{"$set": {"seen_at": "$$NOW"}}], upsert=True)
        here = {"$expr": {"$gte": ["$seen_at", {"$subtract": ["$$NOW", SEEN // _MILLISECOND]}]}}
        owners = sorted([one["_id"] async for one in self._met.find(here, {"_id": 1})])
        self._next_meeting = time.monotonic() + _MEET_S
        share = (owners.index(self._owner), len(owners)) if self._owner in owners else (0, 1)
        if share != self._share:
            # What is in this replica's hands now may have waited below its mark.
            self._share, self._low = share, _START

    async def part(self) -> None:
        """Leaves its share to the others at once."""
        await self._met.delete_one({"_id": self._owner})
        self._share = (0, 1)

    async def arm(self, hints: Sequence[tuple[str, datetime]]) -> None:
        """Inserts (due id, moment); one that is armed already is armed anew.

        Raises:
            pymongo.errors.PyMongoError: some may be armed and some not.
        """
        armed_at = self.now() if self._clock_read > 0 else datetime.now(UTC)
        left = {hint: document(hint, at, armed_at) for hint, at in hints}
        while left:
            try:
                await self._hints.insert_many(list(left.values()), ordered=False)
                break
            except BulkWriteError as error:
                failures = error.details["writeErrors"] if error.details else []
                if not failures or any(failure["code"] != _DUPLICATE_KEY for failure in failures):
                    raise
                again = [failure["op"]["_id"] for failure in failures]
                # Armed anew it leaves the hands of a worker that may be about to drop it as stale.
                anew = {"$set": {"armed_at": armed_at}, "$unset": {"owner": "", "lease_until": ""}}
                found = await self._hints.update_many({"_id": {"$in": again}}, anew)
                left = {hint: left[hint] for hint in again} if found.matched_count < len(again) else {}
        self._low = min([self._low, *(at for _, at in hints)])

    def now(self) -> datetime:
        """The database's clock, as read last and carried on by the monotonic clock."""
        return _START + self._offset + timedelta(seconds=time.monotonic())

    async def claim(self) -> tuple[list[Claim], timedelta]:
        """Takes what is due within 300 ms, at most 500 hints; and how long nothing else can be (0: look again now).

        Raises:
            pymongo.errors.PyMongoError: what was taken comes back when its lease ends.
        """
        await self._read_clock()
        if time.monotonic() >= self._next_sweep:
            # From the bottom: what another replica took and never finished, or armed behind this one's back.
            self._next_sweep = time.monotonic() + _SWEEP_S
            self._low = _START
        low, now = self._low, self.now()
        free: dict[str, Any] = {"$or": [{"lease_until": None}, {"lease_until": {"$lte": now}}]}
        found = await self._look({"due_at": {"$gte": low, "$lte": now + AHEAD + LOOK}, **free, **self._shared()})
        if not found:
            return await self._help(free)
        self._set_clock(found[0]["due_at"] - found[0]["left"] * _MILLISECOND)
        read = self._clock_read
        near = [hint for hint in found if hint["left"] <= AHEAD / _MILLISECOND]
        mine = await self._take(near, free) if near else []
        if near and self._low == low:
            self._low = max(low, near[-1]["due_at"] - LOOK)
        claims = [self._claim(hint, read) for hint in mine]
        if len(near) == BATCH:
            return claims, timedelta()
        pause = found[len(near)]["left"] * _MILLISECOND - AHEAD if len(found) > len(near) else LOOK
        # A claim for each single hint would cost more than it brings: gather for a third of the time ahead.
        return claims, max(pause, AHEAD / 3) * random.uniform(0.8, 1.0)  # noqa: S311 - only spreads replicas

    async def finish(self, ids: Sequence[str]) -> None:
        """Ends hints that were acted on or hold no longer, except those armed anew meanwhile."""
        await self._claims.delete_many({"_id": {"$in": list(ids)}, "owner": self._owner})

    async def give_back(self, ids: Sequence[str]) -> None:
        """Leaves hints to whoever looks next."""
        freed = {"$unset": {"owner": "", "lease_until": ""}}
        await self._claims.update_many({"_id": {"$in": list(ids)}, "owner": self._owner}, freed)

    async def failed(self, id: str) -> None:
        """Keeps a hint that cannot be acted on, to be tried ever more rarely, at last once an hour."""
        minutes = {"$min": [60, {"$pow": [2, {"$ifNull": ["$failures", 0]}]}]}
        later = {"$dateAdd": {"startDate": "$$NOW", "unit": "minute", "amount": minutes}}
        counted = {"lease_until": later, "failures": {"$add": [{"$ifNull": ["$failures", 0]}, 1]}}
        await self._claims.update_one({"_id": id, "owner": self._owner}, [{"$set": counted}])

    async def _help(self, free: dict[str, Any]) -> tuple[list[Claim], timedelta]:
        """With nothing to do in its own share: takes what others have left lying, from the bottom, now and then."""
        idle = LOOK * random.uniform(0.8, 1.0)  # noqa: S311 - only spreads replicas
        if self._share[1] == 1 or time.monotonic() < self._next_help:
            return [], idle
        late = await self._look({"due_at": {"$gte": self._help_low, "$lte": self.now() - 2 * LOOK}, **free})
        if len(late) < BATCH:
            self._next_help, self._help_low = time.monotonic() + _SWEEP_S, _START
        else:
            self._help_low = late[-1]["due_at"] - LOOK
        mine = await self._take(late, free) if late else []
        return [self._claim(hint, time.monotonic()) for hint in mine], timedelta() if len(late) == BATCH else idle

    def _shared(self) -> dict[str, Any]:
        index, replicas = self._share
        return {"slot": {"$in": [None, *range(index, SLOTS, replicas)]}} if replicas > 1 else {}

    async def _look(self, where: dict[str, Any]) -> list[dict[str, Any]]:
        shown = {"due_at": 1, "armed_at": 1, "left": {"$subtract": ["$due_at", "$$NOW"]}}
        return await self._claims.find(where, shown).sort("due_at", 1).limit(BATCH).to_list()

    async def _take(self, near: list[dict[str, Any]], free: dict[str, Any]) -> list[dict[str, Any]]:
        ids = [hint["_id"] for hint in near]
        lease = {"$set": {"owner": self._owner, "lease_until": self.now() + LEASE}}
        taken = (await self._claims.update_many({"_id": {"$in": ids}, **free}, lease)).modified_count
        _claimed.add(taken, {"outcome": "taken"})
        if taken == len(ids):
            return near
        self.lost += len(ids) - taken
        _claimed.add(len(ids) - taken, {"outcome": "lost"})
        kept = {
            hint["_id"] async for hint in self._claims.find({"_id": {"$in": ids}, "owner": self._owner}, {"_id": 1})
        }
        return [hint for hint in near if hint["_id"] in kept]

    async def _read_clock(self) -> None:
        if time.monotonic() - self._clock_read >= _CLOCK_S:
            answer = await self._db.command("hello")
            self._set_clock(answer["localTime"].replace(tzinfo=UTC))

    def _set_clock(self, database_now: datetime) -> None:
        """Learns from a reading. Each is behind the true instant by the way of its answer, so nothing fires early.

        The quickest answer of the last seconds tells best; one far behind it tells of a clock that was set back.
        """
        self._clock_read = time.monotonic()
        offset = database_now - _START - timedelta(seconds=self._clock_read)
        worn = self._clock_read - self._offset_read >= _CLOCK_S
        if worn or offset > self._offset or self._offset - offset > _STEP:
            self._offset, self._offset_read = offset, self._clock_read

    def _claim(self, hint: dict[str, Any], read: float) -> Claim:
        """read: when the hint was looked at; its lease begins later, so it is trusted too short, never too long."""
        name, step, _ = hint["_id"].removeprefix("due/").rsplit("/", 2)
        moment = (hint["due_at"] - _START - self._offset).total_seconds()
        lease_ends = read + LEASE.total_seconds() - _TRUST_MARGIN_S
        return Claim(moment, hint["due_at"], hint["_id"], name, step, hint["armed_at"], lease_ends)


def document(hint: str, at: datetime, armed_at: datetime) -> dict[str, Any]:
    """A hint as it is kept. slot: by the resource, so that all its deadlines are in the same hands, in their order."""
    slot = zlib.crc32(hint.rsplit("/", 2)[0].encode()) % SLOTS
    return {"_id": hint, "due_at": at, "armed_at": armed_at, "slot": slot}
