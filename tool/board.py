"""The board's numbers in a terminal or as JSON: what the registry defines and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.json_format import MessageToDict
from throughline.metrics.v1 import board_pb2, metrics_service_pb2
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.type.v1 import interval_pb2

from tool.connection import Connection


def instant(text: str, zone: str) -> datetime:
    """ "2016-03-01" (midnight in the zone) or an ISO instant, as aware UTC.

    Raises:
        ValueError: neither.
    """
    if len(text) == len("2016-03-01"):
        return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone)).astimezone(UTC)
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def period(start: datetime, end: datetime) -> interval_pb2.Interval:
    """The half-open interval."""
    interval = interval_pb2.Interval()
    interval.start_time.FromDatetime(start)
    interval.end_time.FromDatetime(end)
    return interval


def read(
    connection: Connection, interval: interval_pb2.Interval, board_filter: board_pb2.BoardFilter, zone: str
) -> dict[str, Any]:
    """The board and every metric of the registry, as plain data.

    Raises:
        Refusal: the metrics service refused or was away.
    """
    stub = connection.stub("metrics", MetricsServiceStub)
    asked = board_pb2.GetBoardRequest(period=interval, filter=board_filter, time_zone=zone)
    board = connection.call(stub.GetBoard, asked)
    values = connection.call(
        stub.ListValues, metrics_service_pb2.ListValuesRequest(period=interval, filter=board_filter)
    )
    registry = connection.call(stub.ListMetrics, metrics_service_pb2.ListMetricsRequest())
    named = {metric.name: metric for metric in registry.metrics}
    return {
        "period": {"from": interval.start_time.ToJsonString(), "to": interval.end_time.ToJsonString()},
        "tickets": board.tickets,
        "provisional_tickets": board.provisional_tickets,
        "revision": board.revision,
        "metrics": {
            named[value.metric].id: {
                **_plain(value),
                "name": named[value.metric].display_names.get("en", ""),
                "unit": named[value.metric].unit,
            }
            for value in values.values
        },
        "priorities": [_plain(row) for row in board.priorities],
        "lines": [_plain(line) for line in board.lines],
        "incurred_loss": _plain(board.incurred_loss),
    }


def _plain(message: Any) -> dict[str, Any]:
    """A message as data with its numbers as numbers; proto3 JSON would write 64-bit counts as text."""
    found: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return {key: _number(value) for key, value in found.items()}


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _number(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_number(one) for one in value]
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value
