"""What the registry says of a number: one definition for the API, the board, reports, exports and replays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Band(Enum):
    """The layer of the board that a metric belongs to."""

    EFFICIENCY = "efficiency"
    EXPERIENCE = "experience"
    BUSINESS = "business"


class Unit(Enum):
    """What a value is counted in."""

    SECONDS = "s"
    PER_CENT = "%"
    PER_TICKET = "count per ticket"
    TICKETS = "tickets"
    PER_HUNDRED = "count per 100 tickets"
    MONEY = "minor units"
    EVENTS = "events"
    RATIO = "ratio"


class Shown(Enum):
    """Which number of a distribution stands in front; the others stand beside it."""

    MEDIAN = "median"
    MEAN = "mean"


@dataclass(frozen=True, slots=True)
class Metric:
    """One definition.

    code: "E06" and a suffix where a row of the catalogue has several readings; the resource is "metrics/<code>".
    id: the word that it goes by; what feeds it is the measure of that id. names: by language.
    interval: how its doubt is reckoned. version: +1 whenever a value of the past would change.
    waits_for: what it waits for, when nothing feeds it yet; "" when it is live.
    """

    code: str
    id: str
    names: tuple[str, str]
    about: tuple[str, str]
    unit: Unit
    formula: str
    edge_cases: tuple[str, ...]
    source: str
    band: Band
    shown: Shown = Shown.MEDIAN
    interval: str = ""
    version: int = 1
    waits_for: str = ""

    @property
    def name(self) -> str:
        """ "metrics/E06"."""
        return f"metrics/{self.code}"

    @property
    def is_live(self) -> bool:
        """Whether something feeds it."""
        return not self.waits_for
