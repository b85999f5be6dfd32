"""The ledger is what its inputs give: replayed into empty books, reckoned by another reader, opened row by row."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from throughline.metrics.v1 import ledger_pb2, metrics_pb2, outage_pb2

from services.metrics.wire.intake import told_of
from tests.service.metrics.bank import BOSS, EVER, FAN, Bank, Start, hours, interval, model
from tests.service.metrics.brute_ledger import Story, events_of
from tests.service.metrics.till import MONDAY, Till, business, outage
from tests.service.sla.desk import DONE, WORK, Paper, stamp
from tool import ledger
from tool.connection import Connection
from tool.ledger import recomputed

AMOUNTS = int(os.environ.get("LEDGER_AMOUNTS", "40"))


async def _shop(bank: Bank, till: Till) -> None:
    await bank.approve(model())
    await bank.approve(business("transactions", recovered_per_mille=125, low_per_mille=800, high_per_mille=1300))
    await till.service("checkout", "checkout-api", "cart-api")
    await bank.until(lambda: bank.run.db["ledger_taken"].count_documents({"lesson": True}), 3)


async def _story(bank: Bank, paper: Callable[[str], Paper], till: Till, count: int, seed: int) -> list[Paper]:
    """Incidents, some reopened, and outages, some amended or retracted; told in an order of chance.

    More of them take more days: each shares its hours with as many others, however many there are.
    """
    rng, days = random.Random(seed), max(1, count // 40)
    tickets: list[Paper] = []
    acts: list[Any] = []
    for number in range(1, count + 1):
        one = paper(f"INC-{number:06d}")
        at = MONDAY + timedelta(seconds=rng.randrange(90_000 * days))
        service = rng.choice(["services/checkout", "services/mail"])
        one.opened(at, importing=True, impact=rng.randint(1, 3), priority=rng.randint(1, 4), service=service)
        for again in range(rng.choice([0, 0, 1])):
            at += timedelta(seconds=rng.randrange(1, 9_000))
            one.moved("TicketResolved", at, DONE, resolve_time=stamp(at))
            one.ticket.ClearField("resolve_time")
            at += timedelta(seconds=rng.randrange(1, 9_000))
            one.moved("TicketReopened", at, WORK, reopens=again + 1)
        at += timedelta(seconds=rng.randrange(1, 40_000))
        one.moved("TicketResolved", at, DONE, resolve_time=stamp(at))
        tickets.append(one)
        acts.append(one.tell)
    for number in range(count // 4):
        begun = MONDAY + hours(rng.randrange(24 * days))
        drawn = [[rng.randrange(1, 999) for _ in range(3)] for _ in range(rng.randint(1, 4))]
        rows = [(float(max(valid, bad)), float(bad), float(expected)) for valid, bad, expected in drawn]
        state = rng.choice(["CLOSED", "CLOSED", "RETRACTED"])
        found = outage(begun, *rows, service=rng.choice(["checkout-api", "cart-api"]), state=state)
        found.end_time.CopyFrom(stamp(begun + hours(len(rows))))
        found.name += f".{number}"
        named = rng.choice(tickets)
        found.tickets.add(ticket=named.name, tier=outage_pb2.ATTRIBUTION_TIER_B)
        first = outage_pb2.Outage()
        first.CopyFrom(found)
        first.state = outage_pb2.OUTAGE_STATE_OPEN
        acts.append(lambda first=first: till.outage(first))
        acts.append(lambda found=found: till.outage(found))
    filed = acts[:count]
    rng.shuffle(filed)
    for act in [*filed, *acts[count:]]:
        await act()
    return tickets


def _inputs(tickets: list[Paper], till: Till) -> int:
    """How many inputs of the ledger were told, business services aside."""
    outages = sum(len(one) for name, one in till.told.items() if name.startswith("outages/"))
    return outages + sum(each.type.endswith(("Resolved", "Reopened")) for one in tickets for each in one.told)


@pytest.mark.long
async def test_replay_and_brute_force_agree_with_the_live_ledger(
    start: Start, bank: Bank, paper: Callable[[str], Paper], till: Till
) -> None:
    """Two replicas, a story of chance: the replay is byte-equal, and what is open of each cause is what an independent
    reader of the journals reckons; a changed entry is then found and named.
    """
    await start()
    await _shop(bank, till)
    tickets = await _story(bank, paper, till, 40, seed=11)
    await bank.settled(_inputs(tickets, till))
    replay = await bank.replayed()
    assert (replay.difference, replay.digest) == ("", replay.replayed_digest)
    assert replay.entries == await bank.run.db["ledger_entries"].count_documents({})
    events = [(one.type, one.data, one.time) for ticket in tickets for one in ticket.told]
    events += [(one.type, one.data, one.time) for told in till.told.values() for one in told]
    own = [one async for one in bank.run.db["journal"].find({"type": {"$regex": "CostModel"}})]
    expected = Story().read([*events_of(own), *events]).open()
    found: dict[str, int] = {}
    async for one in bank.run.db["bookings"].find({"state.open": {"$ne": None}}):
        found[one["state"]["cause"]] = one["state"]["open"]["total"]
    assert {name: amount for name, amount in found.items() if amount} == expected
    assert len(expected) > 30

    name = f"ledgerEntries/{tickets[0].number}.1"
    await bank.run.db["ledger_entries"].update_one({"_id": name}, {"$inc": {"state.inputs.users": 1}})
    broken = await bank.replayed()
    assert broken.difference == f"{name}: says something else"
    assert broken.digest != broken.replayed_digest


async def test_every_amount_is_recomputed_from_what_it_shows_and_none_is_an_orphan(
    bank: Bank, paper: Callable[[str], Paper], till: Till
) -> None:
    """Entries of chance, each opened by RPC: the inputs that it shows give its amount to the minor unit, every model,
    service and ticket that it names answers, and its range holds it.
    """
    await _shop(bank, till)
    tickets = await _story(bank, paper, till, AMOUNTS, seed=5)
    await bank.settled(_inputs(tickets, till))
    told = {one.name for one in tickets} | set(till.told)
    models: dict[tuple[str, str], int] = {}
    names = [one["_id"] async for one in bank.run.db["ledger_entries"].find({}, {"_id": 1})]
    for name in random.Random(9).sample(sorted(names), min(AMOUNTS, len(names))):
        entry = await bank.ask(BOSS, "GetLedgerEntry", name=name)
        assert recomputed(entry) == entry.total.minor_units == sum(one.amount.minor_units for one in entry.lines)
        assert abs(entry.low.minor_units) <= abs(entry.total.minor_units) <= abs(entry.high.minor_units)
        for one in entry.evidence:
            if one.resource.startswith("costModels/"):
                if (one.resource, one.version) not in models:
                    kept = await bank.ask(BOSS, "GetCostModel", name=one.resource, version=int(one.version))
                    models[one.resource, one.version] = kept.state
                assert models[one.resource, one.version] == metrics_pb2.COST_MODEL_STATE_APPROVED
            else:
                assert one.resource in told
        assert entry.reverses == "" or (await bank.ask(BOSS, "GetLedgerEntry", name=entry.reverses)).total == _negative(
            entry.total
        )


async def test_the_journal_of_inputs_names_each_event_once_in_one_order(
    bank: Bank, paper: Callable[[str], Paper], till: Till
) -> None:
    """Without a gap, without a text or a person, each with the digest of what its owner journalled; page by page."""
    await _shop(bank, till)
    tickets = await _story(bank, paper, till, 8, seed=3)
    for one in tickets:
        await one.tell()
    await bank.settled(_inputs(tickets, till))
    inputs: list[Any] = []
    token = ""
    while True:
        page = await bank.ask(BOSS, "ListLedgerInputs", page_size=5, page_token=token)
        inputs += page.inputs
        token = page.next_page_token
        if not token:
            break
    assert [one.sequence for one in inputs] == list(range(1, len(inputs) + 1))
    assert len({one.name for one in inputs}) == len(inputs)
    events = {one.id: one for ticket in tickets for one in ticket.told}
    heard = [one for one in inputs if one.event_id in events]
    assert len(heard) == sum(one.type.endswith(("Resolved", "Reopened")) for one in events.values())
    for one in heard:
        assert b"people/" not in one.data
        assert told_of(one.type, one.data) is not None
        assert one.digest == hashlib.sha256(events[one.event_id].data).digest()


async def test_a_draft_judges_a_period_and_changes_nothing(
    bank: Bank, paper: Callable[[str], Paper], till: Till
) -> None:
    """Twice the rate of people: 40 x 0.5 x 120.00 x 3 h are 7,200.00 before and 14,400.00 after, by service and month;
    the entries of the period keep their hash, and what is approved meanwhile is not touched.
    """
    await bank.approve(model())
    for number, service in enumerate(("services/mail", "services/mail", "services/hr"), 1):
        one = paper(f"INC-{number:06d}")
        one.opened(MONDAY, importing=True, impact=2, priority=2, service=service)
        one.moved("TicketResolved", MONDAY + hours(3), DONE, resolve_time=stamp(MONDAY + hours(3)))
        await one.tell()
        await bank.entries(one.name, 1)
    drafted = await bank.ask(FAN, "DraftCostModel", cost_model=model(rate=24_000))
    asked = {"cost_model": drafted.name, "version": drafted.version, "period": interval(MONDAY, MONDAY + hours(1))}
    assert (await bank.refused(BOSS, "StartWhatIf", **asked)).reason == "ROLE_REQUIRED"
    job = await bank.finished(await bank.ask(FAN, "StartWhatIf", **asked))
    assert job.state == ledger_pb2.LEDGER_JOB_STATE_DONE
    rows = [
        (one.service, one.month, one.causes, one.before.minor_units, one.after.minor_units) for one in job.what_if.rows
    ]
    assert rows == [
        ("services/hr", "2026-03-01", 1, 720_000, 1_440_000),
        ("services/mail", "2026-03-01", 2, 1_440_000, 2_880_000),
    ]
    assert job.what_if.digest == job.what_if.digest_after != b""
    assert len((await bank.ask(BOSS, "ListLedgerEntries", period=EVER)).entries) == 3


async def test_the_tool_proves_explains_and_exports_from_outside(bank: Bank, tmp_path: Path) -> None:
    """12.5 h x 68.00 gained: verify agrees, the export has one row of 85,000; a place of another hash is named."""
    await bank.approve(business("gain", "costModels/hours", 6_800, category="HOURS"))
    gain = ledger_pb2.Gain(
        category=metrics_pb2.LEDGER_CATEGORY_HOURS,
        cost_model="costModels/hours",
        quantity_milli=12_500,
        baseline="calls of May",
        occur_time=stamp(MONDAY),
        evidence=[metrics_pb2.Evidence(resource="knowledge/articles", note="=1+1")],
    )
    booked = await bank.ask(FAN, "BookGain", gain=gain)
    (entry,) = await bank.entries(booked.name, 1)
    connection = Connection({"metrics": f"127.0.0.1:{bank.run.port}"}, tmp_path / "keys", patience=timedelta(seconds=9))

    found = await asyncio.to_thread(ledger.verify, connection)
    assert (found.inputs, found.entries, found.difference) == (2, 1, "")
    told = await asyncio.to_thread(ledger.explain, connection, entry.name.partition("/")[2])
    assert (told.arithmetic, ledger.recomputed(told.entry)) == ("6,800 x 1 x 12,500 / 1,000 = 85,000", 85_000)
    file = io.StringIO(newline="")
    assert await asyncio.to_thread(lambda: ledger.export(ledger.entries(connection, EVER), file, lines=False)) == 1
    (row,) = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert (row["category"], row["amount_minor"], row["line_minor"]) == ("HOURS", "85000", "85000")
    lines = io.StringIO()
    await asyncio.to_thread(lambda: ledger.export(ledger.entries(connection, EVER), lines, lines=True))
    assert json.loads(lines.getvalue())["name"] == entry.name

    await bank.run.db["ledger_taken"].update_one({"_id": 2}, {"$set": {"hash": b"other"}})
    broken = await asyncio.to_thread(ledger.verify, connection)
    assert broken.difference == f"input 2 {booked.name}: the chain of inputs breaks here"
    connection.close()


def _negative(money: Any) -> Any:
    return type(money)(currency_code=money.currency_code, minor_units=-money.minor_units)
