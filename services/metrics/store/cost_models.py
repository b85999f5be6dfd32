"""Cost models as documents, one a model with all its versions, and the models as handlers look them up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from services.metrics.rules.cost_model import INCIDENTS, CostModel, Version
from services.metrics.rules.money import Category
from services.metrics.rules.people_model import PeopleModel
from services.metrics.wire import cost_model as wire
from services.runtime.records import Kind, Records, Stamp

_MS = timedelta(milliseconds=1)


def _encode(model: CostModel) -> dict[str, Any]:
    return {"name": model.name, "versions": [_encode_version(one) for one in model.versions]}


def _encode_version(one: Version) -> dict[str, Any]:
    people = one.people
    return {
        "number": one.number,
        "category": one.category.value,
        "effective_at": one.effective_at,
        "currency": people.currency,
        "hourly_rate": people.hourly_rate,
        "users": list(map(list, people.users.items())),
        "per_mille": list(map(list, people.per_mille.items())),
        "longest_ms": people.longest // _MS,
        "author": one.author,
        "note": one.note,
        "approver": one.approver,
        "approved_at": one.approved_at,
    }


def _decode(document: Mapping[str, Any]) -> CostModel:
    return CostModel(document["name"], tuple(_decode_version(one) for one in document["versions"]))


def _decode_version(document: Mapping[str, Any]) -> Version:
    return Version(
        number=document["number"],
        category=Category(document["category"]),
        effective_at=document["effective_at"],
        people=PeopleModel(
            document["currency"],
            document["hourly_rate"],
            dict(document["users"]),
            dict(document["per_mille"]),
            document["longest_ms"] * _MS,
        ),
        author=document["author"],
        note=document["note"],
        approver=document["approver"],
        approved_at=document["approved_at"],
    )


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


COST_MODELS: Kind[CostModel] = Kind(
    collection="cost_models", prefix="costModels", encode=_encode, decode=_decode, message=_message
)


class Models:
    """The model that incidents are valued by, as it was at the last `refresh`; handlers take it without waiting."""

    def __init__(self, records: Records[CostModel]) -> None:
        self._records = records
        self.incidents: CostModel | None = None

    async def refresh(self) -> None:
        """Reads the model again.

        Raises:
            pymongo.errors.PyMongoError: the store is away; the model stays as it was.
        """
        found = (await self._records.find([INCIDENTS])).get(INCIDENTS)
        self.incidents = None if found is None else found.state
