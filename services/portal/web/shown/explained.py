"""What stands behind one row: the arithmetic, its hours, what was left out, who agreed, and what changed since."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import ledger_service_pb2, metrics_pb2

from services.portal.web import formats
from services.portal.web.shown.board import amount
from services.portal.web.shown.model import approved, title
from services.portal.web.shown.reader import Reader, instant, last_part

_MOST_HOURS = 48


def facts(told: ledger_service_pb2.Explanation, reader: Reader) -> dict[str, Any]:
    """The service's own verdict on the amount, and what it was made of."""
    entry, language = told.entry, reader.language
    return {
        "verdict": told.agrees,
        "arithmetic": _arithmetic(told.arithmetic),
        "middle": amount(entry.middle, language) if entry.middle.minor_units != entry.total.minor_units else "",
        "hours": [
            [
                reader.near(instant(hour.hour_time)),
                *(
                    _thousandths(one, language)
                    for one in (hour.expected_milli, hour.actual_milli, hour.recovered_milli)
                ),
            ]
            for hour in entry.hours[:_MOST_HOURS]
            if entry.formula.startswith("transactions/")
        ],
        "left_out": [
            (last_part(one.resource), reader.length(one.duration.ToTimedelta()), gettext(one.reason))
            for one in entry.left_out
        ],
    }


def agreed(model: metrics_pb2.CostModel, reader: Reader) -> dict[str, str]:
    """An assumption with whoever wrote and approved it."""
    return {
        "name": f"{title(model)} v{model.version}",
        "href": f"/board/cost-models/{last_part(model.name)}?version={model.version}",
        "author": gettext("drafted by %(who)s", who=reader.called(model.author)),
        "approved": approved(model, reader),
        "note": model.note,
    }


def history(told: ledger_service_pb2.Explanation, reader: Reader) -> list[dict[str, Any]]:
    """Every row of the same cause, oldest first: what was booked, and what was taken back and why."""
    return [
        {
            "id": last_part(one.name),
            "href": f"/board/entries/{last_part(one.name)}",
            "amount": amount(one.total, reader.language),
            "time": reader.near(instant(one.record_time)),
            "why": gettext("taken back: %(why)s", why=gettext(one.evidence[0].note))
            if one.reverses and one.evidence
            else gettext("booked"),
            "here": one.name == told.entry.name,
        }
        for one in told.history
    ]


def _arithmetic(text: str) -> str:
    """The numbers as they are; that they were rounded, in the reader's words."""
    numbers, rounded, _ = text.partition(", rounded half to even")
    return f"{numbers} ({gettext('rounded half to even')})" if rounded else numbers


def _thousandths(count: int, language: str) -> str:
    whole, rest = divmod(count, 1000)
    return formats.number(whole if not rest else count / 1000, language, 0 if not rest else 1)
