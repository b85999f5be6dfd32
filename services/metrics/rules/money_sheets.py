"""The ledger's lines by the hour, many of a UTC day on one sheet: what a period cuts out of a day is their sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.money_cells import DAY_HOURS, HOUR, MONEY, Edge, Ints, Posted, days_of, kind_of
from services.metrics.rules.period import Filter
from services.metrics.rules.selection import classes_of

_NAMED = ("service", "team", "site", "item", "unit", "source", "cur")
LINE = np.dtype(
    [*((name, "<u2") for name in _NAMED), *((name, "u1") for name in ("cat", "c", "open", "started", "first", "hours"))]
)
"""An entry's part in one UTC day: its place as numbers of names, its first hour of the day, and how many it has."""
LINES_A_SHEET = 1_024


@dataclass(frozen=True, slots=True)
class Sheet:
    """Lines of one UTC day. names: what the numbers of places stand for; hours: those of all lines, in their order."""

    names: tuple[str, ...]
    lines: Ints
    hours: Ints


def by_day(entries: Iterable[Posted]) -> dict[int, list[tuple[Posted, Ints, bool]]]:
    """The parts of entries by UTC day: the entry, its rows of HOUR of that day, and whether it begins in it."""
    found: dict[int, list[tuple[Posted, Ints, bool]]] = {}
    for entry in entries:
        for part, begun, day in days_of(entry):
            found.setdefault(day, []).append((entry, part, begun))
    return found


EMPTY = Sheet((), np.zeros(0, LINE), np.zeros(0, HOUR))


def written(sheet: Sheet, parts: Sequence[tuple[Posted, Ints, bool]]) -> Sheet:
    """A sheet with more lines of its day."""
    numbers = {name: number for number, name in enumerate(sheet.names)}
    lines = np.zeros(len(parts), LINE)
    for at, (entry, part, begun) in enumerate(parts):
        texts = (*(getattr(entry.place, name) for name in _NAMED[:-1]), entry.currency)
        codes = [numbers.setdefault(text, len(numbers)) for text in texts]
        category, _, kind = kind_of(entry)
        first = entry.first % DAY_HOURS if begun else 0
        lines[at] = (*codes, category, kind, entry.provisional, begun, first, len(part))
    hours = np.concatenate((sheet.hours, *(part for _, part, _ in parts)))
    return Sheet(tuple(numbers), np.concatenate((sheet.lines, lines)), hours)


def of_edge(sheet: Sheet, filter: Filter, scope: str, edge: Edge) -> Ints:
    """Rows of MONEY of the lines that have an hour in the edge and that a filter lets pass, one a line."""
    lines = sheet.lines
    first, last = lines["first"].astype(np.int64), lines["first"].astype(np.int64) + lines["hours"]
    chosen = _passes(sheet, filter, scope) & (first < edge.stop) & (last > edge.start)
    ends = np.cumsum(lines["hours"], dtype=np.int64)
    begins = ends - lines["hours"]
    start = (begins + np.maximum(edge.start - first, 0))[chosen]
    stop = (ends - np.maximum(last - edge.stop, 0))[chosen]
    lines, first = lines[chosen], first[chosen]
    made = np.zeros(len(lines), MONEY)
    made["cat"], made["c"] = lines["cat"], lines["c"]
    # Only what is a currency: names of places are written in any script.
    currencies, place = np.unique(lines["cur"], return_inverse=True)
    made["cur"] = np.array([sheet.names[code] for code in currencies.tolist()], "S3")[place]
    for name in HOUR.names or ():
        running = np.concatenate(([0], np.cumsum(sheet.hours[name])))
        made[name] = running[stop] - running[start]
    made["open"] = np.where(lines["open"], made["amount"], 0)
    made["started"] = (lines["started"] > 0) & (first >= edge.start)
    made["carried"] = 1 - made["started"]
    return made


def _passes(sheet: Sheet, filter: Filter, scope: str) -> NDArray[np.bool_]:
    lines = sheet.lines
    chosen = np.ones(len(lines), bool)
    for name in ("service", "team", "site", "item", "source"):
        if value := getattr(filter, name):
            chosen &= lines[name] == (sheet.names.index(value) if value in sheet.names else len(sheet.names))
    if scope:
        below = [n for n, unit in enumerate(sheet.names) if unit == scope or unit.startswith(f"{scope}/")]
        chosen &= np.isin(lines["unit"], below)
    if (wanted := classes_of(filter, fine=True)) is not None:
        chosen &= wanted[lines["c"]]
    return chosen
