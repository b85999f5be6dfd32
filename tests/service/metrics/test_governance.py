"""What follows from the numbers, through gRPC: losses while they last, the backlog, the way, the register of risks."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from throughline.metrics.v1 import governance_pb2 as pb
from throughline.metrics.v1 import governance_service_pb2 as calls
from throughline.metrics.v1 import ledger_pb2, metrics_pb2, metrics_service_pb2
from throughline.metrics.v1.governance_service_pb2_grpc import GovernanceServiceStub
from throughline.tickets.v1 import events_pb2, ticket_pb2
from throughline.type.v1 import money_pb2

from services.metrics.rules.exact import half_even
from services.runtime.actor import Actor
from services.runtime.client import acting, refusal_of
from services.runtime.refusal import Refusal
from tests.service.metrics.bank import BOSS, FAN, LI, PEOPLE, WEST, Bank, interval, model
from tests.service.metrics.till import MONDAY, Till, business, outage
from tests.service.sla.desk import DONE, Paper, stamp

Papers = Callable[[str], Paper]
LIN = Actor("people/lin", frozenset({"lead"}))
HOUR, QUARTER = timedelta(hours=1), interval(MONDAY - timedelta(days=60), MONDAY + timedelta(days=30))


async def ask(bank: Bank, actor: Actor, method: str, **fields: Any) -> Any:
    """Calls a method of the service as the actor."""
    request = getattr(calls, f"{method}Request")(**fields)
    if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
        request.request_id = str(uuid.uuid4())
    with acting(bank.keys.sign_person(actor)):
        return await getattr(GovernanceServiceStub(bank.channel), method)(request, timeout=9)


async def refused(bank: Bank, actor: Actor, method: str, **fields: Any) -> Refusal:
    """Calls a method that must be refused; why it was."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(bank, actor, method, **fields)
    return refusal_of(caught.value)


def improvement(title: str, share: int, **basis: Any) -> pb.Improvement:
    """An item that stands on a quarter around Monday."""
    return pb.Improvement(
        title=title,
        goal="Checkout never stands still",
        owner=LIN.sub,
        basis=pb.ImprovementBasis(period=QUARTER, share_per_mille=share, **basis),
    )


def risk(title: str, probability: int, middle: int, high: int) -> pb.Risk:
    """A risk in CNY."""
    losses = [money_pb2.Money(currency_code="CNY", minor_units=one) for one in (middle, high)]
    return pb.Risk(
        title=title, owner=LIN.sub, probability_per_mille=probability, loss_p50=losses[0], loss_p90=losses[1]
    )


async def _resolved(ticket: Paper, service: str) -> None:
    """40 people lose half of their work for 2 h 20 min: 5,600.00."""
    end = MONDAY + timedelta(minutes=140)
    ticket.opened(MONDAY, importing=True, impact=2, priority=2, service=service)
    ticket.moved("TicketResolved", end, DONE, resolve_time=stamp(end))
    await ticket.tell()


async def test_an_incident_tells_its_loss_while_it_lasts_and_an_outage_is_in_once(
    bank: Bank, paper: Papers, till: Till
) -> None:
    """Open: what would be booked now, by the minute, provisional. Over: the entry. Two of one outage: one sum."""
    await bank.approve(model())
    now = datetime.now(UTC)
    still, over = paper("INC-000001"), paper("INC-000002")
    still.opened(now - HOUR, impact=2, priority=2, service="services/vpn")
    await still.tell()
    await _resolved(over, "services/vpn")
    await bank.entries(over.name, 1)
    found = await _losses(bank, [still.name], lambda one: one.HasField("amount"))
    (part,) = found.parts
    ms = round((part.end_time.ToNanoseconds() - part.start_time.ToNanoseconds()) / 1_000_000)
    assert part.amount.minor_units == half_even(40 * 500 * 12_000 * ms, 1000 * 3_600_000)
    assert part.per_minute.minor_units == 4_000  # 40 x half x 120.00 an hour, over sixty
    assert (part.provisional, part.entry, part.cost_model, part.cost_model_version) == (True, "", PEOPLE, 1)
    whole = await ask(bank, BOSS, "SumLosses", tickets=[still.name, over.name, "tickets/INC-000099"])
    (total,) = whole.sums
    assert total.amount.minor_units - total.provisional.minor_units == 560_000
    assert (total.causes, list(whole.unknown_tickets)) == (2, ["tickets/INC-000099"])
    assert list((await ask(bank, WEST, "SumLosses", tickets=[over.name])).unknown_tickets) == [over.name]
    assert (await refused(bank, LI, "SumLosses", tickets=[over.name])).reason == "ROLE_REQUIRED"

    await bank.approve(business("transactions"))
    await till.service()
    asked = paper("REQ-000003"), paper("REQ-000004")
    for one in asked:
        one.opened(MONDAY, importing=True, type=2, service="services/checkout")
        await one.tell()
    await till.outage(outage(MONDAY, (100, 60, 100), tickets=[_belongs(one.name) for one in asked]))
    await bank.entries(outage(MONDAY).name, 1)
    names = [one.name for one in asked]
    found = await _losses(bank, names, lambda one: len(one.tickets) == 2)
    assert [(one.amount.minor_units, one.causes) for one in found.sums] == [(300_000, 1)]


