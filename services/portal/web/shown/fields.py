"""What the fields of a form say: amounts in minor units, shares in thousandths, days as instants of the reader."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision
from flask_babel import get_timezone, gettext
from throughline.type.v1 import money_pb2

from services.portal.web.shown.terms import number

_MILLE_OF_PERCENT = 10


def money(form: Mapping[str, str], field: str, currency: str, errors: dict[str, str]) -> money_pb2.Money:
    """An amount of major units; what is none is noted in `errors`."""
    value = number(form.get(field, ""), 10 ** get_currency_precision(currency))
    if value is None:
        errors[field] = str(gettext("Write an amount such as 80 or 80.50."))
    return money_pb2.Money(currency_code=currency, minor_units=value or 0)


def share(form: Mapping[str, str], field: str, errors: dict[str, str]) -> int:
    """A share in per cent as thousandths, above nothing; what is none is noted in `errors`."""
    found = number(form.get(field, ""), _MILLE_OF_PERCENT)
    if not found or found > 1000:
        errors[field] = str(gettext("Write a share above 0 and up to 100, with one decimal at most."))
        return 0
    return found


def midnight(text: str) -> datetime | None:
    """The start of a day such as "2026-10-31" in the reader's zone; None when it is none."""
    try:
        day = date.fromisoformat(text)
        return datetime.combine(day, time(), ZoneInfo(str(get_timezone()))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(form: Mapping[str, str], field: str, errors: dict[str, str], *, optional: bool = False) -> datetime | None:
    """The start of the day in a field; what is none is noted in `errors` unless it may be empty."""
    text = form.get(field, "").strip()
    found = midnight(text)
    if found is None and not (optional and not text):
        errors[field] = str(gettext("Choose a day."))
    return found


def major(amount: money_pb2.Money) -> str:
    """An amount as a field holds it: "80.5"."""
    exact = Decimal(amount.minor_units).scaleb(-get_currency_precision(amount.currency_code))
    return f"{exact.normalize():f}"


def percent(per_mille: int) -> str:
    """Thousandths as a field holds them: "12.5"."""
    return f"{per_mille / _MILLE_OF_PERCENT:g}"
