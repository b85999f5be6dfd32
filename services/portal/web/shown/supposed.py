"""What a version would have made of a period, as its page shows it."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
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
    """Progress, or the rows with their sums, each currency by itself."""
    told, language = job.what_if, reader.language
    sums: dict[str, list[int]] = {}
    for one in told.rows:
        for at, money in enumerate((one.before, one.after)):
            sums.setdefault(money.currency_code, [0, 0])[at] += money.minor_units
    return {
        "version": told.version,
        "running": runs(job),
        "done": job.done,
        "total": job.total,
        "error": job.error,
        "from_": reader.near(instant(told.period.start_time)),
        "until": reader.near(instant(told.period.end_time)),
        "rows": [
            [
                last_part(one.service) or gettext("no service"),
                one.month[:7],
                formats.number(one.causes, language, 0),
                amount(one.before, language),
                amount(one.after, language),
                amount(_less(one.after, one.before), language) if _alike(one) else "–",
            ]
            for one in told.rows
        ],
        "sums": [
            tuple(formats.money(part, currency, language) for part in parts) for currency, parts in sorted(sums.items())
        ],
        "unchanged": bool(told.digest) and told.digest == told.digest_after,
    }


def _alike(row: ledger_pb2.WhatIfRow) -> bool:
    return row.before.currency_code == row.after.currency_code


def _less(one: money_pb2.Money, other: money_pb2.Money) -> money_pb2.Money:
    return money_pb2.Money(currency_code=one.currency_code, minor_units=one.minor_units - other.minor_units)
