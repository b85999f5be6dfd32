"""The board and what it is asked for, as messages."""

from __future__ import annotations

from throughline.metrics.v1 import board_pb2 as pb
from throughline.metrics.v1 import metrics_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import interval_pb2, money_pb2

from services.metrics.rules import period as periods
from services.metrics.rules.board import Board, GreenRedRow, MoneyLine, PriorityRow, Tile
from services.metrics.rules.money import Category
from services.metrics.rules.period import FIRST, LAST, Filter, Period
from services.metrics.rules.registry import METRICS
from services.metrics.wire.fact import CHANNEL_OF, TYPE_OF
from services.metrics.wire.instants import set_instant, timestamp
from services.metrics.wire.registry import metric_message, value_message

CATEGORIES = {one: metrics_pb2.LedgerCategory.Value(f"LEDGER_CATEGORY_{one.name}") for one in Category}


def period_of(interval: interval_pb2.Interval, field: str) -> Period:
    """The period asked for; a missing end means since ever or for ever.

    Raises:
        Refusal: PERIOD_EMPTY.
    """
    return periods.period(set_instant(interval, "start_time"), set_instant(interval, "end_time"), field)


def filter_of(message: pb.BoardFilter) -> Filter:
    """The tickets asked for."""
    unspecified = message.type == ticket_pb2.TICKET_TYPE_UNSPECIFIED
    return Filter(
        service=message.service,
        team=message.team,
        site=message.site,
        channel=CHANNEL_OF[message.channel],
        type=None if unspecified else TYPE_OF[message.type],
        priorities=tuple(sorted(set(message.priorities))),
        source=message.source,
        item=message.item,
    )


def interval_message(period: Period) -> interval_pb2.Interval:
    """A period; its open ends stay unset."""
    return interval_pb2.Interval(
        start_time=None if period.start == FIRST else timestamp(period.start),
        end_time=None if period.end == LAST else timestamp(period.end),
    )


def board_message(board: Board) -> pb.Board:
    """The whole page."""
    currency, total = board.total
    return pb.Board(
        period=interval_message(board.period),
        lines=[line_message(one) for one in board.lines],
        total=_money(currency, total),
        incurred_loss=line_message(board.incurred),
        tiles=[_tile(one) for one in board.tiles],
        days=[
            pb.DayColumn(
                date=one.date.isoformat(),
                opened=one.opened,
                resolved=one.resolved,
                reopened=one.reopened,
                breached=one.breached,
            )
            for one in board.days
        ],
        data_time=timestamp(board.data_at),
        revision=board.revision,
        priorities=[_priority(one) for one in board.priorities],
        green_red=[_green_red(one) for one in board.green_red],
        tickets=board.tickets,
        provisional_tickets=board.provisional,
    )


def _money(currency: str, amount: int) -> money_pb2.Money:
    return money_pb2.Money(currency_code=currency, minor_units=amount)


def line_message(line: MoneyLine) -> pb.MoneyLine:
    """A category of money, or what it waits for."""
    one = line.sum
    return pb.MoneyLine(
        category=CATEGORIES[one.category],
        amount=_money(one.currency, one.amount),
        low=_money(one.currency, one.low),
        high=_money(one.currency, one.high),
        entries=one.entries,
        provisional=_money(one.currency, one.provisional),
        waits_for=line.waits_for,
    )


def _tile(tile: Tile) -> pb.Tile:
    return pb.Tile(
        metric=metric_message(METRICS[tile.id]),
        value=value_message(tile.value),
        baseline=None if tile.baseline is None else value_message(tile.baseline),
        change=None if tile.change is None else value_message(tile.change),
        sparkline=tile.sparkline,
    )


def _priority(row: PriorityRow) -> pb.PriorityRow:
    return pb.PriorityRow(
        priority=row.priority,
        tickets=row.tickets,
        resolve_time=value_message(row.resolve_time),
        sla_met=value_message(row.sla_met),
    )


def _green_red(row: GreenRedRow) -> pb.GreenRedRow:
    return pb.GreenRedRow(
        ticket=row.ticket,
        title=row.title,
        loss=_money(row.currency, row.amount),
        why=row.why,
        provisional=row.provisional,
    )
