"""Ledger entries as evidence: what an amount rests on, from the ticket to the formula, and whether it adds up.

Amounts are printed as the ledger gives them. `agrees` repeats the arithmetic only to say whether it comes out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from flask_babel import gettext, lazy_gettext
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import formats
from services.portal.web.shown.board import amount, category_words, likely
from services.portal.web.shown.reader import Reader, instant, last_part

PEOPLE = "people/1"
_WORDS = {
    "people/1": lazy_gettext("people affected × share of their work × hourly rate × time"),
    "people/2": lazy_gettext("people affected × share of their work × hourly rate × time"),
    "transactions/1": lazy_gettext("lost transactions × value of one × level × share that never came back"),
    "sales/1": lazy_gettext(
        "open hours × stores × sales of one in an hour × margin × level × share that never came back"
    ),
    "capacity/1": lazy_gettext(
        "shift hours × lines × units of one in an hour × margin × level × share not made up for"
    ),
    "gain/1": lazy_gettext("quantity × value of one"),
}
_MILLE, _HOUR_MS = 1_000, 3_600_000
_MOST_LINES = 48
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def inputs_of(entry: metrics_pb2.LedgerEntry) -> dict[str, int]:
    """The formula's inputs by name, exact integers."""
    return {one.name: one.value for one in entry.inputs}


def agrees(entry: metrics_pb2.LedgerEntry) -> bool | None:
    """Whether the inputs give the entry's total, and its lines add up to it; None for a formula not known here.

    "people/1" is users x per mille x rate x time, rounded half to even once; in integers throughout.
    """
    given = inputs_of(entry)
    if entry.formula != PEOPLE or not {"users", "per_mille", "hourly_rate", "ms"} <= given.keys():
        return None
    whole, rest = divmod(given["users"] * given["per_mille"] * given["hourly_rate"] * given["ms"], _MILLE * _HOUR_MS)
    twice = 2 * rest - _MILLE * _HOUR_MS
    rounded = whole + (twice > 0 or (twice == 0 and whole % 2 == 1))
    lines = sum(line.amount.minor_units for line in entry.lines)
    return bool(entry.total.minor_units == given.get("sign", 1) * rounded == lines)


def formula_words(formula: str) -> str:
    """A formula in words; its id when it is not known here."""
    return str(_WORDS.get(formula, formula))


def cost_models(entries: Iterable[metrics_pb2.LedgerEntry]) -> list[tuple[str, int]]:
    """The cost models that the entries rest on, as (name, version), newest version first."""
    found = {
        (one.resource, int(one.version))
        for entry in entries
        for one in entry.evidence
        if one.resource.startswith("costModels/") and one.version.isdecimal()
    }
    return sorted(found, key=lambda one: (one[0], -one[1]))


def chain(entry: metrics_pb2.LedgerEntry, reader: Reader, ticket_href: str) -> list[dict[str, Any]]:
    """How the amount came to be, step by step: the ticket, the time, the people, the rate, the amount."""
    given = inputs_of(entry)
    begun = instant(entry.occur_time)
    cause = last_part(entry.cause)
    note = next((one.note for one in entry.evidence if one.resource == entry.cause), "")
    steps: list[dict[str, Any]] = [
        {
            "state": "done",
            "title": cause,
            "href": ticket_href,
            "detail": gettext("Began %(time)s", time=reader.near(begun)) + (f" · {noted(note)}" if note else ""),
        }
    ]
    if "ms" in given:
        lasted = timedelta(milliseconds=given["ms"])
        steps.append(
            {
                "state": "done",
                "title": gettext("It lasted %(length)s", length=reader.length(lasted)),
                "detail": gettext("until %(time)s", time=reader.near(begun + lasted)),
            }
        )
    if "users" in given and "per_mille" in given:
        share = share_words(given["per_mille"], reader.language)
        people = formats.number(given["users"], reader.language, 0)
        told = gettext("%(people)s people lost %(share)s of their work", people=people, share=share)
        steps.append({"state": "done", "title": told, "detail": _doubt(given, reader.language)})
    if "hourly_rate" in given:
        rate = formats.money(given["hourly_rate"], entry.total.currency_code, reader.language)
        model = next((one for one in entry.evidence if one.resource.startswith("costModels/")), None)
        detail = (
            gettext("Cost model %(name)s, version %(version)s", name=model_name(model.resource), version=model.version)
            if model
            else ""
        )
        steps.append({"state": "done", "title": gettext("%(rate)s a person and hour", rate=rate), "detail": detail})
    steps += _counted(entry, given, reader)
    if entry.reverses:
        steps.append({"state": "done", "title": gettext("Taken back"), "detail": last_part(entry.reverses)})
    steps.append(
        {"state": "now", "title": amount(entry.total, reader.language), "detail": likely(entry, reader.language)}
    )
    return steps


def model_name(resource: str) -> str:
    """What the cost model "costModels/..." values: the one of working time in words, others as finance named them."""
    return str(gettext("Working time lost to incidents")) if last_part(resource) == "people" else last_part(resource)


