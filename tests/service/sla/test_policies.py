"""Policies from draft to publication, conditions, and the bench on which they are tried, through gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from throughline.portal.v1.events_pb2 import PersonChanged
from throughline.portal.v1.people_pb2 import Person
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.runtime.actor import Actor
from tests.service.sla.alarm import told
from tests.service.sla.desk import (
    BEN,
    DONE,
    EVE,
    LI,
    RESOLUTION,
    RESPONSE,
    ROOT,
    WORK,
    Desk,
    Paper,
    clock_of,
    entries_of,
    instant,
    now,
    seconds,
    stamp,
)

Papers = Callable[[str], Paper]
LEAD = Actor("people/lin-tao", frozenset({"lead"}), unit="cn/east")
ADA = Actor("people/ada", frozenset({"administrator"}))
HOUR = 3600
INCIDENT = ticket_pb2.TICKET_TYPE_INCIDENT


def _policy(name: str, hours: float, *, order: int = 10, **match: object) -> sla_pb2.Policy:
    return sla_pb2.Policy(
        name=f"policies/{name}",
        order=order,
        calendar="calendars/always",
        match=sla_pb2.PolicyMatch(**match),  # type: ignore[arg-type]  # fields by name
        targets=[sla_pb2.Target(kind=RESOLUTION, duration=seconds(hours * HOUR))],
    )


async def test_a_lead_drafts_and_an_administrator_who_did_not_write_it_publishes(desk: Desk) -> None:
    """Nothing holds before that; the version names both; what is given back is submitted again; history stays."""
    await desk.calendar("always", "UTC")
    drafted = await desk.ask(LEAD, "DraftPolicy", policy=_policy("p1", 4))
    assert (drafted.state, drafted.version, drafted.author) == (sla_pb2.POLICY_STATE_DRAFT, 0, LEAD.sub)
    assert (await desk.refused(LI, "DraftPolicy", policy=_policy("p2", 4))).reason == "ROLE_REQUIRED"
    assert (await desk.refused(BEN, "GetPolicy", name=drafted.name)).reason == "NOT_FOUND"
    assert not (await desk.ask(LI, "ListPolicies")).policies
    assert [one.name for one in (await desk.ask(BEN, "ListPolicies", drafts=True)).policies] == [drafted.name]
    assert (await desk.refused(ADA, "PublishPolicy", name=drafted.name)).reason == "DRAFT_NOT_SUBMITTED"

    submitted = await desk.ask(LEAD, "SubmitPolicy", name=drafted.name, etag=drafted.etag)
    assert submitted.state == sla_pb2.POLICY_STATE_SUBMITTED
    returned = await desk.ask(ADA, "ReturnPolicy", name=drafted.name, note="Nights need longer.")
    assert (returned.state, returned.note) == (sla_pb2.POLICY_STATE_DRAFT, "Nights need longer.")
    await desk.ask(ADA, "DraftPolicy", policy=_policy("p1", 6), etag=returned.etag)
    await desk.ask(LEAD, "SubmitPolicy", name=drafted.name)
    refused = await desk.refused(ADA, "PublishPolicy", name=drafted.name)
    assert refused.reason == "REVIEWER_IS_AUTHOR"

    published = await desk.ask(ROOT, "PublishPolicy", name=drafted.name)
    assert (published.state, published.version) == (sla_pb2.POLICY_STATE_PUBLISHED, 1)
    assert (published.author, published.reviewer) == (ADA.sub, ROOT.sub)
    assert not (await desk.ask(BEN, "ListPolicies", drafts=True)).policies
    direct = await desk.ask(ROOT, "PublishPolicy", policy=_policy("p1", 8))
    assert (direct.version, direct.author, direct.reviewer) == (2, ROOT.sub, "")
    retired = await desk.ask(ROOT, "RetirePolicy", name=drafted.name)
    assert retired.state == sla_pb2.POLICY_STATE_RETIRED

    first = await desk.ask(BEN, "ListPolicyVersions", name=drafted.name, page_size=2)
    rest = await desk.ask(BEN, "ListPolicyVersions", name=drafted.name, page_size=2, page_token=first.next_page_token)
    assert [one.version for one in (*first.policies, *rest.policies)] == [3, 2, 1]
    old = await desk.ask(BEN, "GetPolicy", name=drafted.name, version=1)
    assert old.targets[0].duration.ToTimedelta() == timedelta(hours=6)


async def test_a_version_waits_for_its_time(desk: Desk, paper: Papers) -> None:
    """Published today for tomorrow: today's tickets are promised the old one, tomorrow's the new one."""
    await desk.calendar("always", "UTC")
    await desk.ask(ROOT, "PublishPolicy", policy=_policy("p3", 8))
    later = _policy("p3", 2)
    later.effective_time.CopyFrom(stamp(now() + timedelta(days=1)))
    assert (await desk.ask(ROOT, "PublishPolicy", policy=later)).version == 2

    asked = {"type": INCIDENT, "priority": 3}
    assert (await desk.ask(LI, "PreviewPromise", **asked)).policy_version == 1
    tomorrow = await desk.ask(BEN, "ExplainPolicy", **asked, open_time=stamp(now() + timedelta(days=2)))
    assert tomorrow.promise.policy_version == 2
    ticket = paper("INC-000001")
    await ticket.tell(ticket.opened(now()))
    assert (await desk.clocks(ticket.name, lambda one: bool(one.clocks))).policy_version == 1


@pytest.mark.row("A042")
async def test_a_condition_chooses_by_what_is_known_of_the_ticket(desk: Desk, paper: Papers) -> None:
    """By the unit of whoever asks: the preview, the clock and the bench agree, and the bench says what was read."""
    await desk.calendar("always", "UTC")
    east = _policy("east", 2, order=1, condition="unit == 'cn/east' && channel == 'portal'")
    await desk.ask(ROOT, "PublishPolicy", policy=east)
    await desk.ask(ROOT, "PublishPolicy", policy=_policy("rest", 8, order=2))
    asked = {"type": INCIDENT, "priority": 3}

    assert (await desk.ask(LI, "PreviewPromise", **asked)).policy == "policies/east"
    elsewhere = Actor("people/mo", frozenset({"requester"}), unit="cn/west")
    assert (await desk.ask(elsewhere, "PreviewPromise", **asked)).policy == "policies/rest"
    ticket = paper("INC-000001")
    await ticket.tell(ticket.opened(now(), channel=ticket_pb2.CHANNEL_PORTAL))
    clocks = await desk.clocks(ticket.name, lambda one: bool(one.clocks))
    assert clocks.policy == "policies/east"

    found = await desk.ask(BEN, "ExplainPolicy", **asked, unit="cn/west")
    assert [(one.policy, one.matched, one.chosen) for one in found.tried] == [
        ("policies/east", False, False),
        ("policies/rest", True, True),
    ]
    finding = found.tried[0].findings[0]
    assert (finding.field, finding.matched) == ("condition", False)
    assert list(finding.given) == ["unit = cn/west", "channel = portal"]
    assert found.promise.policy == "policies/rest"
    assert (await desk.refused(LI, "ExplainPolicy", **asked)).reason == "ROLE_REQUIRED"

    await desk.ask(LEAD, "DraftPolicy", policy=_policy("rest", 1, order=0))
    drafted = await desk.ask(BEN, "ExplainPolicy", **asked, unit="cn/east", with_drafts=True)
    assert [(one.policy, one.state, one.chosen) for one in drafted.tried] == [
        ("policies/rest", sla_pb2.POLICY_STATE_DRAFT, True),
        ("policies/east", sla_pb2.POLICY_STATE_PUBLISHED, False),
    ]


@pytest.mark.row("A042")
async def test_the_item_and_a_vip_choose_the_promise(desk: Desk, paper: Papers) -> None:
    """Preview, clock and bench agree; who stops being a VIP keeps what was promised, and a history has none."""
    await desk.calendar("always", "UTC")
    for name, order, condition in (("vip", 1, "vip"), ("item", 2, "item == 'items/notebook'"), ("rest", 9, "")):
        await desk.ask(ROOT, "PublishPolicy", policy=_policy(name, order, order=order, condition=condition))
    first = paper("INC-000001")
    await told(first.bus, (LI.sub, PersonChanged(person=Person(name=LI.sub, roles=["requester"], vip=True))))
    asked = {"type": INCIDENT, "priority": 3}
    for _ in range(400):
        if (await desk.ask(LI, "PreviewPromise", **asked)).policy == "policies/vip":
            break
        await asyncio.sleep(0.025)
    assert (await desk.ask(LI, "PreviewPromise", **asked, vip=False)).policy == "policies/rest"
    assert (await desk.ask(EVE, "PreviewPromise", **asked, item="items/notebook")).policy == "policies/item"
    assert (await desk.ask(EVE, "PreviewPromise", **asked, vip=True)).policy == "policies/vip"

    item, plain, past = paper("INC-000002"), paper("INC-000003"), paper("INC-000004")
    await first.tell(first.opened(now()))
    await item.tell(item.opened(now(), requester=EVE.sub, item="items/notebook"))
    await plain.tell(plain.opened(now(), requester=EVE.sub))
    await past.tell(past.opened(now(), importing=True, source="uci"))
    tickets = (first.name, item.name, plain.name, past.name)
    found = [await desk.clocks(one, lambda clocks: bool(clocks.clocks)) for one in tickets]
    assert [one.policy for one in found] == ["policies/vip", "policies/item", "policies/rest", "policies/rest"]

    await told(first.bus, (LI.sub, PersonChanged(person=Person(name=LI.sub, roles=["requester"]))), sequence=2)
    for _ in range(400):
        if (await desk.ask(LI, "PreviewPromise", **asked)).policy == "policies/rest":
            break
        await asyncio.sleep(0.025)
    await first.tell(first.moved("TicketTriaged", now(), WORK, priority=2))
    assert (await desk.clocks(first.name, lambda one: one.priority == 2)).policy == "policies/vip"

    tried = (await desk.ask(BEN, "ExplainPolicy", **asked, item="items/phone", vip=True)).tried
    assert [(one.policy, one.matched, [list(each.given) for each in one.findings]) for one in tried] == [
        ("policies/vip", True, [["vip = true"]]),
        ("policies/item", False, [["item = items/phone"]]),
        ("policies/rest", True, []),
    ]


@pytest.mark.row("A060")
async def test_an_impact_that_is_said_late_is_judged_anew(desk: Desk, paper: Papers) -> None:
    """In time since the opening, too late since the outage began: told as a breach, the old verdict beside the new."""
    await desk.calendar("always", "UTC")
    policy = _policy("p3", 2)
    policy.targets[0].start_mark = sla_pb2.START_MARK_IMPACT
    await desk.ask(ROOT, "PublishPolicy", policy=policy)
    ticket, opened = paper("INC-000001"), now() - timedelta(hours=2)
    began, done = opened - timedelta(minutes=90), opened + timedelta(hours=1)
    await ticket.tell(ticket.opened(opened), ticket.moved("TicketResolved", done, DONE))
    met = clock_of(await desk.clocks(ticket.name, lambda one: one.clocks[0].HasField("stop_time")), RESOLUTION)
    assert met.state == sla_pb2.CLOCK_STATE_MET

    await ticket.tell(ticket.moved("ImpactStartSet", now(), DONE, impact_start_time=stamp(began)))
    clock = (await desk.clocks(ticket.name, lambda one: bool(one.clocks[0].verdicts))).clocks[0]
    assert (clock.state, instant(clock.start_time)) == (sla_pb2.CLOCK_STATE_MISSED, began)
    assert (instant(clock.breach_time), clock.elapsed.ToTimedelta()) == (began + timedelta(hours=2), done - began)
    lead, since = clock.segments
    assert (instant(lead.start_time), instant(lead.end_time), lead.cause) == (began, opened, ticket.told[2].id)
    assert since == met.segments[0]
    (old,) = clock.verdicts
    assert (old.state, old.reason) == (sla_pb2.CLOCK_STATE_MET, sla_pb2.SUPERSESSION_IMPACT_MOVED)
    assert (instant(old.start_time), old.superseded_by) == (opened, ticket.told[2].id)
    assert len(await entries_of(desk.run, ticket.name, "ClockBreached")) == 1


async def test_a_condition_that_cannot_be_evaluated_is_refused_when_it_is_saved(desk: Desk) -> None:
    """By field, with what is known instead; a request that says neither or both of what to publish is refused too."""
    await desk.calendar("always", "UTC")
    for condition, reason in (("gold", "CONDITION_INVALID"), ("1 == 1 && " * 99 + "true", "CONDITION_TOO_COSTLY")):
        for method in ("DraftPolicy", "PublishPolicy"):
            refused = await desk.refused(ROOT, method, policy=_policy("p1", 1, condition=condition))
            assert (refused.reason, refused.field) == (reason, "policy.match.condition")
    assert (await desk.refused(ROOT, "PublishPolicy")).reason == "INVALID_FIELDS"
    both = {"name": "policies/p1", "policy": _policy("p1", 1)}
    assert (await desk.refused(ROOT, "PublishPolicy", **both)).reason == "INVALID_FIELDS"


async def test_the_pinned_version_stays_while_the_policy_does(desk: Desk, paper: Papers) -> None:
    """A new version and another category change nothing; another policy takes over with the time that is used."""
    await desk.calendar("always", "UTC")
    await desk.ask(ROOT, "PublishPolicy", policy=_policy("usual", 8, order=5))
    await desk.ask(ROOT, "PublishPolicy", policy=_policy("high", 4, order=1, condition="priority == 1"))
    ticket, opened = paper("INC-000001"), now() - timedelta(hours=1)
    await ticket.tell(ticket.opened(opened))
    await desk.clocks(ticket.name, lambda one: bool(one.clocks))
    await desk.ask(ROOT, "PublishPolicy", policy=_policy("usual", 1, order=5))
    await ticket.tell(ticket.moved("TicketTriaged", opened + timedelta(minutes=20), WORK, category="till", priority=2))
    moved = await desk.clocks(ticket.name, lambda one: one.priority == 2)
    assert (moved.policy_version, instant(moved.clocks[0].due_time)) == (1, opened + timedelta(hours=8))

    await ticket.tell(ticket.moved("TicketTriaged", opened + timedelta(minutes=30), WORK, priority=1))
    raised = await desk.clocks(ticket.name, lambda one: one.priority == 1)
    assert (raised.policy, instant(raised.clocks[0].due_time)) == ("policies/high", opened + timedelta(hours=4))
    assert clock_of(raised, RESOLUTION).elapsed.ToTimedelta() == timedelta(minutes=30)


async def test_what_is_promised_is_told_whole_before_it_is_asked_for(desk: Desk) -> None:
    """Targets with lengths, due times and pauses, names, and the years whose holidays nobody has confirmed."""
    await desk.calendar("office", "Asia/Shanghai", ("09:00", "18:00"), verified_years=[2020])
    policy = _policy("p3", 8)
    policy.calendar = "calendars/office"
    policy.display_names["en"] = "Usual"
    policy.targets.add(kind=RESPONSE, duration=seconds(HOUR))
    held = ticket_pb2.TICKET_STATE_ON_HOLD
    policy.targets[0].pause_states.append(held)
    policy.targets[0].pause_hold_reasons.append(ticket_pb2.HOLD_REASON_VENDOR)
    policy.targets.add(kind=sla_pb2.CLOCK_KIND_OPERATIONAL, duration=seconds(HOUR))
    await desk.ask(ROOT, "PublishPolicy", policy=policy)

    found = await desk.ask(LI, "PreviewPromise", type=INCIDENT, priority=3)

    assert dict(found.display_names) == {"en": "Usual"}
    assert [one.kind for one in found.targets] == [RESOLUTION, RESPONSE]
    resolution = found.targets[0]
    assert (list(resolution.pause_states), list(resolution.pause_hold_reasons)) == (
        [held],
        [ticket_pb2.HOLD_REASON_VENDOR],
    )
    assert resolution.due_time == found.resolution_due_time
    assert now().year in resolution.unverified_years
    assert await entries_of(desk.run, "tickets/INC-000001") == []
