"""Reuse by month as a message."""

from __future__ import annotations

from collections.abc import Iterable

from throughline.metrics.v1 import governance_pb2 as pb

from services.metrics.rules.reuse import WAITS, ReuseMonth
from services.metrics.rules.values import LEAST
from services.metrics.wire.board import interval_message


def reuse_message(months: Iterable[ReuseMonth]) -> pb.Reuse:
    """The months with what waits beside them."""
    return pb.Reuse(
        months=[
            pb.ReuseMonth(
                period=interval_message(one.period),
                used=one.used,
                resolved=one.resolved,
                total=one.total,
                unaided=one.unaided,
                opened=one.opened,
            )
            for one in months
        ],
        waits=[pb.ReuseWait(series=series, waits_for=waits_for) for series, waits_for in WAITS.items()],
        needed=LEAST,
    )
