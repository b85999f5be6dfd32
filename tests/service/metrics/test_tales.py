"""The ledger after faults of chance: rebuilt it is byte-equal, another reader of the journals agrees, and an event that
is changed changes only what names it.

`LEDGER_STORIES` says how many stories (200 in `make recompute`), `LEDGER_FIRST` from which seed on; ten share a
database.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from throughline.metrics.v1 import events_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events

from services.metrics.rules.books import Books, Taken
from services.metrics.rules.ledger import Entry
from services.metrics.wire.intake import told_of
from tests.service.metrics.bank import BOSS, Bank, Start, model
from tests.service.metrics.brute_ledger import Story, events_of
from tests.service.metrics.tales import WEDNESDAY, Tale, inputs_of
from tests.service.metrics.till import Till, business
from tests.service.sla.desk import Paper, now

STORIES = int(os.environ.get("LEDGER_STORIES", "2"))
FIRST = int(os.environ.get("LEDGER_FIRST", "0"))
TOGETHER = 10
CHANGED = 3
_KINDS = {
    f"throughline.{service}.v1.{name}": getattr(module, name)
    for service, module in (("tickets", ticket_events), ("metrics", events_pb2))
    for name in module.DESCRIPTOR.message_types_by_name
}


@pytest.mark.timeout(1_800)  # ten stories, on a machine that does other things too
@pytest.mark.parametrize("first", range(FIRST, FIRST + STORIES, TOGETHER))
async def test_after_stories_of_chance_the_ledger_is_what_its_journals_give(
    start: Start, bank: Bank, paper: Callable[[str], Paper], till: Till, first: int
) -> None:
    """Two replicas; models change between the acts, words come late, out of order and twice: the replay is byte-equal,
    what is open of each cause is what an independent reader reckons, and an input that says something else changes no
    entry but those that name its cause.
    """
    await start()
    tales = [Tale(seed, paper, till) for seed in range(first, min(first + TOGETHER, FIRST + STORIES))]
    await _approved(bank, tales, 0)
    for one in tales:
        await till.service(one.shop, *one.parts, cost_model=f"costModels/{one.shop}")
    await _learned(bank, 2 * len(tales) + 1)
    begun = now()
    for one in tales:
        one.write(begun, begun + timedelta(days=1))
        await one.tell(0, paper("INC-000000").bus)
    await bank.settled(inputs_of(tales, 0))
    await _approved(bank, tales, 1)
    await _learned(bank, 3 * len(tales) + 2)
    for one in tales:
        await one.tell(1, paper("INC-000000").bus)
    await bank.settled(inputs_of(tales, 1))

    replay = await bank.replayed()
    assert (replay.difference, replay.digest) == ("", replay.replayed_digest)
    assert replay.entries == await bank.run.db["ledger_entries"].count_documents({})
    expected = await _reckoned(bank, tales, till)
    found: Counter[str] = Counter()
    async for booking in bank.run.db["bookings"].find({"state.open": {"$ne": None}}):
        found[booking["state"]["cause"]] += booking["state"]["open"]["total"]
    assert {name: amount for name, amount in found.items() if amount} == expected
    assert len(expected) > 5 * len(tales)
    changed = await _changes(bank, random.Random(first), expected)
    assert len(changed) == CHANGED
    last = first + len(tales) - 1
    print(f"stories {first} to {last}: {replay.inputs} inputs, {replay.entries} entries, rebuilt byte-equal")
    print(f"{len(expected)} open amounts as reckoned; {changed} entries changed with an event, each names its cause")


async def _approved(bank: Bank, tales: Sequence[Tale], number: int) -> None:
    """The first or second versions of all models; the second hold from Wednesday on."""
    fields: dict[str, Any] = {"effective": WEDNESDAY} if number else {}
    await bank.approve(model(rate=(12_000, 15_555)[number], **fields))
    for one in tales:
        rng = random.Random(f"{one.seed}/{number}")
        terms: dict[str, Any] = {
            "value": rng.randrange(1, 9_999),
            "recovered_per_mille": rng.choice([0, 125, 333]),
            "low_per_mille": 800,
            "high_per_mille": 1_300,
        }
        await bank.approve(business("transactions", f"costModels/{one.shop}", **terms, **fields))


async def _learned(bank: Bank, lessons: int) -> None:
    await bank.until(lambda: bank.run.db["ledger_taken"].count_documents({"lesson": True}), lessons)


async def _reckoned(bank: Bank, tales: Sequence[Tale], till: Till) -> dict[str, int]:
    """What another reader makes of the journals: models as approved, between the two acts."""
    approved = events_of([one async for one in bank.run.db["journal"].find({"type": {"$regex": "CostModelApproved"}})])
    early = [one for one in approved if _KINDS[one[0]].FromString(one[1]).cost_model.version == 1]
    late = [one for one in approved if one not in early]
    services = [each for name, told in till.told.items() if name.startswith("businessServices/") for each in told]
    acts = [[(each.type, each.data, each.time) for one in tales for each in one.acts[act]] for act in (0, 1)]
    story = Story().read([*early, *((one.type, one.data, one.time) for one in services)])
    return story.read(acts[0]).read(late).read(acts[1]).open()


async def _changes(bank: Bank, rng: random.Random, costly: Mapping[str, int]) -> list[int]:
    """Changes one event of something costly in the recorded intake, rebuilds, and does so again: how many entries
    differ each time. Each that differs must name the cause of what was changed.
    """
    inputs: list[Any] = []
    while True:
        after = inputs[-1].sequence if inputs else 0
        page = await bank.ask(BOSS, "ListLedgerInputs", page_size=200, after_sequence=after)
        inputs += page.inputs
        if not page.next_page_token:
            break
    read = [(one.type, one.data) for one in inputs]
    turns = [one["state"] async for one in bank.run.db["ledger_inputs"].find({}, {"state.name": 1, "state.turn": 1})]
    turn_of = {one["name"]: one["turn"] for one in turns}
    places = [(one.sequence, turn_of[one.name], one.event_time.ToDatetime(tzinfo=UTC)) for one in inputs]
    whole = _entries(places, read)
    ends = [
        at
        for at, one in enumerate(inputs)
        if one.type.endswith(("Resolved", "OutageClosed")) and one.resource in costly
    ]
    rng.shuffle(ends)
    counts: list[int] = []
    for at in ends:
        other = list(read)
        other[at] = (inputs[at].type, _otherwise(*read[at]))
        anew = _entries(places, other)
        differ = list(((whole - anew) + (anew - whole)).elements())
        cause = inputs[at].resource
        for one in differ:
            assert cause in (one[0], *one[1], *one[2]), (cause, one)
        # A word that another followed may change nothing.
        counts += [len(differ)] if differ else []
        if len(counts) == CHANGED:
            break
    return counts


def _otherwise(kind: str, data: bytes) -> bytes:
    """The same event of something that cost more people more, or failed more often."""
    message: Any = _KINDS[kind].FromString(data)
    if hasattr(message, "ticket"):
        message.ticket.impact = message.ticket.impact % 3 + 1
        message.ticket.resolve_time.seconds += 4_000
    else:
        message.outage.start_time.seconds -= 300
        for hour in message.outage.hours:
            hour.bad = hour.valid
            hour.expected += 50
    assert isinstance(message, Message)
    return message.SerializeToString(deterministic=True)


def _entries(places: Sequence[tuple[int, int, Any]], read: Sequence[tuple[str, bytes]]) -> Counter[Any]:
    """What the books make of it: (cause, what it left out, its evidence, all else that it says but its number)."""
    books = Books()
    found: Counter[Any] = Counter()
    for (seq, turn, at), (kind, data) in zip(places, read, strict=True):
        for _, (_, events) in books.take(Taken(seq, turn, at, told_of(kind, data))):
            found.update(_said(event.entry) for event in events)
    return found


def _said(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.cause,
        tuple(one.resource for one in entry.left_out),
        tuple(one.resource for one in entry.evidence),
        *(entry.total, entry.formula, entry.occurred_at, bool(entry.reverses), entry.provisional),
        tuple(one.ms for one in entry.left_out),
    )
