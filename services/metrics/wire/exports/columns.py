"""Which lines a file holds: a report's table with every part of each value, and the tickets behind it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.metrics.rules.fact import Fact, Judged
from services.metrics.rules.registry import METRICS
from services.metrics.rules.report_table import Table
from services.metrics.rules.values import Standing, Value
from services.metrics.wire.exports.book import Cell, Line
from services.metrics.wire.exports.words import LANGUAGES, unit_word, word

TABLE = (
    *("group", "metric", "name", "unit", "state", "value", "n", "numerator", "denominator", "median", "p90", "mean"),
    *("low", "high", "provisional", "note", "baseline_state", "baseline", "baseline_n"),
    *("change_state", "change", "change_low", "change_high", "from", "to"),
)
TICKETS = (
    *("ticket", "type", "state", "priority", "service", "team", "site", "scope", "channel", "source"),
    *("opened", "acked", "responded", "first_resolved", "resolved", "closed", "waited", "reassignments", "reopens"),
    *("response_met", "resolution_met", "knowledge", "excluded"),
)
DEFINITIONS = ("metric", "name", "about", "unit", "formula", "version")


class _Told(NamedTuple):
    standing: str
    value: Cell


def heads(columns: tuple[str, ...], language: str) -> list[str]:
    """The line of heads of one of the above."""
    return [word(one, language) for one in columns]


def table_lines(table: Table, language: str) -> Iterator[Line]:
    """One line a group and metric, the values as the board has them and not rounded anew."""
    zone = ZoneInfo(table.report.zone)
    start, end = (_local(one, zone) for one in (table.period.start, table.period.end))
    for row in table.rows:
        for id, cell in zip(table.report.metrics, row.cells, strict=True):
            metric, value = METRICS[id], cell.value
            before, change = _told(cell.baseline), _told(cell.change)
            yield (
                row.group or word("all", language), id, metric.names[LANGUAGES.index(language)],
                unit_word(metric, language), value.standing.value, *_parts(value), value.provisional, value.note,
                before.standing, before.value, cell.baseline.n if cell.baseline else None,
                change.standing, change.value, *_ends(cell.change), start, end,
            )  # fmt: skip


def definitions(table: Table, language: str) -> Iterator[Line]:
    """What each metric of the table means, and by which version of its definition."""
    at = LANGUAGES.index(language)
    for id in table.report.metrics:
        one = METRICS[id]
        yield id, one.names[at], one.about[at], unit_word(one, language), one.formula, one.version


def ticket_line(fact: Fact, zone: ZoneInfo) -> Line:
    """One ticket as the metrics see it; its title and its people are not among that."""
    marks = (fact.acked_at, fact.responded_at, fact.first_resolved_at, fact.resolved_at, fact.closed_at)
    return (
        fact.ticket.rpartition("/")[2], fact.type.value, fact.state.value, fact.priority or None, fact.service,
        fact.team, fact.site, fact.unit, fact.channel.value, fact.source, _local(fact.opened_at, zone),
        *(_local(one, zone) for one in marks), fact.waited, fact.reassignments, fact.reopens,
        _met(fact.response), _met(fact.resolution), fact.knowledge_used, fact.exclusion.value,
    )  # fmt: skip


def _parts(value: Value) -> tuple[Cell, ...]:
    """The figures of a value; empty when it is not shown, but for what it stands on."""
    shown = value.standing is Standing.SHOWN
    figures = (value.median, value.p90, value.mean, value.low, value.high)
    return (
        value.value if shown else None, value.n, value.numerator, value.denominator,
        *((one if shown else None) for one in figures),
    )  # fmt: skip


def _told(value: Value | None) -> _Told:
    if value is None:
        return _Told("", None)
    return _Told(value.standing.value, value.value if value.standing is Standing.SHOWN else None)


def _ends(change: Value | None) -> tuple[Cell, Cell]:
    known = change is not None and change.standing in (Standing.SHOWN, Standing.NOT_SHOWN)
    return (change.low, change.high) if change is not None and known else (None, None)


def _met(clock: Judged) -> Cell:
    return clock.met if clock.finished_at is not None else None


def _local(at: datetime | None, zone: tzinfo) -> datetime | None:
    return at.astimezone(zone) if at is not None else None
