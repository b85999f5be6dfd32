"""Calendars as messages and back."""

from __future__ import annotations

from collections.abc import Iterable

from throughline.sla.v1 import events_pb2, sla_pb2

from services.runtime.worktime import DateOverride, Hours, Opening
from services.sla.rules.calendar import SINCE_EVER, Draft, Edition
from services.sla.rules.days import OWN, DayKind, Label, Region, Span
from services.sla.wire.instants import instant, timestamp

_KINDS = {
    DayKind.COMPANY: sla_pb2.DAY_KIND_COMPANY,
    DayKind.HOLIDAY: sla_pb2.DAY_KIND_HOLIDAY,
    DayKind.MAKE_UP: sla_pb2.DAY_KIND_MAKE_UP_WORKDAY,
}
_MEANT = {number: kind for kind, number in _KINDS.items()}


def calendar(edition: Edition, etag: str) -> sla_pb2.Calendar:
    """One version of a calendar."""
    version = edition.version
    since = None if version.effective_from == SINCE_EVER else version.effective_from
    return sla_pb2.Calendar(
        name=version.name,
        etag=etag,
        version=version.version,
        display_names=dict(edition.display_names),
        time_zone=version.zone,
        weekly_hours=[
            sla_pb2.WeeklyHours(weekday=at, segments=_segments(hours))
            for at, hours in enumerate(version.weekly, 1)
            if hours
        ],
        days=[day(one, edition.labels.get(one.day, OWN)) for one in version.overrides],
        verified_years=sorted(version.verified_years),
        effective_time=timestamp(since),
        regions=[
            sla_pb2.HolidayRegion(
                country=one.country,
                subdivision=one.subdivision,
                make_up_segments=[sla_pb2.Segment(start=start, end=end) for start, end in one.make_up],
            )
            for one in edition.regions
        ],
    )


def day(override: DateOverride, label: Label) -> sla_pb2.CalendarDay:
    """One day that differs from its weekday."""
    return sla_pb2.CalendarDay(
        date=override.day.isoformat(),
        reason=override.note,
        segments=_segments(override.hours),
        kind=_KINDS[label.kind],
        names=dict(label.names),
        region=label.region,
    )


def draft(message: sla_pb2.Calendar) -> Draft:
    """What somebody asks to publish; checked by the rules, not here."""
    return Draft(
        name=message.name,
        zone=message.time_zone,
        weekly=tuple((one.weekday, _spans(one.segments)) for one in message.weekly_hours),
        days=tuple((one.date, one.reason, _spans(one.segments)) for one in message.days),
        verified_years=tuple(message.verified_years),
        effective_at=instant(message.effective_time) if message.HasField("effective_time") else None,
        display_names=dict(message.display_names),
        regions=tuple(Region(one.country, one.subdivision, _spans(one.make_up_segments)) for one in message.regions),
        labels={one.date: _label(one) for one in message.days},
    )


def published(edition: Edition, etag: str) -> events_pb2.CalendarPublished:
    """The event that tells of a version."""
    return events_pb2.CalendarPublished(calendar=calendar(edition, etag))


def _label(message: sla_pb2.CalendarDay) -> Label:
    """What a day is; one without a kind is the company's own."""
    kind = _MEANT.get(message.kind, DayKind.COMPANY)
    return Label(kind, tuple(sorted(message.names.items())), message.region)


def _segments(hours: Hours) -> list[sla_pb2.Segment]:
    return [_segment(one) for one in hours]


def _segment(opening: Opening) -> sla_pb2.Segment:
    start, _, end = str(opening).partition("-")
    return sla_pb2.Segment(start=start, end=end)


def _spans(segments: Iterable[sla_pb2.Segment]) -> tuple[Span, ...]:
    return tuple((one.start, one.end) for one in segments)
