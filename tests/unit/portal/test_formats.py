"""How the portal prints money, numbers, dates and durations in Chinese and English."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.portal.web import formats

SHANGHAI = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 23, 6, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "language", "text"),
    [
        (74280000, "CNY", "en", "¥742,800"),
        (-3820000, "CNY", "zh", "−¥38,200"),
        (930050, "CNY", "zh", "¥9,300.50"),
        (1200, "JPY", "en", "JP¥1,200"),
        (99, "USD", "en", "$0.99"),
        (0, "CNY", "en", "¥0"),
    ],
)
def test_money(minor: int, currency: str, language: str, text: str) -> None:
    """Minor units become the full amount; digits after the point only when there are any; the minus is a true one."""
    assert formats.money(minor, currency, language) == text


@pytest.mark.parametrize(
    ("minor", "language", "text"),
    [
        (128640000, "en", "¥1.29 M"),
        (128640000, "zh", "¥128.6 万"),
        (61230000, "en", "¥612 k"),
        (61230000, "zh", "¥61.2 万"),
        (-3820000, "en", "−¥38.2 k"),
        (2500000000000, "zh", "¥250.0 亿"),
        (84000, "zh", "¥840"),
    ],
)
def test_money_short(minor: int, language: str, text: str) -> None:
    """Headlines carry the unit of the reader's language: thousands and millions, or 万 and 亿."""
    assert formats.money_short(minor, "CNY", language) == text


def test_a_gain_can_show_its_sign() -> None:
    """A change log prints plus and minus; zero has neither."""
    assert [formats.money(minor, sign=True) for minor in (420000, -3860000, 0)] == ["+¥4,200", "−¥38,600", "¥0"]
    assert formats.number(-0.5, digits=1) == "−0.5"


def test_dates() -> None:
    """Dates and times stand in the reader's zone and in the order of the language."""
    assert formats.moment(AT, "en", SHANGHAI) == "Nov 23, 14:20"
    assert formats.moment(AT, "zh", SHANGHAI) == "11 月 23 日 14:20"
    assert formats.day(datetime(2025, 3, 2, tzinfo=UTC), "en", UTC, today=AT.date()) == "Mar 2, 2025"
    assert formats.month(AT, "zh") == "2026 年 11 月"


@pytest.mark.parametrize(
    ("length", "en", "zh"),
    [
        (timedelta(minutes=41), "41 min", "41 分钟"),
        (timedelta(hours=2, minutes=5), "2 h 05", "2 小时 05 分"),
        (timedelta(hours=8), "8 h", "8 小时"),
        (timedelta(days=1), "1 day", "1 天"),
        (timedelta(days=3, hours=4, minutes=20), "3 days 4 h", "3 天 4 小时"),
    ],
)
def test_duration(length: timedelta, en: str, zh: str) -> None:
    """A duration names at most two units."""
    assert (formats.duration(length, "en"), formats.duration(length, "zh")) == (en, zh)


def test_relative_time_ends_after_a_day() -> None:
    """Within 24 hours the distance is said, later the day and time."""
    assert formats.ago(AT, AT + timedelta(minutes=12), "en") == "12 min ago"
    assert formats.ago(AT, AT - timedelta(hours=2), "zh") == "2 小时后"
    assert formats.ago(AT, AT + timedelta(seconds=20), "zh") == "刚刚"
    assert formats.ago(AT, AT + timedelta(hours=24), "en", SHANGHAI) == "Nov 23, 14:20"


def test_timer_and_span() -> None:
    """Clocks print hours and minutes; a range has an en dash, spaced in Chinese."""
    assert formats.timer(timedelta(minutes=199)) == "3:19"
    assert formats.timer(timedelta(minutes=-18)) == "0:18"
    assert (formats.span("9%", "33%", "en"), formats.span("9%", "33%", "zh")) == ("9%–33%", "9% – 33%")
