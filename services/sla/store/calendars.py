"""Calendars as documents: one holds all versions, a day that stays the same over many of them only once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.runtime.records import Kind, Stamp
from services.runtime.worktime import CalendarVersion, DateOverride, Hours, hours
from services.sla.rules.calendar import Calendar, Edition
from services.sla.wire import calendar as wire


def _encode(one: Calendar) -> dict[str, Any]:
    return {
        "name": one.name,
        "editions": [
            {
                "zone": edition.version.zone,
                "effective_at": edition.version.effective_from,
                "weekly": [_texts(day) for day in edition.version.weekly],
                "verified": sorted(edition.version.verified_years),
                "display_names": dict(edition.display_names),
            }
            for edition in one.editions
        ],
        "days": [[day.day.isoformat(), day.note, _texts(day.hours), first, last] for day, first, last in _lasting(one)],
    }


def _decode(document: Mapping[str, Any]) -> Calendar:
    days = [
        (DateOverride(date.fromisoformat(day), hours(*texts), note), first, last)
        for day, note, texts, first, last in document["days"]
    ]
    editions = tuple(
        Edition(
            CalendarVersion(
                name=document["name"],
                version=number,
                zone=one["zone"],
                effective_from=one["effective_at"],
                weekly=tuple(hours(*texts) for texts in one["weekly"]),
                overrides=tuple(day for day, first, last in days if first <= number <= last),
                verified_years=frozenset(one["verified"]),
            ),
            one["display_names"],
        )
        for number, one in enumerate(document["editions"], 1)
    )
    return Calendar(document["name"], editions)


def _lasting(one: Calendar) -> list[tuple[DateOverride, int, int]]:
    """The days with the first and the last of the versions in a row that have them."""
    found: list[tuple[DateOverride, int, int]] = []
    since: dict[DateOverride, int] = {}
    for edition in one.editions:
        number, days = edition.version.version, set(edition.version.overrides)
        ended = [day for day in since if day not in days]
        found += [(day, since.pop(day), number - 1) for day in ended]
        for day in edition.version.overrides:
            since.setdefault(day, number)
    found += [(day, first, len(one.editions)) for day, first in since.items()]
    return sorted(found, key=lambda lasting: (lasting[0].day, lasting[1]))


def _texts(day: Hours) -> list[str]:
    return [str(opening) for opening in day]


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.published(event.calendar.latest, stamp.etag)


CALENDARS = Kind[Calendar](collection="calendars", encode=_encode, decode=_decode, message=_message)
