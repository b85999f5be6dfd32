"""A cost model as the fields of its form and back: per cent and major units there, exact integers in the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from babel.numbers import get_currency_precision
from flask_babel import gettext, lazy_gettext
from throughline.metrics.v1 import metrics_pb2
from throughline.type.v1 import money_pb2

from services.portal.web.shown.reader import last_part

KINDS = ("people", "transactions", "sales", "capacity", "gain")
LEVELS = range(1, 5)
_IMPACTS = range(1, 4)
_MILLE_OF_PERCENT = 10
_MOST = 10**12


@dataclass(frozen=True)
class Words:
    """What a form of one type says. places: "" where a type counts none."""

    lead: object
    value: object
    places: object = ""
    margin: bool = False
    units: bool = False


_WORDS = {
    "people": Words(
        lazy_gettext("Working time lost to incidents: people affected × share of their work × hourly rate × time."),
        lazy_gettext("Cost of a person's hour"),
    ),
    "transactions": Words(
        lazy_gettext("Lost transactions, counted from spans, × the value of one."),
        lazy_gettext("Value of a transaction"),
    ),
    "sales": Words(
        lazy_gettext("Open hours of stores × what a store sells in an hour × margin. Closed hours cost nothing."),
        lazy_gettext("Sales of a store in an hour"),
        lazy_gettext("Stores by impact"),
        margin=True,
    ),
    "capacity": Words(
        lazy_gettext("Hours of shifts × units of a line × margin of a unit."),
        lazy_gettext("Margin of a unit"),
        lazy_gettext("Lines by impact"),
        units=True,
    ),
    "gain": Words(
        lazy_gettext("What is gained: a quantity × the value of one, in one of the four categories."),
        lazy_gettext("Value of one"),
    ),
}


def words(kind: str) -> Words:
    """The words of a type."""
    return _WORDS[kind]


def categories() -> list[tuple[str, str]]:
    """The four that a gain may be of."""
    return [
        ("STOP_LOSS", gettext("Loss stopped")),
        ("HOURS", gettext("Hours gained")),
        ("RISK", gettext("Risk reduced")),
        ("COMPLIANCE", gettext("Compliance")),
    ]


def given(latest: metrics_pb2.CostModel | None) -> dict[str, str]:
    """The latest version as the form's fields; the first one has none."""
    if latest is None:
        return {}
    common = {"etag": latest.etag, "name": last_part(latest.name)}
    if latest.HasField("people"):
        people, rate = latest.people, latest.people.hourly_rate
        return common | {
            "currency": rate.currency_code,
            "hourly_rate": _major(rate),
            "longest": f"{people.longest.ToTimedelta() / timedelta(hours=1):g}",
            **{f"users_{one.impact}": str(one.users) for one in people.scopes},
            **{f"share_{one.priority}": _percent(one.per_mille) for one in people.effects},
        }
    business = latest.business
    category = metrics_pb2.LedgerCategory.Name(latest.category).removeprefix("LEDGER_CATEGORY_")
    return common | {
        "category": category,
        "currency": business.unit_value.currency_code,
        "unit_value": _major(business.unit_value),
        "margin": _percent(business.margin_per_mille),
        "units_per_hour": f"{Decimal(business.units_per_hour_milli).scaleb(-3).normalize():f}",
        "calendar": last_part(business.calendar),
        "recovered": _percent(business.recovered_per_mille),
        "low": _percent(business.low_per_mille),
        "high": _percent(business.high_per_mille),
        "longest": f"{business.longest.ToTimedelta() / timedelta(hours=1):g}",
        **{f"places_{one.impact}": str(one.places) for one in business.scopes},
        **{f"level_{one.priority}": _percent(one.per_mille) for one in business.levels},
    }


def read(kind: str, form: Mapping[str, str]) -> tuple[metrics_pb2.CostModel, dict[str, str]]:
    """The model that a form says, and what of it is no number."""
    errors: dict[str, str] = {}
    name = "people" if kind == "people" else form.get("name", "").strip()
    message = metrics_pb2.CostModel(
        name=f"costModels/{name}",
        etag=form.get("etag", ""),
        type=metrics_pb2.CostModelType.Value(f"COST_MODEL_TYPE_{kind.upper()}"),
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        note=form.get("note", "").strip(),
    )
    if kind == "people":
        _people(form, message.people, errors)
        return message, errors
    if kind == "gain":
        known = [one for one, _ in categories()]
        if form.get("category") not in known:
            errors["category"] = gettext("Choose what is gained.")
        else:
            message.category = metrics_pb2.LedgerCategory.Value(f"LEDGER_CATEGORY_{form['category']}")
    _business(kind, form, message.business, errors)
    return message, errors


