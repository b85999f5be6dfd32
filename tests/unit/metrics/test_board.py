"""The board put together from cells: tiles, days of a zone, priorities, money."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from throughline.metrics.v1 import board_pb2, metrics_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import interval_pb2

from services.metrics.rules import board, period
from services.metrics.rules.board import Board
from services.metrics.rules.course import POINTS
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import Filter, Period, Windows
from services.metrics.rules.pieces import Sums
from services.metrics.rules.registry import TILES
from services.metrics.rules.values import Standing
from services.metrics.wire.board import board_message, filter_of, period_of
from services.metrics.wire.instants import timestamp
from services.runtime.refusal import Refusal
from tests.unit.metrics.stories import DONE, WORK, at, story
from tests.unit.metrics.test_cells import by_facts, lives

PERIOD = Period(at(0), at(24 * 60))
NOW = at(24 * 100)


def sums(n: int = 300, seed: int = 1, within: Period = PERIOD) -> Sums:
    """Those of made-up tickets."""
    return by_facts(lives(n, seed), within)


def tiles(now: Sums, before: Sums | None = None) -> dict[str, board.Tile]:
    """The tiles by metric id."""
    made = board.tiles(now, before, PERIOD, PERIOD if before else None, NOW, open_at_end=0, others={})
    return {one.id: one for one in made}


def test_every_tile_is_there_and_says_why_when_it_is_empty() -> None:
    """Nothing fed, nothing shown; waiting tiles name what they wait for."""
    found = tiles(Sums())
    assert list(found) == list(TILES)
    assert found["csat"].value.standing is Standing.WAITING
    assert found["csat"].value.note == "survey answers"
    assert found["time_to_resolve"].value.standing is Standing.NOT_DEFINED


def test_a_tile_compares_with_its_baseline() -> None:
    """Value, baseline and change; against itself no change is shown."""
    one = tiles(sums(), sums())["time_to_resolve"]
    assert one.baseline == one.value
    assert one.change is not None
    assert one.change.standing is Standing.NOT_SHOWN
    assert 0 < len(one.sparkline) <= POINTS
    assert tiles(sums())["time_to_resolve"].change is None


def test_days_are_days_of_the_zone() -> None:
    """Opened at 20:00 UTC on a Monday is Tuesday in Shanghai, and Monday in UTC."""
    facts = [story((21, {"state": WORK}), (26, {"state": DONE}), (30, {"state": WORK}), opened_at=at(20))]
    made = by_facts(facts, PERIOD)
    utc = {one.date.isoformat(): one for one in board.columns(made, PERIOD, period.zone(""))}
    shanghai = {one.date.isoformat(): one for one in board.columns(made, PERIOD, period.zone("Asia/Shanghai"))}
    assert (utc["2026-03-02"].opened, utc["2026-03-03"].reopened) == (1, 1)
    assert (shanghai["2026-03-02"].opened, shanghai["2026-03-03"].opened, shanghai["2026-03-03"].reopened) == (0, 1, 1)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"])
def test_no_ticket_is_lost_between_days(zone: str) -> None:
    """Quarter hours add up to every zone's days, with none twice."""
    made = sums(200)
    shown = board.columns(made, Period(), period.zone(zone))
    assert sum(one.opened for one in shown) == made.whole.count("tickets_opened")
    assert sum(one.resolved for one in shown) == made.whole.count("tickets_resolved")
    assert len({one.date for one in shown}) == len(shown)


def test_priorities_add_up() -> None:
    """The rows hold all tickets, the most urgent first."""
    made = sums()
    rows = board.priority_rows(made, PERIOD, NOW)
    assert [one.priority for one in rows] == [1, 2, 3, 4]
    assert sum(one.tickets for one in rows) == made.whole.count("tickets_opened")
    assert sum(one.resolve_time.n for one in rows) == made.whole.lengths["time_to_resolve"].n


def test_the_total_holds_no_loss_and_no_other_currency() -> None:
    """Incurred loss stands beside the total; dollars are not added to yuan; what nothing feeds says so."""
    parts = [
        MoneySum(Category.HOURS, "CNY", 500, 400, 600, 3),
        MoneySum(Category.HOURS, "USD", 900, 900, 900, 1),
        MoneySum(Category.INCURRED_LOSS, "CNY", -7000, -9000, -5000, 4, -1000),
    ]
    lines, total, incurred = board.money(parts, "CNY")
    assert [one.sum.category for one in lines] == list(board.CATEGORIES)
    assert [one.sum.amount for one in lines] == [0, 500, 0, 0]
    assert [bool(one.waits_for) for one in lines] == [True, False, True, True]
    assert total == ("CNY", 500)
    assert incurred.sum.amount == -7000


def test_the_board_is_told_whole() -> None:
    """Every part reaches the page; open ends of the period stay open."""
    made = sums()
    lines, total, incurred = board.money([], "CNY")
    row = board.GreenRedRow("tickets/INC-000001", "Printer", "CNY", 1250, "people/1", provisional=True)
    message = board_message(Board(
        Period(at(0)), lines, total, incurred, tuple(tiles(made, sums(200, 2)).values()),
        board.columns(made, PERIOD, period.zone("")), board.priority_rows(made, PERIOD, NOW), (row,), at(5), 7, 300, 12,
    ))  # fmt: skip
    assert message.period.start_time == timestamp(at(0))
    assert not message.period.HasField("end_time")
    assert [one.metric.id for one in message.tiles] == list(TILES)
    tile = message.tiles[0]
    assert (tile.metric.name, tile.value.metric, tile.HasField("change")) == ("metrics/E03", "metrics/E03", True)
    assert tile.value.state == metrics_pb2.VALUE_STATE_SHOWN
    assert (message.revision, message.tickets, message.provisional_tickets) == (7, 300, 12)
    assert message.green_red[0].loss.minor_units == 1250
    assert message.total.currency_code == "CNY"
    assert message.lines[0].waits_for


def test_what_is_asked_for_is_read() -> None:
    """A filter names dimensions only for what it sets; a period ends after it starts."""
    message = board_pb2.BoardFilter(
        team="teams/a", type=ticket_pb2.TICKET_TYPE_INCIDENT, channel=ticket_pb2.CHANNEL_PHONE, priorities=[3, 1, 3],
        item="items/vpn",
    )  # fmt: skip
    asked = filter_of(message)
    assert asked == Filter(
        team="teams/a", type=Type.INCIDENT, channel=Channel.PHONE, priorities=(1, 3), item="items/vpn"
    )
    assert asked.dimensions == (("team", "teams/a"), ("item", "items/vpn"), ("channel", "PHONE"))
    assert filter_of(board_pb2.BoardFilter()).dimensions == ()
    assert period_of(interval_pb2.Interval(), "period") == Period()
    with pytest.raises(Refusal, match="PERIOD_EMPTY"):
        period_of(interval_pb2.Interval(start_time=timestamp(at(3)), end_time=timestamp(at(3))), "period")
    with pytest.raises(Refusal, match="TIME_ZONE_UNKNOWN"):
        period.zone("Mars/Olympus")


def test_a_period_knows_its_whole_days() -> None:
    """Only the days at its ends may be ragged."""
    ragged = Windows(Period(at(5), at(24 * 3 + 1)))
    assert len(ragged.ragged) == 2
    assert Windows(Period(at(0), at(48))).ragged == frozenset()
    assert Windows(Period()).ragged == frozenset()
    inside = Windows(Period(at(1), at(2)))
    assert [inside.part(day) for day in inside.ragged] == [(at(1), at(2))]
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=min(inside.ragged)) == at(0)
