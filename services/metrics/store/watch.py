"""Looks at the slices every few seconds and keeps outages as they show: opened, amended, closed, taken back.

Any replica may look; one takes a turn at a time, and what a look finds is one decision for each outage, so two that
look at once, or one that is killed between two writes, leave nothing double and nothing out.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.metrics.rules import blame, outage_record
from services.metrics.rules.availability import SLICE, SLICES_AN_HOUR, Hit, Sums
from services.metrics.rules.blame import Share, Suspect
from services.metrics.rules.fact import EPOCH, Fact
from services.metrics.rules.outage import A_MINUTE, Stretch, stretches
from services.metrics.rules.outage_incident import Voice, speakers, wanted
from services.metrics.rules.outage_record import Exemplar, Hour, Origin, Outage, State
from services.metrics.rules.period import Period
from services.metrics.rules.scope import affected
from services.metrics.store.outages import recent
from services.metrics.store.promises import PromiseBook
from services.metrics.store.reported import NOBODY, reported
from services.metrics.store.slices import BONES_KEPT, Slices, merged
from services.metrics.store.votes import Votes
from services.runtime.actor import system
from services.runtime.away import is_away
from services.runtime.door import now
from services.runtime.records import Cause, Records

EVERY_SECONDS = 5.0
LOOK_BACK = 60 * A_MINUTE
"""Slices that a look begins with; an outage that reaches further back is looked at from its start on."""
_FRESH = 20 * A_MINUTE
_SLACK = 2 * A_MINUTE
_LEASE = timedelta(seconds=30)
_MOST_EXEMPLARS = 20


@dataclass(slots=True)
class _Found:
    """A stretch of one service with its votes."""

    service: str
    stretch: Stretch
    slices: Mapping[int, Sums]
    shares: tuple[Share, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    kept: tuple[str, Outage] | None = None
    symptoms: list[str] = field(default_factory=list)

    @property
    def range(self) -> range:
        return range(self.stretch.first, self.stretch.last + 1)


class Watch:
    """Judges the slices of all services."""

    def __init__(
        self,
        db: AsyncDatabase[dict[str, Any]],
        outages: Records[Outage],
        facts: Records[Fact],
        promises: PromiseBook,
        *,
        also: Callable[[datetime], Awaitable[None]] | None = None,
    ) -> None:
        """also: what else is judged in the same turn."""
        self._turns = db["outage_turns"]
        self._outages = outages
        self._facts = facts
        self._promises = promises
        self._slices = Slices(db)
        self._votes = Votes(db)
        self._also = also

    async def run(self, stop: asyncio.Event) -> None:
        """Looks every few seconds, until the service stops."""
        while not stop.is_set():
            try:
                if await self._my_turn(now()):
                    await self.look(now())
                    if self._also is not None:
                        await self._also(now())
            except Exception as error:
                if not is_away(error):
                    raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()

    async def _my_turn(self, at: datetime) -> bool:
        """One replica looks at a time; the next may when it is done, or when it has been silent for a while."""
        try:
            found = await self._turns.find_one_and_update(
                {"_id": "look", "free_at": {"$lte": at}},
                {"$set": {"free_at": at + timedelta(seconds=EVERY_SECONDS) * 0.8}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return found is None or bool(found)

    async def look(self, at: datetime) -> None:
        """Judges everything as it is known at `at`."""
        until = (at - EPOCH) // SLICE
        kept = await recent(self._outages, until - LOOK_BACK - 30 * A_MINUTE)
        services = await self._slices.failing(until - _FRESH) | set(kept)
        services = {one for one in services if not one.startswith("businessServices/")}
        if not services:
            return
        await self._vote(at)
        found = await self._stretches(services, kept, until, at)
        for one in found:
            one.shares, one.exemplars = await self._votes.of(one.service, one.range, _MOST_EXEMPLARS)
        verdicts = _judged(found)
        speaking = speakers([_voice(one, verdicts[id(one)]) for one in found])
        for place, one in enumerate(found):
            await self._keep(one, verdicts[id(one)], at, files=place in speaking)
        await self._take_back(found, kept, until, at)

    async def _vote(self, at: datetime) -> None:
        """Lets the failed requests of the last minutes vote; the same bones always give the same votes."""
        bones = await self._slices.bones(at - BONES_KEPT, at)
        await self._votes.cast(bones, (at - BONES_KEPT - EPOCH) // SLICE + 1)
        await self._slices.forget(at - 2 * BONES_KEPT)

    async def _stretches(
        self, services: set[str], kept: Mapping[str, Sequence[tuple[str, Outage]]], until: int, at: datetime
    ) -> list[_Found]:
        start = until - LOOK_BACK
        for of_service in kept.values():
            start = min(start, *(one.first - 10 * A_MINUTE for _, one in of_service))
        slices = await self._slices.of(sorted(services), range(start, until), at)
        found = []
        for service in sorted(services):
            for stretch in stretches(slices[service], until):
                one = _Found(service, stretch, slices[service])
                one.kept = outage_record.matched(stretch, kept.get(service, ()))
                found.append(one)
        return found

    async def _keep(self, one: _Found, verdict: blame.Verdict, at: datetime, *, files: bool) -> None:
        stretch, whole = one.stretch, merged(one.slices, one.range)
        symptomatic = verdict.symptomatic
        root = verdict.root
        origin = Origin.SYMPTOMATIC if symptomatic else Origin.ROOT if root else Origin.UNDETERMINED
        hit = Hit()
        # Whom a dead service hit, only the services above it can tell.
        hits = await self._slices.hits([one.service, *one.symptoms], one.range)
        for _, part in sorted(hits.items()):
            hit.merge(Hit(dict(part.users), dict(part.sites)))
        start, end = EPOCH + stretch.first * SLICE, EPOCH + (stretch.last + 1) * SLICE
        failing = [one.service, *one.symptoms]
        incident = one.kept[1].incident if one.kept is not None else ""
        traces = [exemplar.trace for exemplar in one.exemplars]
        tickets, lag = NOBODY
        if not symptomatic:
            tickets, lag = await reported(self._facts, failing, Period(start, end), traces, without=incident)
        name = one.kept[0] if one.kept is not None else outage_record.outage_name(one.service, stretch.first)
        planned = self._promises.is_planned(one.service, start, end)
        trace = next(iter(traces), "")
        hit_by = [*failing, *([root] if root else [])]
        filing = wanted(self._promises.services, name, hit_by, start, at, trace) if files and not planned else None
        outage = Outage(
            service=one.service,
            state=outage_record.state_of(stretch),
            first=stretch.first,
            last=stretch.last,
            looked_at=at,
            origin=origin,
            root=root,
            shares=one.shares,
            hours=tuple([await self._hour(one, number) for number in _hours(one.range)]),
            scope=affected(whole, hit),
            exemplars=one.exemplars,
            tickets=tickets,
            lag_seconds=lag,
            planned=planned,
            affected=tuple(sorted(one.symptoms)),
            filing=filing,
        )
        if one.kept is not None and outage_record.judged(one.kept[1], outage)[0] == one.kept[1]:
            return
        await self._outages.upsert(name, _cause(name, outage, at), partial(outage_record.judged, found=outage))

    async def _hour(self, one: _Found, number: int) -> Hour:
        part = range(max(one.range.start, number * SLICES_AN_HOUR), min(one.range.stop, (number + 1) * SLICES_AN_HOUR))
        sums = merged(one.slices, part)
        usual = await self._slices.usual(one.service, part)
        seconds = len(part) * SLICE // timedelta(seconds=1)
        return Hour(number, round(sums.valid, 3), round(sums.begun_weight, 3), round(usual, 3), seconds)

    async def _take_back(
        self, found: Sequence[_Found], kept: Mapping[str, Sequence[tuple[str, Outage]]], until: int, at: datetime
    ) -> None:
        """What is still looked at and was not found again is none."""
        again = {one.kept[0] for one in found if one.kept is not None}
        again |= {outage_record.outage_name(one.service, one.stretch.first) for one in found}
        for of_service in kept.values():
            for name, outage in of_service:
                young = outage.last >= until - LOOK_BACK or outage.state in (State.PROVISIONAL, State.OPEN)
                if name not in again and young and outage.state is not State.RETRACTED:
                    decide = partial(outage_record.retracted, at=at)
                    cause = Cause(f"look/{name}/{at.isoformat()}", system("metrics"), at)
                    await self._outages.change(name, cause, decide)


def _voice(one: _Found, verdict: blame.Verdict) -> Voice:
    filed = one.kept is not None and one.kept[1].filing is not None
    return Voice(one.service, one.stretch.first, verdict.root, verdict.symptomatic, filed)


def _judged(found: Sequence[_Found]) -> dict[int, blame.Verdict]:
    """Who is to blame for each, and which fail because of which."""
    suspects = {id(one): Suspect(one.service, one.stretch.first, one.stretch.last, one.shares) for one in found}
    verdicts = {}
    for one in found:
        others = {
            other.service: suspects[id(other)]
            for other in found
            if other.service != one.service
            and one.stretch.first - _SLACK <= other.stretch.last
            and other.stretch.first - _SLACK <= one.stretch.last
        }
        verdict = verdicts[id(one)] = blame.judge(suspects[id(one)], others, _SLACK)
        if verdict.symptomatic:
            for other in found:
                if other.service == verdict.root and suspects[id(other)] is others.get(verdict.root):
                    other.symptoms.append(one.service)
    return verdicts


def _hours(part: range) -> range:
    return range(part.start // SLICES_AN_HOUR, (part.stop - 1) // SLICES_AN_HOUR + 1)


def _cause(name: str, outage: Outage, at: datetime) -> Cause:
    """One look is one cause: what it found, and when."""
    digest = hashlib.sha256(repr(outage).encode()).hexdigest()
    return Cause(f"look/{name}/{digest[:32]}", system("metrics"), at, digest)