def _counted(entry: metrics_pb2.LedgerEntry, given: dict[str, int], reader: Reader) -> list[dict[str, Any]]:
    """What a formula of business counts and what one of it is worth; nothing for one of people."""
    if "unit_value" not in given:
        return []
    language = reader.language
    hours = sum(one.milliseconds for one in entry.hours)
    lost = sum(max(0, one.expected_milli - one.actual_milli - one.recovered_milli) for one in entry.hours)
    if entry.formula.startswith("transactions/"):
        count = formats.number(lost // 1000, language, 0)
        title = gettext("%(count)s transactions lost", count=count)
    elif entry.formula.startswith("gain/"):
        title = gettext(
            "%(count)s gained", count=formats.number(sum(one.expected_milli for one in entry.hours) / 1000, language)
        )
    else:
        title = gettext("%(length)s counted", length=reader.length(timedelta(milliseconds=hours)))
    model = next((one for one in entry.evidence if one.resource.startswith("costModels/")), None)
    detail = (
        gettext("Cost model %(name)s, version %(version)s", name=model_name(model.resource), version=model.version)
        if model
        else ""
    )
    worth = formats.money(given["unit_value"], entry.total.currency_code, language)
    if given["rate_base"] != given["rate_units"]:
        worth = formats.number(given["unit_value"], language, 0)
    return [
        {"state": "done", "title": title, "detail": formula_words(entry.formula)},
        {"state": "done", "title": gettext("%(worth)s each", worth=worth), "detail": detail},
    ]


def largest(entries: Sequence[metrics_pb2.LedgerEntry]) -> metrics_pb2.LedgerEntry | None:
    """The entry of the largest amount that nothing among them takes back."""
    taken = {one.reverses for one in entries}
    standing = [one for one in entries if one.name not in taken and not one.reverses]
    return max(standing, key=lambda one: (abs(one.total.minor_units), one.name), default=None)


def entry_facts(entry: metrics_pb2.LedgerEntry, reader: Reader) -> dict[str, Any]:
    """What the page of one entry shows beside its chain."""
    language = reader.language
    verdict = agrees(entry)
    return {
        "id": last_part(entry.name),
        "category": category_words(entry.category)[0],
        "amount": amount(entry.total, language),
        "range": likely(entry, language),
        "formula": entry.formula,
        "formula_words": formula_words(entry.formula),
        "verdict": verdict,
        "occurred": reader.near(instant(entry.occur_time)),
        "recorded": reader.near(instant(entry.record_time)),
        "reverses": last_part(entry.reverses),
        "provisional": entry.provisional,
        "inputs": [_input(one, entry, reader) for one in entry.inputs],
        "lines": [
            [reader.near(instant(line.hour_time)), last_part(line.service) or "–", amount(line.amount, language)]
            for line in entry.lines[:_MOST_LINES]
        ],
        "more_lines": max(0, len(entry.lines) - _MOST_LINES),
    }


def _input(one: metrics_pb2.FormulaInput, entry: metrics_pb2.LedgerEntry, reader: Reader) -> dict[str, str]:
    """An input as people read it, as the ledger holds it, and where it is from."""
    language, currency = reader.language, entry.total.currency_code
    of_people = entry.formula.startswith("people/")
    turned = inputs_of(entry).get("rate_base") != inputs_of(entry).get("rate_units")
    names = {
        "users": gettext("People affected"),
        "per_mille": gettext("Share of their work"),
        "hourly_rate": gettext("Hourly rate"),
        "start_ms": gettext("Start"),
        "ms": gettext("Time"),
        "low_per_mille": gettext("People, low end") if of_people else gettext("Value, low end"),
        "high_per_mille": gettext("People, high end") if of_people else gettext("Value, high end"),
        "sign": gettext("Books or takes back"),
        "unit_value": gettext("Value of one"),
        "margin_per_mille": gettext("Margin"),
        "units_per_hour_milli": gettext("Units of a line in an hour"),
        "places": gettext("Stores or lines"),
        "level_per_mille": gettext("Share by level"),
        "kept_per_mille": gettext("Share that never came back"),
        "count_low_per_mille": gettext("Count, low end"),
        "count_high_per_mille": gettext("Count, high end"),
        "rate_base": gettext("Rate, ledger currency"),
        "rate_units": gettext("Rate, model currency"),
    }
    exact = formats.number(one.value, language, 0)
    read = exact
    if one.name.endswith("per_mille"):
        read = share_words(one.value, language)
    elif one.name in ("hourly_rate", "unit_value") and not turned:
        read = formats.money(one.value, currency, language)
    elif one.name == "ms":
        read = reader.length(timedelta(milliseconds=one.value))
    elif one.name == "start_ms":
        read = reader.near(_EPOCH + timedelta(milliseconds=one.value))
    elif one.name == "sign":
        read = gettext("books") if one.value > 0 else gettext("takes back")
    return {
        "name": str(names.get(one.name, one.name)),
        "value": str(read),
        "exact": f"{exact} {gettext(one.unit)}",
        "source": str(gettext(one.source)),
    }


def _doubt(given: dict[str, int], language: str) -> str:
    if "low_per_mille" not in given or "high_per_mille" not in given:
        return ""
    low, high = (share_words(given[name], language) for name in ("low_per_mille", "high_per_mille"))
    return str(gettext("The number of people is uncertain: %(low)s to %(high)s of it", low=low, high=high))


def share_words(per_mille: int, language: str) -> str:
    """A share given in per mille as a percentage: 400 is `40%`."""
    return formats.number(Decimal(per_mille).scaleb(-1), language) + "%"


def noted(note: str) -> str:
    """ "impact 2, priority 3" in the reader's words; other notes as they are."""
    if not note:
        return ""
    counted, _, at = note.partition(" at ")
    if counted in ("root", "symptomatic", "undetermined", "counted") and at:
        return str(gettext("counted at %(service)s", service=at))
    words, _, rest = note.partition(", priority ")
    impact = words.removeprefix("impact ")
    if impact.isdecimal() and rest.isdecimal():
        return str(gettext("impact %(impact)s, priority %(priority)s", impact=impact, priority=rest))
    return str(gettext(note))
