"""Models of business: what a lost transaction, a store's closed till or a line that stands still costs.

A gain is the same arithmetic turned round: so many hours, avoided failures or prevented losses, each worth so much.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from services.metrics.rules.people_model import PeopleModel


class Basis(Enum):
    """What a model counts."""

    PEOPLE = "PEOPLE"
    TRANSACTIONS = "TRANSACTIONS"
    SALES = "SALES"
    CAPACITY = "CAPACITY"
    GAIN = "GAIN"


TIMED = (Basis.SALES, Basis.CAPACITY)


@dataclass(frozen=True, slots=True)
class BusinessModel:
    """What is lost. unit_value: minor units, of a transaction, of what a store sells in an hour, of a unit's margin, or
    of one thing gained.

    margin: of sales, per mille. units_per_hour: of one line, thousandths. calendar: when stores are open or shifts run;
    "" is around the clock. places: stores or lines by impact; the first is all of them. levels: the share that a level
    costs, per mille, by priority or criticality. recovered: per mille that comes back later when nobody has counted it.
    low, high: 10th and 90th percentile of the value, per mille of it. longest: most time counted.
    """

    basis: Basis
    currency: str
    unit_value: int
    margin: int = 1000
    units_per_hour: int = 1000
    calendar: str = ""
    places: Mapping[int, int] | None = None
    levels: Mapping[int, int] | None = None
    recovered: int = 0
    low: int = 1000
    high: int = 1000
    longest: timedelta = timedelta(days=30)

    def level(self, number: int) -> int | None:
        """The share that a level costs, per mille; all of it when the model does not tell levels apart."""
        return self.levels.get(number) if self.levels else 1000

    def places_at(self, impact: int) -> int | None:
        """The stores or lines that an impact stands for."""
        return self.places.get(impact) if self.places else 1


Terms = PeopleModel | BusinessModel


def basis_of(terms: Terms) -> Basis:
    """What a version counts."""
    return terms.basis if isinstance(terms, BusinessModel) else Basis.PEOPLE
