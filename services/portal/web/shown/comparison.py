"""Comparisons and correlations as their pages show them: words, and intervals to be drawn on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import comparisons_service_pb2 as pb
from throughline.metrics.v1 import metrics_pb2
from throughline.type.v1 import money_pb2

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.board import BANDS

_NOT_SHOWN = metrics_pb2.VALUE_STATE_NOT_SHOWN
_TOO_FEW = metrics_pb2.VALUE_STATE_TOO_FEW


def bands(comparisons: Iterable[pb.Comparison], language: str) -> list[tuple[str, list[dict[str, Any]], int]]:
    """The rows of each band that have a value on either side, and how many metrics have none."""
    every = list(comparisons)
    found = []
    for name, band in BANDS:
        own = [one for one in every if one.metric.band == band]
        fed = [one for one in own if tiles.SHOWN in (one.value.state, one.baseline.state)]
        found.append((name, [row(one, language) for one in fed], len(own) - len(fed)))
    return found


def worth(answer: pb.ComparePeriodsResponse, language: str) -> dict[str, Any]:
    """Speed and money side by side, and the flag when the one came without the other."""
    speed = next((one for one in answer.comparisons if one.metric.id == "time_to_resolve"), pb.Comparison())
    money = answer.worth
    found: dict[str, Any] = {
        "speed": _change(speed, language)["text"],
        "flag": money.faster_not_worth_more,
        "amount": "",
    }
    if money.entries:
        found["amount"] = _money(money.amount, language)
        found["baseline"] = _money(money.baseline, language)
        found["difference"] = _money(money.difference, language, sign=True)
    return found


def together(
    answer: pb.ListCorrelationsResponse, registry: Mapping[str, metrics_pb2.Metric], language: str
) -> dict[str, Any]:
    """Pairs by strength, those that are not shown, and those of too few tickets."""
    shown = sorted(
        (one for one in answer.correlations if one.state == tiles.SHOWN), key=lambda one: -abs(one.coefficient)
    )
    rows = [
        {
            "pair": _pair(one, registry, language),
            "way": gettext("rise together") if one.coefficient > 0 else gettext("one rises as the other falls"),
            "coefficient": formats.number(one.coefficient, language, 2, sign=True),
            "range": formats.span(
                formats.number(one.low, language, 2), formats.number(one.high, language, 2), language
            ),
            "plot": (one.low, one.coefficient, one.high),
            "n": formats.number(one.n, language, 0),
        }
        for one in shown
    ]
    rest = [one for one in answer.correlations if one.state != tiles.SHOWN]
    return {
        "rows": rows,
        "tickets": formats.number(answer.tickets, language, 0),
        "enough": any(one.state != _TOO_FEW for one in answer.correlations),
        "unclear": [_pair(one, registry, language) for one in rest if one.state == _NOT_SHOWN],
        "few": sorted({_needed(one) for one in rest if one.state == _TOO_FEW}),
        "few_pairs": [_pair(one, registry, language) for one in rest if one.state == _TOO_FEW],
    }


def row(one: pb.Comparison, language: str) -> dict[str, Any]:
    """One metric: its name and meaning, both sides, and the difference in words."""
    return {
        "name": tiles.named(one.metric, language),
        "about": tiles.definition(one.metric, language),
        "before": _side(one.metric, one.baseline, language),
        "after": _side(one.metric, one.value, language),
        "change": _change(one, language),
    }


def _side(metric: metrics_pb2.Metric, value: metrics_pb2.Value, language: str) -> tuple[str, str]:
    """A value with what stands below it; the words in its place when there is none."""
    if value.state != tiles.SHOWN:
        return tiles.missing(value), tiles.why(value, metric)
    if metric.unit == "minor units":
        money = money_pb2.Money(currency_code=value.note[:3], minor_units=round(value.value))
        return _money(money, language), tiles.detail(metric, value, language)
    return tiles.whole(metric, value.value, language), tiles.detail(metric, value, language)


def _change(one: pb.Comparison, language: str) -> dict[str, str]:
    """The difference in words with a chip's tone, or that it is not shown, and why.

    More and less have one tone: whether it is good is for the metric to say, not for a colour.
    """
    change = one.change
    if change.state == tiles.SHOWN:
        if one.metric.unit == "minor units":
            code = one.value.note[:3]
            text = _money(money_pb2.Money(currency_code=code, minor_units=round(change.value)), language, sign=True)
            return {"text": text, "tone": "outline", "icon": "scales"}
        told = tiles.difference(one.metric, change, language)
        return {"text": told, "tone": "outline", "icon": "arrow-up" if change.value > 0 else "arrow-down"}
    if change.state == _NOT_SHOWN:
        return {"text": str(gettext("Not shown: chance could do it")), "tone": "", "icon": "scales"}
    if change.state == _TOO_FEW:
        return {"text": tiles.why(change, one.metric), "tone": "plain", "icon": ""}
    return {"text": str(gettext("No interval to judge by")), "tone": "plain", "icon": ""}


def _pair(one: pb.Correlation, registry: Mapping[str, metrics_pb2.Metric], language: str) -> tuple[str, str]:
    first, second = (registry.get(name, metrics_pb2.Metric(id=name)) for name in (one.first, one.second))
    return tiles.named(first, language), tiles.named(second, language)


def _needed(one: pb.Correlation) -> str:
    return tiles.why(metrics_pb2.Value(state=_TOO_FEW, n=one.n, note=one.note), metrics_pb2.Metric())


def _money(money: money_pb2.Money, language: str, *, sign: bool = False) -> str:
    return formats.money(money.minor_units, money.currency_code or "CNY", language, sign=sign)
