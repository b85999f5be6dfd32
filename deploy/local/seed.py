"""Facts in bulk, for measurements: made-up tickets folded by the same rules as events, what they cost, and the cells.

`make seed COUNT=1000000` fills the metrics database of the running system; the same count and seed give the same facts.
No tickets or clocks stand behind them. Where somebody keeps a cost model of people, nothing is booked by a made-up one.
"""

from __future__ import annotations

import asyncio
import functools
import multiprocessing
import os
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local import seed_cells, seed_ledger
from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.fact import Channel, Fact, Judged, State, Type, fact_name
from services.metrics.rules.fold import Seen, SeenClocks, fold_clocks, fold_ticket
from services.metrics.rules.known import Known
from services.metrics.rules.rows import ADDED, DAY_MS
from services.metrics.store.bookings import BOOKINGS
from services.metrics.store.cost_models import COST_MODELS
from services.metrics.store.facts import FACTS, NEVER, encode
from services.metrics.store.ledger import ENTRIES
from services.metrics.store.roller import Roller
from services.runtime.records import Records

DAYS = 730
END = datetime(2026, 10, 1, tzinfo=UTC)
BATCH = 2_000
WORKERS = 2
LIVES = 4_000
ENTRIES_AT_ONCE = 4_000
_SERVICES = tuple(f"services/service-{number:02d}" for number in range(40))
_SITES = tuple(f"sites/site-{number:02d}" for number in range(30))
_ITEMS = tuple(f"items/item-{number:02d}" for number in range(24))
_UNITS = ("cn/east", "cn/east/shanghai", "cn/west", "cn/south", "de", "")
_CHANNELS = (Channel.PORTAL, Channel.PORTAL, Channel.EMAIL, Channel.CHAT, Channel.PHONE, Channel.MONITORING)
_CATEGORIES = tuple(f"category {number}" for number in range(60))
_PRIORITIES = (1, 2, 2, 3, 3, 3, 3, 3, 4, 4)
_TARGETS = {1: 4, 2: 8, 3: 40, 4: 80}
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One event. human: a person acted. change: what it changes of what was seen before, its own marks included."""

    at: datetime
    human: bool
    change: dict[str, Any] = field(default_factory=dict)
    clocks: SeenClocks | None = None


def life(number: int, count: int) -> tuple[Seen, list[Step]]:
    """A ticket as it is filed, and what happens to it; the same for the same number and count.

    There are some thousand lives; the others are the same ones, so and so many whole days later.
    """
    base, days = number % LIVES, _days_on(number, count)
    chance = random.Random(f"throughline/{base}")
    opened = END - timedelta(days=DAYS) + timedelta(days=days, milliseconds=chance.randrange(86_400_000))
    service = min(int(chance.expovariate(0.12)), len(_SERVICES) - 1)
    type = Type.INCIDENT if chance.random() < 0.6 else Type.REQUEST
    name = f"tickets/{'INC' if type is Type.INCIDENT else 'REQ'}-{number:06d}"
    priority = chance.choice(_PRIORITIES)
    first = Seen(
        name=name, type=type, state=State.NEW, title=_title(number), importing=False, impact=2, urgency=2,
        priority=priority, service=_SERVICES[service], category=chance.choice(_CATEGORIES), team="", given=False,
        site=chance.choice(_SITES), unit=chance.choice(_UNITS), channel=chance.choice(_CHANNELS), source="",
        opened_at=opened, responded_at=None, no_fault=False, duplicate=chance.random() < 0.03, knowledge_used=False,
        item=_ITEMS[base % len(_ITEMS)] if type is Type.REQUEST else "",
    )  # fmt: skip
    return first, list(_steps(chance, first, service, priority))


def _steps(chance: random.Random, first: Seen, service: int, priority: int) -> Iterator[Step]:
    at = first.opened_at

    def later(hours: float) -> datetime:
        nonlocal at
        at += timedelta(seconds=1 + int(hours * 3600))
        return at

    team = service % 15
    yield Step(later(chance.expovariate(2)), True, {"team": f"teams/team-{team:02d}", "given": True})
    yield Step(later(chance.expovariate(1)), True, {"state": State.IN_PROGRESS})
    replied = later(chance.expovariate(1))
    response = Judged(replied, met=True, elapsed=(replied - first.opened_at) // timedelta(seconds=1) // 3)
    yield Step(replied, True, {"responded_at": replied})
    yield Step(replied, False, clocks=SeenClocks(first.name, response, Judged()))
    if chance.random() < 0.25:
        yield Step(
            later(chance.expovariate(0.3)), True, {"team": f"teams/team-{(team + 1 + chance.randrange(14)) % 15:02d}"}
        )
    if chance.random() < 0.2:
        yield Step(later(chance.expovariate(0.5)), True, {"state": State.AWAITING_REQUESTER, "asked": True})
        yield Step(later(chance.expovariate(0.1)), True, {"state": State.IN_PROGRESS})
    if chance.random() < 0.01:
        return
    done = later(chance.lognormvariate(1.5, 1.3))
    yield Step(done, True, {"state": State.RESOLVED, "knowledge_used": chance.random() < 0.3})
    used = (done - first.opened_at) // timedelta(seconds=1) // 3
    target = _TARGETS[priority] * 3600
    judged = Judged(done, met=used <= target, elapsed=used, breached_at=None if used <= target else done - _HOUR / 2)
    yield Step(done, False, clocks=SeenClocks(first.name, response, judged))
    if chance.random() < 0.05:
        yield Step(later(chance.expovariate(0.05)), True, {"state": State.IN_PROGRESS})
        yield Step(later(chance.expovariate(0.1)), True, {"state": State.RESOLVED})
    yield Step(later(72), False, {"state": State.CLOSED})


def fact_of(first: Seen, steps: list[Step]) -> tuple[Fact, int]:
    """The fact after all of it, and how many events made it."""
    fact, _ = fold_ticket(None, first, first.opened_at, human=True)
    seen = first
    for step in steps:
        if step.clocks is not None:
            fact, _ = fold_clocks(fact, step.clocks, step.at)
        else:
            seen = replace(replace(seen, given=False, asked=False), **step.change)
            fact, _ = fold_ticket(fact, seen, step.at, human=step.human)
    return fact, 1 + len(steps)


def document(number: int, count: int) -> dict[str, Any]:
    """The fact's document as the records hold it, with all of its days in cells already.

    The life is folded once and then moved: a fold knows no calendar, so it gives the same on any day.
    """
    state, events = _folded(number % LIVES)
    days = _days_on(number, count)
    moved = {name: _moved(value, timedelta(days=days)) for name, value in state.items()}
    ticket = f"tickets/{state['ticket'][8:11]}-{number:06d}"
    moved |= {"ticket": ticket, "title": _title(number), "days": [day + days for day in state["days"]]}
    rows = np.frombuffer(state["adds"], ADDED).copy()
    rows["at"] += days * DAY_MS
    moved["adds"] = rows.tobytes()
    return seed_ledger.document(FACTS, fact_name(ticket), moved, events)


def money(number: int, count: int) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """The documents of the ticket's booking and of its entries; None and nothing for a request."""
    booking, entries = _booked(number % LIVES)
    if booking is None:
        return None, []
    by = timedelta(days=_days_on(number, count))
    was, ticket = booking["state"]["ticket"], f"tickets/INC-{number:06d}"
    state = seed_ledger.moved_booking(booking["state"], ticket, by)
    moved = [(one, seed_ledger.moved_entry(one["state"], ticket, by)) for one in entries]
    return (
        booking | {"_id": booking["_id"].replace(was[8:], ticket[8:]), "state": state},
        [one | {"_id": entry["name"], "state": entry} for one, entry in moved],
    )


