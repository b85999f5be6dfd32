"""Cost models and the value ledger through gRPC and the events of tickets, on real stores."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from throughline.metrics.v1 import board_pb2, metrics_pb2
from throughline.tickets.v1 import events_pb2 as ticket_events
from throughline.tickets.v1 import ticket_pb2

from services.metrics.rules.period import Filter, Period
from services.metrics.store.intake import INPUTS
from services.metrics.store.ledger import ENTRIES
from services.metrics.store.value_ledger import ValueLedger
from services.metrics.wire.intake import input_of
from services.runtime.actor import system
from services.runtime.binding import Heard
from services.runtime.journal import Journal
from services.runtime.records import Cause, Records
from services.runtime.refusal import Kind
from tests.service.metrics.bank import (
    BOSS,
    EAST,
    EVER,
    FAN,
    LI,
    PEOPLE,
    QIU,
    WEST,
    Bank,
    Start,
    hours,
    interval,
    model,
    papers,
)
from tests.service.sla.desk import DONE, SHUT, WORK, Paper, instant, stamp

MONDAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CANCELLED = ticket_pb2.TICKET_STATE_CANCELLED
Papers = Callable[[str], Paper]


@pytest.fixture
async def paper(empty_nats: str) -> AsyncIterator[Papers]:
    """A ticket whose events the test publishes, also before any replica runs."""
    async with papers(empty_nats) as paper:
        yield paper


def _filed(ticket: Paper, at: datetime = MONDAY, **fields: Any) -> Paper:
    given = {"impact": 2, "priority": 2, "service": "services/checkout", "site": "sites/shanghai", **fields}
    # Work of the past is judged by models that were approved today, as a history is.
    ticket.opened(at, importing=True, **given)
    return ticket


def _resolved(ticket: Paper, at: datetime) -> None:
    ticket.moved("TicketResolved", at, DONE, resolve_time=stamp(at))


def _reopened(ticket: Paper, at: datetime) -> None:
    ticket.ticket.ClearField("resolve_time")
    ticket.moved("TicketReopened", at, WORK, reopens=ticket.ticket.reopens + 1)


async def test_a_model_is_approved_by_somebody_else_of_finance(bank: Bank) -> None:
    """Not by its author and not by another role; approved once, it neither changes nor starts twice."""
    drafted = await bank.ask(FAN, "DraftCostModel", cost_model=model(note="first"))
    assert (drafted.version, drafted.state, drafted.author) == (1, metrics_pb2.COST_MODEL_STATE_DRAFT, FAN.sub)
    asked = {"name": PEOPLE, "version": 1}
    assert (await bank.refused(FAN, "ApproveCostModel", **asked)).reason == "OWN_MODEL"
    assert (await bank.refused(BOSS, "ApproveCostModel", **asked)).reason == "ROLE_REQUIRED"
    assert (await bank.refused(LI, "GetCostModel", name=PEOPLE)).reason == "ROLE_REQUIRED"
    approved = await bank.ask(QIU, "ApproveCostModel", **asked, note="agreed")
    assert (approved.state, approved.approver) == (metrics_pb2.COST_MODEL_STATE_APPROVED, QIU.sub)
    assert approved.note == "first\nagreed"
    assert (await bank.refused(QIU, "ApproveCostModel", **asked)).reason == "COST_MODEL_APPROVED"
    await bank.ask(FAN, "DraftCostModel", cost_model=model(rate=15_000))
    taken = await bank.refused(QIU, "ApproveCostModel", name=PEOPLE, version=2)
    assert (taken.reason, taken.kind) == ("EFFECTIVE_TIME_TAKEN", Kind.PRECONDITION)
    kept = await bank.ask(BOSS, "GetCostModel", name=PEOPLE, version=1)
    kept.etag = approved.etag
    assert kept == approved
    listed = await bank.ask(BOSS, "ListCostModels")
    assert [(one.name, one.version) for one in listed.cost_models] == [(PEOPLE, 2)]


async def test_an_incident_is_booked_taken_back_and_booked_anew(bank: Bank, paper: Papers) -> None:
    """40 people, half of their work, 120.00 an hour: 3 h are 7,200.00; reopened it is nothing; 5 h are 12,000.00."""
    await bank.approve(model())
    ticket = _filed(paper("INC-000001"))
    _resolved(ticket, MONDAY + hours(3))
    _reopened(ticket, MONDAY + hours(4))
    _resolved(ticket, MONDAY + hours(5))
    ticket.moved("TicketClosed", MONDAY + hours(9), SHUT)
    await ticket.tell()

    first, back, anew = await bank.entries(ticket.name, 3)

    assert [one.name for one in (first, back, anew)] == [f"ledgerEntries/INC-000001.{number}" for number in (1, 2, 3)]
    assert [one.total.minor_units for one in (first, back, anew)] == [720_000, -720_000, 1_200_000]
    assert [line.amount.minor_units for line in first.lines] == [120_000, 240_000, 240_000, 120_000]
    assert instant(first.lines[0].hour_time) == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert {line.service for line in first.lines} == {"services/checkout"}
    assert [-line.amount.minor_units for line in back.lines] == [line.amount.minor_units for line in first.lines]
    assert (back.reverses, anew.reverses) == (first.name, "")
    assert (first.low.minor_units, first.high.minor_units) == (360_000, 1_080_000)
    assert [(one.resource, one.version) for one in first.evidence] == [(ticket.name, '"2"'), (PEOPLE, "1")]
    assert back.evidence[0].version == '"3"'
    assert {one.name: one.value for one in anew.inputs}["ms"] == 5 * 3_600_000
    assert (first.formula, first.category) == ("people/1", metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS)
    ledger = ValueLedger(bank.run.records(ENTRIES))
    assert {name: one.amount for name, one in (await ledger.losses_of([ticket.name])).items()} == {
        ticket.name: 1_200_000
    }


async def test_the_same_events_in_any_order_and_again_give_the_same_ledger(bank: Bank, paper: Papers) -> None:
    """Twelve incidents of up to three ends, every event told twice and all shuffled: one entry an end, in order."""
    await bank.approve(model())
    rng = random.Random(7)
    told: list[list[Any]] = []
    for number in range(1, 13):
        ticket = _filed(paper(f"INC-{number:06d}"), impact=rng.choice([1, 2, 3]), priority=rng.choice([1, 2, 3, 4]))
        at = MONDAY
        for _ in range(rng.randrange(3)):
            _resolved(ticket, at := at + timedelta(seconds=rng.randrange(1, 90_000)))
            _reopened(ticket, at := at + timedelta(seconds=rng.randrange(1, 90_000)))
        _resolved(ticket, at + timedelta(seconds=rng.randrange(1, 90_000)))
        told.append(ticket.told)
        # Told again after a restore, under another epoch: other ids, the same sequence.
        mixed = [*ticket.told, *(replace(one, id=f"{one.id[:-1]}2") for one in ticket.told)]
        rng.shuffle(mixed)
        await ticket.tell(*mixed)
    for entries in told:
        ends = [one for one in entries if one.type.endswith(("TicketResolved", "TicketReopened"))]
        found = await bank.entries(entries[0].resource, len(ends))
        assert sum(one.total.minor_units for one in found) == found[-1].total.minor_units
        assert [one.evidence[0].version for one in found] == [f'"{one.version}"' for one in ends]
        assert [instant(one.record_time) for one in found] == [one.time for one in ends]


async def test_nothing_is_booked_without_a_model_or_an_impact_and_the_reason_is_kept(bank: Bank, paper: Papers) -> None:
    """Opened before the first version, of unknown impact, cancelled, of no fault: no entry, and it is said why."""
    await bank.approve(model(effective=MONDAY))
    before, unknown, cancelled, no_fault = (_filed(paper(f"INC-00000{n}"), at) for n, at in (
        (1, MONDAY - hours(1)), (2, MONDAY), (3, MONDAY), (4, MONDAY),
    ))  # fmt: skip
    unknown.ticket.impact = 0
    for ticket in (before, unknown):
        _resolved(ticket, MONDAY + hours(2))
    cancelled.moved("TicketCancelled", MONDAY + hours(1), CANCELLED, update_time=stamp(MONDAY + hours(1)))
    no_fault.ticket.resolution.code = ticket_pb2.RESOLUTION_CODE_NO_FAULT
    _resolved(no_fault, MONDAY + hours(2))
    last = _filed(paper("INC-000009"))
    _resolved(last, MONDAY + hours(1))
    reasons = ("NO_MODEL", "IMPACT_UNKNOWN", "CANCELLED", "NO_FAULT")
    for ticket in (before, unknown, cancelled, no_fault, last):
        await ticket.tell()
    for ticket, reason in zip((before, unknown, cancelled, no_fault), reasons, strict=True):
        assert (await bank.booked(ticket.name))["unbooked"] == reason
    await bank.entries(last.name, 1)
    assert len((await bank.ask(BOSS, "ListLedgerEntries", period=EVER)).entries) == 1


async def test_a_model_that_starts_in_a_judged_past_touches_no_booked_entry(bank: Bank, paper: Papers) -> None:
    """What was booked under version 1 stays and is taken back as it was booked; what ends later is under version 2."""
    await bank.approve(model())
    first, second = _filed(paper("INC-000001")), _filed(paper("INC-000002"))
    _resolved(first, MONDAY + hours(1))
    await first.tell()
    (booked,) = await bank.entries(first.name, 1)
    await bank.approve(model(effective=MONDAY - hours(1), rate=24_000))
    assert await bank.entries(first.name, 1) == [booked]
    _reopened(first, MONDAY + hours(2))
    _resolved(second, MONDAY + hours(1))
    await first.tell(first.told[-1])
    await second.tell()
    _, back = await bank.entries(first.name, 2)
    (doubled,) = await bank.entries(second.name, 1)
    assert back.total.minor_units == -booked.total.minor_units
    assert (back.evidence[1].version, doubled.evidence[1].version) == ("1", "2")
    assert doubled.total.minor_units == 2 * booked.total.minor_units


async def test_live_work_is_not_judged_by_a_model_approved_after_it(bank: Bank, paper: Papers) -> None:
    """A version approved now, effective long ago, books a history that is imported and no live resolution of before."""
    await bank.approve(model())
    live, past = _filed(paper("INC-000001")), _filed(paper("INC-000002"))
    live.ticket.importing = False
    for ticket in (live, past):
        _resolved(ticket, MONDAY + hours(1))
        await ticket.tell()
    assert (await bank.booked(live.name))["unbooked"] == "NO_MODEL"
    await bank.entries(past.name, 1)


async def test_sums_lists_and_scopes_are_of_the_same_lines(bank: Bank, paper: Papers) -> None:
    """A period's sum is that of the lines in it; a list holds the entries behind it; another unit sees neither."""
    await bank.approve(model())
    east, west = _filed(paper("INC-000001")), _filed(paper("INC-000002"), unit="cn/west", priority=1)
    for ticket in (east, west):
        _resolved(ticket, MONDAY + hours(3))
        await ticket.tell()
        await bank.entries(ticket.name, 1)
    ledger = ValueLedger(bank.run.records(ENTRIES))
    nine, ten, noon = (MONDAY.replace(hour=hour, minute=0) for hour in (9, 10, 12))

    async def amounts(start: datetime, end: datetime, scope: str = "", **filter: Any) -> list[tuple[int, int]]:
        sums = await ledger.money_lines(Period(start, end), Filter(**filter), scope)
        return [(one.amount, one.entries) for one in sums]

    assert await amounts(nine, noon + hours(1)) == [(2_160_000, 2)]
    assert await amounts(ten, noon) == [(3 * 480_000, 2)]
    assert await amounts(ten, noon, "cn/east") == [(480_000, 1)]
    assert await amounts(ten, noon, "cn") == [(3 * 480_000, 2)]
    assert await amounts(ten, noon, priorities=(1,)) == [(960_000, 1)]
    assert await amounts(ten, noon, team="teams/other") == []
    assert await amounts(ten + timedelta(minutes=1), ten + timedelta(minutes=2)) == []
    assert await amounts(noon + hours(2), noon + hours(9)) == []

    listed = await bank.ask(
        EAST, "ListLedgerEntries", period=interval(ten, noon), filter=board_pb2.BoardFilter(service="services/checkout")
    )
    assert [one.ticket for one in listed.entries] == [east.name]
    assert (await bank.refused(WEST, "GetLedgerEntry", name="ledgerEntries/INC-000001.1")).reason == "NOT_FOUND"
    assert (await bank.refused(LI, "ListLedgerEntries", period=EVER)).reason == "ROLE_REQUIRED"
    page = await bank.ask(BOSS, "ListLedgerEntries", period=EVER, page_size=1)
    rest = await bank.ask(BOSS, "ListLedgerEntries", period=EVER, page_size=1, page_token=page.next_page_token)
    assert {one.ticket for one in (*page.entries, *rest.entries)} == {east.name, west.name}
    stale = await bank.refused(EAST, "ListLedgerEntries", period=EVER, page_size=1, page_token=page.next_page_token)
    assert stale.reason == "PAGE_TOKEN_INVALID"


