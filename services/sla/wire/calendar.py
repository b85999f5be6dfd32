"""Calendars as messages and back."""

from __future__ import annotations

from collections.abc import Iterable

from throughline.sla.v1 import events_pb2, sla_pb2

from services.runtime.worktime import Hours, Opening
from services.sla.rules.calendar import SINCE_EVER, Draft, Edition, Span
from services.sla.wire.instants import instant, timestamp


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
        days=[
            sla_pb2.CalendarDay(date=one.day.isoformat(), reason=one.note, segments=_segments(one.hours))
            for one in version.overrides
        ],
        verified_years=sorted(version.verified_years),
        effective_time=timestamp(since),
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
    )


def published(edition: Edition, etag: str) -> events_pb2.CalendarPublished:
    """The event that tells of a version."""
    return events_pb2.CalendarPublished(calendar=calendar(edition, etag))


def _segments(hours: Hours) -> list[sla_pb2.Segment]:
    return [_segment(one) for one in hours]


def _segment(opening: Opening) -> sla_pb2.Segment:
    start, _, end = str(opening).partition("-")
    return sla_pb2.Segment(start=start, end=end)


def _spans(segments: Iterable[sla_pb2.Segment]) -> tuple[Span, ...]:
    return tuple((one.start, one.end) for one in segments)
