"""Calendars as documents: one holds all versions, a day that stays the same over many of them only once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.runtime.paging import Page, PageRequest, decode, encode
from services.runtime.records import Kind, Stamp
from services.runtime.refusal import Refusal
from services.runtime.worktime import CalendarVersion, DateOverride, Hours, hours
from services.sla.rules.calendar import Calendar, Edition
from services.sla.rules.days import OWN, DayKind, Label, Region
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
                "regions": [[region.country, region.subdivision, region.make_up] for region in edition.regions],
            }
            for edition in one.editions
        ],
        "days": [
            [day.day.isoformat(), day.note, _texts(day.hours), first, last, *_told(label)]
            for (day, label), first, last in _lasting(one)
        ],
    }


def _decode(document: Mapping[str, Any]) -> Calendar:
    days = [
        (DateOverride(date.fromisoformat(day), hours(*texts), note), _label(told), first, last)
        for day, note, texts, first, last, *told in document["days"]
    ]
    editions = tuple(
        Edition(
            CalendarVersion(
                name=document["name"],
                version=number,
                zone=one["zone"],
                effective_from=one["effective_at"],
                weekly=tuple(hours(*texts) for texts in one["weekly"]),
                overrides=tuple(day for day, _, first, last in days if first <= number <= last),
                verified_years=frozenset(one["verified"]),
            ),
            one["display_names"],
            tuple(
                Region(country, subdivision, tuple((start, end) for start, end in spans))
                for country, subdivision, spans in one.get("regions", ())
            ),
            {day.day: label for day, label, first, last in days if first <= number <= last and label != OWN},
        )
        for number, one in enumerate(document["editions"], 1)
    )
    return Calendar(document["name"], editions)


def _lasting(one: Calendar) -> list[tuple[tuple[DateOverride, Label], int, int]]:
    """The days with the first and the last of the versions in a row that have them."""
    found: list[tuple[tuple[DateOverride, Label], int, int]] = []
    since: dict[tuple[DateOverride, Label], int] = {}
    for edition in one.editions:
        number = edition.version.version
        days = {(day, edition.labels.get(day.day, OWN)): None for day in edition.version.overrides}
        ended = [day for day in since if day not in days]
        found += [(day, since.pop(day), number - 1) for day in ended]
        for day in days:
            since.setdefault(day, number)
    found += [(day, first, len(one.editions)) for day, first in since.items()]
    return sorted(found, key=lambda lasting: (lasting[0][0].day, lasting[1]))


def _told(label: Label) -> list[Any]:
    """A label in the fewest words, so that decades of holidays stay small; the company's own days have none."""
    if label == OWN:
        return []
    return [label.kind.value, label.region, dict(label.names)]


def _label(told: list[Any]) -> Label:
    if not told:
        return OWN
    kind, region, names = told
    return Label(DayKind(kind), tuple(names.items()), region)


def _texts(day: Hours) -> list[str]:
    return [str(opening) for opening in day]


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.published(event.calendar.latest, stamp.etag)


CALENDARS = Kind[Calendar](collection="calendars", encode=_encode, decode=_decode, message=_message)


def editions_page(one: Calendar, page: PageRequest) -> Page[Edition]:
    """One page of a calendar's versions, newest first; they are one document, so the page is cut out of it.

    Raises:
        Refusal: PAGE_TOKEN_INVALID.
    """
    below = decode(page.token, page.bind, 1)[0] if page.token else len(one.editions) + 1
    if not isinstance(below, int):
        raise Refusal.invalid("page_token", "PAGE_TOKEN_INVALID", "Start from the first page of versions.")
    older = [edition for edition in reversed(one.editions) if edition.version.version < below]
    items = older[: page.size]
    more = len(older) > page.size
    return Page(items, encode([items[-1].version.version], page.bind) if more else "")
