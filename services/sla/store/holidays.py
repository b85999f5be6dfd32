"""Public holidays as the pinned `holidays` library holds them: offline, read only, the same on every machine.

The library answers for any year, announced or not; what it really knows of a year is told beside the days.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from itertools import chain
from typing import Any

import holidays

from services.runtime.refusal import Refusal
from services.sla.rules.days import DayKind
from services.sla.rules.holidays import Doubt, Holiday, HolidayYear

# The edition that the two figures below were judged for; a test fails when another one is installed.
EDITION = "0.109"
# Laws in force when that edition was made are taken to hold until the end of this year.
LAW_UNTIL = 2027
# Names wanted in these languages, in the library's words for them, best first.
_LANGUAGES = {"en": ("en_US", "en_GB"), "zh": ("zh_CN", "zh_HK", "zh_TW")}
_SHOWS_ESTIMATES = "islamic_show_estimated"
_AMERICAN = re.compile(r"(\d{2})/(\d{2})/(\d{4})")
_TRADED = re.compile(r"\d{4}-\d{2}-\d{2}")
_ESTIMATED = "estimated)"


def holiday_years(country: str, subdivision: str, years: Iterable[int]) -> tuple[HolidayYear, ...]:
    """The days of each year, and whether they are certain.

    Raises:
        Refusal: HOLIDAY_COUNTRY_UNKNOWN, HOLIDAY_SUBDIVISION_UNKNOWN.
    """
    source = _source(country)
    if subdivision and subdivision not in source.subdivisions:
        known = ", ".join(source.subdivisions[:60]) or "none"
        raise Refusal.invalid(
            "subdivision", "HOLIDAY_SUBDIVISION_UNKNOWN", f"{country} has no part {subdivision!r}; it has: {known}."
        )
    return tuple(_held(country, subdivision, year) for year in years)


@lru_cache(maxsize=2048)
def _held(country: str, subdivision: str, year: int) -> HolidayYear:
    """One year. Its neighbours are read too: a year's notice may make workdays of the December before it."""
    source = _source(country)
    if not source.start_year <= year <= source.end_year:
        return HolidayYear(year, (), Doubt.NOT_HELD)
    around = range(max(year - 1, source.start_year), min(year + 1, source.end_year) + 1)
    by_language = {key: _days(source, subdivision, around, language) for key, language in _languages(source)}
    english = _days(source, subdivision, around, _first(_LANGUAGES["en"], source.supported_languages))
    found = [
        Holiday(day, DayKind.HOLIDAY, tuple((key, _dated(named[day])) for key, named in by_language.items()))
        for day in english
        if day.year == year
    ]
    traded = _traded(english)
    found += [
        Holiday(day, DayKind.MAKE_UP, _make_up_names(traded.get(day)))
        for day in sorted(english.weekend_workdays)
        if day.year == year and day not in english
    ]
    guessed = any(_ESTIMATED in name for day, name in english.items() if day.year == year)
    return HolidayYear(year, tuple(sorted(found, key=lambda one: one.day)), _doubt(english, year, guessed=guessed))


def _doubt(days: Any, year: int, *, guessed: bool) -> Doubt | None:
    announced = _announced(days)
    if announced and not min(announced) <= year <= max(announced):
        return Doubt.NOT_ANNOUNCED
    if guessed:
        return Doubt.ESTIMATED
    return Doubt.FAR_AHEAD if not announced and year > LAW_UNTIL else None


def _announced(days: Any) -> set[int]:
    """The years for which the source holds exchanges of workdays, of a country that announces such; else none.

    An exchange is a tuple of month and day off, month and day worked, and perhaps the year of the latter.
    """
    tables = (getattr(days, name) for name in dir(days) if name.startswith("special_"))
    return {
        year
        for table in tables
        if isinstance(table, dict)
        for year, entries in table.items()
        if any(_is_exchange(entry) for entry in _entries(entries))
    }


def _entries(entries: Any) -> tuple[Any, ...]:
    """The entries of a year; a single one stands there without a tuple around it."""
    if not isinstance(entries, tuple):
        return ()
    return entries if entries and isinstance(entries[0], tuple) else (entries,)


def _is_exchange(entry: Any) -> bool:
    return isinstance(entry, tuple) and len(entry) in (4, 5) and all(isinstance(part, int) for part in entry)


@lru_cache(maxsize=256)
def _source(country: str) -> type[Any]:
    """The library's class of a country.

    Raises:
        Refusal: HOLIDAY_COUNTRY_UNKNOWN.
    """
    if len(country) != 2 or country not in holidays.list_supported_countries(include_aliases=False):
        raise Refusal.invalid(
            "country", "HOLIDAY_COUNTRY_UNKNOWN", f"Holidays of {country!r} are not held: import them from a file."
        )
    return type(holidays.country_holidays(country))


def _days(source: type[Any], subdivision: str, years: range, language: str | None) -> Any:
    """Names by date in one language. Estimated dates are always marked, also where the library would hide it."""
    marked = {_SHOWS_ESTIMATES: True} if _SHOWS_ESTIMATES in inspect.signature(source.__init__).parameters else {}
    return source(subdiv=subdivision or None, years=years, language=language, **marked)


def _languages(source: type[Any]) -> Iterator[tuple[str, str | None]]:
    """Our name of each language that is wanted and held, and the library's; the country's own where it has another."""
    held = source.supported_languages
    found = {key: _first(wanted, held) for key, wanted in _LANGUAGES.items()}
    yield from ((key, language) for key, language in found.items() if language)
    own = source.default_language or ""
    if own and not found.get(own.partition("_")[0]):
        yield own.partition("_")[0], own


def _first(wanted: Iterable[str], held: Iterable[str]) -> str | None:
    known = set(held)
    same = (one for one in sorted(known) if one.partition("_")[0] == next(iter(wanted)).partition("_")[0])
    return next((one for one in chain(wanted, same) if one in known), None)


def _dated(name: str) -> str:
    """The name with its dates written year first, as everywhere else."""
    return _AMERICAN.sub(r"\3-\1-\2", name)


def _traded(days: Any) -> dict[date, date]:
    """The day off for which each make-up workday is worked, as the names of the days off tell."""
    found = {}
    for day, name in days.items():
        told = _TRADED.search(_dated(name))
        if told is not None:
            found[date.fromisoformat(told[0])] = day
    return found


def _make_up_names(off: date | None) -> tuple[tuple[str, str], ...]:
    if off is None:
        return (("en", "Make-up workday"), ("zh", "调休上班"))
    return (("en", f"Make-up workday for {off.isoformat()}"), ("zh", f"调休上班（换 {off.isoformat()} 休息）"))
