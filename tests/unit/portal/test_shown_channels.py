"""Channels side by side as the page shows them: on one scale, against one rule, and nothing that nobody measured."""

from __future__ import annotations

from datetime import UTC, datetime

from throughline.metrics.v1 import channels_pb2, comparisons_service_pb2, metrics_pb2
from throughline.tickets.v1 import ticket_pb2

from services.metrics.rules.registry import METRICS
from services.metrics.wire.registry import metric_message
from services.portal.web.shown import channels
from tests.unit.portal.test_shown_board import READER, request_context, value

__all__ = ["request_context"]


def channel_report() -> comparisons_service_pb2.CompareChannelsResponse:
    """Portal and mail: mail answers three times as late; nobody has been asked how satisfied they are."""
    ids = ("first_response_time", "csat")
    waiting = value("csat", metrics_pb2.VALUE_STATE_WAITING, note="survey answers")
    times = {
        ticket_pb2.CHANNEL_PORTAL: value("first_response_time", value=3_600, low=3_000, high=4_200, n=90),
        ticket_pb2.CHANNEL_EMAIL: value("first_response_time", value=10_800, low=9_000, high=12_600, n=60),
        ticket_pb2.CHANNEL_PHONE: value("first_response_time", metrics_pb2.VALUE_STATE_NOT_DEFINED),
    }
    late = value("first_response_time", value=200, low=150, high=260, n=60, note="% of the geometric mean")
    gap = channels_pb2.ChannelGap(
        metric=metric_message(METRICS["first_response_time"]), worse=ticket_pb2.CHANNEL_EMAIL,
        better=ticket_pb2.CHANNEL_PORTAL, difference=late, margin=50,
    )  # fmt: skip
    return comparisons_service_pb2.CompareChannelsResponse(
        metrics=[metric_message(METRICS[id]) for id in ids],
        channels=[
            channels_pb2.ChannelValues(channel=channel, tickets=100, values=[one, waiting])
            for channel, one in times.items()
        ],
        gaps=[gap],
        rule=channels_pb2.ChannelRule(response_percent=50, promise_points=10, satisfaction_points=10, least=30),
    )


def test_channels_stand_on_one_scale_and_nothing_is_invented() -> None:
    """A value with its interval, no value where there is none, and satisfaction only as what it waits for."""
    report = channel_report()
    first, satisfaction = channels.cards(report, "en")
    portal, mail, phone = first["rows"]
    assert (portal["value"], mail["value"], phone["plot"]) == ("1 h", "3 h", None)
    low, high = first["scale"]
    assert (low < 3_000, high > 12_600) == (True, True)
    assert (satisfaction["rows"], satisfaction["waits"]) == ([], "Waits for survey answers")
    told = channels.gap(report.gaps[0], "en")
    assert (told["pair"], told["allowed"]) == ("E-mail against Portal", "50% allowed")
    assert told["difference"] == "200% more (150–260%)"
    alert = channels_pb2.ChannelDivergence(gap=report.gaps[0])
    alert.period.start_time.FromDatetime(datetime(2026, 11, 1, tzinfo=UTC))
    alert.find_time.FromDatetime(datetime(2026, 11, 23, 5, tzinfo=UTC))
    (row,) = channels.alerts([alert], READER)
    assert (row["month"], row["found"]) == ("Nov 2026", "13:00")
    assert channels.rule(report.rule, READER)["values"]["least"] == "30"