@pytest.mark.row("A080")
@pytest.mark.row("A092")
async def test_a_problem_sums_its_incidents_and_what_was_paid_again(bank: Bank, paper: Papers) -> None:
    """2,400.00 an hour. The till: one hour, known two hours after it began; half an hour and a quarter after that, the
    latter by its fault alone: 4,200.00 in all, 1,800.00 of it again. Half an hour before it was known is none of it.
    The door: half an hour, then a quarter: 1,800.00, of it 600.00 again. One quarter has another fault and no link.
    """
    await bank.approve(model())
    till, door = "problems/PRB-000003", "problems/PRB-000004"
    lives = [
        (0, 1, "Till 7 dead", till, 2), (3, 3.5, "Scanner", till, 5), (6, 6.25, "Till 8 dead", "", 0),
        (1.25, 1.75, "Till 9 dead", "", 0), (8, 8.5, "Door", door, 8), (9, 9.25, "Door", "", 0),
        (10, 10.25, "Lamp", "", 0),
    ]  # fmt: skip
    papers = [paper(f"INC-{number:06d}") for number in range(1, len(lives) + 1)]
    for one, (start, end, title, problem, linked) in zip(papers, lives, strict=True):
        given = {"impact": 2, "priority": 2, "service": "services/checkout", "category": "till", "title": title}
        one.opened(MONDAY + start * HOUR, importing=True, **given)
        one.moved("TicketResolved", MONDAY + end * HOUR, DONE, resolve_time=stamp(MONDAY + end * HOUR))
        if problem:
            one.ticket.links.add(relation=ticket_pb2.LINK_RELATION_CAUSED_BY, target=problem)
            one.event(events_pb2.TicketLinked, MONDAY + max(linked, end) * HOUR)
        await one.tell()
    for one in papers:
        await bank.entries(one.name, 1)
    found = await ask(bank, BOSS, "GetProblemLoss", name=till)
    assert found.known_time == stamp(MONDAY + 2 * HOUR)
    assert (found.incidents, found.incidents_with_amount, found.repeated_incidents) == (3, 3, 2)
    assert [(one.amount.minor_units, one.causes) for one in found.sums] == [(420_000, 3)]
    assert [(one.amount.minor_units, one.provisional.minor_units) for one in found.repeated_sums] == [(180_000, 0)]

    first = await ask(bank, BOSS, "ListProblemIncidents", name=till, page_size=2)
    rest = await ask(bank, BOSS, "ListProblemIncidents", name=till, page_size=2, page_token=first.next_page_token)
    listed = [*first.incidents, *rest.incidents]
    assert [(one.fact.ticket[-1], one.linked, one.repeated, one.parts[0].amount.minor_units) for one in listed] == [
        ("3", False, True, 60_000), ("2", True, True, 120_000), ("1", True, False, 240_000),
    ]  # fmt: skip
    assert all(one.parts[0].entry for one in listed)

    paid = await ask(bank, BOSS, "GetRepeatLoss", period=QUARTER)
    rows = [(one.name, one.repeated_incidents, one.repeated_sums[0].amount.minor_units) for one in paid.problems]
    assert rows == [(till, 2, 180_000), (door, 1, 60_000)]
    assert ([one.amount.minor_units for one in paid.total], paid.incidents) == ([240_000], 3)
    later = await ask(bank, BOSS, "GetRepeatLoss", period=interval(MONDAY + 7 * HOUR, MONDAY + 24 * HOUR))
    assert [one.name for one in later.problems] == [door]

    still = paper("INC-000008")
    still.opened(datetime.now(UTC) - HOUR, impact=2, priority=2, service="services/vpn")
    still.ticket.links.add(relation=ticket_pb2.LINK_RELATION_CAUSED_BY, target=door)
    still.event(events_pb2.TicketLinked, datetime.now(UTC))
    await still.tell()

    async def members() -> int:
        return int((await ask(bank, BOSS, "GetProblemLoss", name=door)).incidents)

    await bank.until(members, 3)
    (total,) = (await ask(bank, BOSS, "GetProblemLoss", name=door)).sums
    assert (total.causes, total.amount.minor_units - total.provisional.minor_units) == (3, 180_000)
    assert total.provisional.minor_units >= 240_000

    assert (await refused(bank, WEST, "GetProblemLoss", name=till)).reason == "NOT_FOUND"
    assert not (await ask(bank, WEST, "GetRepeatLoss", period=QUARTER)).problems
    assert (await refused(bank, BOSS, "ListProblemIncidents", name="problems/PRB-000099")).reason == "NOT_FOUND"
    assert (await refused(bank, LI, "GetRepeatLoss", period=QUARTER)).reason == "ROLE_REQUIRED"
    assert (await refused(bank, BOSS, "GetProblemLoss", name="problems/3")).field == "name"


