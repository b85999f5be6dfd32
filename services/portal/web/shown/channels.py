"""Channels side by side as their page shows them: a scale for each metric, the gaps, the alerts, the rule."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import channels_pb2, metrics_pb2
from throughline.metrics.v1 import comparisons_service_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.period import channel_words
from services.portal.web.shown.reader import Reader, instant

_ROOM = 20
FIELDS = ("response_percent", "promise_points", "satisfaction_points", "least")


def cards(answer: pb.CompareChannelsResponse, language: str) -> list[dict[str, Any]]:
    """One metric a card: its channels on one scale; or what it waits for, when no channel has a value."""
    return [_card(metric, place, answer, language) for place, metric in enumerate(answer.metrics)]


def gap(one: channels_pb2.ChannelGap, language: str) -> dict[str, str]:
    """One channel against another: the pair, the metric, how much worse, and what is allowed."""
    allowed = (
        gettext("%(size)s%% allowed", size=one.margin)
        if one.metric.unit == "s"
        else gettext("%(size)s points allowed", size=one.margin)
    )
    pair = gettext("%(worse)s against %(better)s", worse=channel_words(one.worse), better=channel_words(one.better))
    return {
        "pair": str(pair),
        "metric": tiles.named(one.metric, language),
        "difference": tiles.difference(one.metric, one.difference, language),
        "allowed": str(allowed),
    }


def alerts(found: Iterable[channels_pb2.ChannelDivergence], now: Reader) -> list[dict[str, str]]:
    """What was told: the gap as it was found, its month and when."""
    return [
        gap(one.gap, now.language)
        | {
            "month": formats.month(instant(one.period.start_time), now.language),
            "found": now.near(instant(one.find_time)),
        }
        for one in found
    ]


def rule(one: channels_pb2.ChannelRule, now: Reader) -> dict[str, Any]:
    """The rule in words and as the values of its form."""
    author = ""
    if one.author:
        author = gettext(
            "Set by %(who)s, %(time)s", who=now.called(one.author), time=now.near(instant(one.update_time))
        )
    return {
        "values": {name: str(getattr(one, name)) for name in FIELDS},
        "facts": [
            (gettext("First response, longer by"), f"{one.response_percent}%"),
            (gettext("Promises kept, fewer by"), gettext("%(size)s points", size=one.promise_points)),
            (gettext("Satisfaction, less by"), gettext("%(size)s points", size=one.satisfaction_points)),
            (gettext("Tickets on either channel, at least"), str(one.least)),
        ],
        "author": str(author or gettext("Nobody has set it yet; these margins come with the house.")),
        "etag": one.etag,
    }


def _card(metric: metrics_pb2.Metric, place: int, answer: pb.CompareChannelsResponse, language: str) -> dict[str, Any]:
    rows = [(one.channel, one.tickets, one.values[place]) for one in answer.channels]
    shown = [value for _, _, value in rows if value.state == tiles.SHOWN]
    found: dict[str, Any] = {
        "name": tiles.named(metric, language),
        "about": tiles.definition(metric, language),
        "waits": "",
        "rows": [],
    }
    if metric.waits_for:
        value = metrics_pb2.Value(state=metrics_pb2.VALUE_STATE_WAITING, note=metric.waits_for)
        return found | {"missing": tiles.missing(value), "waits": tiles.why(value, metric)}
    low, high = min([one.low for one in shown], default=0.0), max([one.high for one in shown], default=0.0)
    room = (high - low) / _ROOM or 1.0
    found["scale"] = (low - room, high + room)
    found["rows"] = [_row(metric, *row, language) for row in rows]
    return found


def _row(
    metric: metrics_pb2.Metric, channel: int, tickets: int, value: metrics_pb2.Value, language: str
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "channel": channel_words(channel),
        "tickets": formats.number(tickets, language, 0),
    }
    if value.state != tiles.SHOWN:
        return row | {"value": tiles.missing(value), "detail": tiles.why(value, metric), "plot": None}
    low, high = (tiles.whole(metric, end, language) for end in (value.low, value.high))
    return row | {
        "value": tiles.whole(metric, value.value, language),
        "detail": tiles.detail(metric, value, language),
        "plot": (value.low, value.value, value.high),
        "range": formats.span(low, high, language),
    }
