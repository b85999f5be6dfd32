"""What one version of a calendar says otherwise than another, a sentence each."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext, ngettext, pgettext
from throughline.sla.v1 import sla_pb2

from services.portal.web import formats
from services.portal.web.shown import calendar as shown
from services.portal.web.shown.reader import Reader

# More days than these are counted, not named.
NAMED = 12


def changes(before: sla_pb2.Calendar | None, after: sla_pb2.Calendar, reader: Reader) -> list[str]:
    """The differences; of the first version, what it holds."""
    if before is None:
        count = len(after.days)
        days = ngettext("%(num)s day differs from its weekday", "%(num)s days differ from their weekday", count)
        return [str(gettext("First version: %(week)s", week=shown.week_words(after, reader.language))), str(days)]
    return [
        *_plain(before, after, reader),
        *_week(before, after, reader.language),
        *_days(before, after, reader),
        *_years(before, after),
    ]


def _plain(before: sla_pb2.Calendar, after: sla_pb2.Calendar, reader: Reader) -> list[str]:
    pairs = (
        (pgettext("calendar", "Name"), shown.title(before, reader.language), shown.title(after, reader.language)),
        (gettext("Time zone"), before.time_zone, after.time_zone),
        (
            gettext("Public holidays of"),
            shown.regions_words(before, reader.language),
            shown.regions_words(after, reader.language),
        ),
        (gettext("Holds from"), shown.effective(before, reader), shown.effective(after, reader)),
    )
    return [f"{what}: {old} → {new}" for what, old, new in pairs if old != new]


def _week(before: sla_pb2.Calendar, after: sla_pb2.Calendar, language: str) -> list[str]:
    pairs = zip(shown.week_rows(before, language), shown.week_rows(after, language), strict=True)
    return [f"{name}: {old} → {new}" for (name, old), (_, new) in pairs if old != new]


def _days(before: sla_pb2.Calendar, after: sla_pb2.Calendar, reader: Reader) -> list[str]:
    old, new = ({day.date: day for day in one.days} for one in (before, after))
    told = []
    for day in sorted(old.keys() | new.keys()):
        first, last = old.get(day), new.get(day)
        if first == last:
            continue
        when = formats.day(date.fromisoformat(day), reader.language, today=reader.now.date())
        if first is None or last is None:
            sign, one = ("+", last) if first is None else ("−", first)
            told.append(f"{sign} {when}: {_told(one, reader.language)}" if one is not None else "")
        else:
            told.append(f"{when}: {_told(first, reader.language)} → {_told(last, reader.language)}")
    more = len(told) - NAMED
    if more > 0:
        return [*told[:NAMED], str(ngettext("and %(num)s more day", "and %(num)s more days", more))]
    return told


def _told(day: sla_pb2.CalendarDay, language: str) -> str:
    reason = shown.named(day.names, language) or day.reason
    what = shown.hours_words(day.segments)
    return f"{reason}, {what}" if reason else what


def _years(before: sla_pb2.Calendar, after: sla_pb2.Calendar) -> list[str]:
    old, new = set(before.verified_years), set(after.verified_years)
    told = []
    if new - old:
        told.append(str(gettext("Verified now: %(years)s", years=_listed(new - old))))
    if old - new:
        told.append(str(gettext("No longer verified: %(years)s", years=_listed(old - new))))
    return told


def _listed(years: set[int]) -> str:
    return ", ".join(map(str, sorted(years)))