@functools.cache
def _booked(base: int) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    booking, entries = seed_ledger.booked(*life(base, LIVES * DAYS), Known().learned(cost_model()))
    return (None, []) if booking is None else seed_ledger.documents(booking, entries)


@functools.cache
def cost_model() -> CostModel:
    """By which they are judged: in force before the first of them."""
    return seed_ledger.model(END - timedelta(days=DAYS + 31))


@functools.cache
def _folded(base: int) -> tuple[dict[str, Any], int]:
    fact, events = fact_of(*life(base, LIVES * DAYS))
    return encode(replace(fact, stale=())), events


def _days_on(number: int, count: int) -> int:
    """Numbers follow time: how many days after the first one a ticket is filed."""
    return number * DAYS // count


def _moved(value: Any, by: timedelta) -> Any:
    if isinstance(value, datetime):
        return value if value == NEVER else value + by
    return [_moved(one, by) for one in value] if isinstance(value, list) else value


def _title(number: int) -> str:
    return f"Made-up ticket {number}"


def write_batch(uri: str, database: str, span: range, count: int, more: Mapping[str, Any] | None) -> None:
    """Writes a part of them, and what they cost when `more` is given: fields of every entry. The work of a process."""
    db = seed_cells.open_store(uri, database)
    seed_cells.insert(db, FACTS.collection, (document(number, count) for number in span))
    if more is not None:
        costs = [(booking, entries) for booking, entries in (money(number, count) for number in span) if booking]
        seed_cells.insert(db, BOOKINGS.collection, (booking for booking, _ in costs))
        seed_cells.insert(db, ENTRIES.collection, ({**one, **more} for _, entries in costs for one in entries))


