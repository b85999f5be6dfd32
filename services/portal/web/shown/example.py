"""An example worked by the service: what a draft makes of one invented fault."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import ledger_service_pb2

from services.portal.web.shown.board import amount
from services.portal.web.shown.ledger import formula_words
from services.portal.web.shown.reader import Reader


def shown(found: ledger_service_pb2.WorkedExample, reader: Reader) -> dict[str, Any]:
    """The amount with its range and the formula, or why there is none."""
    if found.nothing:
        return {"amount": "", "nothing": gettext(found.nothing), "range": "", "words": ""}
    ends = [amount(one, reader.language) for one in (found.low, found.high)]
    return {
        "amount": amount(found.total, reader.language),
        "nothing": "",
        "range": gettext("%(low)s to %(high)s", low=ends[0], high=ends[1]) if ends[0] != ends[1] else "",
        "words": formula_words(found.formula),
    }
