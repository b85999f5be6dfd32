"""A metric's value as a tile: what is shown in front, the change or why there is none, and what stands beside it."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import gettext, ngettext
from markupsafe import Markup
from throughline.metrics.v1 import board_pb2, metrics_pb2

from services.portal.web import formats

SHOWN = metrics_pb2.VALUE_STATE_SHOWN
_NEEDED = re.compile(r"(\d+) needed")
# Lengths of service time are never told in days, because a working day is none of 24 hours.
BUSINESS_TIME = frozenset({"first_response_time", "time_to_resolve_business"})
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def tile(one: board_pb2.Tile, language: str, *, href: str = "", over: bool = True) -> dict[str, Any]:
    """What macro `tile` takes. href: the facts behind the value. over: the period has ended, so that a value which is
    provisional all the same must say so itself.
    """
    metric, value = one.metric, one.value
    found: dict[str, Any] = {"name": named(metric, language), "about": definition(metric, language)}
    if value.state != SHOWN:
        return found | {"none": missing(value), "change": why(value, metric)}
    number, unit = parts(metric, value.value, language)
    found |= {"value": number, "unit": unit, "href": href, "detail": detail(metric, value, language)}
    if over and value.provisional:
        found["provisional"] = gettext("Not final yet")
    if len(one.sparkline) > 1:
        ends = [" ".join(part for part in parts(metric, one.sparkline[at], language) if part) for at in (0, -1)]
        found["points"] = list(one.sparkline)
        found["spark_label"] = gettext(
            "%(name)s, from %(first)s to %(last)s", name=found["name"], first=ends[0], last=ends[1]
        )
        found["grey"] = one.change.state == metrics_pb2.VALUE_STATE_NOT_SHOWN
    return found | change(metric, one.change if one.HasField("change") else None, value, language)


def beside(one: board_pb2.Tile, language: str) -> dict[str, Any]:
    """A value that stands in another's tile under its own name, or the words in its place."""
    shown = one.value.state == SHOWN
    return {
        "name": named(one.metric, language),
        "about": definition(one.metric, language),
        "value": whole(one.metric, one.value.value, language) if shown else missing(one.value),
    }


def named(metric: metrics_pb2.Metric, language: str) -> str:
    """The metric's name in the reader's language."""
    return metric.display_names.get(language, "") or metric.display_names.get("en", "") or metric.id


def parts(metric: metrics_pb2.Metric, value: float, language: str) -> tuple[str, str]:
    """A value and its unit, to be set in two sizes: ("15.2", "h"), ("54.1", "%"), ("0.77", "per ticket")."""
    unit = metric.unit
    if unit == "s":
        return length_parts(value, language, business=metric.id in BUSINESS_TIME)
    if unit == "%":
        return formats.number(value, language, 2 if 99 <= value < 100 else 1), "%"
    if unit == "count per ticket":
        return formats.number(value, language, 2), gettext("per ticket")
    if unit == "count per 100 tickets":
        return formats.number(value, language, 1), gettext("per 100 tickets")
    if unit == "ratio":
        return formats.number(value, language, 2), ""
    return formats.number(round(value), language, 0, sign=metric.id == "backlog_growth"), ""


def length_parts(seconds: float, language: str, *, business: bool = False) -> tuple[str, str]:
    """A length and its unit: ("41", "min"), ("15.2", "h"), ("6.9", "days")."""
    zh = language == "zh"
    if 0 < seconds < _MINUTE:
        return ("不足 1", "分钟") if zh else ("under 1", "min")
    if seconds < _HOUR:
        return formats.number(round(seconds / 60), language, 0), "分钟" if zh else "min"
    if seconds < 2 * _DAY or business:
        return formats.number(seconds / _HOUR, language, 1), "小时" if zh else "h"
    return formats.number(seconds / _DAY, language, 1), "天" if zh else "days"


def whole(metric: metrics_pb2.Metric, value: float, language: str) -> str:
    """A value with its unit in one text: "15.2 h", "54.1%", "0.77 per ticket"."""
    if metric.unit == "s":
        number, unit = length_parts(value, language, business=metric.id in BUSINESS_TIME)
        return f"{number.removesuffix('.0')} {unit}"
    number, unit = parts(metric, value, language)
    return f"{number}%" if unit == "%" else f"{number} {unit}".strip()


def detail(metric: metrics_pb2.Metric, value: metrics_pb2.Value, language: str) -> str:
    """What stands beside the value: median, mean and P90 of lengths, both parts of a share, how many there are."""

    def count(number: float) -> str:
        return formats.number(round(number), language, 0)

    if metric.unit == "s" and value.mean:
        other = ("P50", value.median) if value.value == value.mean else (str(gettext("mean")), value.mean)
        figures = [f"{other[0]} {whole(metric, other[1], language)}", f"P90 {whole(metric, value.p90, language)}"]
        return " · ".join([*figures, f"n {count(value.n)}"])
    if metric.unit == "count per ticket":
        return f"P50 {count(value.median)} · P90 {count(value.p90)} · n {count(value.n)}"
    if metric.id == "backlog_growth":
        return str(
            gettext(
                "%(opened)s opened, %(ended)s ended · %(open)s open",
                opened=count(value.numerator), ended=count(value.denominator), open=count(value.n),
            )
        )  # fmt: skip
    if value.denominator:
        return str(gettext("%(part)s of %(whole)s", part=count(value.numerator), whole=count(value.denominator)))
    return f"n {count(value.n)}"


