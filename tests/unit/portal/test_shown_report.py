"""Reports as words, and their form as a report and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from throughline.metrics.v1 import board_pb2, report_pb2
from throughline.type.v1 import interval_pb2
from werkzeug.datastructures import MultiDict

from services.portal.web import reports_form
from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import report as shown
from services.portal.web.shown.reader import Reader

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
READER = Reader("people/su", NOW, tell=lambda reference: {"teams/a": "Access"}.get(reference, reference))


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


def kept(**fields: Any) -> report_pb2.Report:
    """A report of last month by team."""
    given: dict[str, Any] = {
        "titles": {"en": "Desk", "zh": "服务台"},
        "metrics": ["csat", "mtta"],
        "period": report_pb2.REPORT_PERIOD_LAST_MONTH,
        "time_zone": "Asia/Shanghai",
        "baseline": report_pb2.REPORT_BASELINE_PREVIOUS,
        "grouping": report_pb2.REPORT_GROUPING_TEAM,
        "visibility": report_pb2.REPORT_VISIBILITY_UNIT,
        "filter": board_pb2.BoardFilter(team="teams/a", priorities=[1, 2], item="items/vpn", source="log"),
    }
    return report_pb2.Report(**given | fields)


def test_a_form_filled_with_a_report_says_that_report() -> None:
    """Nothing is lost that the form can say, in each kind of schedule and without one."""
    weekly = report_pb2.ReportSchedule(
        frequency=report_pb2.REPORT_FREQUENCY_WEEKLY, time="08:30", weekday=5, time_zone="Asia/Shanghai",
        recipients=["people/li", "people/wu"],
    )  # fmt: skip
    monthly = report_pb2.ReportSchedule(
        frequency=report_pb2.REPORT_FREQUENCY_MONTHLY, time="09:00", month_day=31, time_zone="Asia/Shanghai"
    )
    for report in (kept(), kept(schedule=weekly), kept(schedule=monthly, titles={"zh": "服务台"})):
        assert reports_form.report(reports_form.typed(report)) == (report, {})


def test_a_form_names_what_is_missing() -> None:
    """By the field, with what was typed for a filter judged as on the board."""
    _, errors = reports_form.report(MultiDict({"priority": "P7", "title_en": " "}))
    assert set(errors) == {"title_en", "metrics", "priority"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"frequency": report_pb2.REPORT_FREQUENCY_DAILY}, "Every day at 08:30 (UTC)"),
        ({"frequency": report_pb2.REPORT_FREQUENCY_WEEKLY, "weekday": 7}, "Every Sunday at 08:30 (UTC)"),
        ({"frequency": report_pb2.REPORT_FREQUENCY_MONTHLY, "month_day": 3}, "On day 3 of each month at 08:30 (UTC)"),
    ],
)
def test_a_schedule_is_a_sentence(fields: dict[str, Any], words: str) -> None:
    """Which day, at which time, by whose clock."""
    schedule = report_pb2.ReportSchedule(time="08:30", time_zone="UTC", **fields)
    assert shown.schedule_words(kept(schedule=schedule), READER) == words
    assert shown.schedule_words(kept(), READER) == "Run by hand"
    assert shown.weekday(7, "zh") == "周日"


def test_a_stretch_of_whole_days_is_told_as_days() -> None:
    """In the report's zone; one that ends in the middle of a day has its times."""
    month = interval_pb2.Interval()
    month.start_time.FromDatetime(datetime(2026, 10, 1, tzinfo=SHANGHAI))
    month.end_time.FromDatetime(datetime(2026, 11, 1, tzinfo=SHANGHAI))
    assert shown.stretch(month, SHANGHAI, READER) == "Oct 2026"
    month.end_time.FromDatetime(datetime(2026, 10, 9, 14, 20, tzinfo=SHANGHAI))
    assert shown.stretch(month, SHANGHAI, READER) == "Oct 1, 00:00–Oct 9, 14:20"


def test_groups_and_filters_are_named() -> None:
    """As the reader knows them."""
    grouping = report_pb2.ReportGrouping
    assert shown.group_name(grouping.REPORT_GROUPING_TEAM, "teams/a", READER) == "Access"
    assert shown.group_name(grouping.REPORT_GROUPING_CHANNEL, "WALK_UP", READER) == "In person"
    assert shown.group_name(grouping.REPORT_GROUPING_PRIORITY, "2", READER) == "P2"
    assert shown.group_name(grouping.REPORT_GROUPING_SITE, "sites/till", READER) == "till"
    assert shown.filter_words(kept(), READER) == "vpn · log · Access · P1 · P2"
    assert shown.filter_words(kept(filter=board_pb2.BoardFilter()), READER) == "All tickets"
    assert shown.title(kept(titles={"zh": "服务台"}), "en") == "服务台"
