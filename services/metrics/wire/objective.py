"""Objectives against what happened, and minutes of requests, as messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from throughline.metrics.v1 import availability_service_pb2 as pb
from throughline.type.v1 import interval_pb2, money_pb2

from services.metrics.rules.availability import SLICE, Cell, Sums, availability
from services.metrics.rules.budget import Worth
from services.metrics.rules.burn_alert import Seen
from services.metrics.rules.business_service import BusinessService, burn, required_objective
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.ledger import Unbooked
from services.metrics.rules.outage import A_MINUTE
from services.metrics.wire.burn_alert import rule_message
from services.metrics.wire.business_service import business_service_message
from services.metrics.wire.instants import timestamp


def report_message(
    service: BusinessService,
    etag: str,
    end: datetime,
    windows: Sequence[tuple[timedelta, Sums]],
    rules: Sequence[Seen] = (),
    alerts: Collection[str] = (),
    worth: Worth | Unbooked = Unbooked.NONE,
) -> pb.ObjectiveReport:
    """The report over the first of the windows; the others give the burn of an hour and of six.

    rules: what each alert rule sees. alerts: the ids of the rules whose alert is open. worth: of the budget, or why
    there is none.
    """
    objective = required_objective(service)
    (length, sums), hour, six = windows
    whole, one = burn(objective, sums, length), availability(service.name, sums)
    return pb.ObjectiveReport(
        business_service=business_service_message(service, etag),
        window=interval_pb2.Interval(start_time=timestamp(end - length), end_time=timestamp(end)),
        valid=one.valid,
        good=one.good,
        availability=one.share,
        low=one.low,
        high=one.high,
        enough=one.enough,
        allowed=round(whole.allowed, 6),
        spent=round(whole.spent, 6),
        burn=round(whole.rate, 6),
        burn_hour=round(burn(objective, hour[1], hour[0]).rate, 6),
        burn_six_hours=round(burn(objective, six[1], six[0]).rate, 6),
        budget_minutes=round(whole.minutes, 6),
        budget_minutes_left=round(whole.minutes_left, 6),
        burn_windows=[
            pb.BurnWindow(
                rule=rule_message(one.rule),
                burn_long=round(one.long, 6),
                burn_short=round(one.short, 6),
                bad_long=round(one.bad, 6),
                open=one.rule.id in alerts,
            )
            for one in rules
        ],
        money=_money(worth) if isinstance(worth, Worth) else None,
        money_missing=worth.name if isinstance(worth, Unbooked) and worth else "",
    )


def _money(worth: Worth) -> pb.BudgetMoney:
    return pb.BudgetMoney(
        budget=money_pb2.Money(currency_code=worth.currency, minor_units=worth.budget),
        left=money_pb2.Money(currency_code=worth.currency, minor_units=worth.budget - worth.spent),
        cost_model=worth.model,
        version=worth.version,
        formula=worth.formula,
    )


def minute_messages(cells: Mapping[Cell, Sums]) -> list[pb.ServiceMinute]:
    """Slices as minutes, in their order."""
    minutes: dict[int, Sums] = {}
    for cell, sums in cells.items():
        minutes.setdefault(cell.slice // A_MINUTE, Sums()).merge(sums)
    return [
        pb.ServiceMinute(
            minute_time=timestamp(EPOCH + number * A_MINUTE * SLICE),
            valid=round(sums.valid, 6),
            good=round(sums.good, 6),
        )
        for number, sums in sorted(minutes.items())
    ]
