"""Reuse by month as it is printed: shares of enough tickets alone, and no number where nothing feeds one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from throughline.metrics.v1 import governance_pb2 as pb

from services.portal.web import i18n
from services.portal.web.shown import reuse as shown
from services.portal.web.shown.reader import Reader

SHANGHAI = ZoneInfo("Asia/Shanghai")
WAITS = (("self_solved", "sessions of reading"), ("automation_share", "runs"), ("automation_runs", "runs"))


@pytest.fixture(params=["en", "zh"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A reader in Shanghai."""
    app = Flask(__name__)
    i18n.register(app)
    with app.test_request_context(headers={"Cookie": f"{i18n.COOKIE}={request.param}"}):
        yield Reader("people/eve", datetime(2026, 3, 9, tzinfo=UTC), request.param, SHANGHAI)


def month(start: datetime, used: int, resolved: int, total: int, unaided: int, opened: int) -> pb.ReuseMonth:
    """A month by its start in UTC."""
    made = pb.ReuseMonth(used=used, resolved=resolved, total=total, unaided=unaided, opened=opened)
    made.period.start_time.FromDatetime(start)
    return made


def reuse(*months: pb.ReuseMonth) -> pb.Reuse:
    """The months with what waits."""
    waits = [pb.ReuseWait(series=series, waits_for=what) for series, what in WAITS]
    return pb.Reuse(months=months, waits=waits, needed=30)


def test_a_share_stands_on_enough_tickets(reader: Reader) -> None:
    """Twenty-nine resolved tickets make no share, neither in the chart nor in the table; thirty do."""
    january = month(datetime(2025, 12, 31, 16, tzinfo=UTC), 3, 29, 1003, 20, 30)
    february = month(datetime(2026, 1, 31, 16, tzinfo=UTC), 0, 30, 1003, 0, 0)
    card = shown.card(reuse(january, february), reader)
    chart, zh = card["chart"], reader.language == "zh"
    assert chart["shares"] == {"unaided": [66.7, None], "helped": [None, 0.0]}
    assert (chart["used"], chart["totals"]) == ([3, 0], [1003, 1003])
    assert chart["months"] == (["2026 年 1 月", "2026 年 2 月"] if zh else ["Jan 2026", "Feb 2026"])
    few = ("样本不足：29", "样本不足：0") if zh else ("too few: 29", "too few: 0")
    assert [row[1:] for row in card["rows"]] == [["3", "1,003", few[0], "66.7%"], ["0", "1,003", "0.0%", few[1]]]
    assert "1,003" in card["finding"]


def test_what_waits_has_a_sentence_and_no_number(reader: Reader) -> None:
    """What waits for the same is told once; with no month at all there is nothing to draw."""
    card = shown.card(reuse(), reader)
    assert (card["total"], card["rows"], card["chart"]["used"]) == (0, [], [])
    expected = {
        "en": [
            "No number yet: self-solved share; waits for sessions of reading.",
            "No number yet: share of automation, runs of automation; waits for runs.",
        ],
        "zh": ["暂无数值：自助解决占比；待有阅读会话。", "暂无数值：自动化占比、自动化执行次数；待有runs。"],
    }
    assert card["waits"] == expected[reader.language]
