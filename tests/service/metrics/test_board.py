"""The board over the wire: cells and facts give the same page, within the reader's unit, for any filter."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import metrics_pb2
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import money_pb2

from services.metrics.rules.period import Filter, Period
from services.metrics.store import counts, roller
from services.metrics.store.facts import FACTS
from services.metrics.store.instant import at_one_instant
from tests.service.metrics.desk import EAST, ROOT, Desk, Story, at, between, clock, person, stamp
from tests.service.runtime.probe import until

HOUR = 3600
SHOWN = metrics_pb2.VALUE_STATE_SHOWN
IN_PROGRESS, RESOLVED = ticket_pb2.TICKET_STATE_IN_PROGRESS, ticket_pb2.TICKET_STATE_RESOLVED


async def fill(desk: Desk, tickets: int = 24) -> None:
    """Tickets over a few days, in two teams and units; each fourth was reopened and handed on."""
    entries = []
    for number in range(1, tickets + 1):
        story = Story(number, unit="cn/west" if number % 3 == 0 else "cn/east", priority=1 + number % 4,
                      site=f"sites/{number % 2}", item=f"items/{number % 2}", channel=1 + number % 5)  # fmt: skip
        opened = number * 3.7
        entries += story.resolved(opened, 2 + number, team=f"teams/{'ab'[number % 2]}")
        if number % 4 == 0:
            entries += [
                story.tell("TicketReopened", opened + 40, state=IN_PROGRESS, extra={"previous_state": RESOLVED}),
                story.tell("TicketAssigned", opened + 41, team="teams/c"),
                story.tell("TicketResolved", opened + 50, state=RESOLVED),
            ]
    await desk.publish(*entries)
    await desk.heard()


def tile(board: Any, id: str) -> Any:
    """The tile of a metric."""
    return next(one for one in board.tiles if one.metric.id == id)


@pytest.mark.row("A083")
async def test_three_bands_on_one_page(desk: Desk) -> None:
    """Efficiency, experience and business, one period and one filter; what nothing feeds says what it waits for."""
    await fill(desk)
    board = await desk.ask(ROOT, "GetBoard", period=between(), filter={"team": "teams/a"})
    bands = {one.metric.band for one in board.tiles}
    assert bands == {metrics_pb2.BAND_EFFICIENCY, metrics_pb2.BAND_EXPERIENCE, metrics_pb2.BAND_BUSINESS}
    assert board.tickets == 6
    assert tile(board, "time_to_resolve").value.n == 6
    waiting = tile(board, "csat").value
    assert (waiting.state, waiting.note) == (metrics_pb2.VALUE_STATE_WAITING, "survey answers")
    assert [one.category for one in board.lines] == [1, 2, 3, 4]
    assert board.incurred_loss.category == metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS


@pytest.mark.row("A064")
async def test_reassignments_have_two_readings_and_mark_ping_pong(desk: Desk) -> None:
    """A, none, B, A: two reassignments with a return, three changes of the field after the first."""
    for number in range(1, 7):
        story = Story(number)
        changes = ["teams/a", "", "teams/b", "teams/a"] if number == 1 else ["teams/a"]
        await desk.publish(story.tell("TicketOpened", 0))
        for hour, team in enumerate(changes, start=1):
            await desk.publish(story.tell("TicketAssigned", hour, team=team))
        await desk.publish(story.tell("TicketResolved", 9, state=RESOLVED))
    await desk.heard()
    values = await desk.values()
    assert (values["metrics/E06"].numerator, values["metrics/E06"].denominator) == (2, 6)
    assert values["metrics/E06-changes"].numerator == 4 + 5
    assert (values["metrics/E06-pingpong"].numerator, values["metrics/E06-pingpong"].denominator) == (1, 6)
    assert (values["metrics/E07"].numerator, values["metrics/E07"].denominator) == (5, 6)


@pytest.mark.row("A063")
async def test_the_time_to_resolve_has_a_wall_and_a_business_reading(desk: Desk) -> None:
    """Five tickets of 1 to 5 hours by the wall and half of that by their clocks: median, 90th percentile, mean."""
    kind, met = sla_pb2.CLOCK_KIND_RESOLUTION, sla_pb2.CLOCK_STATE_MET
    for number in range(1, 6):
        story = Story(number)
        used = clock(kind, met, number, stop_time=2 * number, elapsed=number * HOUR // 2)
        await desk.publish(*story.resolved(number, number), story.tell_clocks("ClockStopped", 2 * number, used))
    await desk.heard()
    values = await desk.values()
    wall, business = values["metrics/E03"], values["metrics/E03-business"]
    assert (wall.state, wall.n, wall.value, wall.median, wall.mean) == (SHOWN, 5, 3 * HOUR, 3 * HOUR, 3 * HOUR)
    assert wall.p90 == pytest.approx(4.6 * HOUR)
    assert wall.low <= wall.value <= wall.high
    assert (business.n, business.median, business.p90) == (5, 1.5 * HOUR, pytest.approx(2.3 * HOUR))


async def test_the_end_mark_decides_the_period(desk: Desk) -> None:
    """Resolved in the second week counts in the second week, though it was opened in the first."""
    for number in range(1, 6):
        await desk.publish(*Story(number).resolved(160, 20))
    await desk.heard()
    first, second = between(0, 168), between(168, 336)
    assert (await desk.values(period=first))["metrics/E03"].state == metrics_pb2.VALUE_STATE_NOT_DEFINED
    assert (await desk.values(period=second))["metrics/E03"].n == 5
    assert (await desk.values(period=first))["metrics/T01"].value == 5
    assert (await desk.values(period=first))["metrics/E28"].value == 5
    assert (await desk.values(period=second))["metrics/E28"].value == -5


def _numbers(values: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """What is exact whatever the way: counts, shares, sums and means."""
    return {
        name: (one.state, one.n, one.numerator, one.denominator, round(one.mean, 6), one.provisional)
        for name, one in values.items()
    }


FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"team": "teams/b"},
    {"site": "sites/1"},
    {"item": "items/1"},
    {"channel": 4},
    {"priorities": [1, 3]},
    {"type": 1},
)


@pytest.mark.parametrize("period", [(None, None), (7.25, 91.5)])
async def test_cells_and_facts_give_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, period: tuple[float | None, float | None]
) -> None:
    """Whole days from cells and ragged ends from facts equal everything from facts; medians within 0.5 %."""
    await fill(desk)
    await desk.rolled()
    asked: list[dict[str, Any]] = [{"period": between(*period), "filter": filter} for filter in FILTERS]
    by_facts = [await desk.values(**one) for one in asked]
    boards_by_facts = [await desk.ask(ROOT, "GetBoard", **one, time_zone="Asia/Shanghai") for one in asked]
    monkeypatch.setattr(counts, "EXACT_BELOW", 1)
    for one, exact_values, exact_board in zip(asked, by_facts, boards_by_facts, strict=True):
        values = await desk.values(**one)
        board = await desk.ask(ROOT, "GetBoard", **one, time_zone="Asia/Shanghai")
        assert _numbers(values) == _numbers(exact_values)
        for name, exact in exact_values.items():
            assert values[name].median == pytest.approx(exact.median, rel=0.005)
            assert values[name].p90 == pytest.approx(exact.p90, rel=0.005)
        assert board.days == exact_board.days
        assert [row.tickets for row in board.priorities] == [row.tickets for row in exact_board.priorities]


async def test_a_unit_is_left_out_before_anything_is_added_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sees cn/east gets its numbers alone, from facts and from cells."""
    await fill(desk)
    await desk.rolled()
    for exact_below in (counts.EXACT_BELOW, 1):
        monkeypatch.setattr(counts, "EXACT_BELOW", exact_below)
        mine = await desk.ask(EAST, "GetBoard", period=between())
        all_of_it = await desk.ask(ROOT, "GetBoard", period=between())
        assert (mine.tickets, all_of_it.tickets) == (16, 24)
        assert tile(mine, "time_to_resolve").value.n == 16


