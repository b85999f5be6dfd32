"""The board as its page shows it: the sentence, the money with its doubt, the bands, the tables.

Amounts are printed as the ledger gives them; nothing here adds, scales or subtracts one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext, ngettext
from throughline.metrics.v1 import board_pb2, governance_pb2, metrics_pb2
from throughline.type.v1 import money_pb2

from services.portal.web import formats
from services.portal.web.shown import tile as tiles
from services.portal.web.shown.period import Choice
from services.portal.web.shown.reader import last_part

LOSS = metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS
SLUGS: Mapping[int, str] = {
    metrics_pb2.LEDGER_CATEGORY_STOP_LOSS: "stop-loss",
    metrics_pb2.LEDGER_CATEGORY_HOURS: "hours",
    metrics_pb2.LEDGER_CATEGORY_RISK: "risk",
    metrics_pb2.LEDGER_CATEGORY_COMPLIANCE: "compliance",
    LOSS: "incurred-loss",
}
CATEGORIES = {slug: category for category, slug in SLUGS.items()}
_ICONS = {
    metrics_pb2.LEDGER_CATEGORY_STOP_LOSS: "shield-check",
    metrics_pb2.LEDGER_CATEGORY_HOURS: "clock-plus",
    metrics_pb2.LEDGER_CATEGORY_RISK: "umbrella",
    metrics_pb2.LEDGER_CATEGORY_COMPLIANCE: "certificate",
    LOSS: "flame",
}
# The other three that go by the one name MTTR: they stand in the tile of the time to resolve, so that none is bare.
OTHER_TIMES = ("time_to_respond", "time_to_repair", "time_to_restore")
# They stand in the words of the business, beside risk and labour.
ELSEWHERE = ("downtime", "user_hours_returned")
# Their values come from spans, not from tickets.
_ON_SERVICES = frozenset(
    {"availability", "time_between_failures", "time_to_restore_service", "error_budget", "error_budget_burn"}
)
BANDS = (
    ("efficiency", metrics_pb2.BAND_EFFICIENCY),
    ("experience", metrics_pb2.BAND_EXPERIENCE),
    ("business", metrics_pb2.BAND_BUSINESS),
)


@dataclass(frozen=True, slots=True)
class Links:
    """Where a number leads: the ledger's rows of a category, the facts behind a metric, a ticket."""

    evidence: Callable[[str], str]
    facts: Callable[[str], str]
    ticket: Callable[[str], str]
    loss_of: Callable[[str], str]
    services: str
    risks: str = ""


def category_words(category: int) -> tuple[str, str]:
    """The name of a category and what it counts."""
    words: dict[int, tuple[str, str]] = {
        metrics_pb2.LEDGER_CATEGORY_STOP_LOSS: (gettext("Loss stopped"), gettext("repeats avoided")),
        metrics_pb2.LEDGER_CATEGORY_HOURS: (gettext("Hours gained"), gettext("work saved")),
        metrics_pb2.LEDGER_CATEGORY_RISK: (gettext("Risk reduced"), gettext("annualised")),
        metrics_pb2.LEDGER_CATEGORY_COMPLIANCE: (gettext("Compliance"), gettext("failures avoided")),
        LOSS: (gettext("Incurred loss"), gettext("what incidents cost")),
    }
    name, about = words.get(category, ("", ""))
    return str(name), str(about)


def amount(money: money_pb2.Money, language: str) -> str:
    """The full amount: `¥742,800`."""
    return formats.money(money.minor_units, money.currency_code, language)


def likely(line: board_pb2.MoneyLine | metrics_pb2.LedgerEntry | governance_pb2.LossPart, language: str) -> str:
    """`¥571,000–¥938,000`; "" when the ends are the same."""
    ends = sorted((line.low, line.high), key=lambda one: one.minor_units)
    if ends[0].minor_units == ends[1].minor_units:
        return ""
    return formats.span(amount(ends[0], language), amount(ends[1], language), language)


