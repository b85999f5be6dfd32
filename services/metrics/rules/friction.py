"""Where the service cracks: touchpoints by service or team, each a measure of the tickets that ended in a period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.fact import Fact
from services.metrics.rules.measures import CODES, MEASURES
from services.metrics.rules.period import Filter
from services.metrics.rules.registry import METRICS
from services.metrics.rules.statistics import mean_interval, moments
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import LEAST, Standing, Value, share, too_few, undefined

Ints = NDArray[Any]

_DIGITS = 6
PLACES_SHOWN = 100


class Touchpoint(StrEnum):
    """What happened to a requester, from the filing to the end; in this order they are shown."""

    PHONE = "PHONE"
    QUESTION = "QUESTION"
    REPEATED_QUESTION = "REPEATED_QUESTION"
    CHASE = "CHASE"
    REASSIGNMENT = "REASSIGNMENT"
    PING_PONG = "PING_PONG"
    REOPENING = "REOPENING"


MEASURE_OF: Mapping[Touchpoint, str] = {
    Touchpoint.PHONE: "filed_by_phone",
    Touchpoint.QUESTION: "re_asks",
    Touchpoint.REPEATED_QUESTION: "asked_again",
    Touchpoint.CHASE: "chases_while_waiting",
    Touchpoint.REASSIGNMENT: "reassignments",
    Touchpoint.PING_PONG: "ping_pong",
    Touchpoint.REOPENING: "tickets_reopened",
}
"""The registry's number of each, all of them counted when a ticket ends."""
_BY_ID = {one.id: one for one in MEASURES}
_NEEDED = np.zeros(256, bool)
for _id in ("tickets_ended", *MEASURE_OF.values()):
    _NEEDED[CODES[_id]] = True


class By(StrEnum):
    """What the rows are."""

    SERVICE = "service"
    TEAM = "team"


@dataclass(frozen=True, slots=True)
class Crack:
    """A cell. rate: times per 100 tickets that ended, its numerator the times and its denominator the tickets."""

    touchpoint: Touchpoint
    rate: Value


@dataclass(frozen=True, slots=True)
class Row:
    """A service or a team, "" for all of them together; ended: its tickets that ended in the period."""

    place: str
    ended: int
    cells: tuple[Crack, ...]


@dataclass(frozen=True, slots=True)
class FrictionMap:
    """The places with the most tickets first. left_out: further places that ended tickets in the period."""

    whole: Row
    rows: tuple[Row, ...]
    left_out: int


def happened(fact: Fact) -> tuple[Touchpoint, ...]:
    """What happened at least once in a ticket that has ended; nothing of one that is out by a named rule."""
    return tuple(one for one in Touchpoint if times(fact, one))


def times(fact: Fact, touchpoint: Touchpoint) -> int:
    """How often it happened in a ticket that has ended: what the ticket adds to the touchpoint's measure."""
    read = _BY_ID[MEASURE_OF[touchpoint]].read
    reading = None if read is None or fact.is_excluded or not fact.known else read(fact)
    return int(reading[1]) if reading is not None else 0


def needed(rows: Ints) -> Ints:
    """The rows of COUNTED that a map is made of."""
    found: Ints = rows[_NEEDED[rows["m"]]]
    return found


def narrowed(filter: Filter, by: By, place: str) -> Filter:
    """The filter for one service or team."""
    return replace(filter, service=place) if by is By.SERVICE else replace(filter, team=place)


def friction_map(whole: Tally, places: Mapping[str, Tally], most: int = PLACES_SHOWN) -> FrictionMap:
    """The map of a period's tallies; a place where no ticket ended is none."""
    rows = [_row(place, one) for place, one in places.items() if one.count("tickets_ended")]
    rows.sort(key=lambda one: (-one.ended, one.place))
    return FrictionMap(_row("", whole), tuple(rows[:most]), len(rows[most:]))


def _row(place: str, tally: Tally) -> Row:
    ended = tally.count("tickets_ended")
    return Row(place, ended, tuple(Crack(one, _rate(one, tally, ended)) for one in Touchpoint))


def _rate(touchpoint: Touchpoint, tally: Tally, ended: int) -> Value:
    metric = METRICS[MEASURE_OF[touchpoint]]
    if touchpoint is Touchpoint.REOPENING:
        return share(metric, tally.count(metric.id), ended)
    if metric.id in tally.shares:
        return share(metric, *tally.shares[metric.id])
    n, total, squares = moments(tally.spreads.get(metric.id, {}))
    if n == 0:
        return undefined(metric, "nothing to take a share of")
    if n < LEAST:
        return replace(too_few(metric, n, LEAST), numerator=total, denominator=n)
    low, high = mean_interval(n, total, squares)
    value, low, high = (round(100 * one, _DIGITS) for one in (total / n, max(0.0, low), high))
    return Value(metric.name, Standing.SHOWN, value, n, total, n, low=low, high=high)
