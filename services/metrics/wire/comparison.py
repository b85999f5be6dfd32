"""Comparisons and correlations as messages."""

from __future__ import annotations

from throughline.metrics.v1 import comparisons_service_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules.comparison import Comparison, Worth
from services.metrics.rules.correlation import Correlation
from services.metrics.wire.registry import STANDINGS, metric_message, value_message


def comparison_message(one: Comparison) -> pb.Comparison:
    """One metric in both periods."""
    return pb.Comparison(
        metric=metric_message(one.metric),
        value=value_message(one.value),
        baseline=value_message(one.baseline),
        change=value_message(one.change),
    )


def worth_message(worth: Worth) -> pb.Worth:
    """Money in both periods, and the difference."""
    amount, baseline, difference = (
        money_pb2.Money(currency_code=worth.currency, minor_units=one)
        for one in (worth.amount, worth.baseline, worth.amount - worth.baseline)
    )
    return pb.Worth(
        amount=amount,
        baseline=baseline,
        difference=difference,
        entries=worth.entries,
        faster_not_worth_more=worth.faster_not_worth_more,
    )


def correlation_message(one: Correlation) -> pb.Correlation:
    """Two metrics and how far they rise together."""
    return pb.Correlation(
        first=one.first,
        second=one.second,
        state=STANDINGS[one.standing],
        coefficient=one.coefficient,
        low=one.low,
        high=one.high,
        n=one.n,
        note=one.note,
    )
