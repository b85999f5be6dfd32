"""The days of a board as a chart's data and as a table, with the finding that stands above both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext, ngettext
from throughline.changes.v1 import change_pb2
from throughline.metrics.v1 import board_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import instant, last_part

# A day stands out from here on.
_BUSY = 1.5
_KINDS = {
    change_pb2.CHANGE_TYPE_STANDARD: "standard",
    change_pb2.CHANGE_TYPE_NORMAL: "normal",
    change_pb2.CHANGE_TYPE_EMERGENCY: "emergency",
}


def finding(days: Sequence[board_pb2.DayColumn], language: str, today: date) -> str:
    """What the eye finds in the chart: the busiest day against the median one, and its broken promises."""
    busiest = max(days, key=lambda day: (day.opened, day.date), default=None)
    if busiest is None or not busiest.opened:
        return str(gettext("No ticket came in on these days."))
    usual = median(day.opened for day in days)
    when = formats.day(date.fromisoformat(busiest.date), language, today=today)
    count = formats.number(busiest.opened, language, 0)
    if usual and busiest.opened >= _BUSY * usual:
        times = formats.number(busiest.opened / usual, language, 1)
        told = gettext(
            "%(day)s brought %(count)s tickets, %(times)s times the median day", day=when, count=count, times=times
        )
    else:
        told = gettext("%(day)s brought the most tickets, %(count)s; no day stands out", day=when, count=count)
    broken = (
        ngettext("one promise ran out that day.", "%(num)s promises ran out that day.", busiest.breached)
        if busiest.breached
        else gettext("no promise ran out that day.")
    )
    return str(gettext("%(told)s; %(broken)s", told=told, broken=broken))


def data(
    days: Sequence[board_pb2.DayColumn], changes: Sequence[change_pb2.Change], zone: ZoneInfo, language: str
) -> dict[str, Any]:
    """What the chart's script draws: plain lists and the words that stand in it."""
    known = {day.date: place for place, day in enumerate(days)}
    marks = []
    for one in changes:
        stamp = one.start_time if one.HasField("start_time") else one.window.start_time
        at = instant(stamp).astimezone(zone)
        place = known.get(at.date().isoformat())
        if place is not None:
            share = (at.hour * 60 + at.minute) / 1440
            title = f"{last_part(one.name)} · {one.title}"
            marks.append({"at": round(place + share, 3), "kind": _KINDS.get(one.type, "normal"), "title": title})
    return {
        "language": language,
        "days": [formats.day(date.fromisoformat(day.date), language) for day in days],
        "labels": [_label(date.fromisoformat(day.date), place, language) for place, day in enumerate(days)],
        "opened": [day.opened for day in days],
        "reopened": [day.reopened for day in days],
        "resolved": [day.resolved for day in days],
        "breached": [day.breached for day in days],
        "changes": marks,
        "words": {
            "opened": gettext("New tickets"),
            "reopened": gettext("Reopened"),
            "resolved": gettext("Resolved"),
            "breached": gettext("Promises broken"),
            "changes": gettext("Changes"),
            "tickets": gettext("Tickets"),
            "standard": gettext("Standard"),
            "normal": gettext("Normal"),
            "emergency": gettext("Emergency"),
        },
    }


def rows(days: Sequence[board_pb2.DayColumn], language: str) -> list[list[str]]:
    """The same days as a table: date, new, resolved, reopened, promises broken."""
    return [
        [
            formats.day(date.fromisoformat(day.date), language),
            *(formats.number(count, language, 0) for count in (day.opened, day.resolved, day.reopened, day.breached)),
        ]
        for day in days
    ]


def _label(day: date, place: int, language: str) -> str:
    """Under the axis: the month on its first day and at the start, else the day alone."""
    if place == 0 or day.day == 1:
        return formats.day(day, language)
    return f"{day.day} 日" if language == "zh" else str(day.day)