def is_blank(board: board_pb2.Board) -> bool:
    """Whether nothing at all came in: no ticket, no resolution, no row of the ledger."""
    rows = sum(line.entries for line in (*board.lines, board.incurred_loss))
    return not (board.tickets or rows or any(day.resolved for day in board.days))


def headline(board: board_pb2.Board, choice: Choice, language: str, today: date, uncounted: str = "") -> str:
    """The page's one sentence: what was kept when the ledger has it, else what is known. uncounted: what waits."""
    when = choice.days.within(language, today)
    loss = board.incurred_loss
    if any(line.entries for line in board.lines):
        kept = board.total
        short = formats.money_short(kept.minor_units, kept.currency_code, language)
        if kept.minor_units < 0:
            return str(gettext("%(when)s, the four lines add up to %(amount)s", when=when, amount=short))
        return str(gettext("%(when)s, IT service kept %(amount)s in the business", when=when, amount=short))
    if is_blank(board):
        if uncounted:
            return str(gettext("%(when)s: still being counted", when=when))
        return str(gettext("%(when)s, no ticket came in", when=when))
    resolved = sum(day.resolved for day in board.days)
    told = ngettext(
        "%(when)s, one ticket was resolved",
        "%(when)s, %(n)s tickets were resolved",
        resolved,
        when=when,
        n=formats.number(resolved, language, 0),
    )
    if not loss.entries:
        return str(told)
    cost = formats.money_short(loss.amount.minor_units, loss.amount.currency_code, language)
    return str(gettext("%(told)s; incidents cost the business %(amount)s", told=told, amount=cost))


def money(board: board_pb2.Board, links: Links, language: str, current: str = "") -> dict[str, Any]:
    """The card of money: total, four lines on one scale, and the incurred loss beside them.

    current: the slug of the category whose evidence is open.
    """
    lines = [_line(one, links, language, current) for one in board.lines]
    ends = [end.minor_units for one in board.lines if one.entries for end in (one.low, one.high, one.amount)]
    room = (max([0, *ends]) - min([0, *ends])) / 20 or 1
    fed = [one for one in board.lines if one.entries]
    return {
        "lines": lines,
        "scale": (min([0, *ends]) - room, max([0, *ends]) + room),
        "amount": amount(board.total, language) if fed else "",
        "loss": _line(board.incurred_loss, links, language, current),
        "rows": sum(one.entries for one in fed),
    }


def bands(board: board_pb2.Board, links: Links, language: str, *, over: bool) -> list[tuple[str, list[dict[str, Any]]]]:
    """The tiles of each band, in the fixed order of bands. over: the period has ended."""
    found = []
    others = [tiles.beside(one, language) for one in board.tiles if one.metric.id in OTHER_TIMES]
    for name, band in BANDS:
        shown = []
        for one in board.tiles:
            if one.metric.band != band or one.metric.id in (*OTHER_TIMES, *ELSEWHERE):
                continue
            if one.metric.id == "incident_loss":
                shown.append(_loss_tile(one, board.incurred_loss, links, language))
                continue
            if one.metric.id == "risk_exposure":
                shown.append(_risk_tile(one, links, language))
                continue
            href = links.services if one.metric.id in _ON_SERVICES else links.facts(one.metric.id)
            made = tiles.tile(one, language, href=href, over=over)
            shown.append(made | {"beside": others} if one.metric.id == "time_to_resolve" else made)
        found.append((name, shown))
    return found


def priorities(
    board: board_pb2.Board, registry: Mapping[str, metrics_pb2.Metric], language: str
) -> list[dict[str, Any]]:
    """A row for each priority: tickets, time to resolve, promises kept, each with its n. registry: by metric name."""
    return [
        {
            "priority": row.priority,
            "tickets": formats.number(row.tickets, language, 0),
            "resolve": _cell(row.resolve_time, registry, language),
            "kept": _cell(row.sla_met, registry, language),
        }
        for row in board.priorities
    ]


