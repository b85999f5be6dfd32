"""Changes, first contacts, two periods side by side and what goes together, over the wire."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import metrics_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import money_pb2

from tests.service.metrics.desk import EAST, ROOT, Desk, Plan, Story, between, person, stamp
from tests.service.runtime.probe import until

SHOWN, NOT_SHOWN = metrics_pb2.VALUE_STATE_SHOWN, metrics_pb2.VALUE_STATE_NOT_SHOWN
TOO_FEW = metrics_pb2.VALUE_STATE_TOO_FEW
STATE = ticket_pb2
WEEK = 168


@pytest.mark.row("A066")
async def test_first_contact_is_judged_case_by_case(desk: Desk) -> None:
    """Solved by the first answer and on the phone counts; called back, asked or reopened does not; a bot is out."""
    spoken = ticket_pb2.Comment(text="any news?", visibility=ticket_pb2.VISIBILITY_PUBLIC, author="people/ann")

    def answered(number: int, *, channel: Any = ticket_pb2.CHANNEL_PORTAL) -> Story:
        return Story(number, channel=channel)

    entries = []
    for number in (1, 2, 3):
        entries += answered(number, channel=ticket_pb2.CHANNEL_PHONE).resolved(0, 0.9)
    entries += answered(4).resolved(0, 30)
    chased, asked, again, slow, by_bot = (answered(number) for number in (5, 6, 7, 8, 9))
    entries += [
        chased.tell("TicketOpened", 0),
        chased.tell("CommentAdded", 3, actor="people/ann", extra={"comment": spoken}),
        chased.tell("TicketResolved", 4, state=STATE.TICKET_STATE_RESOLVED),
        asked.tell("TicketOpened", 0),
        asked.tell("RequesterAsked", 1, state=STATE.TICKET_STATE_AWAITING_REQUESTER),
        asked.tell("QuestionAnswered", 2, state=STATE.TICKET_STATE_IN_PROGRESS),
        asked.tell("TicketResolved", 4, state=STATE.TICKET_STATE_RESOLVED),
        *again.resolved(0, 5),
        again.tell("TicketReopened", 30, state=STATE.TICKET_STATE_IN_PROGRESS),
        *answered(8, channel=ticket_pb2.CHANNEL_WALK_UP).resolved(0, 8),
        by_bot.tell("TicketOpened", 0),
        by_bot.tell("TicketResolved", 1, actor="system/rules", state=STATE.TICKET_STATE_RESOLVED),
    ]
    assert slow.name.endswith("8")
    await desk.publish(*entries)
    await desk.heard()
    values = await desk.values(period=between(0, WEEK))
    assert (values["metrics/E09"].numerator, values["metrics/E09"].denominator) == (4, 8)
    assert (values["metrics/E13"].numerator, values["metrics/E13-complete"].denominator) == (1, 8)
    assert not values["metrics/E09"].provisional
    assert (await desk.values())["metrics/E09"].provisional


@pytest.mark.row("A145")
async def test_a_change_is_graded_by_its_checks_and_by_what_it_caused(desk: Desk) -> None:
    """Of seven implemented five were verified, and one of these caused an incident; withdrawn and standard are out."""
    done, failed, back = (
        change_pb2.CHANGE_STATE_SUCCEEDED, change_pb2.CHANGE_STATE_FAILED, change_pb2.CHANGE_STATE_ROLLED_BACK,
    )  # fmt: skip
    ends = [("ChangeSucceeded", done)] * 5 + [("ChangeFailed", failed), ("ChangeRolledBack", back)]
    entries = []
    for number, (kind, state) in enumerate(ends, start=1):
        plan = Plan(number)
        entries += [plan.tell("ChangeDrafted", number, change_pb2.CHANGE_STATE_DRAFT), plan.tell(kind, 20, state)]
    standard, dropped = Plan(8, type=change_pb2.CHANGE_TYPE_STANDARD), Plan(9)
    entries += [
        standard.tell("ChangeDrafted", 1, change_pb2.CHANGE_STATE_DRAFT),
        standard.tell("ChangeSucceeded", 20, done),
    ]
    entries += [
        dropped.tell("ChangeDrafted", 1, change_pb2.CHANGE_STATE_DRAFT),
        dropped.tell("ChangeCancelled", 2, change_pb2.CHANGE_STATE_CANCELLED),
    ]
    within, later = Story(1), Story(2)
    within.ticket.links.add(relation=ticket_pb2.LINK_RELATION_CAUSED_BY, target="changes/CHG-000001")
    later.ticket.links.add(relation=ticket_pb2.LINK_RELATION_CAUSED_BY, target="changes/CHG-000002")
    entries += [within.tell("TicketOpened", 30), later.tell("TicketOpened", 20 + 8 * 24)]
    await desk.publish(*entries)
    await desk.heard()
    values = await desk.values()
    shares = {name: (values[f"metrics/{name}"].numerator, values[f"metrics/{name}"].denominator)
              for name in ("E17", "E17-issues", "E17-failed", "E18-fail")}  # fmt: skip
    assert shares == {"E17": (4, 7), "E17-issues": (1, 8), "E17-failed": (2, 8), "E18-fail": (3, 8)}
    assert values["metrics/E18-changes"].value == 8
    assert values["metrics/E18-lead"].n == 6
    assert (await desk.values(filter={"service": "services/other"}))["metrics/E18-changes"].value == 0
    board = await desk.ask(ROOT, "GetBoard", period=between())
    assert next(one.value.numerator for one in board.tiles if one.metric.id == "change_success") == 4


def _weeks(slower: int) -> list[Any]:
    """Forty tickets in each of two weeks; those of the second take `slower` times as long."""
    entries = []
    for number in range(1, 81):
        week = (number - 1) // 40
        entries += Story(number).resolved(week * WEEK + number % 40, (1 + number % 7) * (slower if week else 1))
    return entries


@pytest.mark.row("A006")
async def test_every_metric_stands_before_and_after(desk: Desk) -> None:
    """The registry in its order, both values, and a difference only where the data can tell."""
    await desk.publish(*_weeks(3))
    await desk.heard()
    after, before = between(WEEK, 2 * WEEK), between(0, WEEK)
    answer = await desk.ask(ROOT, "ComparePeriods", period=after, baseline=before)
    registry = [one.name for one in (await desk.ask(ROOT, "ListMetrics")).metrics]
    assert [one.metric.name for one in answer.comparisons] == registry
    values, baselines = await desk.values(period=after), await desk.values(period=before)
    found = {one.metric.id: one for one in answer.comparisons}
    for one in answer.comparisons:
        assert one.value == values[one.metric.name]
        assert one.baseline == baselines[one.metric.name]
    slower, handed = found["time_to_resolve"].change, found["reassignments"].change
    assert (slower.state, handed.state) == (SHOWN, NOT_SHOWN)
    assert 0 < slower.low < slower.value < slower.high
    opened = found["tickets_opened"].change
    assert (opened.state, opened.value) == (NOT_SHOWN, 0)
    assert opened.low < 0 < opened.high
    assert found["csat"].change.state == metrics_pb2.VALUE_STATE_WAITING


@pytest.mark.row("A149")
async def test_what_goes_together_needs_enough_tickets(desk: Desk) -> None:
    """Below thirty nothing is said; above, a strong relation has its interval and n, within the reader's unit."""
    entries = []
    for number in range(1, 29):
        entries += Story(number).resolved(0, 1 + number)
    await desk.publish(*entries)
    await desk.heard()
    few = await desk.ask(ROOT, "ListCorrelations", period=between())
    assert {one.state for one in few.correlations} == {TOO_FEW}
    more = []
    for number in range(29, 61):
        story = Story(number, unit="cn/west")
        more += story.started(0)
        more += [story.tell("TicketAssigned", 20, team=f"teams/{name}") for name in "bc"[: 1 + number // 45]]
        more.append(story.tell("TicketResolved", 40 + number, state=STATE.TICKET_STATE_RESOLVED))
    await desk.publish(*more)
    await desk.heard()
    answer = await desk.ask(ROOT, "ListCorrelations", period=between())
    pair = next(one for one in answer.correlations if (one.first, one.second) == ("metrics/E03", "metrics/E06"))
    assert (pair.state, pair.n, answer.tickets) == (SHOWN, 60, 60)
    assert 0.7 < pair.low < pair.coefficient < pair.high < 1
    east = await desk.ask(EAST, "ListCorrelations", period=between())
    assert east.tickets == 28
    refused = await desk.refused(person("ann", "requester"), "ListCorrelations", period=between())
    assert refused.reason == "ROLE_REQUIRED"


async def _losses(desk: Desk, count: int) -> bool:
    board = await desk.ask(ROOT, "GetBoard", period=between())
    return bool(board.incurred_loss.entries == count)


@pytest.mark.row("A004")
async def test_faster_and_worth_more_are_told_apart(desk: Desk) -> None:
    """Three weeks of 32 incidents: the second is twice as fast, but graver, and costs more; the third is as fast as
    the second and as light as the first, and costs less. Speed and money stand in one answer; the second is flagged.
    """
    model = metrics_pb2.CostModel(
        name="costModels/people",
        type=metrics_pb2.COST_MODEL_TYPE_PEOPLE,
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        effective_time=stamp(-24),
        people=metrics_pb2.PeopleModel(
            hourly_rate=money_pb2.Money(currency_code="CNY", minor_units=10_000),
            scopes=[metrics_pb2.ImpactScope(impact=level, users=10) for level in (1, 2, 3)],
            effects=[metrics_pb2.PriorityEffect(priority=one, per_mille=of) for one, of in ((1, 900), (3, 100))],
            longest=Duration(seconds=100 * 3600),
        ),
    )
    drafted = await desk.ask(person("fan", "finance"), "DraftCostModel", cost_model=model)
    await desk.ask(person("qiu", "finance"), "ApproveCostModel", name=drafted.name, version=1)
    entries = []
    for number in range(96):
        week, hours = number // 32, 4 + number % 7
        story = Story(1 + number, importing=True, priority=1 if week == 1 else 3)
        entries += story.resolved(week * WEEK + number % 32, hours if week == 0 else hours / 2)
    await desk.publish(*entries)
    await desk.heard()
    await until(partial(_losses, desk, 96), 60)
    first, second, third = (between(week * WEEK, (week + 1) * WEEK) for week in range(3))
    graver = await desk.ask(ROOT, "ComparePeriods", period=second, baseline=first)
    lighter = await desk.ask(ROOT, "ComparePeriods", period=third, baseline=first)
    for answer in (graver, lighter):
        speed = next(one.change for one in answer.comparisons if one.metric.id == "time_to_resolve")
        assert (speed.state, speed.value < -40, speed.high < 0) == (SHOWN, True, True)
        assert (
            answer.worth.difference.minor_units == answer.worth.amount.minor_units - answer.worth.baseline.minor_units
        )
        assert answer.worth.entries == 64
    assert (graver.worth.faster_not_worth_more, graver.worth.difference.minor_units < 0) == (True, True)
    assert (lighter.worth.faster_not_worth_more, lighter.worth.difference.minor_units > 0) == (False, True)
