"""The form of a report: what was typed, kept as it is, and the report that it says."""

from __future__ import annotations

import re
from typing import Any

from flask_babel import get_timezone, gettext
from throughline.metrics.v1 import board_pb2
from throughline.metrics.v1 import report_pb2 as pb
from werkzeug.datastructures import MultiDict

from services.portal.web.problems import said
from services.portal.web.shown import period as periods
from services.runtime.refusal import Refusal

# The form's fields by the request's.
FIELDS = {
    "report.titles": "title_en",
    "report.metrics": "metrics",
    "report.period": "period",
    "report.time_zone": "time_zone",
    "report.filter": "service",
    "report.visibility": "visibility",
    "report.schedule.time": "time",
    "report.schedule.weekday": "weekday",
    "report.schedule.month_day": "month_day",
    "report.schedule.time_zone": "time_zone",
    "report.schedule.recipients": "recipients",
}
_LIST = re.compile(r"[\s,;，；、]+")
_DAYS = re.compile(r"[0-9]{1,2}")


def typed(report: pb.Report | None) -> MultiDict[str, str]:
    """A report as the form's fields; of none, what a new one begins with."""
    if report is None:
        return MultiDict(
            {"period": str(pb.REPORT_PERIOD_LAST_MONTH), "baseline": str(pb.REPORT_BASELINE_PREVIOUS),
             "visibility": str(pb.REPORT_VISIBILITY_OWNER), "time_zone": str(get_timezone()), "time": "08:00"}
        )  # fmt: skip
    one, schedule = report.filter, report.schedule
    found = MultiDict(
        {
            "title_en": report.titles.get("en", ""),
            "title_zh": report.titles.get("zh", ""),
            "period": str(report.period),
            "baseline": str(report.baseline),
            "grouping": str(report.grouping),
            "visibility": str(report.visibility),
            "time_zone": report.time_zone,
            **{name: getattr(one, name) for name in periods.TEXTS},
            "channel": periods.CHANNELS[one.channel - 1] if one.channel else "",
            "type": periods.TYPES[one.type - 1] if one.type else "",
            "priority": ", ".join(str(priority) for priority in one.priorities),
            "frequency": str(schedule.frequency or ""),
            "time": schedule.time or "08:00",
            "weekday": str(schedule.weekday or ""),
            "month_day": str(schedule.month_day or ""),
            "recipients": ", ".join(each.removeprefix("people/") for each in schedule.recipients),
        }
    )
    found.setlist("metrics", list(report.metrics))
    return found


def report(form: MultiDict[str, str]) -> tuple[pb.Report, dict[str, str]]:
    """The report that a form says, and by field what of it is no value."""
    errors: dict[str, str] = {}
    made = pb.Report(
        metrics=form.getlist("metrics"),
        period=_number(form, "period"),
        baseline=_number(form, "baseline"),
        grouping=_number(form, "grouping"),
        visibility=_number(form, "visibility"),
        time_zone=form.get("time_zone", "").strip(),
        filter=_filter(form, errors),
    )
    for language in ("en", "zh"):
        if given := form.get(f"title_{language}", "").strip():
            made.titles[language] = given
    if not made.titles:
        errors["title_en"] = str(gettext("Give it a title, in English or in Chinese."))
    if not made.metrics:
        errors["metrics"] = str(gettext("Choose at least one metric."))
    if form.get("frequency"):
        made.schedule.CopyFrom(_schedule(form, made.time_zone))
    return made, errors


def _schedule(form: MultiDict[str, str], zone: str) -> pb.ReportSchedule:
    frequency = _number(form, "frequency")
    names = filter(None, _LIST.split(form.get("recipients", "")))
    return pb.ReportSchedule(
        frequency=frequency,
        time=form.get("time", ""),
        weekday=_number(form, "weekday") if frequency == pb.REPORT_FREQUENCY_WEEKLY else 0,
        month_day=_number(form, "month_day") if frequency == pb.REPORT_FREQUENCY_MONTHLY else 0,
        time_zone=zone,
        recipients=[f"people/{name.removeprefix('people/')}" for name in dict.fromkeys(names)],
    )


def _filter(form: MultiDict[str, str], errors: dict[str, str]) -> board_pb2.BoardFilter:
    given = form.copy()
    given["priority"] = ",".join(filter(None, _LIST.split(form.get("priority", "").upper().replace("P", ""))))
    try:
        return periods.filter_of(given)
    except Refusal as refusal:
        errors[refusal.field] = said(refusal)
        return board_pb2.BoardFilter()


def _number(form: MultiDict[str, str], name: str) -> Any:
    text = form.get(name, "")
    return int(text) if _DAYS.fullmatch(text) else 0
