"""An entry with all that stands behind it, as one message."""

from __future__ import annotations

from collections.abc import Sequence

from throughline.metrics.v1 import ledger_service_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules.cost_model import CostModel
from services.metrics.rules.explain import arithmetic, words
from services.metrics.rules.ledger import Booking, Entry
from services.metrics.wire.cost_model import cost_model_message
from services.metrics.wire.ledger import booking_message, entry_message


def explanation_message(
    entry: Entry,
    recomputed: int,
    history: Sequence[Entry],
    booking: Booking | None,
    models: Sequence[tuple[CostModel, int, str]],
) -> pb.Explanation:
    """models: each with the version that the entry names, and its etag."""
    return pb.Explanation(
        entry=entry_message(entry),
        formula_words=words(entry.formula),
        arithmetic=arithmetic(entry),
        recomputed=money_pb2.Money(currency_code=entry.currency, minor_units=recomputed),
        agrees=recomputed == entry.total,
        booking=booking_message(booking) if booking is not None else None,
        cost_models=[cost_model_message(model, number, etag) for model, number, etag in models],
        history=[entry_message(one) for one in history],
    )
