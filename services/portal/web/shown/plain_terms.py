"""Four numbers in the words of the business: downtime, risk avoided, labour saved, user hours; with unit and source.

The amounts are the ledger's lines and the registry's values as they come; what nothing feeds says what it waits for.
"""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import board_pb2, metrics_pb2

from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import ELSEWHERE, SLUGS, Links, amount, likely


def rows(board: board_pb2.Board, links: Links, language: str) -> list[dict[str, Any]]:
    """The four, in a fixed order: name, sentence, value or what it waits for, unit, source with its address."""
    found = {one.metric.id: one for one in board.tiles if one.metric.id in ELSEWHERE}
    lines = {one.category: one for one in board.lines}
    made = [
        _tile(found.get("downtime"), links.services, gettext("Outages, from traces"), language),
        _line(lines.get(metrics_pb2.LEDGER_CATEGORY_RISK), gettext("Risk avoided"), links, language),
        _line(lines.get(metrics_pb2.LEDGER_CATEGORY_HOURS), gettext("Labour saved"), links, language),
        _tile(found.get("user_hours_returned"), "", gettext("Deliverables of the catalogue"), language),
    ]
    return [one for one in made if one is not None]


def _tile(one: board_pb2.Tile | None, href: str, source: str, language: str) -> dict[str, Any] | None:
    if one is None:
        return None
    told = tiles.definition(one.metric, language)
    found = {
        "name": told["name"],
        "text": told["text"],
        "about": told,
        "unit": told["unit"],
        "source": source,
        "source_href": href or told["href"],
    }
    if one.value.state != tiles.SHOWN:
        return found | {"value": "", "none": tiles.missing(one.value), "detail": tiles.why(one.value, one.metric)}
    count = one.value.n
    outages = ngettext("%(num)s outage", "%(num)s outages", count)
    return found | {"value": tiles.whole(one.metric, one.value.value, language), "detail": outages, "href": href}


def _line(line: board_pb2.MoneyLine | None, name: str, links: Links, language: str) -> dict[str, Any] | None:
    if line is None:
        return None
    risk = line.category == metrics_pb2.LEDGER_CATEGORY_RISK
    found: dict[str, Any] = {
        "name": name,
        "text": gettext("What open risks may cost in a year, less than at the baseline.")
        if risk
        else gettext("Hours that automation and self-service gave back to people."),
        "unit": gettext("money a year, %(currency)s", currency=line.amount.currency_code)
        if risk
        else gettext("money, %(currency)s", currency=line.amount.currency_code),
        "source": gettext("Value ledger"),
        "source_href": links.evidence(SLUGS[line.category]),
    }
    if not line.entries:
        waits = gettext("Waits for %(what)s", what=tiles.told(line.waits_for)) if line.waits_for else ""
        return found | {"value": "", "none": gettext("Nothing booked"), "detail": waits}
    range_ = likely(line, language)
    return found | {
        "value": amount(line.amount, language),
        "href": links.evidence(SLUGS[line.category]),
        "detail": gettext("Likely range %(range)s", range=range_) if range_ else "",
    }
