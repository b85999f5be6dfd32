"""When a change is executed, among the other changes of those days."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from flask_babel import gettext, ngettext
from throughline.changes.v1 import change_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown.change import ENDED
from services.portal.web.shown.reader import Reader, instant, last_part

_MOST_DAYS = 14
_LONG_LABELS = 7
# How much of the axis, in percent, the word of the present takes from days after and before it.
_ROOM_BEFORE, _ROOM_AFTER = 8.0, 13.0


def overlaps(first: pb.Change, second: pb.Change) -> bool:
    """Whether both windows share an instant; a change without a window meets nothing."""
    if not first.HasField("window") or not second.HasField("window"):
        return False
    return instant(first.window.start_time) < instant(second.window.end_time) and instant(
        second.window.start_time
    ) < instant(first.window.end_time)


def axis(change: pb.Change, zone: tzinfo) -> tuple[datetime, datetime]:
    """The days that its window is shown among: one before it to one after, at least four, at most fourteen."""
    start, end = instant(change.window.start_time).astimezone(zone), instant(change.window.end_time).astimezone(zone)
    first = start.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    days = min(_MOST_DAYS, max(4, (end.date() - first.date()).days + 2))
    return first, first + timedelta(days=days)


def neighbours(change: pb.Change, others: Iterable[pb.Change]) -> list[tuple[pb.Change, list[str]]]:
    """Other changes to come or under way that touch a service of this one, with those services, by their window."""
    mine = set(change.services)
    found = [
        (other, [service for service in other.services if service in mine])
        for other in others
        if other.name != change.name and other.state not in ENDED
    ]
    return sorted((pair for pair in found if pair[1]), key=lambda pair: pair[0].window.start_time.seconds)


def lanes(change: pb.Change, others: Sequence[tuple[pb.Change, list[str]]], reader: Reader) -> dict[str, Any]:
    """What the macro `lanes` takes: rows, days, now (place in percent and word), label (the finding); and `meets`,
    the ids of changes that touch the same services at the same time."""
    first, last = axis(change, reader.zone)

    def place(at: datetime) -> float:
        return round((at - first) / (last - first) * 100, 2)

    def bar(kind: str, start: datetime, end: datetime, text: str = "") -> dict[str, Any]:
        begin, finish = max(0.0, place(start)), min(100.0, place(end))
        spot: dict[str, Any] = {"text_at": finish + 1} if finish <= 60 else {"text_at": begin - 1, "text_end": True}
        return {"kind": kind, "from": begin, "to": max(finish, begin + 0.6), "text": text} | spot

    rows = [{"name": str(gettext("This change")), "bars": _own(change, reader, bar)}]
    for other, shared in others:
        names = ", ".join(last_part(one) for one in shared)
        text = str(gettext("also touches %(services)s", services=names))
        span = bar("other", instant(other.window.start_time), instant(other.window.end_time), text)
        rows.append({"name": last_part(other.name), "bars": [span]})
    meets = [last_part(other.name) for other, _ in others if overlaps(change, other)]
    now = place(reader.now)
    return {
        "rows": rows,
        "days": _days(first, (last - first).days, now, reader),
        "now": (now, str(gettext("now")) if 0 <= now <= 100 else ""),
        "label": finding(meets),
        "meets": meets,
    }


def finding(meets: Sequence[str]) -> str:
    """What the lanes show, in one sentence."""
    if not meets:
        return str(gettext("No other change touches the same services in this window."))
    return str(
        ngettext(
            "%(names)s touches the same services in the same window.",
            "%(names)s touch the same services in the same window.",
            len(meets),
            names=", ".join(meets),
        )
    )


def _own(change: pb.Change, reader: Reader, bar: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    words = formats.span(
        reader.near(instant(change.window.start_time)), reader.near(instant(change.window.end_time)), reader.language
    )
    bars = [bar("planned", instant(change.window.start_time), instant(change.window.end_time), words)]
    if change.HasField("start_time"):
        end = instant(change.finish_time) if change.HasField("finish_time") else reader.now
        bars.append(bar("run", instant(change.start_time), end))
    return bars


def _days(first: datetime, count: int, now: float, reader: Reader) -> list[dict[str, Any]]:
    """The days of the axis; a day's words make room for the mark of the present. now: its place in percent."""
    days = []
    for number in range(count):
        at, place = first + timedelta(days=number), round(number / count * 100, 2)
        free = not _ROOM_BEFORE > place - now > -_ROOM_AFTER
        long = formats.day(at, reader.language) if count <= _LONG_LABELS else str(at.day)
        days.append({"text": long if free else "", "short": str(at.day) if free else "", "at": place})
    return days
