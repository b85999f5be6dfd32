"""Objectives against what happened, and minutes of requests, as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from throughline.metrics.v1 import availability_service_pb2 as pb
from throughline.type.v1 import interval_pb2

from services.metrics.rules.availability import SLICE, Cell, Sums, availability
from services.metrics.rules.business_service import BusinessService, burn, required_objective
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.outage import A_MINUTE
from services.metrics.wire.business_service import business_service_message
from services.metrics.wire.instants import timestamp


def report_message(
    service: BusinessService, etag: str, end: datetime, windows: Sequence[tuple[timedelta, Sums]]
) -> pb.ObjectiveReport:
    """The report over the first of the windows; the others give the burn of an hour and of six."""
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
