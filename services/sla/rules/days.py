"""Days of a calendar that differ from their weekday: whose they are, what they are called, and for which region."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Local wall time, as ("09:00", "18:00").
Span = tuple[str, str]


class DayKind(StrEnum):
    """Where a day that differs from its weekday comes from."""

    COMPANY = "company"
    HOLIDAY = "holiday"
    MAKE_UP = "make_up"


@dataclass(frozen=True, slots=True)
class Label:
    """What a day is, beside its hours. names: by language; region: whose holiday, such as "CN" or "DE-BY"."""

    kind: DayKind = DayKind.COMPANY
    names: tuple[tuple[str, str], ...] = ()
    region: str = ""


OWN = Label()


@dataclass(frozen=True, slots=True)
class Region:
    """A country, or a part of it, whose public holidays a calendar keeps. make_up: hours of its make-up workdays."""

    country: str
    subdivision: str = ""
    make_up: tuple[Span, ...] = ()

    @property
    def key(self) -> str:
        """As "CN" or "DE-BY"."""
        return f"{self.country}-{self.subdivision}" if self.subdivision else self.country