def change(
    metric: metrics_pb2.Metric, compared: metrics_pb2.Value | None, value: metrics_pb2.Value, language: str
) -> dict[str, str]:
    """The change against the baseline with its interval, or that it is not shown; without one the value's interval."""
    if compared is not None and compared.state == SHOWN:
        direction = "up" if compared.value > 0 else "down"
        return {"change": difference(metric, compared, language), "direction": direction}
    if compared is not None and compared.state == metrics_pb2.VALUE_STATE_NOT_SHOWN:
        return {"change": str(gettext("Change not shown"))}
    if compared is not None and compared.state == metrics_pb2.VALUE_STATE_TOO_FEW:
        return {"change": str(gettext("Too few to compare: %(counts)s", counts=_counts(compared)))}
    if value.low == value.high:
        return {}
    low, high = (whole(metric, end, language) for end in (value.low, value.high))
    number, _, unit = low.partition(" ")
    if metric.unit == "%":
        low = low.removesuffix("%")
    elif unit and high.endswith(f" {unit}"):
        low = number
    return {"change": formats.span(low, high, language)}


def missing(value: metrics_pb2.Value) -> str:
    """The words that stand in place of a value."""
    words = {
        metrics_pb2.VALUE_STATE_TOO_FEW: gettext("Too few"),
        metrics_pb2.VALUE_STATE_WAITING: gettext("Not measured yet"),
        metrics_pb2.VALUE_STATE_NOT_SHOWN: gettext("Not shown"),
    }
    return str(words.get(value.state, gettext("Not defined")))


def why(value: metrics_pb2.Value, metric: metrics_pb2.Metric) -> str:
    """Why there is no value, in the reader's language where the registry's words are translated."""
    if value.state == metrics_pb2.VALUE_STATE_TOO_FEW:
        return _counts(value)
    if value.state == metrics_pb2.VALUE_STATE_WAITING:
        return str(gettext("Waits for %(what)s", what=told(value.note or metric.waits_for)))
    return told(value.note)


def told(text: str) -> str:
    """Words of the registry in the reader's language; as they are when nobody translated them."""
    return str(gettext(text)) if text else ""


def definition(metric: metrics_pb2.Metric, language: str) -> dict[str, Any]:
    """What macro `definition` takes: name, meaning, unit, formula, edge cases, source, version, and its address."""
    text = metric.descriptions.get(language, "") or metric.descriptions.get("en", "")
    items = Markup("").join(Markup("<li>{}</li>").format(told(case)) for case in metric.edge_cases)
    id = metric.id.replace("_", "-")
    return {
        "id": id,
        "href": f"/board/definitions#{id}",
        "name": named(metric, language),
        "text": text,
        "unit": unit_words(metric.unit),
        "waits": told(metric.waits_for),
        "formula": metric.formula,
        "edges": Markup('<ul class="edges">{}</ul>').format(items) if metric.edge_cases else "",
        "source": told(metric.source),
        "version": f"{metric.name.removeprefix('metrics/')} · v{metric.version}",
    }


def unit_words(unit: str) -> str:
    """What a value is counted in, in words."""
    words = {
        "s": gettext("a length of time"),
        "count per ticket": gettext("per ticket"),
        "count per 100 tickets": gettext("per 100 tickets"),
        "tickets": gettext("tickets"),
        "events": gettext("events"),
        "ratio": gettext("ratio"),
        "minor units": gettext("money"),
    }
    return str(words.get(unit, unit))


def difference(metric: metrics_pb2.Metric, compared: metrics_pb2.Value, language: str) -> str:
    """`38% less (31–44%)`, `5.8 points less (3.9–7.7)`, `0.12 fewer (0.05–0.19)`."""
    less = compared.value < 0
    ends = sorted((abs(compared.low), abs(compared.high)))
    digits = 2 if metric.unit == "count per ticket" else 1
    size, low, high = (formats.number(abs(one), language, digits) for one in (compared.value, *ends))
    if metric.unit == "s" or compared.note.startswith("%"):
        percent = formats.number(abs(compared.value), language, 0)
        low, high = (formats.number(end, language, 0) for end in ends)
        range_ = formats.span(low, high, language)
        told_ = gettext("%(size)s%% less", size=percent) if less else gettext("%(size)s%% more", size=percent)
        return f"{told_} ({range_}%)" if language == "en" else f"{told_}（{range_}%）"
    if metric.unit == "%":
        told_ = gettext("%(size)s points less", size=size) if less else gettext("%(size)s points more", size=size)
    else:
        told_ = gettext("%(size)s fewer", size=size) if less else gettext("%(size)s more", size=size)
    range_ = formats.span(low, high, language)
    return f"{told_} ({range_})" if language == "en" else f"{told_}（{range_}）"


def _counts(value: metrics_pb2.Value) -> str:
    needed = _NEEDED.search(value.note)
    if needed is None:
        return f"n {value.n}"
    return str(ngettext("%(num)s, %(needed)s needed", "%(num)s, %(needed)s needed", value.n, needed=needed[1]))