async def fill(
    db: AsyncDatabase[dict[str, Any]],
    facts: Records[Fact] | Any,
    count: int,
    workers: int = WORKERS,
    only: range | None = None,
    *,
    booked: bool = False,
) -> None:
    """Writes `count` facts and the cells of all their days. facts: what has the collection of facts.

    only: no others than these of them. booked: what they cost too, where nobody keeps a cost model of people. The
    server asks for no password.
    """
    host, port = await db.client.address or ("", 0)
    uri = f"mongodb://{host}:{port}/?directConnection=true"
    at_once = await _is_empty(db)
    booked = booked and await _keeps_our_model(db)
    more = None if not booked else {"summed": True} if at_once else {}
    wanted = only or range(count)
    spans = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
    loop = asyncio.get_running_loop()
    # A fork of a process that talks gRPC may die of what it has inherited.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        await asyncio.gather(
            *(loop.run_in_executor(pool, write_batch, uri, db.name, span, count, more) for span in spans)
        )
        # An index is made at once of what is there in a fraction of the time of one that grows with it.
        kinds = (FACTS, BOOKINGS, ENTRIES)
        await asyncio.gather(*(db[kind.collection].create_indexes(list(kind.indexes)) for kind in kinds))
        if at_once:
            await seed_cells.fill(db, uri, pool)
            return
    roller = Roller(db, facts)
    for day in sorted(await facts.collection.distinct("state.days")):
        await roller.roll_day(day)
    while await roller.roll_above(64):
        pass
    while await roller.add_entries(ENTRIES_AT_ONCE):
        pass


async def _is_empty(db: AsyncDatabase[dict[str, Any]]) -> bool:
    kept = (FACTS.collection, ENTRIES.collection, *seed_cells.KEPT)
    return not any([await db[one].find_one({}, {"_id": 1}) for one in kept])


async def _keeps_our_model(db: AsyncDatabase[dict[str, Any]]) -> bool:
    made = seed_ledger.model_document(cost_model())
    models = db[COST_MODELS.collection]
    await models.update_one({"_id": made["_id"]}, {"$setOnInsert": made}, upsert=True)
    kept = await models.find_one({"_id": made["_id"]})
    return kept is not None and COST_MODELS.decode(kept["state"]) == cost_model()


class Facts:
    """What the roller needs of the records of facts, where no service runs."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self.collection = db[FACTS.collection]


async def main() -> None:
    """Fills the database of the running system's metrics service."""
    count = int(os.environ.get("COUNT", "1000000"))
    began = time.monotonic()
    async with AsyncMongoClient[dict[str, Any]](os.environ["TL_MONGO_URI"], tz_aware=True) as client:
        db = client[os.environ.get("TL_DATABASE", "metrics")]
        await fill(db, Facts(db), count, booked=True)
    print(f"{count:,} facts, what they cost, and their cells in {time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    asyncio.run(main())
