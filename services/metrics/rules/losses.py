"""What a set of tickets has cost so far: what the ledger has booked, and of open incidents what it would book now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.metrics.rules.claims import End, Place
from services.metrics.rules.exact import half_even
from services.metrics.rules.fact import Exclusion, Fact, Type
from services.metrics.rules.formulas import Measured, amounts_of
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booking, Unbooked
from services.metrics.rules.valuation import value

_MINUTE, _MS = 60_000, timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Part:
    """What one cause has cost. amount, low, high: minor units of the currency, "" when there is none.

    provisional: the cause is not over. entry: "" while nothing is booked. unbooked: why there is no amount.
    """

    cause: str
    tickets: tuple[str, ...]
    start: datetime
    end: datetime
    provisional: bool
    currency: str = ""
    amount: int = 0
    low: int = 0
    high: int = 0
    entry: str = ""
    model: str = ""
    version: int = 0
    unbooked: Unbooked = Unbooked.NONE

    @property
    def per_minute(self) -> int:
        """The amount by the minutes that it took, half to even; 0 when it took no time."""
        return half_even(self.amount * _MINUTE, ms) if (ms := (self.end - self.start) // _MS) > 0 else 0


@dataclass(frozen=True, slots=True)
class Sum:
    """Parts of one currency added up. provisional: of causes that are not over."""

    currency: str
    amount: int
    provisional: int
    causes: int


def booked(booking: Booking, asked: Sequence[str]) -> Part | None:
    """What the ledger holds of a cause; None when it claims no time. asked: the tickets that somebody wants to know."""
    span, entry = booking.span, booking.open
    if span is None:
        return None
    named = {booking.cause, *(booking.outage.tickets if booking.outage is not None else ())}
    judged = booking.judged
    part = Part(
        booking.cause,
        tuple(one for one in asked if one in named),
        span[0],
        span[1],
        provisional=entry.provisional if entry is not None else False,
        model=judged.model if judged is not None else "",
        version=judged.version if judged is not None else 0,
        unbooked=booking.unbooked,
    )
    if entry is None:
        return part
    return replace(part, currency=entry.currency, amount=entry.total, low=entry.low, high=entry.high, entry=entry.name)


def claim(fact: Fact, known: Known, now: datetime) -> Booking | None:
    """What an open incident would claim if it ended now; None for what is none, or over."""
    if not fact.is_open or fact.type is not Type.INCIDENT or fact.opened_at >= now:
        return None
    service = known.service_of(fact.service)
    place = Place(fact.service, priority=fact.priority)
    end = End(fact.ticket, "", fact.state, fact.impact, place, Exclusion.NONE, fact.opened_at, now)
    judged = known.judge(known.incident_model(service), fact.opened_at, now)
    return Booking(fact.ticket, service.name if service is not None else "", end, judged=judged)


def supposed(booking: Booking, around: Iterable[Booking], known: Known) -> Part:
    """What the ledger would book of a claim that somebody only supposes. around: the claims that share its time."""
    assert booking.span is not None  # noqa: S101 - `claim` gives it an end
    found, judged = value(booking, around, known), booking.judged
    part = Part(
        booking.cause, (booking.cause,), *booking.span, provisional=True,
        model=judged.model if judged is not None else "", version=judged.version if judged is not None else 0,
    )  # fmt: skip
    if isinstance(found, Unbooked):
        return replace(part, unbooked=found)
    # A name of its own to draw by; the entry that will be booked draws by another.
    inputs = found.inputs
    if isinstance(inputs, Measured) and inputs.seed:
        inputs = Measured(inputs.numbers, inputs.hours, booking.name)
    amounts = amounts_of(found.formula, inputs)
    return replace(
        part, currency=found.currency, amount=sum(amounts.amounts), low=sum(amounts.lows), high=sum(amounts.highs)
    )


def summed(parts: Iterable[Part]) -> list[Sum]:
    """The parts by currency, in the order of their codes; each cause is in once, however many tickets name it."""
    found: dict[str, Sum] = {}
    for one in {(part.cause, part.entry): part for part in parts if part.currency}.values():
        kept = found.get(one.currency, Sum(one.currency, 0, 0, 0))
        part = one.amount if one.provisional else 0
        found[one.currency] = Sum(one.currency, kept.amount + one.amount, kept.provisional + part, kept.causes + 1)
    return [found[currency] for currency in sorted(found)]