def _people(form: Mapping[str, str], people: metrics_pb2.PeopleModel, errors: dict[str, str]) -> None:
    people.hourly_rate.CopyFrom(_money(form, "hourly_rate", errors))
    for impact in _IMPACTS:
        people.scopes.add(
            impact=impact, users=_count(form, f"users_{impact}", gettext("Write how many people."), errors)
        )
    for priority in LEVELS:
        people.effects.add(priority=priority, per_mille=_share(form, f"share_{priority}", errors))
    people.longest.FromTimedelta(_longest(form, errors))


def _business(kind: str, form: Mapping[str, str], business: metrics_pb2.BusinessModel, errors: dict[str, str]) -> None:
    business.unit_value.CopyFrom(_money(form, "unit_value", errors))
    if _WORDS[kind].margin:
        business.margin_per_mille = _share(form, "margin", errors)
    if _WORDS[kind].units:
        units = number(form.get("units_per_hour", ""), 1000)
        if not units:
            errors["units_per_hour"] = gettext("Write how many units a line makes in an hour, such as 45.5.")
        business.units_per_hour_milli = units or 0
    if _WORDS[kind].places:
        calendar = form.get("calendar", "").strip()
        business.calendar = f"calendars/{calendar}" if calendar else ""
        for impact in _IMPACTS:
            if impact == 1 or form.get(f"places_{impact}", "").strip():
                places = _count(form, f"places_{impact}", gettext("Write how many."), errors)
                business.scopes.add(impact=impact, places=places)
    if kind == "gain":
        return
    for level in LEVELS:
        if form.get(f"level_{level}", "").strip():
            business.levels.add(priority=level, per_mille=_share(form, f"level_{level}", errors))
    business.recovered_per_mille = _share(form, "recovered", errors, otherwise=0)
    business.low_per_mille = _share(form, "low", errors, otherwise=1000)
    business.high_per_mille = _share(form, "high", errors, otherwise=1000, most=10_000)
    business.longest.FromTimedelta(_longest(form, errors))


def number(text: str, times: int) -> int | None:
    """`text` times `times` as an exact whole number from 0 to a million million; None when it is none."""
    try:
        exact = Decimal(text.strip().replace(",", "")) * times
    except InvalidOperation:
        return None
    if not exact.is_finite() or exact != exact.to_integral_value() or not 0 <= exact <= _MOST:
        return None
    return int(exact)


def _money(form: Mapping[str, str], field: str, errors: dict[str, str]) -> money_pb2.Money:
    currency = form.get("currency", "")
    value = number(form.get(field, ""), 10 ** get_currency_precision(currency))
    if value is None:
        errors[field] = gettext("Write an amount such as 80 or 80.50.")
    return money_pb2.Money(currency_code=currency, minor_units=value or 0)


def _count(form: Mapping[str, str], field: str, words_: str, errors: dict[str, str]) -> int:
    found = number(form.get(field, ""), 1)
    if found is None:
        errors[field] = words_
    return found or 0


def _share(
    form: Mapping[str, str], field: str, errors: dict[str, str], otherwise: int | None = None, most: int = 1000
) -> int:
    text = form.get(field, "").strip()
    if not text and otherwise is not None:
        return otherwise
    found = number(text, _MILLE_OF_PERCENT)
    if found is None or found > most:
        errors[field] = gettext("Write a share from 0 to %(most)s, with one decimal at most.", most=most // 10)
        return 0
    return found


def _longest(form: Mapping[str, str], errors: dict[str, str]) -> timedelta:
    minutes = number(form.get("longest", ""), 60)
    if minutes is None or minutes > 10**6:
        errors["longest"] = gettext("Write a number of hours, such as 24.")
        minutes = 0
    return timedelta(minutes=minutes)


def _major(money: money_pb2.Money) -> str:
    major = Decimal(money.minor_units).scaleb(-get_currency_precision(money.currency_code))
    return f"{major.normalize():f}"


def _percent(per_mille: int) -> str:
    return f"{per_mille / _MILLE_OF_PERCENT:g}"
