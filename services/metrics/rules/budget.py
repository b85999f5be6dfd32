"""What an error budget is worth: its requests or its minutes, by the cost model that is in force.

An estimate beside the ledger and no line of it: the ledger books what outages cost, and a budget is no outage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.metrics.rules.business_model import Basis
from services.metrics.rules.business_service import Burn, BusinessService
from services.metrics.rules.exact import MILLE, half_even
from services.metrics.rules.formulas import HourInput, amounts_of
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Judged, Unbooked
from services.metrics.rules.valuation import supposed

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Worth:
    """Minor units. budget: all of it; spent: more than that when it is overspent. version: of the cost model."""

    currency: str
    budget: int
    spent: int
    model: str
    version: int
    formula: str


def worth(service: BusinessService, told: Burn, known: Known, at: datetime) -> Worth | Unbooked:
    """The budget and what was spent of it, each valued and rounded once by the model in force at `at`; or why not.

    A model of transactions takes the budget as failed requests, each a lost transaction; every other takes it as
    minutes of full downtime while business is open.
    """
    if not service.cost_model:
        return Unbooked.NO_COST_MODEL
    judged = known.judge(service.cost_model, at, None)
    if judged is None:
        return Unbooked.NO_MODEL
    counted = known.basis(judged) is Basis.TRANSACTIONS
    whole = _hour(told.allowed, counted=True) if counted else _hour(told.minutes, counted=False)
    used = _hour(told.spent, counted=True) if counted else _hour(told.minutes - told.minutes_left, counted=False)
    found = [_valued(one, service.criticality, judged, known) for one in (whole, used)]
    budget, spent = found
    if isinstance(budget, Unbooked):
        return budget
    if isinstance(spent, Unbooked):
        return spent
    return Worth(budget[0], budget[1], spent[1], judged.model, judged.version, budget[2])


def _valued(hour: HourInput, level: int, judged: Judged, known: Known) -> tuple[str, int, str] | Unbooked:
    found = supposed(hour, level, judged, known)
    if isinstance(found, Unbooked):
        return found
    return found.currency, sum(amounts_of(found.formula, found.inputs).amounts), found.formula


def _hour(amount: float, *, counted: bool) -> HourInput:
    """Requests in thousandths, or minutes in milliseconds; a float is a fraction of two integers."""
    numerator, denominator = amount.as_integer_ratio()
    if counted:
        return HourInput(0, 0, half_even(numerator * MILLE, denominator), 0)
    return HourInput(0, half_even(numerator * _MINUTE_MS, denominator))
