"""The bookkeeper: takes what waits, one input after the other, and writes what the books make of it.

One replica keeps the books at a time; should two, each place in the journal is given once and each document takes an
input once, so that nothing is booked twice. Inputs that share time with others are written one by one, the others
first: after a crash the same input is taken again and finds what it found before.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Sequence
from typing import Any

import structlog
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.metrics.rules.books import Books
from services.metrics.rules.claims import Outage
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.intake import Input
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booked, Booking
from services.metrics.rules.rates import RateTable
from services.metrics.store.bookings import Claims
from services.metrics.store.intake import Intake, Line
from services.metrics.wire.intake import is_lesson, own_input
from services.runtime.actor import system
from services.runtime.away import is_away
from services.runtime.precedence import give_way
from services.runtime.records import Cause, Change, Records, change_many

BATCH = 200
QUICK_SECONDS, IDLE_SECONDS = 0.1, 0.5
"""How long it rests after a look that found nothing: ever longer, until there is work again."""
_LEASE_SECONDS = 15
_RENEW_SECONDS, _ASK_SECONDS = 5.0, 1.0
_FURTHEST = 20_000
_LEASE = "lease"

_log = structlog.get_logger(__name__)


class Bookkeeper:
    """Runs in every replica and works in one."""

    def __init__(
        self,
        db: AsyncDatabase[dict[str, Any]],
        inputs: Records[Input],
        bookings: Records[Booking],
        models: Records[CostModel],
        rates: Records[RateTable],
    ) -> None:
        self.intake = Intake(db, inputs)
        self._leases = db["ledger_cursor"]
        self._inputs = inputs
        self._bookings = bookings
        self._claims = Claims(bookings)
        self._own: tuple[Records[Any], ...] = (models, rates)
        self._owner = uuid.uuid4().hex
        self._mine, self._ask_at = False, 0.0
        self._known = Known()
        self._known_until = -1
        self._told: dict[str, int] = {}
        self._outages = False

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the books until `stop` is set."""
        await self.intake.ensure_indexes()
        rest = QUICK_SECONDS
        while not stop.is_set():
            worked = 0
            try:
                worked = await self.work() if await self._is_mine() else 0
            except (DuplicateKeyError, BulkWriteError) as error:
                _log.warning("another replica keeps the books", error=type(error).__name__)
                self._known_until, self._ask_at = -1, 0.0
            except Exception as error:
                if not is_away(error):
                    raise
            if worked:
                rest = QUICK_SECONDS
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await stop.wait()
            rest = min(2 * rest, IDLE_SECONDS)

    async def work(self) -> int:
        """Takes a batch of what waits, or what was taken and is not in effect; how many inputs that were."""
        await self._catch_up()
        await self._hear_own()
        ready: list[Input] = []
        most = BATCH
        while not ready and most <= _FURTHEST:
            waiting = await self.intake.waiting(most)
            ready = await self._ready(waiting)
            if len(waiting) < most:
                break
            # All of these wait for others that are still to come; look behind them.
            most *= 10
        lines = await self.intake.take(ready) if ready else []
        await self._apply(lines)
        return len(lines)

    async def _is_mine(self) -> bool:
        if time.monotonic() >= self._ask_at:
            self._mine = await self._asked()
            self._ask_at = time.monotonic() + (_RENEW_SECONDS if self._mine else _ASK_SECONDS)
        return self._mine

    async def _asked(self) -> bool:
        """Takes the books, or keeps them for longer."""
        now = time.time()
        free = {"$or": [{"owner": self._owner}, {"until": {"$lt": now}}]}
        try:
            found = await self._leases.find_one_and_update(
                {"_id": _LEASE, **free},
                {"$set": {"owner": self._owner, "until": now + _LEASE_SECONDS}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except DuplicateKeyError:
            self._known_until = -1
            return False
        return found is not None

    async def _catch_up(self) -> None:
        """Knows what was taken before, and finishes what a process that ended did not."""
        if self._known_until >= 0:
            return
        applied = await self.intake.applied()
        self._known, self._told = Known(), {}
        for line in await self.intake.lessons(applied):
            self._learn(line)
        self._outages = await self._claims.any_outage()
        self._known_until = applied
        await self._apply([line async for line in self.intake.lines(applied)])

    def _learn(self, line: Line) -> None:
        books = Books(self._known)
        books.take(line.taken)
        self._known = books.known
        resource = line.input.resource
        self._told[resource] = max(self._told.get(resource, 0), line.input.sequence)

    async def _hear_own(self) -> None:
        """Approvals are taken from the own journal, so that what is approved holds for all that is taken after it."""
        changes: list[Change] = []
        for records in self._own:
            async for document in records.collection.find({}, {"sequence": 1}):
                name, after = document["_id"], self._told.get(document["_id"], 0)
                while after < document["sequence"]:
                    entries = await records.journal.of(name, after)
                    if not entries:
                        break
                    after = entries[-1].sequence
                    found = [one for one in entries if is_lesson(one.type)]
                    changes += [self._keeps(own_input(entry)) for entry in found]
                self._told[name] = after
        if changes:
            await change_many(changes)

    def _keeps(self, one: Input) -> Change:
        cause = Cause(one.event, system("metrics"), one.at)
        return self._inputs.entry(one.name, cause, lambda before: (before or one, ()))

    async def _ready(self, waiting: Sequence[Input]) -> list[Input]:
        """Those whose turn it is: lessons first, each ticket's in its order, of all others what is newer."""
        causes = [one.resource for one in waiting if not is_lesson(one.type)]
        turns: dict[str, int] = {}
        for booking in await self._claims.of(causes):
            turns[booking.cause] = max(turns.get(booking.cause, 0), booking.turn)
        ready = [one for one in waiting if is_lesson(one.type)]
        rest = sorted((one for one in waiting if not is_lesson(one.type)), key=lambda one: (one.at, one.turn, one.name))
        moved = True
        while moved:
            moved = False
            for one in list(rest):
                turn = turns.get(one.resource, 0)
                if not one.ordered or one.turn == turn + 1:
                    turns[one.resource] = max(turn, one.turn)
                    ready.append(one)
                    rest.remove(one)
                    moved = True
        return ready

    async def _apply(self, lines: Sequence[Line]) -> None:
        """Brings lines into effect, in their order; those that stand alone together."""
        at = 0
        while at < len(lines):
            alone = lines[at : at + BATCH]
            books = Books(self._known, await self._claims.of([one.input.resource for one in alone]))
            changes: list[Change] = []
            done = 0
            for line in alone:
                await give_way()
                if is_lesson(line.input.type):
                    if changes:
                        break
                    self._learn(line)
                    books.known = self._known
                elif self._meets_nobody(books, line):
                    changes += [self._change(line, one) for _, one in books.take(line.taken)]
                elif changes:
                    break
                else:
                    await self._write_shared(line)
                    done += 1
                    break
                done += 1
            _require(await change_many(changes))
            await self.intake.mark(lines[at : at + done])
            at += done

    def _meets_nobody(self, books: Books, line: Line) -> bool:
        """Whether the input can change no booking but its own."""
        if isinstance(line.taken.told, Outage):
            return False
        return not self._outages and not any(
            one.service for pair in books.own(line.taken) for one in pair if one is not None
        )

    async def _write_shared(self, line: Line) -> None:
        """Writes the bookings of others first: until its own is written, an input can be taken again as it was."""
        cause = line.input.resource
        known = Books(self._known, await self._claims.of([cause]))
        own = [one for pair in known.own(line.taken) for one in pair if one is not None]
        near = await self._claims.near(own)
        further = await self._claims.near(near)
        books = Books(self._known, {one.name: one for one in (*further, *near, *known.bookings.values())}.values())
        found = books.take(line.taken)
        for mine in (False, True):
            _require(await change_many([self._change(line, one) for its_own, one in found if its_own is mine]))
        self._outages = self._outages or isinstance(line.taken.told, Outage)

    def _change(self, line: Line, booked: Booked) -> Change:
        booking, events = booked
        cause = Cause(line.input.name, system("metrics"), line.input.at)

        def decide(before: Booking | None) -> Booked:
            if before is not None and before.seq >= booking.seq:
                return before, ()
            return booking, events

        return self._bookings.entry(booking.name, cause, decide)


def _require(results: Sequence[Any]) -> None:
    """Nothing after an input may be taken before all of it is in effect."""
    for one in results:
        if isinstance(one, Exception):
            raise one
