"""What the board asks of the ledger: sums of its lines, in integer minor units of one currency each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from services.metrics.rules.period import Filter, Period


class Category(Enum):
    """What an amount stands for; incurred loss is a statement beside the total and never inside it."""

    STOP_LOSS = "STOP_LOSS"
    HOURS = "HOURS"
    RISK = "RISK"
    COMPLIANCE = "COMPLIANCE"
    INCURRED_LOSS = "INCURRED_LOSS"


GAINS = (Category.STOP_LOSS, Category.HOURS, Category.RISK, Category.COMPLIANCE)
"""The four that a total is made of."""


@dataclass(frozen=True, slots=True)
class MoneySum:
    """The sum of one category in one currency. low, high: its 10th and 90th percentile. provisional: the open part."""

    category: Category
    currency: str
    amount: int
    low: int
    high: int
    entries: int
    provisional: int = 0


@dataclass(frozen=True, slots=True)
class LossSum:
    """What one ticket's incident has cost. formula: "people/1", the cost model and its version."""

    currency: str
    amount: int
    provisional: bool
    formula: str = ""


class Ledger(Protocol):
    """The value ledger as the board reads it."""

    async def money_lines(self, period: Period, filter: Filter, scope: str) -> Sequence[MoneySum]:
        """The sums of the lines whose hour lies in the period, by category and currency, within a unit and below."""
        ...

    async def costliest(self, tickets: Sequence[str], currency: str, most: int) -> Mapping[str, LossSum]:
        """The losses of those of some tickets that have cost the most in a currency."""
        ...

    async def losses_of(self, tickets: Sequence[str]) -> Mapping[str, LossSum]:
        """The incurred loss of each ticket that has one, by "tickets/INC-000123"."""
        ...
