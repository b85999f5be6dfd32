"""Cost models and their events as messages, and the other way."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import metrics_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules.business_model import Basis, BusinessModel, basis_of
from services.metrics.rules.cost_model import CostModel, CostModelApproved, CostModelDrafted, Draft, Version
from services.metrics.rules.people_model import PeopleModel
from services.metrics.wire.board import CATEGORIES
from services.metrics.wire.instants import instant, set_instant, timestamp
from services.runtime.refusal import Refusal

_CATEGORY_OF = {value: one for one, value in CATEGORIES.items()}
TYPES = {one: pb.CostModelType.Value(f"COST_MODEL_TYPE_{one.name}") for one in Basis}
_BASIS_OF = {value: one for one, value in TYPES.items()}
_SECOND = timedelta(seconds=1)
_MILLE = 1000
_DAYS = timedelta(days=30)

Told = events_pb2.CostModelDrafted | events_pb2.CostModelApproved


def draft_of(message: pb.CostModel) -> Draft:
    """What somebody asks to draft; the rules check it.

    Raises:
        Refusal: COST_MODEL_INVALID, when it is of no known type or category, or its body is of another type.
    """
    basis = _BASIS_OF.get(message.type)
    if message.type == pb.COST_MODEL_TYPE_UNSPECIFIED and message.HasField("people"):
        basis = Basis.PEOPLE
    of_people = basis is Basis.PEOPLE
    body = "people" if of_people else "business"
    if basis is None or not (message.HasField("people") if of_people else message.HasField("business")):
        raise Refusal.invalid(
            f"cost_model.{body}",
            "COST_MODEL_INVALID",
            "Give the type, and with it people (for the type people) or business (for every other type).",
        )
    category = _CATEGORY_OF.get(message.category)
    if category is None and message.category != pb.LEDGER_CATEGORY_UNSPECIFIED:
        raise Refusal.invalid("cost_model.category", "COST_MODEL_INVALID", "There is no such category.")
    effective_at = set_instant(message, "effective_time")
    if basis is Basis.PEOPLE:
        people = message.people
        return Draft(
            name=message.name,
            category=category,
            effective_at=effective_at,
            currency=people.hourly_rate.currency_code,
            hourly_rate=people.hourly_rate.minor_units,
            scopes=tuple((one.impact, one.users) for one in people.scopes),
            effects=tuple((one.priority, one.per_mille) for one in people.effects),
            longest=_length(people.longest),
            note=message.note,
        )
    business = message.business
    return Draft(
        name=message.name,
        category=category,
        effective_at=effective_at,
        currency=business.unit_value.currency_code,
        scopes=tuple((one.impact, one.places) for one in business.scopes),
        effects=tuple((one.priority, one.per_mille) for one in business.levels),
        longest=_length(business.longest) if business.HasField("longest") else _DAYS,
        note=message.note,
        basis=basis,
        unit_value=business.unit_value.minor_units,
        margin=business.margin_per_mille or _MILLE,
        units_per_hour=business.units_per_hour_milli or _MILLE,
        calendar=business.calendar,
        recovered=business.recovered_per_mille,
        low=business.low_per_mille or _MILLE,
        high=business.high_per_mille or _MILLE,
    )


def cost_model_message(model: CostModel, number: int, etag: str) -> pb.CostModel:
    """One version of a model; number 0 is the latest.

    Raises:
        Refusal: NOT_FOUND.
    """
    one = model.version(number)
    approved = one.approved_at is not None
    terms = one.terms
    return pb.CostModel(
        name=model.name,
        etag=etag,
        version=one.number,
        state=pb.COST_MODEL_STATE_APPROVED if approved else pb.COST_MODEL_STATE_DRAFT,
        type=TYPES[basis_of(terms)],
        category=CATEGORIES[one.category],
        effective_time=timestamp(one.effective_at),
        people=_people(terms) if isinstance(terms, PeopleModel) else None,
        author=one.author,
        approver=one.approver,
        approve_time=timestamp(one.approved_at),
        note=one.note,
        business=_business(terms) if isinstance(terms, BusinessModel) else None,
    )


def version_of(message: pb.CostModel) -> Version:
    """The version that a message of `cost_model_message` holds."""
    given = draft_of(message)
    terms: PeopleModel | BusinessModel
    if given.basis is Basis.PEOPLE:
        terms = PeopleModel(given.currency, given.hourly_rate, dict(given.scopes), dict(given.effects), given.longest)
    else:
        terms = BusinessModel(
            basis=given.basis,
            currency=given.currency,
            unit_value=given.unit_value,
            margin=given.margin,
            units_per_hour=given.units_per_hour,
            calendar=given.calendar,
            places=dict(given.scopes) or None,
            levels=dict(given.effects) or None,
            recovered=given.recovered,
            low=given.low,
            high=given.high,
            longest=given.longest,
        )
    return Version(
        number=message.version,
        category=_CATEGORY_OF[message.category],
        effective_at=instant(message.effective_time),
        terms=terms,
        author=message.author,
        note=message.note,
        approver=message.approver,
        approved_at=set_instant(message, "approve_time"),
    )


def told(event: CostModelDrafted | CostModelApproved, etag: str) -> Told:
    """The message of an event, with the version that it is about."""
    message = cost_model_message(event.model, event.number, etag)
    if isinstance(event, CostModelDrafted):
        return events_pb2.CostModelDrafted(cost_model=message)
    return events_pb2.CostModelApproved(cost_model=message)


def _people(people: PeopleModel) -> pb.PeopleModel:
    return pb.PeopleModel(
        hourly_rate=money_pb2.Money(currency_code=people.currency, minor_units=people.hourly_rate),
        scopes=[pb.ImpactScope(impact=impact, users=users) for impact, users in people.users.items()],
        effects=[pb.PriorityEffect(priority=one, per_mille=share) for one, share in people.per_mille.items()],
        longest=_duration(people.longest),
    )


def _business(terms: BusinessModel) -> pb.BusinessModel:
    return pb.BusinessModel(
        unit_value=money_pb2.Money(currency_code=terms.currency, minor_units=terms.unit_value),
        margin_per_mille=terms.margin,
        units_per_hour_milli=terms.units_per_hour,
        calendar=terms.calendar,
        scopes=[pb.PlaceScope(impact=impact, places=places) for impact, places in (terms.places or {}).items()],
        levels=[pb.PriorityEffect(priority=one, per_mille=share) for one, share in (terms.levels or {}).items()],
        recovered_per_mille=terms.recovered,
        low_per_mille=terms.low,
        high_per_mille=terms.high,
        longest=_duration(terms.longest),
    )


def _length(message: Duration) -> timedelta:
    return timedelta(seconds=message.seconds, milliseconds=message.nanos // 1_000_000)


def _duration(length: timedelta) -> Duration:
    return Duration(seconds=length // _SECOND, nanos=length % _SECOND // timedelta(microseconds=1) * 1000)
