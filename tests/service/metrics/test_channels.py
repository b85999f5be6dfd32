"""Channels side by side over the wire: the report, the rule that somebody sets, and the alert that is told once."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from throughline.metrics.v1 import channels_pb2, events_pb2, metrics_pb2
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.metrics.store.channels import CHANNEL_RULES, DIVERGENCES, ByChannel, ChannelWatch
from services.metrics.store.facts import FACTS
from tests.service.metrics.desk import EAST, Desk, Story, at, between, clock, person


def _entered(number: int, channel: Any, waited: float, *, kept: bool) -> list[Any]:
    """A ticket that came by a channel: its first response after so many hours, its promises kept or not."""
    story, hour = Story(number, channel=channel), number % 40
    state = sla_pb2.CLOCK_STATE_MET if kept else sla_pb2.CLOCK_STATE_MISSED
    missed = {} if kept else {"breach_time": hour + 8}
    stopped = [
        clock(
            sla_pb2.CLOCK_KIND_RESPONSE,
            sla_pb2.CLOCK_STATE_MET,
            hour,
            stop_time=hour + waited,
            elapsed=int(waited * 3600),
        ),
        clock(sla_pb2.CLOCK_KIND_RESOLUTION, state, hour, stop_time=hour + 9, elapsed=9 * 3600, **missed),
    ]
    return [*story.resolved(hour, 9), story.tell_clocks("ClockStopped", hour + 9, *stopped)]


@pytest.mark.row("A017")
async def test_channels_that_part_are_shown_and_told_once(desk: Desk) -> None:
    """Of three channels mail is answered three times as late and keeps half its promises: two gaps against each of the
    others, two alerts of each, and not one more at the next look; chat and portal differ by chance alone.
    """
    lead, agent = person("lena", "lead"), person("ann", "agent")
    channels = (ticket_pb2.CHANNEL_PORTAL, ticket_pb2.CHANNEL_CHAT, ticket_pb2.CHANNEL_EMAIL)
    entries = []
    for number in range(1, 109):
        channel = channels[number % 3]
        mail = channel == ticket_pb2.CHANNEL_EMAIL
        place, waited = number // 3, (1 + number % 5 / 4) * (3 if mail else 1)
        entries += _entered(number, channel, waited, kept=place % 2 == 0 if mail else place % 12 > 0)
    await desk.publish(*entries)
    await desk.heard()
    march = between(-24, 30 * 24)
    report = await desk.ask(agent, "CompareChannels", period=march)
    assert [one.id for one in report.metrics] == [
        *("first_response_time", "sla_met_response", "sla_met_resolution", "csat"),
    ]
    rows = {one.channel: one for one in report.channels}
    assert {channel: one.tickets for channel, one in rows.items()} == dict.fromkeys(channels, 36)
    for channel, row in rows.items():
        alone = await desk.values(period=march, filter={"channel": channel})
        assert [one.metric for one in row.values] == [one.name for one in report.metrics]
        assert list(row.values) == [alone[one.metric] for one in row.values]
        assert (row.values[3].state, row.values[3].note) == (metrics_pb2.VALUE_STATE_WAITING, "survey answers")
    pairs = {(one.metric.id, one.worse, one.better) for one in report.gaps}
    assert pairs == {
        (id, ticket_pb2.CHANNEL_EMAIL, other)
        for id in ("first_response_time", "sla_met_resolution")
        for other in channels[:2]
    }
    by_channel = ByChannel(desk.run.db, desk.run.records(FACTS))
    watch = partial(ChannelWatch, desk.run.db, by_channel, desk.run.records(CHANNEL_RULES))
    divergences = desk.run.records(DIVERGENCES)
    strict = channels_pb2.ChannelRule(response_percent=900, promise_points=90, satisfaction_points=10, least=30)
    rule = await desk.ask(lead, "SetChannelRule", channel_rule=strict)
    assert (await desk.refused(agent, "SetChannelRule", channel_rule=strict)).reason == "ROLE_REQUIRED"
    assert (await desk.refused(lead, "SetChannelRule", channel_rule=strict, etag='"9"')).reason == "ETAG_MISMATCH"
    assert not (await desk.ask(lead, "CompareChannels", period=march)).gaps
    first = watch(divergences)
    await first.look(at(300))
    assert not (await desk.ask(lead, "ListChannelDivergences", period=march)).divergences
    strict.response_percent, strict.promise_points = 50, 10
    await desk.ask(lead, "SetChannelRule", channel_rule=strict, etag=rule.etag)
    for one, hour in ((first, 301), (first, 302), (watch(divergences), 303)):
        await one.look(at(hour))
    found = (await desk.ask(lead, "ListChannelDivergences", period=march)).divergences
    assert {(one.gap.metric.id, one.gap.worse, one.gap.better) for one in found} == pairs
    assert {one.find_time.ToDatetime(tzinfo=at(0).tzinfo) for one in found} == {at(301)}
    told = await desk.run.db["journal"].find({"type": events_pb2.ChannelsDiverged.DESCRIPTOR.full_name}).to_list()
    waiting = await desk.run.db["channel_divergences"].find().to_list()
    assert len({one["resource"] for one in told} | {one["_id"] for one in waiting}) == len(pairs)
    assert sum(one["version"] for one in waiting) == len(pairs)
    assert (await desk.refused(EAST, "ListChannelDivergences", period=march)).reason == "UNIT_TOO_NARROW"
    assert len((await desk.ask(EAST, "CompareChannels", period=march)).channels) == 3
