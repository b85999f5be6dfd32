"""What an incident has cost so far, in words: amounts by cause, how much a minute, and what is not final."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import governance_pb2 as pb

from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import amount, likely
from services.portal.web.shown.reader import Reader, instant, last_part


def panel(losses: pb.Losses, reader: Reader, href: Callable[[pb.LossPart], str]) -> dict[str, Any]:
    """The sums by currency and each part with its evidence. href: where an amount opens."""
    parts = [_part(one, reader, href) for one in losses.parts]
    return {
        "sums": [amount(one.amount, reader.language) for one in losses.sums],
        "provisional": any(one.provisional.minor_units for one in losses.sums),
        "parts": parts,
        "unknown": not parts,
    }


def _part(one: pb.LossPart, reader: Reader, href: Callable[[pb.LossPart], str]) -> dict[str, Any]:
    outage = one.cause.startswith("outages/")
    found: dict[str, Any] = {
        "name": str(gettext("Outage %(id)s", id=last_part(one.cause)) if outage else gettext("This incident")),
        "when": reader.stretch(instant(one.start_time), instant(one.end_time)),
        "provisional": one.provisional,
        "supposed": one.provisional and not one.entry,
        "amount": "",
    }
    if not one.HasField("amount"):
        return found | {"why": tiles.told(one.unbooked_note)}
    return found | {
        "amount": amount(one.amount, reader.language),
        "per_minute": str(gettext("%(amount)s a minute", amount=amount(one.per_minute, reader.language))),
        "range": likely(one, reader.language),
        "href": href(one),
    }
