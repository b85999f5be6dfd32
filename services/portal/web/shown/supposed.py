"""What a version would have made of a period, as its page shows it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.metrics.v1 import ledger_pb2
from throughline.type.v1 import money_pb2

from services.portal.web import formats
from services.portal.web.shown.board import amount
from services.portal.web.shown.reader import Reader, instant, last_part

_RUNS = (ledger_pb2.LEDGER_JOB_STATE_QUEUED, ledger_pb2.LEDGER_JOB_STATE_RUNNING)


def runs(job: ledger_pb2.LedgerJob) -> bool:
    """Whether it is not over."""
    return job.state in _RUNS


def page(job: ledger_pb2.LedgerJob, reader: Reader) -> dict[str, Any]:
    """Progress, or the rows with their sums, each currency by itself; causes without an amount are in no sum."""
    told, language = job.what_if, reader.language
    sums: dict[str, list[int]] = {}
    for one in told.rows:
        for at, money in enumerate((one.before, one.after)):
            if money.currency_code:
                sums.setdefault(money.currency_code, [0, 0])[at] += money.minor_units
    return {
        "version": told.version,
        "running": runs(job),
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "from_": _moment(told.period.start_time, reader),
        "until": _moment(told.period.end_time, reader),
        "rows": [
            [
                last_part(one.service) or gettext("no service"),
                formats.month(date.fromisoformat(f"{one.month[:7]}-01"), language),
                formats.number(one.causes, language, 0),
                _amount(one.before, language),
                _amount(one.after, language),
                _amount(_less(one.after, one.before), language) if _alike(one) else "–",
            ]
            for one in told.rows
        ],
        "sums": [
            tuple(formats.money(part, currency, language) for part in parts) for currency, parts in sorted(sums.items())
        ],
        "unchanged": bool(told.digest) and told.digest == told.digest_after,
    }


def _moment(at: Timestamp, reader: Reader) -> str:
    """With its day also when that is today: a stretch of months does not end at a bare time."""
    return formats.moment(instant(at), reader.language, reader.zone, reader.now.astimezone(reader.zone).date())


def _amount(money: money_pb2.Money, language: str) -> str:
    return amount(money, language) if money.currency_code else "–"


def _alike(row: ledger_pb2.WhatIfRow) -> bool:
    return row.before.currency_code == row.after.currency_code


def _less(one: money_pb2.Money, other: money_pb2.Money) -> money_pb2.Money:
    return money_pb2.Money(currency_code=one.currency_code, minor_units=one.minor_units - other.minor_units)
