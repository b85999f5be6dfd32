"""Where the service cracks, as the board's page shows it: touchpoints by service or team, each cell a door."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import friction_pb2 as pb
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.fact import state_words
from services.portal.web.shown.reader import Reader, last_part

SHADES = 5
TOUCHPOINTS: dict[str, pb.Touchpoint.ValueType] = {
    name.removeprefix("TOUCHPOINT_").lower().replace("_", "-"): number
    for name, number in pb.Touchpoint.items()
    if number
}
"""By the word that stands in an address."""
_SLUGS = {number: slug for slug, number in TOUCHPOINTS.items()}
Href = Callable[[str, str], str]
"""Where a cell opens, by the place ("" for all) and the word of the touchpoint."""


def touchpoint_words(touchpoint: int) -> str:
    """What happened to the requester, in a word or two."""
    words: dict[int, str] = {
        pb.TOUCHPOINT_PHONE: gettext("Filed by phone"),
        pb.TOUCHPOINT_QUESTION: gettext("Asked"),
        pb.TOUCHPOINT_REPEATED_QUESTION: gettext("Asked once more"),
        pb.TOUCHPOINT_CHASE: gettext("Chased"),
        pb.TOUCHPOINT_REASSIGNMENT: gettext("Passed on"),
        pb.TOUCHPOINT_PING_PONG: gettext("Ping-pong"),
        pb.TOUCHPOINT_REOPENING: gettext("Reopened"),
    }
    return str(words.get(touchpoint, str(touchpoint)))


def heat(answer: pb.FrictionMap, reader: Reader, href: Href) -> dict[str, Any]:
    """{"columns", "rows", "left_out"}: a row per place, the whole last; each cell with its rate, times and shade.

    The shade compares places within one touchpoint: touchpoints are no more of one kind than calls and hand-overs are.
    """
    most = [
        max((row.cells[place].rate.value for row in answer.rows if _is_shown(row.cells[place])), default=0.0)
        for place in range(len(answer.whole.cells))
    ]
    left_out = answer.places_left_out
    return {
        "columns": [touchpoint_words(one.touchpoint) for one in answer.whole.cells],
        "rows": [_row(one, most, reader, href) for one in answer.rows],
        "whole": _row(answer.whole, None, reader, href),
        "ended": formats.number(answer.whole.ended_tickets, reader.language, 0),
        "left_out": str(ngettext("%(num)s more is not shown.", "%(num)s more are not shown.", left_out))
        if left_out
        else "",
        "few": next((tiles.why(one.rate, metrics_pb2.Metric()) for one in _cells(answer) if not _is_shown(one)), ""),
    }


def ticket(one: pb.FrictionTicket, reader: Reader, href: str) -> dict[str, Any]:
    """A ticket behind a cell: how often it happened there, whose it was, where it stands."""
    found = one.fact
    return {
        "id": last_part(found.ticket),
        "title": one.title or last_part(found.ticket),
        "href": href,
        "times": formats.number(one.times, reader.language, 0),
        "service": last_part(found.service) or "–",
        "team": reader.called(found.team) if found.team else "–",
        "state": state_words(found.state),
    }


def _cells(answer: pb.FrictionMap) -> list[pb.FrictionCell]:
    return [cell for row in answer.rows for cell in row.cells]


def _row(row: pb.FrictionRow, most: Sequence[float] | None, reader: Reader, href: Href) -> dict[str, Any]:
    tops = most or [0.0] * len(row.cells)
    return {
        "place": row.place,
        "name": reader.called(row.place) if row.place.startswith("teams/") else last_part(row.place),
        "ended": formats.number(row.ended_tickets, reader.language, 0),
        "cells": [_cell(row.place, one, top, reader, href) for one, top in zip(row.cells, tops, strict=True)],
    }


def _cell(place: str, cell: pb.FrictionCell, most: float, reader: Reader, href: Href) -> dict[str, Any]:
    shown, rate = _is_shown(cell), cell.rate
    low, high = (formats.number(end, reader.language, 1) for end in (rate.low, rate.high))
    return {
        "rate": formats.number(rate.value, reader.language, 1) if shown else "",
        "times": str(ngettext("%(num)s time", "%(num)s times", cell.times)),
        "range": str(gettext("95%% interval %(range)s", range=formats.span(low, high, reader.language)))
        if shown
        else tiles.missing(rate),
        "shade": math.ceil(SHADES * rate.value / most) if shown and most else 0,
        "href": href(place, _SLUGS[cell.touchpoint]) if cell.times else "",
    }


def _is_shown(cell: pb.FrictionCell) -> bool:
    return cell.rate.state == tiles.SHOWN
