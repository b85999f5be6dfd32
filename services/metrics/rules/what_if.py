"""What a version that is not approved would have made of what is booked; nothing that is booked changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.metrics.rules.cost_model import CostModel, Version
from services.metrics.rules.exact import Amounts
from services.metrics.rules.formulas import Measured, amounts_of
from services.metrics.rules.known import Known
from services.metrics.rules.ledger import Booking, Judged, Unbooked
from services.metrics.rules.valuation import value


def supposing(known: Known, model: str, version: Version) -> Known:
    """What is known, and that version held for ever."""
    kept = known.models[model].versions if model in known.models else ()
    held = replace(version, approved_at=version.approved_at or version.effective_at)
    others = tuple(one for one in kept if one.number != version.number)
    return replace(known, models={**known.models, model: CostModel(model, (*others, held))})


def is_judged_by(booking: Booking, model: str, known: Known) -> bool:
    """Whether the model is what values this cause."""
    if booking.gain is not None:
        return booking.gain.model == model
    if booking.end is not None:
        return known.incident_model(known.service_of(booking.end.place.service)) == model
    service = known.services.get(booking.service)
    return booking.outage is not None and service is not None and service.cost_model == model


def judged_anew(
    booking: Booking, around: Sequence[Booking], model: str, number: int, supposed: Known
) -> tuple[str, int]:
    """The currency and amount that the version gives the cause; ("", 0) when it gives none."""

    def rejudged(one: Booking) -> Booking:
        if not is_judged_by(one, model, supposed):
            return one
        rates = one.judged.rates if one.judged is not None else _rates_at(supposed, one)
        calendar = supposed.judge(model, _begun(one), None)
        return replace(one, judged=Judged(model, number, rates, calendar.calendar if calendar else 0))

    found = value(rejudged(booking), [rejudged(one) for one in around], supposed)
    if isinstance(found, Unbooked):
        return "", 0
    inputs = found.inputs
    if isinstance(inputs, Measured):
        inputs = Measured(inputs.numbers, inputs.hours)
    amounts: Amounts = amounts_of(found.formula, inputs)
    return found.currency, sum(amounts.amounts)


def _begun(booking: Booking) -> datetime:
    if booking.span is not None:
        return booking.span[0]
    assert booking.gain is not None  # noqa: S101 - whatever a model values began
    return booking.gain.occurred_at


def _rates_at(known: Known, booking: Booking) -> int:
    if known.rates is None:
        return 0
    at = _begun(booking)
    held = [one.number for one in known.rates.versions if one.effective_at <= at]
    return max(held, default=0)
