"""Whom something is shown to, and when: language, zone, the present, and how names are told to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from flask import g
from flask_babel import get_timezone, gettext
from google.protobuf.timestamp_pb2 import Timestamp

from services.portal.web import formats, i18n
from services.portal.web.names import names

_SEAM = re.compile(r"(?<=[\u4e00-\u9fff])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[\u4e00-\u9fff])")


def instant(stamp: Timestamp) -> datetime:
    """The time of a message field that is set, aware, UTC."""
    return stamp.ToDatetime(tzinfo=UTC)


def last_part(reference: str) -> str:
    """ "people/zhou-yan" as "zhou-yan", "tickets/INC-000123" as "INC-000123"."""
    return reference.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of a page.

    sub: "people/zhou-yan". now: the one present of the page. tell: turns "people/..." or "teams/..." into a name.
    """

    sub: str
    now: datetime
    language: str = "en"
    zone: tzinfo = UTC
    tell: Callable[[str], str] = last_part

    def called(self, reference: str) -> str:
        """The name behind a reference; the reader's own name too, so that a sentence may begin with it."""
        if reference == "teams/service-desk":
            told = self.tell(reference)
            return str(gettext("Service desk")) if told == "service-desk" else told
        return self.tell(reference)

    def clock(self, at: datetime) -> str:
        """`14:20`."""
        return formats.clock(at, self.zone)

    def near(self, at: datetime) -> str:
        """A time inside a sentence: `14:20` when it is today, `tomorrow 09:00`, else `Nov 25, 09:00`."""
        days = self._days(at)
        if days == 0:
            return self.clock(at)
        if days == 1:
            return str(gettext("tomorrow %(time)s", time=self.clock(at)))
        if days == -1:
            return str(gettext("yesterday %(time)s", time=self.clock(at)))
        return formats.moment(at, self.language, self.zone, self.now.astimezone(self.zone).date())

    def by(self, at: datetime) -> str:
        """A due time that stands for itself: `By 14:20 today`, `By 09:00 tomorrow`, else `By Nov 25, 09:00`."""
        days = self._days(at)
        if days == 0:
            return str(gettext("By %(time)s today", time=self.clock(at)))
        if days == 1:
            return str(gettext("By %(time)s tomorrow", time=self.clock(at)))
        return str(gettext("By %(time)s", time=self.near(at)))

    def stretch(self, start: datetime, end: datetime | None) -> str:
        """`11:25–12:30`; without an end `11:25 –`; the day stands with it unless it is today."""
        first = self.near(start)
        if end is None:
            return f"{first} –"
        same = start.astimezone(self.zone).date() == end.astimezone(self.zone).date()
        return formats.span(first, self.clock(end) if same else self.near(end), self.language)

    def length(self, length: timedelta) -> str:
        """A length of wall time: `41 min`, `2 h 25`, `3 days 4 h`."""
        return formats.duration(length, self.language)

    def hours(self, length: timedelta) -> str:
        """A length of service time, in hours and never in days, because a working day is none of 24 hours: `40 h`."""
        minutes = round(abs(length).total_seconds() / 60)
        if minutes < 60:
            return self.length(length)
        hours, rest = divmod(minutes, 60)
        if self.language == "zh":
            return f"{hours} 小时" + (f" {rest:02} 分" if rest else "")
        return f"{hours} h" + (f" {rest:02}" if rest else "")

    def spaced(self, words: str) -> str:
        """A Chinese sentence with a space between its signs and the Latin letters and digits put into it."""
        return _SEAM.sub(" ", words) if self.language == "zh" else words

    def _days(self, at: datetime) -> int:
        """0 for today, 1 for tomorrow, in the reader's zone."""
        return (at.astimezone(self.zone).date() - self.now.astimezone(self.zone).date()).days


def reader() -> Reader:
    """The reader of this request; nobody's name is told before the page asks."""
    return Reader(
        sub=g.person.name if g.person is not None else "",
        now=datetime.now(UTC),
        language=i18n.language(),
        # What Babel gives has, put on a local time, the offset of the zone's first day: +8:06 for Shanghai.
        zone=ZoneInfo(str(get_timezone())),
        tell=names().told,
    )