@pytest.mark.row("A148")
async def test_the_backlog_stands_in_order_of_expected_money(bank: Bank, paper: Papers, till: Till) -> None:
    """A quarter of 5,600.00, a half of the 3,000.00 of one root, and nothing where the ledger has nothing; by goal."""
    await bank.approve(model())
    await bank.approve(business("transactions"))
    await till.service()
    ticket = paper("INC-000001")
    await _resolved(ticket, "services/vpn")
    await till.outage(outage(MONDAY, (100, 60, 100)))
    await bank.entries(ticket.name, 1)
    await bank.entries(outage(MONDAY).name, 1)
    none = await ask(bank, LIN, "CreateImprovement", improvement=improvement("Nothing", 900, service="services/mail"))
    vpn = await ask(bank, LIN, "CreateImprovement", improvement=improvement("VPN", 250, service="services/vpn"))
    same, root = str(uuid.uuid4()), improvement("Till", 500, root="checkout-api")
    root.goal, root.metric = "Sell on", "incident_loss"
    till_ = await ask(bank, LIN, "CreateImprovement", improvement=root, request_id=same)
    assert (await ask(bank, LIN, "CreateImprovement", improvement=root, request_id=same)).name == till_.name
    assert (till_.loss.minor_units, till_.expected.minor_units, till_.entries) == (300_000, 150_000, 1)
    assert (none.expected.minor_units, none.entries) == (0, 0)

    first = await ask(bank, BOSS, "ListImprovements", page_size=2)
    rest = await ask(bank, BOSS, "ListImprovements", page_size=2, page_token=first.next_page_token)
    listed = [(one.title, one.expected.minor_units, one.goal) for one in (*first.improvements, *rest.improvements)]
    goal = "Checkout never stands still"
    assert listed == [("Till", 150_000, "Sell on"), ("VPN", 140_000, goal), ("Nothing", 0, goal)]
    chosen = await ask(bank, BOSS, "ListImprovements", goal="Sell on")
    assert [one.title for one in chosen.improvements] == ["Till"]

    half = improvement("VPN", 500, tickets=[ticket.name])
    assert (await refused(bank, LIN, "UpdateImprovement", name=vpn.name, improvement=half, etag='"9"')).reason == (
        "ETAG_MISMATCH"
    )
    vpn = await ask(bank, LIN, "UpdateImprovement", name=vpn.name, improvement=half, etag=vpn.etag)
    assert vpn.expected.minor_units == 280_000
    start, done = MONDAY + timedelta(days=2), MONDAY + timedelta(days=4)
    await ask(bank, LIN, "StartImprovement", name=vpn.name, start_time=stamp(start))
    assert (await refused(bank, LIN, "CompareImprovement", name=vpn.name)).reason == "IMPROVEMENT_NOT_FINISHED"
    vpn = await ask(bank, LIN, "FinishImprovement", name=vpn.name, finish_time=stamp(done))
    compared = await ask(bank, BOSS, "CompareImprovement", name=vpn.name)
    assert compared.comparisons[0].metric.id == "time_to_resolve"
    assert compared.comparisons[0].change.state == metrics_pb2.VALUE_STATE_TOO_FEW
    assert (compared.before.end_time, compared.after.start_time) == (stamp(start), stamp(done))
    finished = await ask(bank, BOSS, "ListImprovements", state=pb.IMPROVEMENT_STATE_FINISHED)
    assert [one.name for one in finished.improvements] == [vpn.name]
    assert (await refused(bank, FAN, "GetImprovement", name="improvements/000000000000")).reason == "NOT_FOUND"


