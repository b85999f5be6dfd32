"""Channels side by side, the rule by which they are judged, and the alerts, as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message
from throughline.metrics.v1 import channels_pb2 as pb
from throughline.metrics.v1 import comparisons_service_pb2, events_pb2

from services.metrics.rules.channels import (
    COMPARED,
    NAME,
    ChannelRule,
    Diverged,
    Divergence,
    Gap,
    RuleChanged,
)
from services.metrics.rules.fact import EPOCH, Channel
from services.metrics.rules.registry import METRICS
from services.metrics.rules.values import Value
from services.metrics.wire.board import interval_message
from services.metrics.wire.fact import CHANNELS
from services.metrics.wire.instants import timestamp
from services.metrics.wire.registry import metric_message, value_message


def rule_of(message: pb.ChannelRule) -> ChannelRule:
    """What somebody asks to set; the contract has checked its bounds."""
    return ChannelRule(message.response_percent, message.promise_points, message.satisfaction_points, message.least)


def rule_message(rule: ChannelRule, etag: str) -> pb.ChannelRule:
    """The rule as its readers see it."""
    return pb.ChannelRule(
        name=NAME,
        etag=etag,
        response_percent=rule.response,
        promise_points=rule.promises,
        satisfaction_points=rule.satisfaction,
        least=rule.least,
        author=rule.author,
        update_time=None if rule.set_at == EPOCH else timestamp(rule.set_at),
    )


def report_message(
    rows: Mapping[Channel, tuple[int, tuple[Value, ...]]], gaps: Sequence[Gap], rule: pb.ChannelRule
) -> comparisons_service_pb2.CompareChannelsResponse:
    """The report. rows: tickets opened and what is compared, by channel."""
    return comparisons_service_pb2.CompareChannelsResponse(
        metrics=[metric_message(METRICS[id]) for id in COMPARED],
        channels=[
            pb.ChannelValues(channel=CHANNELS[channel], tickets=tickets, values=[value_message(one) for one in values])
            for channel, (tickets, values) in rows.items()
        ],
        gaps=[_gap(one) for one in gaps],
        rule=rule,
    )


def divergence_message(divergence: Divergence, name: str) -> pb.ChannelDivergence:
    """An alert."""
    return pb.ChannelDivergence(
        name=name,
        period=interval_message(divergence.period),
        gap=_gap(divergence.gap),
        find_time=timestamp(divergence.found_at),
    )


def told(event: RuleChanged | Diverged, name: str, etag: str) -> Message:
    """The message of an event."""
    if isinstance(event, RuleChanged):
        return events_pb2.ChannelRuleChanged(channel_rule=rule_message(event.rule, etag))
    return events_pb2.ChannelsDiverged(divergence=divergence_message(event.divergence, name))


def _gap(gap: Gap) -> pb.ChannelGap:
    return pb.ChannelGap(
        metric=metric_message(METRICS[gap.metric]),
        worse=CHANNELS[gap.worse],
        better=CHANNELS[gap.better],
        difference=value_message(gap.difference),
        margin=gap.margin,
    )
