"""Rates of exchange as their page shows them, and a dated rate of the form as an exact fraction of minor units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from babel.numbers import get_currency_precision
from flask_babel import gettext
from throughline.metrics.v1 import ledger_pb2, metrics_pb2

from services.portal.web import formats
from services.portal.web.shown.fields import day
from services.portal.web.shown.reader import Reader, instant

TABLE = "rateTables/main"
_CODE = re.compile(r"[A-Z]{3}")
_MOST = 10**12
_DIGITS = 6


def row(version: ledger_pb2.RateTable, reader: Reader, href: str) -> dict[str, Any]:
    """A version in the journal: what it says, from when, and who wrote and approved it."""
    approved = version.state == metrics_pb2.COST_MODEL_STATE_APPROVED
    today = reader.now.astimezone(reader.zone).date()
    state = {"text": str(gettext("Waits for approval")), "tone": "pause", "icon_name": "hourglass"}
    who = gettext("drafted by %(who)s", who=reader.called(version.author))
    if approved:
        state = {"text": str(gettext("Approved")), "tone": "ok", "icon_name": "check-circle"}
        on = formats.day(instant(version.approve_time), reader.language, reader.zone, today)
        who = gettext("approved by %(who)s, %(day)s", who=reader.called(version.approver), day=on)
    return {
        "version": f"v{version.version}",
        "href": href,
        "effective": formats.day(instant(version.effective_time), reader.language, reader.zone, today),
        "rates": [words(one, version.base_currency, reader.language) for one in version.rates],
        "state": state,
        "who": str(who),
        "note": version.note,
    }


def words(rate: ledger_pb2.CurrencyRate, base: str, language: str) -> str:
    """`1 USD = 7.1234 CNY`, rounded to six digits; the exact fraction is the contract's."""
    exact = Fraction(rate.base_minor_units, rate.minor_units) * _scale(rate.currency_code, base)
    shown = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal(1).scaleb(-_DIGITS)).normalize()
    return f"1 {rate.currency_code} = {formats.number(shown, language, max(0, -int(shown.as_tuple().exponent)))} {base}"


def read(
    form: Mapping[str, str], latest: ledger_pb2.RateTable | None, base: str
) -> tuple[ledger_pb2.RateTable, dict[str, str]]:
    """The next version: the rates of the latest and the one of the form, and what of the form cannot be read."""
    errors: dict[str, str] = {}
    currency = form.get("currency", "").strip().upper()
    if _CODE.fullmatch(currency) is None or currency == base:
        errors["currency"] = str(gettext("Name another currency than %(base)s by its three letters.", base=base))
    exact = _fraction(form.get("rate", ""))
    if exact is None:
        errors["rate"] = str(gettext("Write how much one unit is worth, such as 7.1234."))
    effective = day(form, "effective", errors)
    message = ledger_pb2.RateTable(name=TABLE, base_currency=base, note=form.get("note", "").strip())
    if effective is not None:
        message.effective_time.FromDatetime(effective)
    for one in latest.rates if latest is not None else ():
        if one.currency_code != currency:
            message.rates.add().CopyFrom(one)
    if exact is not None and "currency" not in errors:
        scaled = exact / _scale(currency, base)
        if max(scaled.numerator, scaled.denominator) > _MOST:
            errors["rate"] = str(gettext("Write how much one unit is worth, such as 7.1234."))
        else:
            message.rates.add(currency_code=currency, base_minor_units=scaled.numerator, minor_units=scaled.denominator)
    return message, errors


def _fraction(text: str) -> Fraction | None:
    try:
        exact = Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return None
    return Fraction(exact) if exact.is_finite() and 0 < exact <= _MOST else None


def _scale(currency: str, base: str) -> Fraction:
    """By how much a ratio of minor units differs from the one of major units."""
    return Fraction(10) ** (get_currency_precision(currency) - get_currency_precision(base))
