"""A version of a cost model as its pages show it: facts, and what impact and priority stand for."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import formats
from services.portal.web.shown.ledger import formula_words, model_name, share_words
from services.portal.web.shown.reader import Reader, instant, last_part


def state(model: metrics_pb2.CostModel) -> dict[str, str]:
    """The chip of a version: text, tone and icon_name."""
    if model.state == metrics_pb2.COST_MODEL_STATE_APPROVED:
        return {"text": str(gettext("Approved")), "tone": "ok", "icon_name": "check-circle"}
    return {"text": str(gettext("Waits for approval")), "tone": "pause", "icon_name": "hourglass"}


def kinds() -> list[tuple[str, str]]:
    """The types of models with the words for each."""
    return [
        ("people", gettext("Working time")),
        ("transactions", gettext("Transactions")),
        ("sales", gettext("Sales of stores")),
        ("capacity", gettext("Capacity of lines")),
        ("gain", gettext("Gains")),
    ]


def kind_of(model: metrics_pb2.CostModel) -> str:
    """The type as addresses say it: "sales"."""
    return metrics_pb2.CostModelType.Name(model.type).removeprefix("COST_MODEL_TYPE_").lower()


def form_of(model: metrics_pb2.CostModel) -> dict[str, Any]:
    """What leads to the form of the next version."""
    kind = kind_of(model)
    return {"kind": kind} if kind == "people" else {"kind": kind, "model": last_part(model.name)}


def rate(model: metrics_pb2.CostModel, language: str) -> str:
    """What an affected hour, or one of what is counted, costs."""
    money = model.people.hourly_rate if model.HasField("people") else model.business.unit_value
    return formats.money(money.minor_units, money.currency_code, language)


def row(model: metrics_pb2.CostModel, reader: Reader, href: str) -> dict[str, Any]:
    """A version in a list."""
    return {
        "name": title(model),
        "version": f"v{model.version}",
        "kind": dict(kinds()).get(kind_of(model), ""),
        "href": href,
        "state": state(model),
        "rate": rate(model, reader.language),
        "effective": _day(model, "effective_time", reader),
        "who": approved(model, reader) or str(gettext("drafted by %(who)s", who=reader.called(model.author))),
    }


def title(model: metrics_pb2.CostModel) -> str:
    """What a model values."""
    return model_name(model.name)


def approved(model: metrics_pb2.CostModel, reader: Reader) -> str:
    """Who approved it and when; "" for a draft."""
    if not model.approver:
        return ""
    day = _day(model, "approve_time", reader)
    return str(gettext("approved by %(who)s, %(day)s", who=reader.called(model.approver), day=day))


def facts(model: metrics_pb2.CostModel, reader: Reader) -> list[tuple[str, str]]:
    """The version's facts as (term, description)."""
    business = model.HasField("business")
    longest = model.business.longest if business else model.people.longest
    found = [
        (gettext("Formula"), formula_words(f"{kind_of(model)}/1")),
        *(_business(model, reader) if business else [_hourly(model, reader)]),
        (gettext("Holds from"), _day(model, "effective_time", reader)),
        (gettext("At most counted"), reader.length(longest.ToTimedelta())),
        (gettext("Author"), reader.called(model.author)),
        (gettext("Approval"), approved(model, reader) or gettext("none yet")),
    ]
    return [(str(term), str(text)) for term, text in found]


def _hourly(model: metrics_pb2.CostModel, reader: Reader) -> tuple[str, str]:
    return gettext("Hourly rate"), gettext("%(rate)s a person and hour", rate=rate(model, reader.language))


def _business(model: metrics_pb2.CostModel, reader: Reader) -> list[tuple[str, str]]:
    terms, language = model.business, reader.language
    kind = kind_of(model)
    found = [(gettext("Value of one"), rate(model, language))]
    if kind == "sales":
        found.append((gettext("Margin"), share_words(terms.margin_per_mille, language)))
    if kind == "capacity":
        units = formats.number(terms.units_per_hour_milli / 1000, language)
        found.append((gettext("Units of a line in an hour"), units))
    if kind in ("sales", "capacity"):
        found.append((gettext("Calendar"), last_part(terms.calendar) or gettext("around the clock")))
    if kind != "gain":
        found.append((gettext("Comes back later"), share_words(terms.recovered_per_mille, language)))
    ends = [share_words(one, language) for one in (terms.low_per_mille, terms.high_per_mille)]
    found.append((gettext("Value, P10 to P90"), gettext("%(low)s to %(high)s", low=ends[0], high=ends[1])))
    return found


def tables(model: metrics_pb2.CostModel, reader: Reader) -> dict[str, list[list[str]]]:
    """What each impact and each priority stands for."""
    language = reader.language
    levels = {1: gettext("High"), 2: gettext("Medium"), 3: gettext("Low")}
    return {
        "scopes": [
            [str(levels.get(one.impact, one.impact)), formats.number(one.users, language, 0)]
            for one in model.people.scopes
        ]
        or [
            [str(levels.get(one.impact, one.impact)), formats.number(one.places, language, 0)]
            for one in model.business.scopes
        ],
        "effects": [
            [f"P{one.priority}", share_words(one.per_mille, language)]
            for one in (*model.people.effects, *model.business.levels)
        ],
    }


def _day(model: metrics_pb2.CostModel, field: str, reader: Reader) -> str:
    if not model.HasField(field):  # type: ignore[arg-type]  # a name of the contract
        return "–"
    today = reader.now.astimezone(reader.zone).date()
    return formats.day(instant(getattr(model, field)), reader.language, reader.zone, today)
