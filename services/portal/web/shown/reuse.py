"""Reuse by month as its charts and its table, and what has no number yet."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import governance_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.reader import Reader, instant


def card(reuse: pb.Reuse, reader: Reader) -> dict[str, Any]:
    """What the roadmap prints: a finding, the charts' data, the same as a table, and sentences on what waits."""
    total = reuse.months[-1].total if reuse.months else 0
    return {
        "total": total,
        "finding": _finding(reuse, reader),
        "chart": _data(reuse, reader),
        "rows": [_row(one, reuse.needed, reader) for one in reuse.months],
        "waits": _waits(reuse, reader.language),
    }


def _finding(reuse: pb.Reuse, reader: Reader) -> str:
    used = sum(one.used for one in reuse.months)
    total = formats.number(reuse.months[-1].total if reuse.months else 0, reader.language, 0)
    told = ngettext(
        "An article helped to resolve %(num)s ticket in these months; %(total)s so far.",
        "Articles helped to resolve %(num)s tickets in these months; %(total)s so far.",
        used,
        total=total,
    )
    return str(told)


def _data(reuse: pb.Reuse, reader: Reader) -> dict[str, Any]:
    return {
        "language": reader.language,
        "months": [_month(one, reader) for one in reuse.months],
        "used": [one.used for one in reuse.months],
        "totals": [one.total for one in reuse.months],
        "shares": {
            "unaided": [_share(one.unaided, one.opened, reuse.needed) for one in reuse.months],
            "helped": [_share(one.used, one.resolved, reuse.needed) for one in reuse.months],
        },
        "words": {
            "used": gettext("Resolved with an article"),
            "total": gettext("Resolved with an article, so far"),
            "unaided": gettext("Filed by people themselves"),
            "helped": gettext("With an article, of all resolved"),
        },
    }


def _row(one: pb.ReuseMonth, needed: int, reader: Reader) -> list[str]:
    return [
        _month(one, reader),
        formats.number(one.used, reader.language, 0),
        formats.number(one.total, reader.language, 0),
        _told(one.used, one.resolved, needed, reader),
        _told(one.unaided, one.opened, needed, reader),
    ]


def _told(part: int, whole: int, needed: int, reader: Reader) -> str:
    share = _share(part, whole, needed)
    if share is None:
        return str(gettext("too few: %(n)s", n=formats.number(whole, reader.language, 0)))
    return formats.percent(share / 100, reader.language, 1)


def _share(part: int, whole: int, needed: int) -> float | None:
    """In per cent to one digit; None on too few."""
    return round(100 * part / whole, 1) if whole >= max(needed, 1) else None


def _month(one: pb.ReuseMonth, reader: Reader) -> str:
    return formats.month(instant(one.period.start_time).astimezone(reader.zone), reader.language)


def _waits(reuse: pb.Reuse, language: str) -> list[str]:
    """A sentence for each thing that is waited for, with all that waits for it."""
    named = {
        "self_solved": gettext("self-solved share"),
        "automation_share": gettext("share of automation"),
        "automation_runs": gettext("runs of automation"),
        "manual_minutes_avoided": gettext("minutes of manual work avoided"),
    }
    return [
        str(
            gettext(
                "No number yet: %(series)s; waits for %(what)s.",
                series=("、" if language == "zh" else ", ").join(str(named[one.series]) for one in together),
                what=tiles.told(what),
            )
        )
        for what, together in groupby(reuse.waits, key=lambda one: one.waits_for)
    ]
