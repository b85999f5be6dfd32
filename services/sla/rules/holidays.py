"""Public holidays in a calendar: which days a country closes or makes up for, and of which years that is certain.

Where the days come from is the store's business; what they do to a calendar, and which days go before them, is here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from services.sla.rules.calendar import Draft, Edition
from services.sla.rules.days import DayKind, Label, Region, Span


class Doubt(StrEnum):
    """Why the days of a year are not certain."""

    NOT_ANNOUNCED = "not_announced"  # announced year by year, and this one is not held
    ESTIMATED = "estimated"  # dates that follow the moon
    FAR_AHEAD = "far_ahead"  # by the law of today, which may change until then
    NOT_HELD = "not_held"  # the source knows nothing of it


@dataclass(frozen=True, slots=True)
class Holiday:
    """One date on which a country is closed, or works for a holiday nearby.

    names: by language, "en" first where it is known.
    """

    day: date
    kind: DayKind
    names: tuple[tuple[str, str], ...]

    @property
    def reason(self) -> str:
        """What it is called in English, else in its own language."""
        return dict(self.names).get("en", "") or next((name for _, name in self.names), "")


@dataclass(frozen=True, slots=True)
class HolidayYear:
    """The days of one year in one country or part of it; doubt: None when they are certain."""

    year: int
    days: tuple[Holiday, ...]
    doubt: Doubt | None = None


def filled(draft: Draft, found: Mapping[Region, Sequence[HolidayYear]]) -> Draft:
    """The draft with the public holidays of its regions in the years found, in place of those that it had for them.

    The company's own days stay and go before a holiday of the same date; of several regions a closed day goes before
    one that is worked, and the region named first gives the name. Years that are certain in every region become
    verified; of the others only those that the draft itself calls verified are.
    """
    years = {one.year for held in found.values() for one in held}
    if not years:
        return draft
    kept = [day for day in draft.days if _is_own(draft, day[0]) or _year(day[0]) not in years]
    taken = {day for day, _, _ in kept}
    labels = {day: label for day, label in draft.labels.items() if day in taken}
    added: dict[str, tuple[str, str, tuple[Span, ...]]] = {}
    for region, one in _by_weight(found):
        day = one.day.isoformat()
        if day not in taken and day not in added:
            spans = make_up_spans(draft, region) if one.kind is DayKind.MAKE_UP else ()
            added[day] = (day, one.reason, spans)
            labels[day] = Label(one.kind, one.names, region.key)
    doubtful = {one.year for held in found.values() for one in held if one.doubt is not None}
    return replace(
        draft,
        days=tuple(sorted([*kept, *added.values()])),
        labels=labels,
        verified_years=tuple(sorted({*draft.verified_years, *(years - doubtful)})),
    )


def make_up_spans(draft: Draft, region: Region) -> tuple[Span, ...]:
    """The hours of a make-up workday: the region's own, else those of the first open weekday."""
    return region.make_up or next((spans for _, spans in sorted(draft.weekly) if spans), ())


def unverified_year(edition: Edition, at: datetime) -> int | None:
    """The local year of an instant whose public holidays nobody has confirmed; None when there is nothing to doubt.

    A calendar that keeps no public holidays (no region, no year ever confirmed) has none that could be wrong.

    Raises:
        Refusal: TIME_NOT_AWARE.
    """
    if not edition.regions and not edition.version.verified_years:
        return None
    return next(iter(edition.version.unverified_years(at, at)), None)


def _by_weight(found: Mapping[Region, Sequence[HolidayYear]]) -> Iterator[tuple[Region, Holiday]]:
    """Every day of every region, those that close first."""
    for kind in (DayKind.HOLIDAY, DayKind.MAKE_UP):
        for region, held in found.items():
            for year in held:
                yield from ((region, one) for one in year.days if one.kind is kind)


def _is_own(draft: Draft, day: str) -> bool:
    label = draft.labels.get(day)
    return label is None or label.kind is DayKind.COMPANY


def _year(day: str) -> int:
    """The year of a date as somebody wrote it; 0 for what is none, which `publish` refuses by name."""
    head = day[:4]
    return int(head) if head.isdecimal() else 0
