"""Rate tables and their events as messages, and the other way."""

from __future__ import annotations

from throughline.metrics.v1 import events_pb2, metrics_pb2
from throughline.metrics.v1 import ledger_pb2 as pb

from services.metrics.rules.rates import Rate, RateDraft, RateTable, RateTableApproved, RateTableDrafted, RateVersion
from services.metrics.wire.instants import instant, set_instant, timestamp


def draft_of(message: pb.RateTable) -> RateDraft:
    """What somebody asks to draft; the rules check it."""
    return RateDraft(
        name=message.name,
        effective_at=set_instant(message, "effective_time"),
        base=message.base_currency,
        rates=tuple((one.currency_code, one.base_minor_units, one.minor_units) for one in message.rates),
        note=message.note,
    )


def rate_table_message(table: RateTable, number: int, etag: str) -> pb.RateTable:
    """One version of a table; number 0 is the latest.

    Raises:
        Refusal: NOT_FOUND.
    """
    one = table.version(number)
    approved = one.approved_at is not None
    return pb.RateTable(
        name=table.name,
        etag=etag,
        version=one.number,
        state=metrics_pb2.COST_MODEL_STATE_APPROVED if approved else metrics_pb2.COST_MODEL_STATE_DRAFT,
        effective_time=timestamp(one.effective_at),
        base_currency=one.base,
        rates=[
            pb.CurrencyRate(currency_code=currency, base_minor_units=rate.base, minor_units=rate.units)
            for currency, rate in one.rates.items()
        ],
        author=one.author,
        approver=one.approver,
        approve_time=timestamp(one.approved_at),
        note=one.note,
    )


def version_of(message: pb.RateTable) -> RateVersion:
    """The version that a message of `rate_table_message` holds."""
    return RateVersion(
        number=message.version,
        effective_at=instant(message.effective_time),
        base=message.base_currency,
        rates={one.currency_code: Rate(one.base_minor_units, one.minor_units) for one in message.rates},
        author=message.author,
        note=message.note,
        approver=message.approver,
        approved_at=set_instant(message, "approve_time"),
    )


def told(
    event: RateTableDrafted | RateTableApproved, etag: str
) -> events_pb2.RateTableDrafted | events_pb2.RateTableApproved:
    """The message of an event, with the version that it is about."""
    message = rate_table_message(event.table, event.number, etag)
    if isinstance(event, RateTableDrafted):
        return events_pb2.RateTableDrafted(rate_table=message)
    return events_pb2.RateTableApproved(rate_table=message)
