"""What tickets have cost so far, as messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from throughline.metrics.v1 import governance_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules.losses import Part, Sum, summed
from services.metrics.wire.instants import timestamp


def losses_message(parts: Sequence[Part], unknown: Iterable[str]) -> pb.Losses:
    """Parts and their sums by currency."""
    return pb.Losses(
        parts=[part_message(one) for one in parts],
        sums=sum_messages(summed(parts)),
        unknown_tickets=unknown,
    )


def sum_messages(sums: Iterable[Sum]) -> list[pb.LossSum]:
    """Sums by currency."""
    return [
        pb.LossSum(
            amount=_money(one.currency, one.amount),
            provisional=_money(one.currency, one.provisional),
            causes=one.causes,
        )
        for one in sums
    ]


def part_message(one: Part) -> pb.LossPart:
    """What one cause has cost."""
    found = pb.LossPart(
        cause=one.cause,
        tickets=one.tickets,
        start_time=timestamp(one.start),
        end_time=timestamp(one.end),
        provisional=one.provisional,
        entry=one.entry,
        cost_model=one.model,
        cost_model_version=one.version,
        unbooked_reason=one.unbooked.name if one.unbooked else "",
        unbooked_note=one.unbooked.value,
    )
    if one.currency:
        found.amount.CopyFrom(_money(one.currency, one.amount))
        found.low.CopyFrom(_money(one.currency, one.low))
        found.high.CopyFrom(_money(one.currency, one.high))
        found.per_minute.CopyFrom(_money(one.currency, one.per_minute))
    return found


def _money(currency: str, amount: int) -> money_pb2.Money:
    return money_pb2.Money(currency_code=currency, minor_units=amount)
