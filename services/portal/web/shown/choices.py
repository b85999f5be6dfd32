"""The menus and the form by which a reader chooses period, baseline and filter, with what is chosen now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from flask_babel import gettext, ngettext
from throughline.portal.v1 import people_pb2

from services.portal.web import formats
from services.portal.web.shown import period as periods
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import Reader, last_part

MONTHS = 6


def menus(choice: Choice, reader: Reader, today: date, at: Callable[..., str]) -> dict[str, Any]:
    """Period, baseline and filter: the words on the button, and (text, address, is chosen) below it."""
    return {
        "period": {"text": choice.days.told(reader.language, today), "items": _months(choice, reader, today, at)},
        "baseline": {
            "text": _baseline_words(choice, reader.language, today),
            "items": _baselines(choice, reader, at),
        },
        "filter": {"text": filter_words(choice, reader)},
    }


def filter_words(choice: Choice, reader: Reader) -> str:
    """What the filter lets through: one filter by its name, several by their number."""
    one, count = choice.filter, choice.filters
    if not count:
        return str(gettext("All services"))
    if count > 1:
        return str(ngettext("%(num)s filter", "%(num)s filters", count))
    if one.channel:
        return periods.channel_words(one.channel)
    if one.type:
        return type_words(periods.TYPES[one.type - 1])
    if one.priorities:
        return ", ".join(f"P{priority}" for priority in one.priorities)
    return reader.called(one.team) if one.team else last_part(one.service or one.site or one.item or one.source)


def type_words(key: str) -> str:
    """A kind of ticket in words."""
    return str(gettext("Incidents") if key == "incident" else gettext("Requests"))


def form(choice: Choice, teams: Mapping[str, people_pb2.Team], language: str) -> dict[str, Any]:
    """The fields of the filter's form with their options and what is chosen."""
    one = choice.filter
    named = sorted(
        (team.display_names.get(language) or next(iter(team.display_names.values()), name), name)
        for name, team in teams.items()
        if not team.retired or name == one.team
    )
    if one.team and one.team not in teams:
        named.append((last_part(one.team), one.team))
    return {
        "from": choice.days.start.isoformat(),
        "to": choice.days.end.isoformat(),
        "period": choice.days.query(),
        "baseline": choice.baseline if choice.baseline != "previous" else "",
        "service": one.service,
        "site": one.site,
        "item": one.item,
        "source": one.source,
        "team": one.team,
        "teams": [(name, text) for text, name in named],
        "channel": periods.CHANNELS[one.channel - 1] if one.channel else "",
        "channels": [(key, periods.channel_words(place)) for place, key in enumerate(periods.CHANNELS, 1)],
        "type": periods.TYPES[one.type - 1] if one.type else "",
        "types": [(key, type_words(key)) for key in periods.TYPES],
        "priorities": list(one.priorities),
        "kept": {name: value for name, value in choice.query().items() if name not in ("month", "from", "to")},
    }


def _months(choice: Choice, reader: Reader, today: date, at: Callable[..., str]) -> list[tuple[str, str, bool]]:
    """This month and those before it, and the chosen one where it is none of them."""
    months = [periods.month_of(today)]
    while len(months) < MONTHS:
        months.append(months[-1].before())
    if choice.days.is_month and choice.days not in months:
        months.append(choice.days)
    return [(formats.month(one.start, reader.language), at(**one.query()), one == choice.days) for one in months]


def _baselines(choice: Choice, reader: Reader, at: Callable[..., str]) -> list[tuple[str, str, bool]]:
    keys = ["previous", "year", "none"]
    month = periods.month_of(choice.days.start)
    for _ in range(MONTHS):
        month = month.before()
        keys.append(f"{month.start:%Y-%m}")
    if choice.baseline not in keys:
        keys.append(choice.baseline)
    named = {
        "previous": gettext("The period before"),
        "year": gettext("A year earlier"),
        "none": gettext("No baseline"),
    }
    return [
        (
            str(named.get(key) or formats.month(date.fromisoformat(f"{key}-01"), reader.language)),
            at(baseline="" if key == "previous" else key),
            key == choice.baseline,
        )
        for key in keys
    ]


def _baseline_words(choice: Choice, language: str, today: date) -> str:
    compared = choice.compared
    if compared is None:
        return str(gettext("No baseline"))
    if compared.is_month and compared.start.year == today.year:
        month = f"{compared.start.month} 月" if language == "zh" else f"{compared.start:%b}"
        return str(gettext("Baseline: %(period)s", period=month))
    return str(gettext("Baseline: %(period)s", period=compared.told(language, today)))
