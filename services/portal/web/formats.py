"""Numbers, money, dates and durations as the portal prints them, in Chinese and English.

Pure functions take the language and the zone; `register` gives Jinja filters of the same names bound to the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from babel.numbers import format_decimal, get_currency_precision, get_currency_symbol
from flask import Flask
from flask_babel import get_locale, get_timezone

MINUS = "\N{MINUS SIGN}"
_NARROW = {"CNY": "¥", "JPY": "JP¥"}
_SHORT = {
    "en": ((Decimal(10**9), "B"), (Decimal(10**6), "M"), (Decimal(10**3), "k")),
    "zh": ((Decimal(10**8), "亿"), (Decimal(10**4), "万")),
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def number(value: Decimal | float, language: str = "en", digits: int | None = None, sign: bool = False) -> str:
    """`value` with grouping; `digits` fixes the decimals. Negatives get a true minus, `sign` adds a plus to a gain."""
    exact = Decimal(str(value))
    if digits is not None:
        exact = exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
    pattern = "#,##0.###" if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
    text = format_decimal(abs(exact), format=pattern, locale=language)
    return (MINUS if exact < 0 else "+" if sign and exact > 0 else "") + text


def money(minor: int, currency: str = "CNY", language: str = "en", sign: bool = False) -> str:
    """Full amount from minor units: `¥742,800`; the minor part shows only when it is not zero."""
    amount, digits = _major(minor, currency)
    shown = 0 if amount == amount.to_integral_value() else digits
    text = number(abs(amount), language, shown)
    return (MINUS if minor < 0 else "+" if sign and minor > 0 else "") + _symbol(currency, language) + text


def money_parts(minor: int, currency: str = "CNY", language: str = "en") -> tuple[str, str]:
    """Short amount as (value, unit): (`¥1.29`, `M`) or (`¥128.6`, `万`); the unit is empty for a small amount."""
    amount, _ = _major(minor, currency)
    for size, unit in _SHORT[language]:
        if abs(amount) >= size:
            scaled = abs(amount) / size
            digits = 0 if scaled >= 100 and language == "en" else 1 if language == "zh" or scaled >= 10 else 2
            text = _symbol(currency, language) + number(scaled, language, digits)
            return (MINUS if minor < 0 else "") + text, unit
    return money(minor, currency, language), ""


def money_short(minor: int, currency: str = "CNY", language: str = "en") -> str:
    """Short amount for headlines and tiles: `¥1.29 M`, `¥128.6 万`."""
    return " ".join(part for part in money_parts(minor, currency, language) if part)


def percent(share: Decimal | float, language: str = "en", digits: int = 1) -> str:
    """A share of 1 as a percentage: 0.912 is `91.2%`."""
    return number(Decimal(str(share)) * 100, language, digits) + "%"


def span(low: str, high: str, language: str = "en") -> str:
    """Two printed ends joined by an en dash, spaced in Chinese: `9%–33%`, `9% – 33%`; before a minus by a word."""
    if high.startswith(MINUS):
        return f"{low} 至 {high}" if language == "zh" else f"{low} to {high}"
    return f"{low} – {high}" if language == "zh" else f"{low}–{high}"


def listed(texts: Iterable[str], language: str = "en") -> str:
    """Texts one after another, as the language sets them: `a, b` and `a、b`."""
    return ("、" if language == "zh" else ", ").join(texts)


def clock(moment: datetime, zone: tzinfo | None = None) -> str:
    """The time of day in the reader's zone: `14:20`."""
    return _local(moment, zone).strftime("%H:%M")


def day(moment: datetime | date, language: str = "en", zone: tzinfo | None = None, today: date | None = None) -> str:
    """The day: `Nov 23` or `11 月 23 日`; the year stands with it when `today` is given and of another year."""
    local = _local(moment, zone) if isinstance(moment, datetime) else moment
    other_year = today is not None and local.year != today.year
    if language == "zh":
        return (f"{local.year} 年 " if other_year else "") + f"{local.month} 月 {local.day} 日"
    return f"{_MONTHS[local.month - 1]} {local.day}" + (f", {local.year}" if other_year else "")


def month(moment: datetime | date, language: str = "en") -> str:
    """The month with its year: `Oct 2026` or `2026 年 10 月`."""
    return f"{moment.year} 年 {moment.month} 月" if language == "zh" else f"{_MONTHS[moment.month - 1]} {moment.year}"


def moment(at: datetime, language: str = "en", zone: tzinfo | None = None, today: date | None = None) -> str:
    """Day and time: `Nov 23, 14:20` or `11 月 23 日 14:20`."""
    return day(at, language, zone, today) + (" " if language == "zh" else ", ") + clock(at, zone)


def duration(length: timedelta, language: str = "en") -> str:
    """A length in words, two units at most: `41 min`, `2 h 25`, `3 days 4 h`; `41 分钟`, `2 小时 25 分`."""
    minutes = round(abs(length).total_seconds() / 60)
    days, rest = divmod(minutes, 24 * 60)
    hours, left = divmod(rest, 60)
    if language == "zh":
        if days:
            return f"{days} 天" + (f" {hours} 小时" if hours else "")
        if hours:
            return f"{hours} 小时" + (f" {left:02} 分" if left else "")
        return f"{left} 分钟"
    if days:
        return f"{days} day{'s' if days > 1 else ''}" + (f" {hours} h" if hours else "")
    if hours:
        return f"{hours} h" + (f" {left:02}" if left else "")
    return f"{left} min"


def timer(length: timedelta) -> str:
    """A length as hours and minutes for clocks and bars: `0:41`, `3:19`."""
    minutes = round(abs(length).total_seconds() / 60)
    return f"{minutes // 60}:{minutes % 60:02}"


def ago(at: datetime, now: datetime, language: str = "en", zone: tzinfo | None = None) -> str:
    """Relative within 24 hours (`12 min ago`, `12 分钟前`, `in 2 h`), else the day and time."""
    distance = now - at
    if abs(distance) >= timedelta(hours=24):
        return moment(at, language, zone, _local(now, zone).date())
    if abs(distance) < timedelta(minutes=1):
        return "刚刚" if language == "zh" else "just now"
    words = duration(distance, language)
    if language == "zh":
        return f"{words}前" if distance > timedelta() else f"{words}后"
    return f"{words} ago" if distance > timedelta() else f"in {words}"


def register(app: Flask) -> None:
    """Adds each format as a Jinja filter of the same name, in the reader's language and zone."""

    def worded(render: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: render(*given, language=get_locale().language, **named)

    def zoned(render: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given, **named: render(*given, zone=get_timezone(), **named)

    app.jinja_env.filters.update(
        number=worded(number),
        money=worded(money),
        money_short=worded(money_short),
        money_parts=worded(money_parts),
        percent=worded(percent),
        span=worded(span),
        clock=zoned(clock),
        day=worded(zoned(day)),
        month=worded(month),
        moment=worded(zoned(moment)),
        duration=worded(duration),
        timer=timer,
        ago=worded(zoned(ago)),
    )


def _major(minor: int, currency: str) -> tuple[Decimal, int]:
    digits = get_currency_precision(currency)
    return Decimal(minor).scaleb(-digits), digits


def _symbol(currency: str, language: str) -> str:
    # Amounts are mostly CNY, whose sign is plain; the yen, which shares it, is the one that must say so.
    return _NARROW.get(currency) or get_currency_symbol(currency, locale=language)


def _local(at: datetime, zone: tzinfo | None) -> datetime:
    return at.astimezone(zone) if zone is not None else at