@pytest.mark.row("A155")
@pytest.mark.row("A146")
async def test_a_stage_tells_its_gain_and_the_next_ones_data_and_risks_their_sum(bank: Bank) -> None:
    """A gain that is booked stands in the stage that lasts; of the next stage is told what is counted, too little or
    still waited for. The sum of open risks is the board's own tile, with the top ten beside it.
    """
    empty = await ask(bank, BOSS, "GetRoadmap")
    assert (empty.stage, [one.complete for one in empty.stages]) == (pb.ROADMAP_STAGE_UNSPECIFIED, [False] * 4)
    await ask(bank, BOSS, "EnterStage", stage=pb.ROADMAP_STAGE_AUTOMATION)
    hard = await refused(bank, BOSS, "EnterStage", stage=pb.ROADMAP_STAGE_BOARD)
    assert (hard.reason, hard.field) == ("STAGE_INCOMPLETE", "note")
    await bank.approve(business("gain", "costModels/hours", 6_800, category="HOURS"))
    gain = ledger_pb2.Gain(
        category=metrics_pb2.LEDGER_CATEGORY_HOURS,
        cost_model="costModels/hours",
        quantity_milli=12_500,
        baseline="password resets by phone, May",
        occur_time=stamp(datetime.now(UTC)),
        evidence=[metrics_pb2.Evidence(resource="tickets/INC-000001", version='"3"')],
    )
    await bank.entries((await bank.ask(FAN, "BookGain", gain=gain)).name, 1)
    names = [(await ask(bank, LIN, "CreateRisk", risk=risk(f"Risk {at}", 900, 100_000 * at, 300_000 * at))).name
             for at in range(1, 13)]  # fmt: skip
    borne = await ask(bank, BOSS, "AcceptRisk", name=names[0], note="cheaper than the cure")
    assert borne.state == pb.RISK_STATE_ACCEPTED

    stages = {one.stage: one for one in (await ask(bank, BOSS, "GetRoadmap")).stages}
    here, following = stages[pb.ROADMAP_STAGE_AUTOMATION], stages[pb.ROADMAP_STAGE_BOARD]
    gained = {one.category: (one.amount.minor_units, one.waits_for) for one in here.gains}
    assert gained[metrics_pb2.LEDGER_CATEGORY_HOURS] == (85_000, "")
    assert gained[metrics_pb2.LEDGER_CATEGORY_COMPLIANCE][1]
    assert not following.gains
    data = {one.id: (one.state, one.n) for one in following.criteria}
    assert data["cost_models"] == (pb.CRITERION_STATE_MET, 1)
    assert data["risks_weighed"] == (pb.CRITERION_STATE_MET, 12)
    assert data["objectives"] == (pb.CRITERION_STATE_UNMET, 0)
    assert {one.id for one in here.criteria if one.state == pb.CRITERION_STATE_WAITS and one.waits_for}
    assert {one.state for one in here.criteria if one.id == "knowledge_used"} == {pb.CRITERION_STATE_TOO_FEW}

    exposure = await ask(bank, BOSS, "GetRiskExposure")
    assert (exposure.open, exposure.accepted, len(exposure.top)) == (11, 1, 10)
    assert [one.title for one in exposure.top[:2]] == ["Risk 12", "Risk 11"]
    assert 0 < exposure.p50.minor_units < exposure.mean.minor_units < exposure.p90.minor_units
    tile = next(one.value for one in (await bank.board()).tiles if one.metric.id == "risk_exposure")
    assert (tile.value, tile.p90, tile.n) == (exposure.p50.minor_units, exposure.p90.minor_units, 11)
    values = await bank.ask(BOSS, "ListValues", period=interval(MONDAY, MONDAY + HOUR))
    assert isinstance(values, metrics_service_pb2.ListValuesResponse)
    assert next(one for one in values.values if one.metric == tile.metric) == tile
    page = await ask(bank, BOSS, "ListRisks", state=pb.RISK_STATE_OPEN, page_size=5)
    assert len(page.risks) == 5
    assert page.next_page_token


def _belongs(ticket: str) -> Any:
    return {"ticket": ticket, "tier": 1, "reason": "names a trace of it"}


async def _losses(bank: Bank, tickets: list[str], ready: Callable[[Any], bool]) -> Any:
    """What tickets have cost, as soon as a part is as wanted; fails after half a minute, showing it."""
    found: Any = None
    for _ in range(600):
        found = await ask(bank, BOSS, "SumLosses", tickets=tickets)
        if any(ready(one) for one in found.parts):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"not as wanted: {found}")
