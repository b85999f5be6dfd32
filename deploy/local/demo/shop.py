"""The online shop of Qihe Retail, for `tl demo outage`: what it is to the business, its customers, what one is worth.

Published when the shop is first broken: `make run` alone shows none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from throughline.metrics.v1 import availability_service_pb2, business_service_pb2, metrics_pb2, metrics_service_pb2
from throughline.portal.v1 import people_service_pb2

from deploy.local.demo.company import PASSWORD, STORE_SYSTEMS, TIME_ZONE, Person
from deploy.local.demo.loader import Loader
from services.runtime.refusal import Kind, Refusal

T = TypeVar("T")

SERVICE, COST_MODEL = "businessServices/online-shop", "costModels/online-shop"
ADMINISTRATOR, FINANCE, ANALYST = "zheng-an", "he-shuning", "jin-wei"
CUSTOMERS = (
    Person("chu-yining", "楚伊宁", "网店顾客", "requester", unit="cn/online"),
    Person("wen-bolin", "温柏林", "网店顾客", "requester", unit="cn/online"),
    Person("emma-lind", "Emma Lind", "Customer of the online shop", "requester", unit="cn/online", language="en"),
    Person("sang-yu", "桑榆", "网店顾客", "requester", unit="cn/online"),
)


def publish(loader: Loader, entry: str) -> None:
    """Makes what is missing of it. entry: the service of the spans that customers reach.

    Raises:
        Refusal: a service refused, or was away for too long.
    """
    for person in CUSTOMERS:
        _put(loader, person)
    known = availability_service_pb2.GetBusinessServiceRequest(name=SERVICE)
    if _found(loader, loader.availability.GetBusinessService, known) is None:
        _publish_service(loader, entry)
    priced = metrics_service_pb2.GetCostModelRequest(name=COST_MODEL)
    model = _found(loader, loader.metrics.GetCostModel, priced)
    if model is None:
        draft = metrics_service_pb2.DraftCostModelRequest(cost_model=_model(loader))
        model = loader.act(ANALYST, loader.metrics.DraftCostModel, draft, COST_MODEL)
    if model.state != metrics_pb2.COST_MODEL_STATE_APPROVED:
        approve = metrics_service_pb2.ApproveCostModelRequest(name=COST_MODEL, version=model.version, note="同意。")
        loader.act(FINANCE, loader.metrics.ApproveCostModel, approve, f"{COST_MODEL}/{model.version}")


def _found(loader: Loader, method: Callable[..., T], request: Any) -> T | None:
    """What there is, None when there is nothing."""
    try:
        return loader.act(FINANCE, method, request)
    except Refusal as refusal:
        if refusal.kind is not Kind.NOT_FOUND:
            raise
        return None


def _put(loader: Loader, person: Person) -> None:
    wanted = people_service_pb2.PutPersonRequest(
        name=person.name,
        display_name=person.display_name,
        email=f"{person.key}@mail.example",
        title=person.title,
        roles=person.roles.split(),
        unit=person.unit,
        language=person.language,
        time_zone=TIME_ZONE,
    )
    loader.act(ADMINISTRATOR, loader.people.PutPerson, wanted, person.name)
    secret = people_service_pb2.SetPasswordRequest(name=person.name, new_password=PASSWORD)
    loader.act(ADMINISTRATOR, loader.people.SetPassword, secret, f"{person.name}/password")


def _publish_service(loader: Loader, entry: str) -> None:
    service = business_service_pb2.BusinessService(
        name=SERVICE,
        display_names={"zh": "网上商城", "en": "Online shop"},
        owner=STORE_SYSTEMS,
        criticality=1,
        components=[business_service_pb2.ServiceComponent(service=entry)],
        objective=business_service_pb2.ServiceObjective(parts_per_million=999_000, window_days=30),
        cost_model=COST_MODEL,
    )
    request = availability_service_pb2.PublishBusinessServiceRequest(business_service=service)
    loader.act(ADMINISTRATOR, loader.availability.PublishBusinessService, request, SERVICE)


def _model(loader: Loader) -> metrics_pb2.CostModel:
    """What a failed request costs: one in a few is an order, and of those who failed some come back."""
    model = metrics_pb2.CostModel(
        name=COST_MODEL,
        type=metrics_pb2.COST_MODEL_TYPE_TRANSACTIONS,
        category=metrics_pb2.LEDGER_CATEGORY_INCURRED_LOSS,
        note="每次失败请求的毛利：客单毛利 62 元，五次请求成一单；三成顾客之后会再来。",
    )
    model.effective_time.FromDatetime(loader.anchor - timedelta(days=1))
    model.business.unit_value.currency_code = "CNY"
    model.business.unit_value.minor_units = 1_240
    model.business.recovered_per_mille = 300
    model.business.low_per_mille, model.business.high_per_mille = 800, 1_250
    return model
