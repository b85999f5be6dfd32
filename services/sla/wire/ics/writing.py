"""The days of one calendar version as an iCalendar file: the same version gives the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vText

from services.runtime.worktime import DateOverride
from services.sla.rules.calendar import Edition
from services.sla.rules.days import OWN, Label
from services.sla.wire.ics.words import KIND, NAME, REGION

_PRODUCT = "-//Throughline//Calendar days//EN"
_DAY = timedelta(days=1)


def written(edition: Edition) -> bytes:
    """A closed date as an all-day entry, an open one as an entry for each of its openings."""
    version = edition.version
    file = Calendar()
    file.add("prodid", _PRODUCT)
    file.add("version", "2.0")
    file.add("x-wr-calname", edition.display_names.get("en", "") or version.name)
    file.add("x-wr-timezone", version.zone)
    zone = ZoneInfo(version.zone)
    timed = [one for one in version.overrides if one.hours]
    if timed and version.zone != "UTC":
        first, last = timed[0].day, timed[-1].day
        file.add_component(Timezone.from_tzid(version.zone, first_date=first - _DAY, last_date=last + 2 * _DAY))
    for one in version.overrides:
        label = edition.labels.get(one.day, OWN)
        for at, (start, end) in enumerate(_spans(one, zone)):
            file.add_component(_event(edition, one, label, at, start, end))
    content: bytes = file.to_ical()
    return content


def _spans(one: DateOverride, zone: ZoneInfo) -> Iterator[tuple[date, date]]:
    if not one.hours:
        yield one.day, one.day + _DAY
    midnight = datetime.combine(one.day, time(), zone)
    for opening in one.hours:
        # Added to a local time, seconds move its hands: the wall time is kept, whatever the clock does that day.
        yield midnight + timedelta(seconds=opening.opens), midnight + timedelta(seconds=opening.closes)


def _event(edition: Edition, one: DateOverride, label: Label, at: int, start: date, end: date) -> Event:
    version, event = edition.version, Event()
    name = version.name.removeprefix("calendars/")
    event.add("uid", f"{one.day.isoformat()}-{at}@{name}.throughline")
    event.add("dtstamp", version.effective_from)
    event.add("summary", one.note)
    event.add("dtstart", start)
    event.add("dtend", end)
    event.add("transp", "TRANSPARENT" if one.hours else "OPAQUE")
    event.add(KIND, label.kind.value)
    if label.region:
        event.add(REGION, label.region)
    for language, called in label.names:
        event.add(NAME, vText(called, params={"LANGUAGE": language}))
    return event
