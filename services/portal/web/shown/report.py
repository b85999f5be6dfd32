"""Reports as their pages show them: what is asked and when in words, and the numbers group by group."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext
from throughline.metrics.v1 import comparisons_service_pb2, metrics_pb2
from throughline.metrics.v1 import report_pb2 as pb
from throughline.tickets.v1 import ticket_pb2
from throughline.type.v1 import interval_pb2

from services.portal.web import formats
from services.portal.web.shown import comparison
from services.portal.web.shown import period as periods
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.choices import type_words
from services.portal.web.shown.period import Days
from services.portal.web.shown.reader import Reader, instant, last_part

MONDAY = date(2026, 1, 5)
_MIDNIGHT = (0, 0, 0)


def title(report: pb.Report, language: str) -> str:
    """Its title in the reader's language, else in the other one."""
    return report.titles.get(language) or next(iter(report.titles.values()), last_part(report.name))


def period_words() -> dict[int, str]:
    """The stretches that a report may be about."""
    return {
        pb.REPORT_PERIOD_YESTERDAY: str(gettext("Yesterday")),
        pb.REPORT_PERIOD_LAST_7_DAYS: str(gettext("The last 7 days")),
        pb.REPORT_PERIOD_LAST_WEEK: str(gettext("Last week")),
        pb.REPORT_PERIOD_LAST_MONTH: str(gettext("Last month")),
        pb.REPORT_PERIOD_LAST_QUARTER: str(gettext("Last quarter")),
        pb.REPORT_PERIOD_LAST_YEAR: str(gettext("Last year")),
        pb.REPORT_PERIOD_THIS_MONTH: str(gettext("This month so far")),
    }


def baseline_words() -> dict[int, str]:
    """What it may be compared with."""
    return {
        pb.REPORT_BASELINE_UNSPECIFIED: str(gettext("With nothing")),
        pb.REPORT_BASELINE_PREVIOUS: str(gettext("The stretch just before")),
        pb.REPORT_BASELINE_YEAR_EARLIER: str(gettext("The same a year earlier")),
    }


def grouping_words() -> dict[int, str]:
    """By what it may be broken down."""
    return {
        pb.REPORT_GROUPING_UNSPECIFIED: str(gettext("Not broken down")),
        pb.REPORT_GROUPING_TEAM: str(gettext("By team")),
        pb.REPORT_GROUPING_SERVICE: str(gettext("By service")),
        pb.REPORT_GROUPING_SITE: str(gettext("By site")),
        pb.REPORT_GROUPING_CHANNEL: str(gettext("By channel")),
        pb.REPORT_GROUPING_PRIORITY: str(gettext("By priority")),
    }


def visibility_words() -> dict[int, str]:
    """Who may open it."""
    return {
        pb.REPORT_VISIBILITY_OWNER: str(gettext("Me and its recipients")),
        pb.REPORT_VISIBILITY_UNIT: str(gettext("Everybody in my unit who may read numbers")),
    }


def schedule_words(report: pb.Report, reader: Reader) -> str:
    """When it is due, as a sentence; that it is not, when it is run by hand alone."""
    if not report.HasField("schedule"):
        return str(gettext("Run by hand"))
    one = report.schedule
    if one.frequency == pb.REPORT_FREQUENCY_WEEKLY:
        day = weekday(one.weekday, reader.language)
        return str(gettext("Every %(day)s at %(time)s (%(zone)s)", day=day, time=one.time, zone=one.time_zone))
    if one.frequency == pb.REPORT_FREQUENCY_MONTHLY:
        told = gettext(
            "On day %(day)s of each month at %(time)s (%(zone)s)", day=one.month_day, time=one.time, zone=one.time_zone
        )
        return str(told)
    return str(gettext("Every day at %(time)s (%(zone)s)", time=one.time, zone=one.time_zone))


def weekday(number: int, language: str) -> str:
    """1 as Monday or 周一."""
    day = MONDAY + timedelta(days=number - 1)
    return f"周{'一二三四五六日'[number - 1]}" if language == "zh" else f"{day:%A}"


def row(report: pb.Report, reader: Reader, href: str) -> dict[str, Any]:
    """One line of the list."""
    return {
        "title": title(report, reader.language),
        "href": href,
        "about": f"{period_words()[report.period]} · {grouping_words()[report.grouping]}",
        "who": reader.called(report.owner),
        "due": schedule_words(report, reader),
        "next": reader.near(instant(report.schedule.next_time)) if report.schedule.HasField("next_time") else "",
        "last": reader.near(instant(report.runs[0].due_time)) if report.runs else "",
        "mine": report.owner == reader.sub,
    }


def stretch(interval: interval_pb2.Interval, zone: ZoneInfo, reader: Reader) -> str:
    """`Oct 2026` when it is made of whole days, else with its times."""
    start, end = (instant(one).astimezone(zone) for one in (interval.start_time, interval.end_time))
    if (start.hour, start.minute, start.second) == (end.hour, end.minute, end.second) == _MIDNIGHT:
        return Days(start.date(), end.date()).told(reader.language, reader.now.astimezone(zone).date())
    return formats.span(_moment(start, reader), _moment(end, reader), reader.language)


def groups(table: pb.ReportTable, reader: Reader) -> list[dict[str, Any]]:
    """Each group with its lines; the first is all of it."""
    return [
        {
            "name": group_name(table.report.grouping, one.group, reader) if one.group else str(gettext("All")),
            "lines": list(_lines(table.metrics, one, reader.language)),
        }
        for one in table.rows
    ]


def group_name(grouping: int, value: str, reader: Reader) -> str:
    """A group in the reader's words."""
    if grouping == pb.REPORT_GROUPING_TEAM:
        return reader.called(value)
    if grouping == pb.REPORT_GROUPING_CHANNEL:
        return periods.channel_words(ticket_pb2.Channel.Value(f"CHANNEL_{value}"))
    if grouping == pb.REPORT_GROUPING_PRIORITY:
        return f"P{value}"
    return last_part(value)


def filter_words(report: pb.Report, reader: Reader) -> str:
    """What lets a ticket in; that all are, when nothing is asked."""
    one = report.filter
    parts = [last_part(text) for text in (one.service, one.site, one.item, one.source) if text]
    parts += [reader.called(one.team)] if one.team else []
    parts += [periods.channel_words(one.channel)] if one.channel else []
    parts += [type_words(periods.TYPES[one.type - 1])] if one.type else []
    parts += [f"P{priority}" for priority in one.priorities]
    return " · ".join(parts) or str(gettext("All tickets"))


def _lines(metrics: Any, row: pb.ReportRow, language: str) -> Iterator[dict[str, Any]]:
    for metric, cell in zip(metrics, row.cells, strict=True):
        yield _line(metric, cell, language)


def _line(metric: metrics_pb2.Metric, cell: pb.ReportCell, language: str) -> dict[str, Any]:
    told = comparisons_service_pb2.Comparison(
        metric=metric, value=cell.value, baseline=cell.baseline, change=cell.change
    )
    found = comparison.row(told, language)
    found["change"] = found["change"] if cell.HasField("change") else None
    found["provisional"] = cell.value.provisional and cell.value.state == tiles.SHOWN
    return found


def _moment(at: datetime, reader: Reader) -> str:
    return formats.moment(at, reader.language, at.tzinfo, reader.now.date())
