"""An entry in words and in arithmetic, and an invented fault that shows what a draft would make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import prod

from services.metrics.rules import people_model
from services.metrics.rules.business_model import Basis, basis_of
from services.metrics.rules.claims import (
    BusinessService,
    End,
    Evidence,
    Gain,
    Origin,
    Outage,
    OutageHour,
    Place,
    Standing,
)
from services.metrics.rules.cost_model import CostModel, Draft, written
from services.metrics.rules.exact import HOUR_MS, MILLE
from services.metrics.rules.fact import Exclusion, State
from services.metrics.rules.formulas import MEASURED, Measured, numbers_of
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booking, Entry, Unbooked, settle
from services.metrics.rules.money import Category
from services.metrics.rules.sharing import millis
from services.metrics.rules.valuation import value
from services.runtime.refusal import Refusal

_PEOPLE_WORDS = "people affected x share of their work x hourly rate x time"
LONGEST_EXAMPLE = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Fault:
    """An invented fault. level: priority or criticality. expected, actual: of each hour, thousandths."""

    start: datetime
    end: datetime
    impact: int = 1
    level: int = 1
    expected: int = 100 * MILLE
    actual: int = 0


def words(formula: str) -> str:
    """What a formula multiplies."""
    return _PEOPLE_WORDS if formula == people_model.FORMULA else MEASURED[formula].words


def arithmetic(entry: Entry) -> str:
    """The formula with the entry's numbers in their places: factors x sum of parts / divisor."""
    given = numbers_of(entry.inputs)
    if isinstance(entry.inputs, Measured):
        rule = MEASURED[entry.formula]
        factors = [*(given[one] for one in rule.factors), given["rate_base"]]
        parts, divisor = sum(map(rule.part, entry.inputs.hours)), rule.divisor * given["rate_units"]
    else:
        factors = [given["users"], given["per_mille"], given["hourly_rate"]]
        parts, divisor = given["ms"], MILLE * HOUR_MS
    sign = "-" if given["sign"] < 0 else ""
    left = " x ".join(f"{one:,}" for one in (*factors, parts))
    exact = prod(factors) * parts
    rest = "" if exact % divisor == 0 else ", rounded half to even"
    return f"{sign}{left} / {divisor:,} = {entry.total:,}{rest}"


def worked(draft: Draft, fault: Fault, known: Known) -> Entry | Unbooked:
    """What a draft makes of a fault; nothing of it is kept.

    Raises:
        Refusal: as drafting it does; EXAMPLE_INVALID.
    """
    if not fault.start < fault.end <= fault.start + LONGEST_EXAMPLE:
        raise Refusal.invalid("end_time", "EXAMPLE_INVALID", "Let the fault end after its start, within 31 days.")
    version = written(replace(draft, effective_at=fault.start), (), "people/nobody")
    approved = replace(version, approved_at=fault.start)
    model = CostModel(draft.name, (approved,))
    service = BusinessService("businessServices/example", fault.level, frozenset({"example"}), cost_model=model.name)
    alone = replace(known, models={model.name: model}, services={service.name: service})
    judged = alone.judge(model.name, fault.start, fault.start)
    booking = replace(_claim(draft.name, fault, basis_of(approved.terms), version.category), judged=judged)
    found = value(booking, (), alone)
    if isinstance(found, Unbooked):
        return found
    _, (recorded,) = settle(booking, found, Evidence("", ""), fault.end)
    return recorded.entry


def _claim(model: str, fault: Fault, basis: Basis, category: Category) -> Booking:
    place = Place("services/example", priority=fault.level)
    if basis is Basis.GAIN:
        gain = Gain(
            "ledgerInputs/example",
            category,
            model,
            fault.expected,
            "example",
            "",
            place,
            (),
            fault.start,
        )
        return Booking(gain.name, gain=gain)
    service = "" if basis is Basis.PEOPLE else "businessServices/example"
    if basis is not Basis.TRANSACTIONS:
        end = End(
            *("tickets/example", '"1"', State.RESOLVED),
            fault.impact,
            place,
            Exclusion.NONE,
            fault.start,
            fault.end,
        )
        return Booking(end.ticket, service, end=end)
    outage = Outage(
        name="outages/example",
        etag='"1"',
        service="example",
        standing=Standing.CLOSED,
        origin=Origin.ROOT,
        root="example",
        started_at=fault.start,
        until=fault.end,
        hours=_hours(fault),
    )
    return Booking(outage.name, service, outage=outage)


def _hours(fault: Fault) -> tuple[OutageHour, ...]:
    """The same in each hour; of an hour that is hit in part, the same part."""
    found = []
    at, end = millis(fault.start), millis(fault.end)
    while at < end:
        hour = at // HOUR_MS * HOUR_MS
        ms = min(end, hour + HOUR_MS) - at
        expected, actual = fault.expected * ms // HOUR_MS, fault.actual * ms // HOUR_MS
        found.append(OutageHour(hour, ms, max(expected, actual), max(expected, actual) - actual, expected))
        at += ms
    return tuple(found)
