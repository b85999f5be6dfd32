"""Burn alerts, their rules and their events as messages."""

from __future__ import annotations

from datetime import timedelta

from throughline.metrics.v1 import burn_alert_pb2 as pb
from throughline.metrics.v1 import events_pb2

from services.metrics.rules.burn_alert import (
    BY_ID,
    BurnAlert,
    BurnAlertClosed,
    BurnAlertOpened,
    Rule,
    Urgency,
    alert_name,
)
from services.metrics.wire.instants import duration, timestamp

_URGENCIES = {Urgency.PAGE: pb.BURN_URGENCY_PAGE, Urgency.TICKET: pb.BURN_URGENCY_TICKET}
_SECOND = timedelta(seconds=1)


def rule_message(rule: Rule) -> pb.BurnRule:
    """A rule as its readers see it."""
    return pb.BurnRule(
        id=rule.id,
        urgency=_URGENCIES[rule.urgency],
        factor=rule.factor,
        long_window=duration(rule.long // _SECOND),
        short_window=duration(rule.short // _SECOND),
    )


def alert_message(alert: BurnAlert, etag: str) -> pb.BurnAlert:
    """An alert with its latest episode and those before."""
    first, *rest = alert.episodes
    return pb.BurnAlert(
        name=alert_name(alert.service, alert.rule),
        etag=etag,
        business_service=alert.service,
        rule=rule_message(BY_ID[alert.rule]),
        open=alert.open,
        open_time=timestamp(first.opened_at),
        close_time=timestamp(first.closed_at),
        burn_long=first.long,
        burn_short=first.short,
        earlier=[
            pb.BurnEpisode(
                open_time=timestamp(one.opened_at),
                close_time=timestamp(one.closed_at),
                burn_long=one.long,
                burn_short=one.short,
            )
            for one in rest
        ],
    )


def told(
    event: BurnAlertOpened | BurnAlertClosed, etag: str
) -> events_pb2.BurnAlertOpened | events_pb2.BurnAlertClosed:
    """The message of an event."""
    message = alert_message(event.alert, etag)
    if isinstance(event, BurnAlertOpened):
        return events_pb2.BurnAlertOpened(burn_alert=message)
    return events_pb2.BurnAlertClosed(burn_alert=message)