async def test_the_board_is_right_before_the_roller_comes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days whose cells are out of date are counted from facts, so an event is on the board when it is folded."""
    monkeypatch.setattr(counts, "EXACT_BELOW", 1)
    await fill(desk, 6)
    await desk.rolled()
    monkeypatch.setattr(roller, "PACE_SECONDS", 60)
    await asyncio.sleep(0.5)
    before = await desk.ask(ROOT, "GetBoard", period=between())
    await desk.publish(*Story(100).resolved(3, 1))
    await desk.heard()
    after = await desk.ask(ROOT, "GetBoard", period=between())
    assert await desk.run.db["facts"].distinct("state.stale") != []
    assert (before.tickets, after.tickets) == (6, 7)
    assert after.revision > before.revision


async def test_two_rollers_leave_one_truth(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas that make the same days anew at the same time, while events come in, end with what the facts say."""
    monkeypatch.setattr(counts, "EXACT_BELOW", 1)
    await fill(desk, 12)
    facts = desk.run.records(FACTS)
    rollers = [roller.Roller(desk.run.db, facts) for _ in range(3)]
    days = sorted(await desk.run.db["facts"].distinct("state.days"))[:3]
    more = [one for number in range(50, 70) for one in Story(number).resolved(4, 1)]
    work = [one.roll_day(day) for day in days for one in rollers]
    await asyncio.gather(desk.publish(*more), *work)
    await desk.heard()
    await desk.rolled()
    by_cells = await desk.values()
    monkeypatch.setattr(counts, "EXACT_BELOW", 10_000)
    assert _numbers(by_cells) == _numbers(await desk.values())
    assert by_cells["metrics/T01"].value == 32


