"""What stands in the evidence drawer: one category of the ledger, or one ticket of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import board_pb2, metrics_pb2

from services.portal.web import formats
from services.portal.web.shown.board import CATEGORIES, amount, category_words, likely
from services.portal.web.shown.ledger import formula_words, largest, model_name, share_words
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import Reader, instant, last_part


def row(entry: metrics_pb2.LedgerEntry, reader: Reader, href: str) -> dict[str, Any]:
    """A row of the drawer's list."""
    return {
        "title": last_part(entry.cause),
        "detail": reader.near(instant(entry.occur_time)),
        "amount": amount(entry.total, reader.language),
        "href": href,
        "taken_back": bool(entry.reverses),
    }


def drawer(
    board: board_pb2.Board,
    entries: Sequence[metrics_pb2.LedgerEntry],
    models: Sequence[metrics_pb2.CostModel],
    reader: Reader,
    slug: str,
    choice: Choice,
    *,
    ticket: str,
    more: bool,
) -> dict[str, Any]:
    """The head and the parts of the drawer: the line's own amount, or of one ticket the row that stands."""
    category = CATEGORIES[slug]
    line = next((one for one in [*board.lines, board.incurred_loss] if one.category == category), None)
    top = largest(entries)
    language = reader.language
    today = reader.now.astimezone(reader.zone).date()
    name = category_words(category)[0]
    said: board_pb2.MoneyLine | metrics_pb2.LedgerEntry | None = top if ticket else line
    counted = len(entries) if ticket else line.entries if line is not None else 0
    rows = str(ngettext("%(num)s ledger row", "%(num)s ledger rows", counted))
    figure = said.total if isinstance(said, metrics_pb2.LedgerEntry) else said.amount if said is not None else None
    shown = figure is not None and counted > 0
    range_ = likely(said, language) if shown and said is not None else ""
    return {
        "name": f"{name} · {ticket or choice.days.told(language, today)}",
        "amount": amount(figure, language) if shown and figure is not None else _nothing(entries),
        "range": f"{gettext('Likely range %(range)s', range=range_)} · {rows}" if range_ else rows,
        "sentence": sentence(category),
        "facts": _about(entries, models, reader),
        "top_name": gettext("Largest row") if not more else gettext("Largest of the newest rows"),
        "top_amount": amount(top.total, language) if top is not None else "",
        "top_range": likely(top, language) if top is not None else "",
        "log": change_log(entries, reader),
        "assumptions": assumptions(models, language),
    }


def sentence(category: int) -> str:
    """What a category counts, in one sentence."""
    words: dict[int, str] = {
        metrics_pb2.LEDGER_CATEGORY_STOP_LOSS: gettext(
            "Losses that did not happen again after a known problem was fixed. Only problems that passed proof count."
        ),
        metrics_pb2.LEDGER_CATEGORY_HOURS: gettext("Hours that automation and self-service gave back to people."),
        metrics_pb2.LEDGER_CATEGORY_RISK: gettext("What open risks may cost in a year, less than at the baseline."),
        metrics_pb2.LEDGER_CATEGORY_COMPLIANCE: gettext(
            "Control failures that did not happen, at their approved cost."
        ),
        metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS: gettext(
            "What incidents cost people in working time. An estimate by an approved model, never booked accounting."
        ),
    }
    return str(words.get(category, ""))


def _about(
    entries: Sequence[metrics_pb2.LedgerEntry], models: Sequence[metrics_pb2.CostModel], reader: Reader
) -> list[tuple[str, str]]:
    formulas = dict.fromkeys(one.formula for one in entries)
    found = [(str(gettext("Formula")), formula_words(formula)) for formula in formulas]
    for model in models:
        told = gettext("%(name)s, version %(version)s", name=model_name(model.name), version=model.version)
        if model.approver:
            day = formats.day(instant(model.approve_time), reader.language, reader.zone)
            told = gettext(
                "%(model)s, approved by %(who)s, %(day)s", model=told, who=reader.called(model.approver), day=day
            )
        found.append((str(gettext("Cost model")), str(told)))
    return found


def change_log(entries: Iterable[metrics_pb2.LedgerEntry], reader: Reader) -> list[tuple[str, str, str]]:
    """What was taken back, newest first: (day, what happened, amount)."""
    return [
        (
            formats.day(instant(one.record_time), reader.language, reader.zone),
            str(gettext("%(ticket)s was reopened; one row taken back", ticket=last_part(one.ticket))),
            formats.money(one.total.minor_units, one.total.currency_code, reader.language, sign=True),
        )
        for one in entries
        if one.reverses
    ]


def assumptions(models: Iterable[metrics_pb2.CostModel], language: str) -> list[tuple[str, str]]:
    """What the cost models assume, each with its version."""
    found = []
    for model in models:
        version, people = f"v{model.version}", model.people
        rate = formats.money(people.hourly_rate.minor_units, people.hourly_rate.currency_code, language)
        found.append((str(gettext("An affected person's hour costs %(rate)s", rate=rate)), version))
        for scope in people.scopes:
            users = formats.number(scope.users, language, 0)
            told = ngettext(
                "Impact %(impact)s stands for one person",
                "Impact %(impact)s stands for %(users)s people",
                scope.users,
                impact=scope.impact,
                users=users,
            )
            found.append((str(told), version))
        for effect in people.effects:
            share = share_words(effect.per_mille, language)
            told = gettext("Priority %(priority)s costs %(share)s of their work", priority=effect.priority, share=share)
            found.append((str(told), version))
        longest = formats.duration(people.longest.ToTimedelta(), language)
        found.append((str(gettext("At most %(length)s of an incident count", length=longest)), version))
    return found


def _nothing(entries: Sequence[metrics_pb2.LedgerEntry]) -> str:
    """What stands in place of an amount: rows that cancel each other out are no zero either."""
    return str(gettext("Taken back") if entries else gettext("Nothing booked"))
