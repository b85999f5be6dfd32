"""Availability by service as a table's rows: what spans told, how sure that is, and when a span last came."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant


def row(one: metrics_pb2.ServiceAvailability, reader: Reader) -> dict[str, Any]:
    """One service. `value` is words when too few requests were seen: no data is never 100 %."""
    language = reader.language
    seen = formats.number(round(one.valid), language, 0)
    if not one.enough:
        value, range_ = gettext("Too few"), ""
    else:
        value = formats.percent(one.availability, language, 2)
        low, high = (formats.percent(end, language, 2) for end in (one.low, one.high))
        range_ = formats.span(low.removesuffix("%"), high, language)
    return {
        "service": one.service,
        "value": value,
        "range": range_,
        "enough": one.enough,
        "valid": seen,
        "bad": formats.number(round(one.valid - one.good), language, 0),
        "seen": reader.near(instant(one.last_seen_time)) if one.HasField("last_seen_time") else "–",
    }
