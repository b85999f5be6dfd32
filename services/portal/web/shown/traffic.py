"""Availability by service as a table's rows: what spans told, how sure that is, and when a span last came."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
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


def callers(edges: Iterable[metrics_pb2.ServiceEdge], reader: Reader) -> list[dict[str, Any]]:
    """The map of services as a table: each way with its calls and its age, and what else is reached by it."""
    found = sorted(edges, key=lambda one: (one.caller, one.callee))
    ways: dict[str, set[str]] = {}
    for one in found:
        ways.setdefault(one.caller, set()).add(one.callee)
    return [
        {
            "caller": one.caller,
            "callee": one.callee,
            "calls": formats.number(one.calls, reader.language, 0),
            "age": formats.ago(instant(one.last_seen_time), reader.now, reader.language, reader.zone),
            "beyond": formats.listed(sorted(reached(one.callee, ways) - {one.callee}), reader.language) or "–",
        }
        for one in found
    ]


def reached(service: str, ways: Mapping[str, Collection[str]]) -> set[str]:
    """All that a service depends on, along any number of calls; a ring is walked once."""
    found: set[str] = set()
    waiting = [service]
    while waiting:
        for callee in ways.get(waiting.pop(), ()):
            if callee not in found:
                found.add(callee)
                waiting.append(callee)
    return found
