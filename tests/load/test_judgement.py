"""How fast the past is judged: a log as long as the imported one, and a million clocks, by a job in its own processes.

JUDGEMENT_CLOCKS takes another size than a million.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from throughline.sla.v1 import judgement_pb2 as pb
from throughline.type.v1 import interval_pb2

from services.runtime import identity
from services.runtime.actor import Actor
from services.runtime.jobs import State
from services.runtime.records import Cause, change_many
from services.runtime.run import Runtime
from services.runtime.settings import Settings
from services.sla.main import compose
from services.sla.rules import calendar, policy
from services.sla.rules.book import Book
from services.sla.rules.clocks import TicketClocks
from services.sla.rules.fold import fold
from services.sla.rules.history import Step, extended
from services.sla.rules.policy import ClockKind, Match, Policy, StopMark, Target
from services.sla.rules.publication import Publication
from services.sla.rules.ticket import Facts, Seen, TicketState, TicketType
from services.sla.store import CALENDARS, CLOCKS, POLICIES, Judgements
from services.sla.store.judgements import shown
from services.sla.wire import policy as policy_wire
from tests.load.rounds import Rounds, until

LOG = 24_918
CLOCKS_AT_SCALE = int(os.environ.get("JUDGEMENT_CLOCKS", "1000000"))
DISTINCT = 2_500
SEED = 60
ROOT = Actor("people/root", frozenset({"administrator"}))
YEAR = datetime(2016, 1, 4, tzinfo=UTC)
_REQUESTER = frozenset({TicketState.AWAITING_REQUESTER})
HOURS = {1: 8, 2: 16, 3: 40, 4: 80}

pytestmark = pytest.mark.timeout(3000)


def promise(priority: int, share: float = 1.0, pauses: frozenset[TicketState] = _REQUESTER) -> Policy:
    """Response within a tenth of what is promised to solve it; the requester's time does not count."""
    whole = timedelta(seconds=int(HOURS[priority] * 3600 * share))
    return Policy(
        name=f"policies/p{priority}",
        order=priority,
        match=Match(priorities=frozenset({priority})),
        targets=(
            Target(ClockKind.RESPONSE, timedelta(seconds=whole // timedelta(seconds=10)), StopMark.RESPONDED),
            Target(ClockKind.RESOLUTION, whole, StopMark.RESOLVED, pauses, 75),
        ),
        calendar="calendars/office",
    )


OFFICE = calendar.Draft(
    "calendars/office",
    "Asia/Shanghai",
    tuple((day, (("09:00", "12:00"), ("13:00", "18:00"))) for day in range(1, 6)),
)


def history(chance: random.Random, number: int, book: Book) -> TicketClocks:
    """A made-up ticket from opening to closing, through the same rules as a real one."""
    name, at = f"tickets/INC-{number:07}", YEAR + timedelta(minutes=chance.randrange(360 * 24 * 60))
    facts = Facts(chance.choice((1, 2, 3, 3, 3, 4)), TicketType.INCIDENT, "", "")
    states = [TicketState.NEW, TicketState.IN_PROGRESS]
    states += [TicketState.AWAITING_REQUESTER, TicketState.IN_PROGRESS] * chance.choice((0, 0, 1, 2))
    clocks: TicketClocks | None = None
    kept: tuple[Step, ...] = ()
    opened, responded_at = at, None
    for index, state in enumerate((*states, TicketState.RESOLVED, TicketState.CLOSED)):
        responded_at = at if index == 1 else responded_at
        seen = Seen(name, state, facts, "people/li-na", "cn/east", "teams/desk", opened, responded_at, importing=False)
        clocks, _ = fold(clocks, seen, at, f"{name}/{index + 1}/0~1", book)
        kept = extended(kept, seen, clocks.last_at)
        at += timedelta(minutes=chance.randrange(5, 3000))
    assert clocks is not None
    return replace(clocks, history=kept)


def _published(state: Policy, _none: Publication | None) -> tuple[Publication, tuple[()]]:
    return Publication(state.name, (state,)), ()


class Archive:
    """The service in this process, with as many past tickets as are asked for."""

    def __init__(self, run: Runtime) -> None:
        self._run = run
        self._judgements = Judgements(run.db, run.jobs)
        self.tickets = 0

    async def publish(self) -> Book:
        """The promises that the past was judged by."""
        hours_kept, _ = calendar.publish(None, OFFICE, by=ROOT)
        promised = [policy.publish(None, promise(one), calendars=[OFFICE.name], by=ROOT)[0] for one in HOURS]
        cause = Cause("load/publish", ROOT, datetime.now(UTC))
        calendars, policies = self._run.records(CALENDARS), self._run.records(POLICIES)
        changes = [calendars.entry(OFFICE.name, cause, lambda _none: (hours_kept, ()))]
        changes += [policies.entry(one.name, cause, partial(_published, one)) for one in promised]
        for result in await change_many(changes):
            assert not isinstance(result, Exception), result
        return Book(tuple(promised), {OFFICE.name: hours_kept})

    async def fill(self, tickets: int, book: Book) -> None:
        """Writes past tickets in bulk, the histories of some thousand of them under names of their own."""
        chance = random.Random(SEED)
        drawn = [CLOCKS.encode(history(chance, number, book)) for number in range(min(tickets, DISTINCT))]
        rows = self._run.db["clocks"]
        head = {"schema": CLOCKS.schema, "version": 1, "sequence": 0, "head": b"", "causes": [], "outbox": []}
        while self.tickets < tickets:
            batch = range(self.tickets, min(self.tickets + 2_000, tickets))
            await rows.insert_many(
                [
                    {
                        "_id": f"clocks/INC-{one:07}",
                        **head,
                        "state": drawn[one % len(drawn)] | {"ticket": f"tickets/INC-{one:07}"},
                    }
                    for one in batch
                ],
                ordered=False,
            )
            self.tickets = batch.stop

    async def judge(self, number: int, *, pauses: frozenset[TicketState] = _REQUESTER) -> tuple[float, pb.Judgement]:
        """Judges the whole year by drafts that promise three quarters of the time; how long that took, in seconds."""
        period = interval_pb2.Interval()
        period.start_time.FromDatetime(YEAR)
        period.end_time.FromDatetime(YEAR + timedelta(days=366))
        drafts = [policy_wire.policy(promise(one, 0.75, pauses), "") for one in HOURS]
        message = pb.Judgement(period=period, policies=drafts).SerializeToString(deterministic=True)
        began = time.perf_counter()
        job = await self._judgements.submit(message, Cause(f"load/{number}", ROOT, datetime.now(UTC)))

        async def ended() -> bool:
            return (await self._judgements.get(job.name)).state not in (State.QUEUED, State.RUNNING)

        took = await until(ended, 0.1) - began
        return took, shown(await self._judgements.get(job.name))


@pytest.fixture
async def archive(mongo_uri: str, empty_nats: str, database: str, tmp_path: Path) -> AsyncIterator[Archive]:
    """The service without any ticket."""
    identity.make(tmp_path / "keys", ["sla", "portal"])
    settings = Settings.load(
        "sla",
        mongo_uri=mongo_uri,
        nats_url=empty_nats,
        database=database,
        keys_dir=tmp_path / "keys",
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
    )
    async with Runtime("sla", settings) as run:
        compose(run)
        await run.start()
        assert await run.ready(30)
        yield Archive(run)


async def _measured(archive: Archive, tickets: int, bar: float, rounds_wanted: int) -> None:
    book = await archive.publish()
    await archive.fill(tickets, book)
    rounds = Rounds(f"{tickets:,} tickets of two clocks judged by drafts of every policy", "s")
    for number in range(rounds_wanted):
        took, found = await archive.judge(number)
        assert found.state == pb.JUDGEMENT_STATE_DONE, found.error
        assert found.ticket_count == tickets
        assert found.digest_before == found.digest_after
        total = found.groups[0]
        assert total.met_before_count + total.missed_before_count == 2 * tickets
        assert found.flip_count > tickets // 100
        print(f"\n{tickets / took:,.0f} tickets/s, {found.flip_count:,} flips, digest {found.digest_after[:16]}")
        rounds.add("ours", took)
        rounds.add(f"{bar:,.0f} s", bar)
    rounds.hold("judged", "ours", f"{bar:,.0f} s", most=1.0)
    rounds.close()


async def test_a_whole_log_is_judged(archive: Archive) -> None:
    """As many tickets as the imported log has, judged within ten seconds."""
    await _measured(archive, LOG, 10.0, 3)


async def test_pauses_are_judged(archive: Archive) -> None:
    """The same by drafts of another pause, for which every clock is folded anew; it only shows."""
    book = await archive.publish()
    await archive.fill(LOG, book)
    rounds = Rounds(f"{LOG:,} tickets of two clocks folded anew by drafts of another pause", "s")
    for number in range(3):
        took, found = await archive.judge(number, pauses=frozenset())
        assert found.state == pb.JUDGEMENT_STATE_DONE, found.error
        rounds.add("ours", took)
        rounds.add("10 s", 10.0)
    rounds.hold("folded anew", "ours", "10 s")
    rounds.close()


async def test_a_million_clocks_are_judged(archive: Archive) -> None:
    """A million clocks, judged within five minutes."""
    await _measured(archive, CLOCKS_AT_SCALE // 2, 300.0 * CLOCKS_AT_SCALE / 1_000_000, 1)