def green_red(board: board_pb2.Board, links: Links, language: str) -> list[dict[str, Any]]:
    """Tickets whose every clock was met, and which still cost something."""
    return [
        {
            "title": row.title,
            "id": last_part(row.ticket),
            "href": links.ticket(row.ticket),
            "why": why_red(row.why),
            "amount": amount(row.loss, language),
            "evidence": links.loss_of(row.ticket),
            "provisional": row.provisional,
        }
        for row in board.green_red
    ]


def why_red(text: str) -> str:
    """The formula by which it cost something, in words; other texts as they are."""
    formula, _, model = text.partition(", ")
    if formula != "people/1":
        return tiles.told(text)
    version = model.rpartition(" ")[2]
    return str(gettext("People waited: rate by cost model version %(version)s", version=version))


def _line(line: board_pb2.MoneyLine, links: Links, language: str, current: str) -> dict[str, Any]:
    """A line of money; `amount` is "" while nothing feeds it, and `waits` says what for."""
    slug = SLUGS.get(line.category, "")
    name, about = category_words(line.category)
    found: dict[str, Any] = {"icon": _ICONS.get(line.category, "coin"), "name": name, "slug": slug}
    if not line.entries:
        waits = gettext("Waits for %(what)s", what=tiles.told(line.waits_for)) if line.waits_for else ""
        return found | {"waits": waits, "amount": "", "detail": about}
    low, high = sorted((line.low.minor_units, line.high.minor_units))
    range_ = likely(line, language)
    open_part = gettext("%(amount)s of it provisional", amount=amount(line.provisional, language))
    return found | {
        "detail": about,
        "amount": amount(line.amount, language),
        "rows": ngettext("%(num)s row", "%(num)s rows", line.entries),
        "range": gettext("Likely range %(range)s", range=range_) if range_ else "",
        "href": links.evidence(slug),
        "current": slug == current,
        "low": low,
        "mid": line.amount.minor_units,
        "high": high,
        "label": range_ or amount(line.amount, language),
        "provisional_text": open_part if line.provisional.minor_units else "",
    }  # fmt: skip


def _loss_tile(one: board_pb2.Tile, line: board_pb2.MoneyLine, links: Links, language: str) -> dict[str, Any]:
    """The loss as a tile: the very amount that stands beside the total, not the metric's copy of it."""
    if not line.entries:
        return tiles.tile(one, language)
    money = line.amount
    number, unit = formats.money_parts(money.minor_units, money.currency_code, language)
    found = {
        "name": tiles.named(one.metric, language),
        "about": tiles.definition(one.metric, language),
        "value": number,
        "unit": unit,
        "href": links.evidence(SLUGS[LOSS]),
        "change": likely(line, language),
        "detail": ngettext("%(num)s row", "%(num)s rows", line.entries),
    }
    if line.provisional.minor_units:
        short = formats.money_short(line.provisional.minor_units, line.provisional.currency_code, language)
        found["provisional"] = gettext("%(amount)s provisional", amount=short)
    return found


def _risk_tile(one: board_pb2.Tile, links: Links, language: str) -> dict[str, Any]:
    """What open risks may cost in a year: the middle, and beside it what nine times in ten is not exceeded."""
    value = one.value
    if value.state != tiles.SHOWN:
        return tiles.tile(one, language)
    number, unit = formats.money_parts(round(value.value), value.note, language)
    high, mean = (formats.money_short(round(part), value.note, language) for part in (value.p90, value.mean))
    return {
        "name": tiles.named(one.metric, language),
        "about": tiles.definition(one.metric, language),
        "value": number,
        "unit": unit,
        "href": links.risks,
        "change": gettext("P50; P90 %(high)s", high=high),
        "detail": gettext("mean %(mean)s · n %(count)s", mean=mean, count=value.n),
    }


def _cell(value: metrics_pb2.Value, registry: Mapping[str, metrics_pb2.Metric], language: str) -> tuple[str, str]:
    """A value and what stands below it; words in place of a value that is not shown."""
    metric = registry.get(value.metric)
    if metric is None or value.state != tiles.SHOWN:
        return tiles.missing(value), tiles.why(value, metric or metrics_pb2.Metric())
    return tiles.whole(metric, value.value, language), tiles.detail(metric, value, language)