async def test_two_replicas_book_once(start: Start, paper: Papers) -> None:
    """Forty incidents heard by two replicas of one listener: one entry each, and each as its inputs say."""
    bank = await start()
    await start()
    await bank.approve(model())
    tickets = [_filed(paper(f"INC-{number:06d}")) for number in range(1, 41)]
    for number, ticket in enumerate(tickets):
        _resolved(ticket, MONDAY + timedelta(minutes=7 * number + 1))
        await ticket.tell()
    for ticket in tickets:
        await bank.entries(ticket.name, 1)
    documents = await bank.run.db["ledger_entries"].find().to_list()
    assert len(documents) == 40
    assert all(one["version"] == 1 for one in documents)
    assert sum(one["state"]["total"] for one in documents) == sum(
        40 * 500 * 12_000 * (7 * number + 1) // 60_000 for number in range(40)
    )


async def test_an_input_that_a_dying_process_kept_is_booked_and_filed_by_the_next(
    start: Start, mongo_uri: str, database: str
) -> None:
    """What was heard is on file and its process is gone before anything was booked: the next one books it, once."""
    ticket = ticket_pb2.Ticket(
        name="tickets/INC-000001",
        etag='"2"',
        type=ticket_pb2.TICKET_TYPE_INCIDENT,
        state=DONE,
        impact=2,
        priority=2,
        service="services/checkout",
        importing=True,
        open_time=stamp(MONDAY),
        resolve_time=stamp(MONDAY + hours(1)),
    )
    told = ticket_events.TicketResolved(ticket=ticket)
    dying = await start()
    await dying.approve(model())
    await dying.run.stop()
    async with AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        db = client[database]
        kept = Records(db, INPUTS, Journal(db))
        cause = Cause("tickets/INC-000001/2/0~1", system("metrics"), MONDAY + hours(1))
        one = input_of(Heard(told, told.DESCRIPTOR.full_name, ticket.name, 2, cause.at, cause))
        assert one is not None
        await kept.upsert(one.name, cause, lambda _before: (one, ()))
        assert await db["ledger_entries"].count_documents({}) == 0
    bank = await start()
    (entry,) = await bank.entries(ticket.name, 1)
    assert entry.total.minor_units == 240_000
