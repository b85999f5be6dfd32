"""Cost models of every type through gRPC and events: each amount as worked by hand, to the minor unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import ledger_pb2, metrics_pb2, outage_pb2

from services.metrics.store.bookings import BOOKINGS, Claims
from services.runtime.refusal import Kind
from tests.service.metrics.bank import (
    APPROVED_FROM,
    BOSS,
    EVER,
    FAN,
    PEOPLE,
    QIU,
    WEST,
    Bank,
    hours,
    model,
)
from tests.service.metrics.till import MONDAY, Till, business, outage
from tests.service.sla.desk import DONE, Paper, stamp

Papers = Callable[[str], Paper]
LOSS = metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS


async def _resolved(ticket: Paper, start: datetime, end: datetime, **fields: Any) -> None:
    ticket.opened(start, importing=True, **{"impact": 2, "priority": 2, "service": "services/checkout", **fields})
    ticket.moved("TicketResolved", end, DONE, resolve_time=stamp(end))
    await ticket.tell()


@pytest.mark.row("A075")
async def test_level_scope_and_duration_give_the_amount_that_a_hand_gives(bank: Bank, paper: Papers) -> None:
    """Impact 2 is 40 people, priority 2 half of their work, 2 h 20 min at 120.00:
    40 x 0.5 x 120.00 x 2.3333... h = 5,600.00.
    """
    await bank.approve(model())
    ticket = paper("INC-000001")
    await _resolved(ticket, MONDAY, MONDAY + timedelta(minutes=140))
    (entry,) = await bank.entries(ticket.name, 1)
    assert (entry.total.minor_units, entry.total.currency_code, entry.category) == (560_000, "CNY", LOSS)
    told = await bank.ask(BOSS, "ExplainLedgerEntry", name=entry.name)
    assert told.arithmetic == "40 x 500 x 12,000 x 8,400,000 / 3,600,000,000 = 560,000"
    assert (told.agrees, told.recomputed.minor_units) == (True, 560_000)


@pytest.mark.row("A076")
async def test_lost_transactions_are_valued_from_what_spans_counted(bank: Bank, till: Till) -> None:
    """First hour: 1,000 expected, 700 done, 300 lost; second: 1,000 expected, 900 done, 100 lost. A fifth comes back
    later: 400 x 0.8 x 50.00 = 16,000.00, of it 12,000.00 in the first hour. The interval holds it.
    """
    await bank.approve(business("transactions", recovered_per_mille=200, low_per_mille=900, high_per_mille=1200))
    await till.service()
    one = outage(MONDAY, (900, 200, 1000), (950, 50, 1000))
    one.scope.requests, one.scope.requests_low, one.scope.requests_high = 250, 225, 275
    one.exemplars.add(trace_id="ab" * 16, span_id="cd" * 8)
    await till.outage(one)
    (entry,) = await bank.entries(one.name, 1)
    assert (entry.total.minor_units, entry.category, entry.formula) == (1_600_000, LOSS, "transactions/1")
    assert [line.amount.minor_units for line in entry.lines] == [1_200_000, 400_000]
    assert {line.service for line in entry.lines} == {"services/checkout"}
    assert entry.low.minor_units < entry.middle.minor_units < entry.high.minor_units
    # 80 % of the value's own range is 14,400 to 19,200; the count widens it a little.
    assert 1_350_000 < entry.low.minor_units < 1_450_000
    assert 1_880_000 < entry.high.minor_units < 2_050_000
    assert [one.resource for one in entry.evidence] == [
        *(entry.cause, "costModels/checkout", "businessServices/checkout", f"traces/{'ab' * 16}"),
    ]
    again = (await bank.entries(one.name, 1))[0]
    assert (again.low, again.high) == (entry.low, entry.high)


@pytest.mark.row("A077")
async def test_closed_hours_of_a_store_cost_nothing(bank: Bank, paper: Papers, till: Till) -> None:
    """Shops open 9:00 to 21:00 in Shanghai, the till fails from 20:30 to 23:30: half an hour counts.
    Impact 2 is 3 shops, priority 2 costs 60 %: 3 x 8,000.00 x 25 % x 60 % x 0.5 h = 1,800.00.
    """
    shop = business(
        "sales", value=800_000, margin_per_mille=250, calendar="calendars/shops", scopes={1: 12, 2: 3}, levels={2: 600}
    )
    await bank.approve(shop)
    await till.service()
    await till.calendar("shops", ("09:00", "21:00"))
    evening = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
    late, closed = paper("INC-000001"), paper("INC-000002")
    await _learned(bank, 3)
    await _resolved(late, evening, evening + hours(3))
    (entry,) = await bank.entries(late.name, 1)
    assert (entry.total.minor_units, entry.formula) == (180_000, "sales/1")
    assert [(one.resource, one.duration.seconds) for one in entry.left_out] == [("calendars/shops", 9_000)]
    await _resolved(closed, evening + hours(1), evening + hours(3))
    assert (await bank.booked(closed.name))["unbooked"] == "CLOSED_HOURS"


@pytest.mark.row("A078")
async def test_a_line_that_stands_still_costs_its_units_margin_in_its_shift(
    bank: Bank, paper: Papers, till: Till
) -> None:
    """Shifts 6:00 to 14:00, all of 2 lines stop from 13:00 to 15:00: an hour counts.
    2 lines x 45.5 units x 32.00 margin = 2,912.00; a tenth is made up later: 2,620.80.
    """
    line = business(
        "capacity",
        value=3_200,
        units_per_hour_milli=45_500,
        calendar="calendars/shift",
        scopes={1: 2},
        recovered_per_mille=100,
    )
    await bank.approve(line)
    await till.service()
    await till.calendar("shift", ("06:00", "14:00"))
    await _learned(bank, 3)
    stop = datetime(2026, 3, 2, 5, tzinfo=UTC)
    ticket = paper("INC-000001")
    await _resolved(ticket, stop, stop + hours(2), impact=1, priority=1)
    (entry,) = await bank.entries(ticket.name, 1)
    assert (entry.total.minor_units, entry.formula) == (262_080, "capacity/1")


@pytest.mark.row("A079")
async def test_two_versions_hold_side_by_side_each_from_its_day_and_finance_agrees(bank: Bank, till: Till) -> None:
    """50.00 until March 2nd noon, 80.00 from then on, agreed by somebody else of finance: 60 lost each time are
    3,000.00 before and 4,800.00 after; a draft values nothing, and no other role approves.
    """
    noon = MONDAY + hours(3)
    await bank.approve(business("transactions"))
    drafted = await bank.ask(FAN, "DraftCostModel", cost_model=business("transactions", value=8_000, effective=noon))
    asked = {"name": "costModels/checkout", "version": drafted.version}
    assert (await bank.refused(FAN, "ApproveCostModel", **asked)).reason == "OWN_MODEL"
    assert (await bank.refused(BOSS, "ApproveCostModel", **asked)).reason == "ROLE_REQUIRED"
    await till.service()
    early, late = outage(MONDAY, (100, 60, 100)), outage(noon, (100, 60, 100))
    await till.outage(outage(noon + hours(2), (100, 60, 100), service="other-api"))
    await bank.ask(QIU, "ApproveCostModel", **asked)
    await bank.ask(FAN, "DraftCostModel", cost_model=business("transactions", value=99_000, effective=MONDAY))
    for one in (early, late):
        await till.outage(one)
    amounts = [(await bank.entries(one.name, 1))[0] for one in (early, late)]
    assert [one.total.minor_units for one in amounts] == [300_000, 480_000]
    assert [one.evidence[1].version for one in amounts] == ["1", "2"]
    kinds = await bank.refused(FAN, "DraftCostModel", cost_model=business("sales", scopes={1: 1}))
    assert (kinds.reason, kinds.field) == ("COST_MODEL_TYPE_FIXED", "cost_model.type")


@pytest.mark.row("A003")
async def test_four_categories_each_by_a_dated_formula_and_none_without_one(bank: Bank) -> None:
    """A model of a gain needs a category, an entry too, and the same one: 12.5 h x 68.00 are 850.00 of hours,
    3 audits x 400.00 are 1,200.00 of compliance, 2 failures avoided x 5,000.00 are 10,000.00 of risk, and one outage
    prevented 20,000.00 of stop_loss. The board's four lines are these, and incurred loss is beside them.
    """
    refused = await bank.refused(FAN, "DraftCostModel", cost_model=business("gain", "costModels/any", category=""))
    assert (refused.reason, refused.field) == ("CATEGORY_REQUIRED", "cost_model.category")
    worth = {
        "HOURS": (6_800, 12_500),
        "COMPLIANCE": (40_000, 3_000),
        "RISK": (500_000, 2_000),
        "STOP_LOSS": (2_000_000, 1_000),
    }
    for category, (value, quantity) in worth.items():
        name = f"costModels/{category.lower().replace('_', '-')}"
        await bank.approve(business("gain", name, value, category=category))
        gain = ledger_pb2.Gain(
            category=metrics_pb2.LedgerCategory.Value(f"LEDGER_CATEGORY_{category}"),
            cost_model=name,
            quantity_milli=quantity,
            baseline="the quarter before",
            occur_time=stamp(MONDAY),
            evidence=[metrics_pb2.Evidence(resource="tickets/INC-000001", version='"3"')],
        )
        nameless = ledger_pb2.Gain()
        nameless.CopyFrom(gain)
        nameless.category = metrics_pb2.LEDGER_CATEGORY_UNSPECIFIED
        nothing = await bank.refused(FAN, "BookGain", gain=nameless)
        assert (nothing.reason, nothing.field, nothing.kind) == ("CATEGORY_REQUIRED", "gain.category", Kind.INVALID)
        nameless.category = LOSS
        assert (await bank.refused(FAN, "BookGain", gain=nameless)).reason == "CATEGORY_MISMATCH"
        assert (await bank.refused(WEST, "ListBookings", period=EVER)).reason == "UNIT_TOO_NARROW"
        booked = await bank.ask(FAN, "BookGain", gain=gain)
        await bank.entries(booked.name, 1)
    board = await bank.board()
    lines = {metrics_pb2.LedgerCategory.Name(one.category)[16:]: one.amount.minor_units for one in board.lines}
    assert lines == {"STOP_LOSS": 2_000_000, "HOURS": 85_000, "RISK": 1_000_000, "COMPLIANCE": 120_000}
    assert board.total.minor_units == sum(lines.values())
    assert board.incurred_loss.amount.minor_units == 0


@pytest.mark.row("A081")
async def test_an_amount_shows_its_assumptions_who_agreed_and_what_changed(bank: Bank, till: Till) -> None:
    """Open, amended, closed: 60 lost are 3,000.00, then 120 are 6,000.00; each correction a reversal and a new entry,
    and everybody can read by which version, whose, approved by whom, and what was taken back for what reason.
    """
    await bank.approve(business("transactions", note="from the price list of March"))
    await till.service()
    await till.outage(outage(MONDAY, (100, 60, 100), state="OPEN"))
    name = outage(MONDAY).name
    (first,) = await bank.entries(name, 1)
    assert (first.provisional, first.total.minor_units) == (True, 300_000)
    await till.outage(outage(MONDAY, (100, 60, 100), (100, 60, 100)))
    _, back, last = await bank.entries(name, 3)
    assert (back.reverses, back.total.minor_units, last.total.minor_units) == (first.name, -300_000, 600_000)
    assert not last.provisional
    told = await bank.ask(BOSS, "ExplainLedgerEntry", name=last.name)
    (agreed,) = told.cost_models
    assert (agreed.author, agreed.approver, agreed.version) == (FAN.sub, QIU.sub, 1)
    assert agreed.note == "from the price list of March"
    assert [one.name for one in told.history] == [first.name, back.name, last.name]
    assert back.evidence[0].note == "closed: counted anew"
    assert told.arithmetic.startswith("5,000 x 1,000 x 1,000 x 1 x 120,000 / 1,000,000,000 = 600,000")
    assert (told.booking.entry, told.booking.service) == (last.name, "businessServices/checkout")


@pytest.mark.row("A144")
async def test_the_loss_on_the_board_is_the_sum_of_its_rows(bank: Bank, till: Till) -> None:
    """One outage is over, another still lasts: the tile is the sum of every row, reversals too, with the interval of
    the same rows; what still lasts is marked as provisional, and no longer once it is over.
    """
    await bank.approve(business("transactions", low_per_mille=900, high_per_mille=1200))
    await till.service()
    # By this one who starts on these books tells whether tickets may share their time with an outage.
    claims = Claims(bank.run.records(BOOKINGS))
    assert not await claims.any_outage()
    over, lasting = outage(MONDAY, (100, 60, 100)), outage(MONDAY + hours(5), (100, 40, 100), state="OPEN")
    await till.outage(over)
    await till.outage(outage(MONDAY, (100, 60, 100), (100, 20, 100)))
    await till.outage(lasting)
    rows = [*await bank.entries(over.name, 3), *await bank.entries(lasting.name, 1)]
    assert await claims.any_outage()
    board = await bank.board()
    (shown,) = [one.value for one in board.tiles if one.metric.id == "incident_loss"]
    line = board.incurred_loss
    assert (shown.value, shown.n) == (600_000, 4)
    assert shown.value == line.amount.minor_units == sum(one.total.minor_units for one in rows)
    assert (shown.low, shown.high) == (
        sum(one.low.minor_units for one in rows),
        sum(one.high.minor_units for one in rows),
    )
    assert shown.low < shown.value < shown.high
    assert (shown.provisional, line.provisional.minor_units) == (True, 200_000)
    await till.outage(outage(MONDAY + hours(5), (100, 40, 100)))
    await bank.entries(lasting.name, 3)
    board = await bank.board()
    (final,) = [one.value for one in board.tiles if one.metric.id == "incident_loss"]
    assert (final.value, final.provisional, board.incurred_loss.provisional.minor_units) == (600_000, False, 0)


async def test_a_retracted_outage_leaves_nothing_and_a_symptom_is_listed_with_nothing(bank: Bank, till: Till) -> None:
    """A reversal takes back what was booked; what another service is to blame for says so."""
    await bank.approve(business("transactions"))
    await till.service("checkout", "checkout-api", "cart-api")
    one = outage(MONDAY, (100, 60, 100))
    await till.outage(one)
    await bank.entries(one.name, 1)
    await till.outage(outage(MONDAY, (100, 60, 100), state="RETRACTED"))
    entries = await bank.entries(one.name, 2)
    assert sum(each.total.minor_units for each in entries) == 0
    symptom = outage(
        MONDAY + hours(5),
        (100, 60, 100),
        service="cart-api",
        origin=outage_pb2.OUTAGE_ORIGIN_SYMPTOMATIC,
        root_service="checkout-api",
    )
    await till.outage(symptom)
    await bank.booked(f"{symptom.name}~checkout")
    listed = (await bank.ask(BOSS, "ListBookings", period=EVER, unbooked=True)).bookings
    assert {(each.cause, each.unbooked_reason) for each in listed} == {
        (symptom.name, "SYMPTOMATIC"),
        (one.name, "RETRACTED"),
    }


async def test_an_incident_and_an_outage_never_count_the_same_time(bank: Bank, paper: Papers, till: Till) -> None:
    """Three hours of an incident, two of them in the outage of its service: the people of the one hour that is left
    cost 40 x 0.5 x 120.00 = 2,400.00 of 7,200.00.
    """
    await bank.approve(model())
    await bank.approve(business("transactions"))
    await till.service()
    ticket = paper("INC-000001")
    await _learned(bank, 3)
    await _resolved(ticket, MONDAY, MONDAY + hours(3))
    await bank.entries(ticket.name, 1)
    one = outage(MONDAY + hours(1), (100, 60, 100), (100, 60, 100))
    await till.outage(one)
    _, back, left = await bank.entries(ticket.name, 3)
    assert (back.total.minor_units, left.total.minor_units, left.formula) == (-720_000, 240_000, "people/2")
    assert [(out.resource, out.duration.seconds) for out in left.left_out] == [(one.name, 7_200)]
    assert (await bank.entries(one.name, 1))[0].total.minor_units == 600_000


async def test_amounts_in_another_currency_meet_through_a_dated_rate_alone(bank: Bank, till: Till) -> None:
    """60 x 10.01 USD are 600.60 USD, and stay so until a rate is approved: at 7.1234 they are 4,278.31 CNY."""
    await bank.approve(business("transactions", value=1_001, currency="USD"))
    await till.service()
    first, second = outage(MONDAY, (100, 60, 100)), outage(MONDAY + hours(4), (100, 60, 100))
    await till.outage(first)
    (plain,) = await bank.entries(first.name, 1)
    assert (plain.total.currency_code, plain.total.minor_units) == ("USD", 60_060)
    rate = ledger_pb2.CurrencyRate(currency_code="USD", base_minor_units=71_234, minor_units=10_000)
    table = ledger_pb2.RateTable(
        name="rateTables/main", base_currency="CNY", effective_time=stamp(APPROVED_FROM), rates=[rate]
    )
    bad = ledger_pb2.RateTable(name="rateTables/main", base_currency="CNY", effective_time=stamp(APPROVED_FROM))
    assert (await bank.refused(FAN, "DraftRateTable", rate_table=bad)).field == "rate_table.rates"
    await bank.ask(FAN, "DraftRateTable", rate_table=table)
    own = await bank.refused(FAN, "ApproveRateTable", name="rateTables/main", version=1)
    assert own.reason == "OWN_MODEL"
    await bank.ask(QIU, "ApproveRateTable", name="rateTables/main", version=1)
    await till.outage(second)
    (turned,) = await bank.entries(second.name, 1)
    assert (turned.total.currency_code, turned.total.minor_units) == ("CNY", 427_831)
    assert ("rateTables/main", "1") in [(one.resource, one.version) for one in turned.evidence]
    board = await bank.board()
    assert board.incurred_loss.amount.minor_units == 427_831


async def test_an_example_is_worked_without_keeping_anything(bank: Bank) -> None:
    """100 transactions expected, 30 done, in an hour: 70 x 50.00; a draft that cannot be right names its field."""
    draft = business("transactions")
    found = await bank.ask(FAN, "WorkExample", cost_model=draft, expected_milli=100_000, actual_milli=30_000)
    assert (found.total.minor_units, found.formula, found.nothing) == (350_000, "transactions/1", "")
    draft.business.recovered_per_mille = 1_001
    refused = await bank.refused(FAN, "WorkExample", cost_model=draft)
    assert (refused.reason, refused.field) == ("COST_MODEL_INVALID", "cost_model.business.recovered_per_mille")
    people = model()
    people.people.longest.CopyFrom(Duration(seconds=3600))
    capped = await bank.ask(
        FAN, "WorkExample", cost_model=people, start_time=stamp(MONDAY), end_time=stamp(MONDAY + hours(5))
    )
    assert capped.total.minor_units == 250 * 12_000
    assert await bank.run.db["cost_models"].count_documents({}) == 0
    assert people.name == PEOPLE


async def _learned(bank: Bank, count: int) -> None:
    """Waits until the ledger has learned so many lessons."""
    await bank.until(lambda: bank.run.db["ledger_taken"].count_documents({"lesson": True}), count)
