"""What the incidents of problems have cost, in words: sums by currency, what was paid again, each with its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import governance_pb2
from throughline.metrics.v1 import problem_loss_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import amount
from services.portal.web.shown.fact import state_words
from services.portal.web.shown.reader import Reader, instant, last_part

PartHref = Callable[[governance_pb2.LossPart, Reader], str]


def problem(loss: pb.ProblemLoss, reader: Reader) -> dict[str, Any]:
    """One problem: since when it is known, its sums, and what of them was paid again."""
    return {
        "id": last_part(loss.name),
        "known": reader.near(instant(loss.known_time)),
        "incidents": _incidents(loss.incidents),
        "with_amount": str(
            gettext("%(count)s with an amount", count=formats.number(loss.incidents_with_amount, reader.language, 0))
        ),
        "sums": sums(loss.sums, reader),
        "again": _incidents(loss.repeated_incidents),
        "again_sums": sums(loss.repeated_sums, reader),
        "left_out": loss.incidents_left_out,
    }


def sums(of: Iterable[governance_pb2.LossSum], reader: Reader) -> list[dict[str, Any]]:
    """Amounts by currency, each with the part that is not final."""
    return [
        {
            "amount": amount(one.amount, reader.language),
            "provisional": str(gettext("%(amount)s provisional", amount=amount(one.provisional, reader.language)))
            if one.provisional.minor_units
            else "",
        }
        for one in of
    ]


def incident(one: pb.ProblemIncident, reader: Reader, href: str, part_href: PartHref) -> dict[str, Any]:
    """One incident: whether it was paid again, how it belongs, and its amounts as doors to their evidence."""
    fact = one.fact
    return {
        "id": last_part(fact.ticket),
        "title": one.title or last_part(fact.ticket),
        "href": href,
        "when": reader.near(instant(fact.open_time)),
        "state": state_words(fact.state),
        "by": str(gettext("linked") if one.linked else gettext("same fault")),
        "again": one.repeated,
        "amounts": [
            {
                "amount": amount(part.amount, reader.language),
                "href": part_href(part, reader),
                "provisional": part.provisional,
            }
            for part in one.parts
            if part.HasField("amount")
        ],
        "why": next((tiles.told(part.unbooked_note) for part in one.parts if part.unbooked_note), "")
        or str(gettext("The ledger has no amount of it.")),
    }


def repeated(loss: pb.RepeatLoss, reader: Reader) -> dict[str, Any]:
    """What was paid again in a period: the rows, their sum, and what is not in the rows."""
    left_out = loss.problems_left_out
    return {
        "rows": [problem(one, reader) for one in loss.problems],
        "total": sums(loss.total, reader),
        "incidents": _incidents(loss.incidents),
        "left_out": str(ngettext("%(num)s more is not shown.", "%(num)s more are not shown.", left_out))
        if left_out
        else "",
        "older": loss.incidents_left_out,
    }


def _incidents(count: int) -> str:
    return str(ngettext("%(num)s incident", "%(num)s incidents", count))
