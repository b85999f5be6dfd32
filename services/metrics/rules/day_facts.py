"""The facts of one UTC day by columns, of which a period may cut out a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.metrics.rules.access import is_within
from services.metrics.rules.cells import DIMENSIONS, Packed
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.pieces import Piece, piece_of
from services.metrics.rules.rows import DAY_MS, Added, added
from services.metrics.rules.selection import classes_of

Ints = NDArray[Any]

_NAMES = (*DIMENSIONS, "source", "unit")


@dataclass(frozen=True, slots=True)
class DayFacts:
    """Rows of a day, the class of each fact, and where each belongs, as numbers of names."""

    day: int
    rows: Added
    classes: Ints
    places: Mapping[str, Ints]
    numbers: Mapping[str, int]

    def piece(self, filter: Filter, scope: str, period: Period) -> Piece:
        """What those add in a period that a filter lets pass, of a unit and below it."""
        passing = np.ones(len(self.classes), bool)
        for name in (*DIMENSIONS, "source"):
            if value := getattr(filter, name):
                passing &= self.places[name] == self.numbers.get(value, -1)
        if scope:
            below = [number for unit, number in self.numbers.items() if is_within(unit, scope)]
            passing &= np.isin(self.places["unit"], below)
        if (wanted := classes_of(filter, fine=True)) is not None:
            passing &= wanted[self.classes]
        chosen = passing[self.rows.fact]
        inside = Added(self.rows.rows[chosen], self.rows.fact[chosen]).inside(period)
        return piece_of(inside, self.classes, exact=False)


def on_day(day: int, facts: Sequence[Packed]) -> DayFacts:
    """The facts with those of their rows alone that lie on a UTC day."""
    found = added([one.rows for one in facts])
    here = found.rows["at"] // DAY_MS == day
    numbers: dict[str, int] = {}
    places = {
        name: np.array([numbers.setdefault(getattr(one, name), len(numbers)) for one in facts], np.int64)
        for name in _NAMES
    }
    classes = np.array([one.ticket_class for one in facts], np.int64)
    return DayFacts(day, Added(found.rows[here], found.fact[here]), classes, places, numbers)
