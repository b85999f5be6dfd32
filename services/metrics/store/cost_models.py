"""Cost models and rate tables as documents, one each with all its versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from services.metrics.rules.business_model import Basis, BusinessModel, Terms
from services.metrics.rules.cost_model import CostModel, Version
from services.metrics.rules.money import Category
from services.metrics.rules.people_model import PeopleModel
from services.metrics.rules.rates import Rate, RateTable, RateVersion
from services.metrics.wire import cost_model as wire
from services.metrics.wire import rates as rates_wire
from services.runtime.records import Kind, Stamp

_MS = timedelta(milliseconds=1)


def _encode(model: CostModel) -> dict[str, Any]:
    return {"name": model.name, "versions": [_encode_version(one) for one in model.versions]}


def _encode_version(one: Version) -> dict[str, Any]:
    return {
        "number": one.number,
        "category": one.category.value,
        "effective_at": one.effective_at,
        **(_encode_people(one.terms) if isinstance(one.terms, PeopleModel) else _encode_business(one.terms)),
        "author": one.author,
        "note": one.note,
        "approver": one.approver,
        "approved_at": one.approved_at,
    }


def _encode_people(people: PeopleModel) -> dict[str, Any]:
    return {
        "currency": people.currency,
        "hourly_rate": people.hourly_rate,
        "users": list(map(list, people.users.items())),
        "per_mille": list(map(list, people.per_mille.items())),
        "longest_ms": people.longest // _MS,
    }


def _encode_business(terms: BusinessModel) -> dict[str, Any]:
    business = {one.name: getattr(terms, one.name) for one in fields(terms)}
    pairs = {name: list(map(list, (business[name] or {}).items())) for name in ("places", "levels")}
    return {"business": business | pairs | {"basis": terms.basis.value, "longest": terms.longest // _MS}}


def _decode(document: Mapping[str, Any]) -> CostModel:
    return CostModel(document["name"], tuple(_decode_version(one) for one in document["versions"]))


def _decode_version(document: Mapping[str, Any]) -> Version:
    return Version(
        number=document["number"],
        category=Category(document["category"]),
        effective_at=document["effective_at"],
        terms=_decode_terms(document),
        author=document["author"],
        note=document["note"],
        approver=document["approver"],
        approved_at=document["approved_at"],
    )


def _decode_terms(document: Mapping[str, Any]) -> Terms:
    business = document.get("business")
    if business is not None:
        pairs = {name: dict(business[name]) or None for name in ("places", "levels")}
        return BusinessModel(
            **{**business, **pairs, "basis": Basis(business["basis"]), "longest": business["longest"] * _MS}
        )
    return PeopleModel(
        document["currency"],
        document["hourly_rate"],
        dict(document["users"]),
        dict(document["per_mille"]),
        document["longest_ms"] * _MS,
    )


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


def _encode_table(table: RateTable) -> dict[str, Any]:
    return {
        "name": table.name,
        "versions": [
            {one.name: getattr(version, one.name) for one in fields(version)}
            | {"rates": [[currency, rate.base, rate.units] for currency, rate in version.rates.items()]}
            for version in table.versions
        ],
    }


def _decode_table(document: Mapping[str, Any]) -> RateTable:
    versions = tuple(
        RateVersion(**{**one, "rates": {currency: Rate(base, units) for currency, base, units in one["rates"]}})
        for one in document["versions"]
    )
    return RateTable(document["name"], versions)


def _rates_message(event: Any, stamp: Stamp) -> Message:
    return rates_wire.told(event, stamp.etag)


COST_MODELS: Kind[CostModel] = Kind(
    collection="cost_models", prefix="costModels", encode=_encode, decode=_decode, message=_message
)
RATE_TABLES: Kind[RateTable] = Kind(
    collection="rate_tables", prefix="rateTables", encode=_encode_table, decode=_decode_table, message=_rates_message
)
