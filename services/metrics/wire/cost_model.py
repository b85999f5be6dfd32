"""Cost models and their events as messages."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from throughline.metrics.v1 import events_pb2
from throughline.metrics.v1 import metrics_pb2 as pb
from throughline.type.v1 import money_pb2

from services.metrics.rules.cost_model import CostModel, CostModelApproved, CostModelDrafted, Draft
from services.metrics.rules.people_model import PeopleModel
from services.metrics.wire.board import CATEGORIES
from services.metrics.wire.instants import set_instant, timestamp
from services.runtime.refusal import Refusal

_CATEGORY_OF = {value: one for one, value in CATEGORIES.items()}
_TYPES = (pb.COST_MODEL_TYPE_UNSPECIFIED, pb.COST_MODEL_TYPE_PEOPLE)
_SECOND = timedelta(seconds=1)

Told = events_pb2.CostModelDrafted | events_pb2.CostModelApproved


def draft_of(message: pb.CostModel) -> Draft:
    """What somebody asks to draft; the rules check it.

    Raises:
        Refusal: COST_MODEL_INVALID, when it is of no known type or category.
    """
    if not message.HasField("people") or message.type not in _TYPES:
        raise Refusal.invalid("cost_model.people", "COST_MODEL_INVALID", "Give a model of the type people.")
    category = _CATEGORY_OF.get(message.category)
    if category is None and message.category != pb.LEDGER_CATEGORY_UNSPECIFIED:
        raise Refusal.invalid("cost_model.category", "COST_MODEL_INVALID", "There is no such category.")
    people = message.people
    longest = people.longest
    return Draft(
        name=message.name,
        category=category,
        effective_at=set_instant(message, "effective_time"),
        currency=people.hourly_rate.currency_code,
        hourly_rate=people.hourly_rate.minor_units,
        scopes=tuple((one.impact, one.users) for one in people.scopes),
        effects=tuple((one.priority, one.per_mille) for one in people.effects),
        longest=timedelta(seconds=longest.seconds, milliseconds=longest.nanos // 1_000_000),
        note=message.note,
    )


def cost_model_message(model: CostModel, number: int, etag: str) -> pb.CostModel:
    """One version of a model; number 0 is the latest.

    Raises:
        Refusal: NOT_FOUND.
    """
    one = model.version(number)
    approved = one.approved_at is not None
    return pb.CostModel(
        name=model.name,
        etag=etag,
        version=one.number,
        state=pb.COST_MODEL_STATE_APPROVED if approved else pb.COST_MODEL_STATE_DRAFT,
        type=pb.COST_MODEL_TYPE_PEOPLE,
        category=CATEGORIES[one.category],
        effective_time=timestamp(one.effective_at),
        people=_people(one.people),
        author=one.author,
        approver=one.approver,
        approve_time=timestamp(one.approved_at),
        note=one.note,
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
        longest=Duration(
            seconds=people.longest // _SECOND, nanos=people.longest % _SECOND // timedelta(microseconds=1) * 1000
        ),
    )
