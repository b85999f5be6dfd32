"""Long work on the ledger: a draft that judges a period, and the recorded intake taken again into empty books."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

from services.metrics.rules.books import Books
from services.metrics.rules.known import Known
from services.metrics.rules.period import Period
from services.metrics.rules.what_if import is_judged_by, judged_anew, supposing
from services.metrics.store.bookings import BOOKINGS, Claims
from services.metrics.store.ledger import decode_entry
from services.metrics.store.ledger_parts import LedgerParts
from services.metrics.wire.ledger import canonical
from services.runtime.jobs import Job, Progress
from services.runtime.records import Cause
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime

WHAT_IF, REPLAY = "ledger-what-if", "ledger-replay"
_BATCH = 200
_TRIES, _PAUSE_SECONDS = 20, 0.5


class LedgerJobs:
    """The two kinds, registered with the service's jobs."""

    def __init__(self, run: Runtime, parts: LedgerParts) -> None:
        self._jobs = run.jobs
        self._parts = parts
        self._bookings = parts.bookings.collection
        self._entries = parts.entries.collection
        run.job(WHAT_IF, self._judge)
        run.job(REPLAY, self._replay)

    async def start_what_if(self, model: str, version: int, period: Period, cause: Cause) -> Job:
        """Lets a version judge a period.

        Raises:
            Refusal: NOT_FOUND.
        """
        (await self._parts.cost_models.get(model)).state.version(version)
        asked = {"model": model, "version": version, "start": period.start, "end": period.end}
        return await self._jobs.submit(WHAT_IF, asked, cause)

    async def start_replay(self, cause: Cause) -> Job:
        """Takes everything again."""
        return await self._jobs.submit(REPLAY, {}, cause)

    async def get(self, name: str) -> Job:
        """A job of the ledger.

        Raises:
            Refusal: NOT_FOUND.
        """
        return _ours(await self._jobs.get(name))

    async def cancel(self, name: str) -> Job:
        """Ends it, or asks it to end.

        Raises:
            Refusal: NOT_FOUND.
        """
        _ours(await self._jobs.get(name))
        return await self._jobs.cancel(name)

    async def known(self) -> Known:
        """What the ledger has learned by now."""
        intake = self._parts.bookkeeper.intake
        books = Books()
        for line in await intake.lessons(await intake.applied()):
            books.take(line.taken)
        return books.known

    async def _judge(self, progress: Progress) -> None:
        given = progress.input
        model, number = given["model"], given["version"]
        version = (await self._parts.cost_models.get(model)).state.version(number)
        known = supposing(await self.known(), model, version)
        claims = Claims(self._parts.bookings)
        begun = {"$gte": given["start"], "$lt": given["end"]}
        where = {"$or": [{"state.start": begun}, {"state.gain.occurred_at": begun}]}
        names, digest = await self._digest(given["start"], given["end"], None)
        cursor: Mapping[str, Any] = progress.cursor or {"after": "", "rows": {}}
        after, rows = cursor["after"], dict(cursor["rows"])
        total = await self._bookings.count_documents(where)
        done = progress.done
        while not progress.cancelled:
            found = self._bookings.find({"$and": [where, {"_id": {"$gt": after}}]}).sort("_id", 1).limit(_BATCH)
            batch = [BOOKINGS.decode(one["state"]) for one in await found.to_list()]
            if not batch:
                break
            for booking in batch:
                if not is_judged_by(booking, model, known):
                    continue
                near = await claims.near([booking]) if booking.service or booking.outage else []
                currency, amount = judged_anew(booking, near, model, number, known)
                _add(rows, booking, currency, amount)
            after, done = batch[-1].name, done + len(batch)
            await progress.advance(done, total, {"after": after, "rows": rows})
        _, again = await self._digest(given["start"], given["end"], names)
        progress.result.update(rows=rows, digest=digest, digest_after=again)

    async def _digest(self, start: Any, end: Any, only: set[str] | None) -> tuple[set[str], bytes]:
        """One hash over the entries of a period; of those in `only`, when it is given."""
        whole = hashlib.sha256()
        names: set[str] = set()
        where = {"state.occurred_at": {"$gte": start, "$lt": end}}
        async for document in self._entries.find(where, {"state": 1}).sort("_id", 1):
            if only is None or document["_id"] in only:
                names.add(document["_id"])
                whole.update(canonical(decode_entry(document["state"])))
        return names, whole.digest()

    async def _replay(self, progress: Progress) -> None:
        """Compares until what is filed has caught up with what was taken; what still differs then, differs."""
        books, made, until = Books(), dict[str, bytes](), 0
        count, digest, difference = 0, b"", ""
        for attempt in range(_TRIES):
            until = await self._take_again(progress, books, made, until)
            count, digest, difference = await self._compared(made)
            if not difference or progress.cancelled:
                break
            if attempt + 1 < _TRIES:
                await asyncio.sleep(_PAUSE_SECONDS)
        replayed = hashlib.sha256()
        for name in sorted(made):
            replayed.update(made[name])
        progress.result.update(
            inputs=until, entries=count, digest=digest, replayed=replayed.digest(), difference=difference, until=until
        )

    async def _take_again(self, progress: Progress, books: Books, made: dict[str, bytes], after: int) -> int:
        intake = self._parts.bookkeeper.intake
        total = await intake.applied()
        async for line in intake.lines(after, {"_id": {"$lte": total}}):
            for _, (_, events) in books.take(line.taken):
                for event in events:
                    made[event.entry.name] = canonical(event.entry)
            after = line.seq
            if after % _BATCH == 0:
                await progress.advance(after, total, None)
        await progress.advance(after, total, None)
        return after

    async def _compared(self, made: Mapping[str, bytes]) -> tuple[int, bytes, str]:
        """How many entries are kept, a hash over them, and the first that differs from what was made."""
        whole = hashlib.sha256()
        count, difference = 0, ""
        seen: set[str] = set()
        async for document in self._entries.find({}, {"state": 1}).sort("_id", 1):
            name, found = document["_id"], canonical(decode_entry(document["state"]))
            whole.update(found)
            count += 1
            seen.add(name)
            if not difference and made.get(name) != found:
                difference = f"{name}: " + ("says something else" if name in made else "no input gives it")
        missing = sorted(made.keys() - seen)
        if missing and not difference:
            difference = f"{missing[0]}: the ledger does not have it"
        return count, whole.digest(), difference


def _add(rows: dict[str, Any], booking: Any, currency: str, amount: int) -> None:
    entry = booking.open
    begun = booking.span[0] if booking.span is not None else booking.gain.occurred_at
    place = (booking.end or booking.gain).place.service if booking.outage is None else booking.service
    was = entry.currency if entry is not None else currency
    key = "\n".join((place, f"{begun:%Y-%m-01}", was or currency, currency or was))
    row = rows.get(key, [0, 0, 0])
    rows[key] = [row[0] + 1, row[1] + (entry.total if entry is not None else 0), row[2] + amount]


def _ours(job: Job) -> Job:
    if job.kind not in (WHAT_IF, REPLAY):
        raise Refusal.not_found(job.name)
    return job