async def test_a_late_event_moves_a_ticket_out_of_its_old_cells(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another team, a reopening: the old cells are made anew without the ticket, not counted down."""
    monkeypatch.setattr(counts, "EXACT_BELOW", 1)
    story = Story(1)
    await desk.publish(*story.resolved(0, 5), *Story(2).resolved(0, 5))
    await desk.heard()
    await desk.rolled()
    await desk.publish(
        story.tell("TicketReopened", 50, state=IN_PROGRESS, extra={"previous_state": RESOLVED}),
        story.tell("TicketAssigned", 51, team="teams/z"),
    )
    await desk.heard()
    await desk.rolled()
    old = await desk.ask(ROOT, "GetBoard", period=between(), filter={"team": "teams/a"})
    new = await desk.ask(ROOT, "GetBoard", period=between(), filter={"team": "teams/z"})
    assert (old.tickets, new.tickets, new.provisional_tickets) == (1, 1, 1)
    assert (await desk.values(filter={"team": "teams/z"}))["metrics/T02"].value == 0
    assert [(one.date, one.reopened) for one in new.days if one.reopened] == [("2026-03-04", 1)]


async def test_two_filters_at_once_are_counted_from_facts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cell holds two dimensions; the answer is right all the same."""
    monkeypatch.setattr(counts, "EXACT_BELOW", 1)
    await fill(desk)
    await desk.rolled()
    both = await desk.ask(ROOT, "GetBoard", period=between(), filter={"team": "teams/b", "site": "sites/1"})
    assert both.tickets == (await desk.ask(ROOT, "GetBoard", period=between(), filter={"team": "teams/b"})).tickets
    none = await desk.ask(ROOT, "GetBoard", period=between(), filter={"team": "teams/b", "site": "sites/0"})
    assert none.tickets == 0
    for other, tickets in (("items/1", 12), ("items/0", 0)):
        asked = {"site": "sites/1", "item": other}
        assert (await desk.ask(ROOT, "GetBoard", period=between(), filter=asked)).tickets == tickets


async def test_promises_kept_come_from_the_clocks(desk: Desk) -> None:
    """E05 by kind of clock, over those that stopped in the period; a cancelled one is out."""
    kinds, states = (sla_pb2.CLOCK_KIND_RESPONSE, sla_pb2.CLOCK_KIND_RESOLUTION), sla_pb2
    for number in range(1, 8):
        story = Story(number)
        await desk.publish(*story.resolved(0, 5))
        missed = number == 1
        moments = {"stop_time": 5, "elapsed": 2 * HOUR} | ({"breach_time": 4} if missed else {})
        last = states.CLOCK_STATE_CANCELLED if number == 7 else states.CLOCK_STATE_MET
        last = states.CLOCK_STATE_MISSED if missed else last
        await desk.publish(
            story.tell_clocks("ClocksStarted", 0, *(clock(kind, states.CLOCK_STATE_RUNNING, 0) for kind in kinds)),
            story.tell_clocks(
                "ClockStopped", 5,
                clock(kinds[0], states.CLOCK_STATE_MET, 0, stop_time=0.1, elapsed=360),
                clock(kinds[1], last, 0, **moments),
            ),
        )  # fmt: skip
    await desk.heard()
    values = await desk.values()
    assert (values["metrics/E05"].numerator, values["metrics/E05"].denominator) == (5, 6)
    assert (values["metrics/E05-response"].numerator, values["metrics/E05-response"].denominator) == (7, 7)
    assert values["metrics/E05-breaches"].value == 1
    assert values["metrics/E02"].median == 360
    assert values["metrics/E03-business"].median == 2 * HOUR
    board = await desk.ask(ROOT, "GetBoard", period=between())
    assert [(one.date, one.breached) for one in board.days] == [("2026-03-02", 1)]


async def test_a_verdict_of_long_before_the_end_is_heard_by_the_list_of_kept_promises(desk: Desk) -> None:
    """Said late, of a day outside the period: the list of a closed day is not told again from memory."""
    story, kind = Story(1), sla_pb2.CLOCK_KIND_RESPONSE
    facts = desk.run.records(FACTS)

    async def kept(session: Any) -> list[str]:
        view = counts.Counts(desk.run.db, facts, session, "")
        return list(await view.kept_promises(Period(at(48), at(72)), Filter(), 10))

    async def heard(state: Any) -> list[str]:
        told = clock(kind, state, 0, stop_time=5, elapsed=HOUR)
        await desk.publish(story.tell_clocks("ClockStopped", 61, told))
        await desk.heard()
        await desk.rolled()
        return await at_one_instant(desk.run.db, kept)

    await desk.publish(*story.resolved(0, 60))
    await desk.heard()
    await desk.rolled()
    assert await at_one_instant(desk.run.db, kept) == []
    assert await heard(sla_pb2.CLOCK_STATE_MET) == [story.name]
    assert await heard(sla_pb2.CLOCK_STATE_MISSED) == []


@pytest.mark.row("A073")
async def test_a_change_is_shown_only_when_the_data_can_tell(desk: Desk) -> None:
    """Two equal weeks and one three times slower: not shown, shown, and too few to say anything."""
    entries = []
    for number in range(1, 121):
        week = (number - 1) // 40
        entries += Story(number).resolved(week * 168 + number % 40, (1 + number % 7) * (3 if week == 2 else 1))
    await desk.publish(*entries)
    await desk.heard()
    equal = await desk.ask(ROOT, "GetBoard", period=between(168, 336), baseline=between(0, 168))
    change = tile(equal, "time_to_resolve").change
    assert (change.state, change.value) == (metrics_pb2.VALUE_STATE_NOT_SHOWN, 0)
    assert change.low < 0 < change.high
    slower = await desk.ask(ROOT, "GetBoard", period=between(336, 504), baseline=between(168, 336))
    change = tile(slower, "time_to_resolve").change
    assert change.state == SHOWN
    assert 0 < change.low < 200 < change.high
    few = await desk.ask(ROOT, "GetBoard", period=between(168, 180), baseline=between(0, 168))
    assert tile(few, "time_to_resolve").change.state == metrics_pb2.VALUE_STATE_TOO_FEW


@pytest.mark.row("A065")
async def test_duplicates_and_recurrences_are_two_ratios(desk: Desk) -> None:
    """One of six reports what was open; one of the other five comes again after a resolution (E11)."""
    names = {"service": "services/print", "category": "hardware"}
    first, again = Story(1, **names), Story(2, **names)
    others = [Story(number, service="services/mail", category=f"fault {number}") for number in range(3, 6)]
    copy = Story(6, **names)
    copy.ticket.links.add(relation=ticket_pb2.LINK_RELATION_DUPLICATES, target=first.name)
    await desk.publish(*first.resolved(0, 5), *again.resolved(48, 5), *copy.resolved(1, 4))
    for one in others:
        await desk.publish(*one.resolved(24, 5))
    await desk.heard()
    values = await desk.values()
    assert (values["metrics/E11"].numerator, values["metrics/E11"].denominator) == (1, 6)
    assert (values["metrics/E11-recurrence"].numerator, values["metrics/E11-recurrence"].denominator) == (1, 5)


async def _kept_with_loss(desk: Desk) -> Any:
    return (await desk.ask(ROOT, "GetBoard", period=between(0, 168))).green_red


@pytest.mark.row("A157")
async def test_a_kept_promise_with_a_loss_is_listed(desk: Desk) -> None:
    """Met and yet costly is on the list with its amount and model; missed, and met outside the period, are not."""
    model = metrics_pb2.CostModel(
        name="costModels/people",
        type=metrics_pb2.COST_MODEL_TYPE_PEOPLE,
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        effective_time=stamp(-24),
        people=metrics_pb2.PeopleModel(
            hourly_rate=money_pb2.Money(currency_code="CNY", minor_units=10_000),
            scopes=[metrics_pb2.ImpactScope(impact=level, users=10) for level in (1, 2, 3)],
            effects=[metrics_pb2.PriorityEffect(priority=level, per_mille=500) for level in (1, 2, 3, 4)],
            longest=Duration(seconds=100 * HOUR),
        ),
    )
    drafted = await desk.ask(person("fan", "finance"), "DraftCostModel", cost_model=model)
    await desk.ask(person("qiu", "finance"), "ApproveCostModel", name=drafted.name, version=1)
    kind, met, missed = sla_pb2.CLOCK_KIND_RESOLUTION, sla_pb2.CLOCK_STATE_MET, sla_pb2.CLOCK_STATE_MISSED
    for number, opened, state in ((1, 0, met), (2, 0, missed), (3, 200, met)):
        # A past that comes in is valued by what is approved now.
        story = Story(number, importing=True)
        moments = {"stop_time": opened + 4, "elapsed": 4 * HOUR} | ({"breach_time": 3} if state == missed else {})
        stopped = story.tell_clocks("ClockStopped", opened + 4, clock(kind, state, opened, **moments))
        await desk.publish(*story.resolved(opened, 4), stopped)
    await desk.heard()
    await until(partial(_kept_with_loss, desk), 60)
    (row,) = await _kept_with_loss(desk)
    assert (row.ticket, row.title, row.loss.minor_units) == ("tickets/INC-000001", "Printer 1 offline", 200_000)
    assert "people/1" in row.why


async def test_the_registry_is_told_as_it_is(desk: Desk) -> None:
    """Names in both languages, formula and source, and what a metric waits for."""
    metrics = {one.id: one for one in (await desk.ask(ROOT, "ListMetrics")).metrics}
    assert metrics["reassignments"].name == "metrics/E06"
    assert set(metrics["reassignments"].display_names) == {"en", "zh"}
    assert metrics["csat"].waits_for == "survey answers"
    assert set(await desk.values()) == {one.name for one in metrics.values()}


async def test_an_unknown_zone_and_an_empty_period_are_refused(desk: Desk) -> None:
    """Each names the field and the way out."""
    zone = await desk.refused(ROOT, "GetBoard", period=between(), time_zone="Mars/Olympus")
    assert (zone.reason, zone.field) == ("TIME_ZONE_UNKNOWN", "time_zone")
    empty = await desk.refused(ROOT, "GetBoard", period=between(3, 3))
    assert (empty.reason, empty.field) == ("PERIOD_EMPTY", "period")
