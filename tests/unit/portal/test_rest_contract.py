"""Bodies, parameters and answers of the interface: exactly what the contract has, every fault named at once."""

from __future__ import annotations

import pytest
from throughline.metrics.v1 import board_pb2, metrics_service_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2
from werkzeug.datastructures import MultiDict

from services.portal.web.rest import ROUTES, contract, openapi, query
from services.runtime.status import Refused


def filed(**body: object) -> tickets_service_pb2.CreateTicketRequest:
    """The request that a body makes."""
    message = tickets_service_pb2.CreateTicketRequest()
    contract.from_json(body, message, without=("request_id",))
    return message


def test_a_body_is_the_message() -> None:
    """Fields have the contract's names, enums their short ones."""
    found = filed(type="INCIDENT", title="Printer", impact=2, channel="WALK_UP")
    assert found == tickets_service_pb2.CreateTicketRequest(
        type=ticket_pb2.TICKET_TYPE_INCIDENT, title="Printer", impact=2, channel=ticket_pb2.CHANNEL_WALK_UP
    )


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"titel": "x"}, ["titel"]),
        ({"request_id": "x"}, ["request_id"]),
        ({"type": "TICKET_TYPE_INCIDENT", "impact": "2"}, ["type", "impact"]),
        ({"impact": 2.5, "title": None}, ["impact", "title"]),
        ({"impact": True}, ["impact"]),
        ({"impact": 2**40}, ["impact"]),
        ({"title": "\ud800"}, ["title"]),
    ],
)
def test_what_the_contract_does_not_have(body: dict[str, object], fields: list[str]) -> None:
    """Unknown fields, other types, numbers too large and texts that are none are refused, all in one answer."""
    with pytest.raises(Refused) as refused:
        filed(**body)
    assert refused.value.reason == "INVALID_FIELDS"
    assert [one.field for one in refused.value.violations] == fields


def test_nested_faults_are_placed() -> None:
    """A fault inside a list or a message says where."""
    message = metrics_service_pb2.DraftCostModelRequest()
    body = {"cost_model": {"people": {"scopes": [{"impact": 1, "users": 5}, {"impact": "high"}], "longest": "a day"}}}
    with pytest.raises(Refused) as refused:
        contract.from_json(body, message)
    assert [one.field for one in refused.value.violations] == [
        "cost_model.people.scopes[1].impact",
        "cost_model.people.longest",
    ]


def test_an_answer_is_whole() -> None:
    """Empty fields are there, unset messages are not, counts are numbers, times RFC 3339."""
    ticket = ticket_pb2.Ticket(name="tickets/INC-000001", type=ticket_pb2.TICKET_TYPE_INCIDENT)
    ticket.open_time.FromJsonString("2026-10-01T02:03:04.5Z")
    ticket.attachments.add(size_bytes=2**40)
    found = contract.to_json(ticket)
    assert (found["type"], found["state"], found["team"], found["links"]) == ("INCIDENT", "UNSPECIFIED", "", [])
    assert found["open_time"] == "2026-10-01T02:03:04.500Z"
    assert found["attachments"][0]["size_bytes"] == 2**40
    assert "close_time" not in found


def test_parameters() -> None:
    """Filters are flat, lists may be joined by commas, days begin at midnight of the zone that is named."""
    message = board_pb2.GetBoardRequest()
    given = MultiDict(
        {"from": "2026-10-01", "to": "2026-11-01T00:00:00+08:00", "time_zone": "Asia/Shanghai", "priorities": "1,2"}
    )
    query.from_query(given, message)
    assert message.period.start_time.ToJsonString() == "2026-09-30T16:00:00Z"
    assert message.period.end_time.ToJsonString() == "2026-10-31T16:00:00Z"
    assert not message.HasField("baseline")
    assert list(message.filter.priorities) == [1, 2]
    assert message.time_zone == "Asia/Shanghai"


@pytest.mark.parametrize(
    "given", [{"from": "yesterday"}, {"priorities": "x"}, {"colour": "red"}, {"time_zone": "Mars"}]
)
def test_parameters_at_fault(given: dict[str, str]) -> None:
    """A parameter that is none of the contract, or no value of it, is named."""
    with pytest.raises(Refused) as refused:
        query.from_query(MultiDict(given), board_pb2.GetBoardRequest())
    assert [one.field for one in refused.value.violations] == list(given)


def test_every_route_is_a_call() -> None:
    """Each address names a method of the contract, binds fields that the request has, and no two share a name."""
    for route in ROUTES:
        fields = route.call.input_type.fields_by_name
        assert {*route.binds} <= {*fields}, route.path
    assert len({route.endpoint for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_changes_need_a_key() -> None:
    """Every address that changes something asks for an Idempotency-Key, signing in and out apart; four only compute."""
    without = [route.path for route in ROUTES if route.method != "GET" and not route.keyed]
    assert without == [
        *("/session", "/session", "/escalation-plans/preview", "/rotas/preview", "/calendars/days"),
        "/costModels/example",
    ]


def test_the_description_holds_the_bounds() -> None:
    """The contract's bounds stand in the description, and each reference in it leads somewhere."""
    described = openapi.document(ROUTES, "1")
    body = described["paths"]["/tickets"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["type", "title"]
    assert body["properties"]["title"] == {"type": "string", "minLength": 1, "maxLength": 200}
    assert body["properties"]["impact"] == {"type": "integer", "minimum": 0, "maximum": 3}
    assert body["properties"]["type"]["enum"] == ["INCIDENT", "REQUEST"]
    assert "request_id" not in body["properties"]
    assert body["additionalProperties"] is False
    schemas = described["components"]["schemas"]

    def references(part: object) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [one for value in part.values() for one in references(value)]
        return [one for value in part for one in references(value)] if isinstance(part, list) else []

    assert {one.rpartition("/")[2] for one in references(described)} <= {*schemas}
