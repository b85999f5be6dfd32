"""The form of a business service: what it says, what it cannot read, and that editing changes nothing by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from throughline.metrics.v1 import availability_service_pb2 as calls
from throughline.metrics.v1 import business_service_pb2 as pb
from throughline.metrics.v1 import metrics_pb2

from services.portal.web import business_services_form as form
from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import business_service as shown
from services.portal.web.shown.reader import Reader
from services.portal.web.shown.traffic import callers, reached

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)
READER = Reader("people/sun", NOW, "en", ZONE)


@pytest.fixture(scope="module")
def app() -> Flask:
    """An app with the portal's languages."""
    return create_gallery_app()


@pytest.fixture(autouse=True)
def words(app: Flask) -> Iterator[None]:
    """A request of somebody who reads English."""
    with app.test_request_context(headers={"Accept-Language": "en"}):
        yield


def typed(**fields: str) -> dict[str, str]:
    """A form that is filled in well."""
    given = {"id": "checkout", "name_en": "Checkout", "owner": "teams/pay", "criticality": "1", "components": "shop"}
    return form.typed({**form.blank(), **given, **fields})


def errors(**fields: str) -> list[str]:
    """Beside which fields something stands."""
    return list(form.service(typed(**fields), None, ZONE, NOW)[1])


def test_a_form_says_a_service() -> None:
    """Parts by line with routes, exact per cent, maintenance in the reader's zone, who is told of an outage."""
    made, told = form.service(
        typed(
            components="shop: POST /orders, GET /cart\r\nweb\n\n",
            objective="99.95%",
            threshold="800",
            maintenance="2026-12-01 22:00 - 2026-12-02 02:00 new database\n2026-12-05 01:00–03:00",
            incidents="yes",
            requester="people/sun",
        ),
        None,
        ZONE,
        NOW,
    )
    assert told == {}
    assert made.name == "businessServices/checkout"
    assert [(one.service, list(one.routes)) for one in made.components] == [
        ("shop", ["POST /orders", "GET /cart"]),
        ("web", []),
    ]
    assert (made.objective.parts_per_million, made.objective.window_days) == (999_500, 30)
    assert made.objective.latency_threshold.ToMilliseconds() == 800
    first, second = made.maintenance
    assert first.period.start_time.ToDatetime(tzinfo=UTC) == datetime(2026, 12, 1, 14, tzinfo=UTC)
    assert first.period.end_time.ToDatetime(tzinfo=UTC) == datetime(2026, 12, 1, 18, tzinfo=UTC)
    assert (first.reason, second.reason) == ("new database", "")
    assert second.period.end_time.seconds - second.period.start_time.seconds == 7200
    assert first.announce_time.ToDatetime(tzinfo=UTC) == NOW
    assert (made.incidents.requester, made.incidents.service) == ("people/sun", "")


def test_events_are_said_so() -> None:
    """What a service consumes, all of it or some routes."""
    made, _ = form.service(typed(components="mailer [events]\nbills [events]: orders"), None, ZONE, NOW)
    events = pb.COMPONENT_KIND_EVENTS
    assert [(one.service, list(one.routes), one.kind) for one in made.components] == [
        ("mailer", [], events),
        ("bills", ["orders"], events),
    ]


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"objective": "100"}, ["objective"]),
        ({"objective": "0"}, ["objective"]),
        ({"objective": "99.99999"}, ["objective"]),
        ({"objective": "nearly all"}, ["objective"]),
        ({"objective": "", "threshold": "800"}, ["objective"]),
        ({"objective": "", "days": "x"}, []),
        ({"days": "0"}, ["days"]),
        ({"threshold": "-1"}, ["threshold"]),
        ({"criticality": ""}, ["criticality"]),
        ({"maintenance": "tomorrow"}, ["maintenance"]),
        ({"maintenance": "2026-02-30 22:00 - 2026-03-01 02:00"}, ["maintenance"]),
    ],
)
def test_what_cannot_be_read_is_named(fields: dict[str, str], beside: list[str]) -> None:
    """One sentence beside its field."""
    assert errors(**fields) == beside


def test_editing_changes_nothing_by_itself() -> None:
    """A service as a form, and back; when a window was announced stays what it was."""
    made, _ = form.service(
        typed(
            components="shop: POST /orders\nmailer",
            maintenance="2026-12-01 22:00 - 2026-12-02 02:00 new database",
            objective="99.9999",
            threshold="50",
            name_zh="结账",
            calendar="calendars/stores",
            cost_model="costModels/checkout",
            incidents="yes",
            requester="people/sun",
            service="services/shop",
        ),
        None,
        ZONE,
        NOW,
    )
    later = datetime(2027, 1, 1, tzinfo=UTC)
    again, told = form.service(form.of_service(made, ZONE), made, ZONE, later)
    assert told == {}
    assert again == made
    assert shown.differences(again, made, READER) == []


def test_refusals_stand_beside_their_fields() -> None:
    """By the path that the service names, from its own rules and from the contract's."""
    paths = {
        "business_service.name": "id",
        "business_service.components[0].service": "components",
        'business_service.display_names["en"]': "name_en",
        "business_service.objective.latency_threshold": "threshold",
        "business_service.incidents.requester": "requester",
        "business_service.maintenance[2].period": "maintenance",
        "request_id": "",
    }
    assert {path: form.field_of(path) for path in paths} == paths


def test_what_differs_is_told_part_by_part() -> None:
    """Mine and theirs, in the reader's words."""
    mine, _ = form.service(typed(), None, ZONE, NOW)
    theirs, _ = form.service(typed(criticality="2", objective="99", days="7"), None, ZONE, NOW)
    assert shown.differences(mine, theirs, READER) == [
        ["Criticality", "1 · vital", "2 · important"],
        ["Promise", "99.9% in 30 days", "99% in 7 days"],
    ]


def test_an_objective_without_enough_requests_tells_no_share() -> None:
    """Too few is no hundred per cent; what is missing of the money is said."""
    report = calls.ObjectiveReport(valid=3, good=3, availability=1, budget_minutes=43.2, money_missing="NO_MODEL")
    told = shown.objective(report, READER)
    pairs = dict(told["pairs"])
    assert (pairs["Availability"], pairs["Left in minutes"], told["overspent"]) == ("Too few requests", "–", False)
    assert pairs["Budget in money"] == "no version of the cost model is in force"


def test_the_map_tells_what_else_is_reached() -> None:
    """Along any number of calls, and once round a ring."""
    edges = [
        metrics_pb2.ServiceEdge(caller=caller, callee=callee, calls=7)
        for caller, callee in (("web", "shop"), ("shop", "bank"), ("bank", "shop"))
    ]
    assert reached("web", {"web": {"shop"}, "shop": {"bank"}, "bank": {"shop"}}) == {"shop", "bank"}
    assert [(one["caller"], one["callee"], one["beyond"]) for one in callers(edges, READER)] == [
        ("bank", "shop", "bank"),
        ("shop", "bank", "shop"),
        ("web", "shop", "bank"),
    ]
