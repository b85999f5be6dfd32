"""Risks and their exposure as messages, both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import governance_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules import risk as rules
from services.metrics.rules.risk import Draft, Risk, RiskChanged, State
from services.metrics.wire.instants import set_instant, timestamp

STATES = {one: pb.RiskState.Value(f"RISK_STATE_{one.name}") for one in State}
STATE_OF = {value: one for one, value in STATES.items()}


def draft_of(message: pb.Risk) -> Draft:
    """What somebody wrote; the rules check it."""
    return Draft(
        title=message.title,
        owner=message.owner,
        probability=message.probability_per_mille,
        currency=message.loss_p50.currency_code,
        middle=message.loss_p50.minor_units,
        high=message.loss_p90.minor_units,
        currency_high=message.loss_p90.currency_code,
        subject=message.subject,
        note=message.note,
        review_at=set_instant(message, "review_time"),
    )


def risk_message(one: Risk, etag: str) -> pb.Risk:
    """A risk as its readers see it."""
    return pb.Risk(
        name=one.name,
        etag=etag,
        title=one.title,
        owner=one.owner,
        state=STATES[one.state],
        probability_per_mille=one.probability,
        loss_p50=_money(one.currency, one.middle),
        loss_p90=_money(one.currency, one.high),
        subject=one.subject,
        note=one.note,
        review_time=timestamp(one.review_at),
        author=one.author,
        update_time=timestamp(one.updated_at),
        expected=_money(one.currency, one.expected),
    )


def exposure_message(
    open_: Sequence[Risk], accepted: Sequence[Risk], etags: Mapping[str, str], currency: str
) -> pb.RiskExposure:
    """What open risks may cost, those accepted apart. etags: by name."""
    whole, borne = rules.total(open_), rules.total(accepted)
    return pb.RiskExposure(
        p50=_money(currency, whole.middle),
        p90=_money(currency, whole.high),
        mean=_money(currency, whole.mean),
        open=whole.count,
        accepted_p50=_money(currency, borne.middle),
        accepted_p90=_money(currency, borne.high),
        accepted=borne.count,
        top=[risk_message(one, etags[one.name]) for one in rules.top(open_)],
        formula=rules.FORMULA,
        horizon_days=rules.HORIZON_DAYS,
        draws=rules.DRAWS,
    )


def told(event: RiskChanged, etag: str) -> events_pb2.RiskChanged:
    """The message of an event."""
    return events_pb2.RiskChanged(risk=risk_message(event.risk, etag))


def _money(currency: str, amount: int) -> money_pb2.Money:
    return money_pb2.Money(currency_code=currency, minor_units=amount)
