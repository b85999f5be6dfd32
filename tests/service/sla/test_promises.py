"""Calendars, policies and promises through gRPC."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import grpc
import pytest
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from tests.service.sla.desk import BEN, LI, RESOLUTION, RESPONSE, ROOT, WORK, Desk, Paper, instant, now, seconds

HOUR = 3600
INCIDENT = ticket_pb2.TICKET_TYPE_INCIDENT


def _resolution(hours: float) -> sla_pb2.Target:
    return sla_pb2.Target(kind=RESOLUTION, duration=seconds(hours * HOUR))


@pytest.mark.row("A042")
async def test_the_promise_seen_before_submitting_is_the_one_the_clock_starts_on(
    desk: Desk, paper: Callable[[str], Paper]
) -> None:
    """What is previewed is what is due; a policy published later changes neither that nor the pinned version."""
    await desk.calendar("always", "UTC")
    response = sla_pb2.Target(kind=RESPONSE, duration=seconds(HOUR))
    await desk.policy("vpn", "always", response, _resolution(2), services=["services/vpn"])
    asked = {"type": INCIDENT, "priority": 3, "service": "services/vpn"}

    promised = await desk.ask(LI, "PreviewPromise", **asked)
    length = instant(promised.resolution_due_time) - instant(promised.response_due_time)
    assert (promised.policy, promised.policy_version) == ("policies/vpn", 1)
    assert promised.calendar.name == "calendars/always"
    assert length == timedelta(hours=1)
    assert abs(instant(promised.resolution_due_time) - now() - timedelta(hours=2)) < timedelta(seconds=10)

    ticket = paper("REQ-000001")
    opened = now()
    await ticket.tell(ticket.opened(opened, service="services/vpn"))
    await desk.clocks(ticket.name)
    await desk.policy("vpn", "always", response, _resolution(5), services=["services/vpn"])
    await ticket.tell(ticket.moved("TicketStarted", now(), WORK))
    await ticket.tell(ticket.moved("TicketAssigned", now(), WORK, team="teams/net"))

    clocks = await desk.clocks(ticket.name, lambda one: one.team == "teams/net")
    due = next(instant(one.due_time) for one in clocks.clocks if one.kind == RESOLUTION)
    assert due == opened + timedelta(hours=2)
    assert clocks.policy_version == 1
    again = await desk.ask(LI, "PreviewPromise", **asked)
    assert again.policy_version == 2
    assert instant(again.resolution_due_time) - instant(again.response_due_time) == timedelta(hours=4)
    assert not (await desk.ask(LI, "PreviewPromise", type=INCIDENT, priority=3)).policy


async def test_policies_are_tried_in_their_order_and_retired_ones_are_not(desk: Desk) -> None:
    """The first that matches wins; a retired one lets the next have it, until it is published again."""
    await desk.calendar("always", "UTC")
    await desk.policy("rest", "always", _resolution(8), order=90)
    first = await desk.policy("critical", "always", _resolution(1), order=10, priorities=[1])

    async def chosen(priority: int) -> str:
        return str((await desk.ask(LI, "PreviewPromise", type=INCIDENT, priority=priority)).policy)

    assert [await chosen(1), await chosen(2)] == ["policies/critical", "policies/rest"]
    listed = await desk.ask(LI, "ListPolicies")
    assert [one.name for one in listed.policies] == ["policies/critical", "policies/rest"]

    retired = await desk.ask(ROOT, "RetirePolicy", name=first.name, etag=first.etag)
    assert (retired.retired, retired.version) == (True, 2)
    assert await chosen(1) == "policies/rest"
    assert (await desk.refused(ROOT, "RetirePolicy", name=first.name)).reason == "POLICY_RETIRED"
    assert (await desk.refused(ROOT, "RetirePolicy", name=first.name, etag=first.etag)).reason == "ETAG_MISMATCH"

    back = await desk.policy("critical", "always", _resolution(1), order=10, priorities=[1])
    assert (back.retired, back.version) == (False, 3)
    assert await chosen(1) == "policies/critical"


async def test_calendars_keep_every_version(desk: Desk) -> None:
    """Each publication is a version that can still be read; the same content again is none; the etag guards a race."""
    first = await desk.calendar("office", "Asia/Shanghai", ("09:00", "18:00"), verified_years=[2026])
    same = await desk.calendar("office", "Asia/Shanghai", ("09:00", "18:00"), verified_years=[2026])
    days = [sla_pb2.CalendarDay(date="2026-10-01", reason="National Day")]
    second = await desk.calendar("office", "Asia/Shanghai", ("09:00", "17:30"), days=days)

    assert [first.version, same.version, second.version] == [1, 1, 2]
    old = await desk.ask(BEN, "GetCalendar", name="calendars/office", version=1)
    latest = await desk.ask(BEN, "GetCalendar", name="calendars/office")
    assert (old.weekly_hours[0].segments[0].end, list(old.days), list(old.verified_years)) == ("18:00", [], [2026])
    assert (latest.weekly_hours[0].segments[0].end, latest.days[0].reason) == ("17:30", "National Day")
    assert [one.version for one in (await desk.ask(BEN, "ListCalendars")).calendars] == [2]
    assert (await desk.refused(BEN, "GetCalendar", name="calendars/office", version=3)).reason == "NOT_FOUND"
    stale = sla_pb2.Calendar(name="calendars/office", time_zone="UTC", weekly_hours=old.weekly_hours)
    refused = await desk.refused(ROOT, "PublishCalendar", calendar=stale, etag=first.etag)
    assert refused.reason == "ETAG_MISMATCH"


async def test_what_cannot_be_promised_is_refused_by_field(desk: Desk) -> None:
    """Unknown calendars and zones and an impossible stop name the field; only administrators publish."""
    await desk.calendar("always", "UTC")
    target = _resolution(1)
    policy = sla_pb2.Policy(name="policies/x", calendar="calendars/none", targets=[target])
    refused = await desk.refused(ROOT, "PublishPolicy", policy=policy)
    assert (refused.reason, refused.field) == ("CALENDAR_UNKNOWN", "policy.calendar")

    target.stop_mark = sla_pb2.STOP_MARK_RESPONDED
    policy = sla_pb2.Policy(name="policies/x", calendar="calendars/always", targets=[target])
    refused = await desk.refused(ROOT, "PublishPolicy", policy=policy)
    assert (refused.reason, refused.field) == ("STOP_MARK_INVALID", "policy.targets[0].stop_mark")

    calendar = sla_pb2.Calendar(name="calendars/mars", time_zone="Mars/Olympus")
    refused = await desk.refused(ROOT, "PublishCalendar", calendar=calendar)
    assert (refused.reason, refused.field) == ("CALENDAR_ZONE_UNKNOWN", "calendar.time_zone")

    calendar = sla_pb2.Calendar(name="calendars/mine", time_zone="UTC")
    assert (await desk.refused(BEN, "PublishCalendar", calendar=calendar)).reason == "ROLE_REQUIRED"
    bad_name = sla_pb2.Calendar(name="mine", time_zone="UTC")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await desk.ask(ROOT, "PublishCalendar", calendar=bad_name)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_request_sent_twice_publishes_once(desk: Desk) -> None:
    """The same request_id answers with what it made; with another content it is refused."""
    request_id = str(uuid.uuid4())
    await desk.calendar("always", "UTC")
    policy = sla_pb2.Policy(name="policies/x", calendar="calendars/always", targets=[_resolution(1)])
    first = await desk.ask(ROOT, "PublishPolicy", policy=policy, request_id=request_id)
    again = await desk.ask(ROOT, "PublishPolicy", policy=policy, request_id=request_id)
    assert again == first

    policy.order = 5
    refused = await desk.refused(ROOT, "PublishPolicy", policy=policy, request_id=request_id)
    assert refused.reason == "REQUEST_ID_REUSED"
