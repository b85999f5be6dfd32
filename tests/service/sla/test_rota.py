"""Who is on call through calls, events and timers: published, overridden, and gaps told once, also on two replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from throughline.portal.v1 import events_pb2 as portal_events
from throughline.sla.v1 import escalation_events_pb2 as events_pb2
from throughline.sla.v1 import escalation_pb2

from services.runtime.journal import Entry
from tests.service.sla.alarm import LEAD, ONCE, Alarm, entries, person, step, told
from tests.service.sla.conftest import Replica
from tests.service.sla.desk import BEN, LI, ROOT, Desk, Paper, instant, now, stamp

Papers = Callable[[str], Paper]
DAY = timedelta(days=1)


def rota(*people: str, **fields: Any) -> escalation_pb2.Rota:
    """A rota that turns every day at 09:00 in Shanghai."""
    layer = escalation_pb2.RotaLayer(
        people=people, hand_over=escalation_pb2.HAND_OVER_DAILY, first_date="2026-01-01", time="09:00", **fields
    )
    return escalation_pb2.Rota(name="rotas/desk", time_zone="Asia/Shanghai", layers=[layer], notice_days=7)


async def gaps_told(desk: Desk, count: int) -> list[Entry]:
    """The gaps that were announced, as soon as there are so many; a moment later, so that a second one would show."""
    found: list[Entry] = []
    for _ in range(600):
        found = [one for one in await entries(desk.run.db, "rotas", "rotas/desk") if one.type.endswith("GapFound")]
        if len(found) >= count:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    return [one for one in await entries(desk.run.db, "rotas", "rotas/desk") if one.type.endswith("GapFound")]


async def test_a_rota_says_who_is_on_call_and_who_is_next(desk: Desk, paper: Papers) -> None:
    """Shift by shift, to the second; an override stands before it and can be taken back."""
    alarm = Alarm(desk)
    await alarm.known(paper("INC-000001").bus)
    made = await alarm.ask(LEAD, "PublishRota", rota=rota(BEN.sub, LEAD.sub))
    assert made.version == 1

    schedule = await alarm.ask(BEN, "GetRotaSchedule", name="rotas/desk")
    assert {schedule.on_call.person, schedule.next_on_call.person} == {BEN.sub, LEAD.sub}
    assert instant(schedule.next_on_call.start_time).hour == 1
    assert {one.person for one in schedule.shifts} == {BEN.sub, LEAD.sub}
    assert schedule.shifts[1].display_name in ("Ben Zhao", "Mei Lin")

    start = now() - timedelta(minutes=1)
    fields = {"start_time": stamp(start), "end_time": stamp(start + DAY), "reason": "holiday"}
    put = await alarm.ask(LEAD, "AddRotaOverride", name="rotas/desk", person=ONCE.sub, **fields)
    assert (await alarm.ask(BEN, "GetRotaSchedule", name="rotas/desk")).on_call.person == ONCE.sub
    assert [(one.person, one.reason, one.author) for one in put.overrides] == [(ONCE.sub, "holiday", LEAD.sub)]
    # What another rota would make of it: the override stays, and its last day is the start of a gap.
    last = f"{now() + 3 * DAY:%Y-%m-%d}"
    asked = await alarm.ask(BEN, "PreviewRota", rota=rota(BEN.sub, last_date=last))
    assert [one.person for one in asked.shifts] == [ONCE.sub, BEN.sub, ""]
    assert [instant(one.start_time) for one in asked.gaps] == [instant(asked.shifts[-1].start_time)]
    assert (await alarm.refused(LI, "PreviewRota", rota=rota(BEN.sub))).reason == "ROLE_REQUIRED"
    refused = await alarm.refused(BEN, "PreviewRota", rota=rota(BEN.sub, "people/nobody"))
    assert (refused.reason, refused.field) == ("PERSON_UNKNOWN", "rota.layers[0].people[1]")
    assert (await alarm.ask(BEN, "GetRota", name="rotas/desk")).etag == put.etag
    await alarm.ask(LEAD, "RemoveRotaOverride", name="rotas/desk", override_id=put.overrides[0].id)
    assert (await alarm.ask(BEN, "GetRotaSchedule", name="rotas/desk")).on_call.person != ONCE.sub

    assert (await alarm.refused(LI, "GetRotaSchedule", name="rotas/desk")).reason == "ROLE_REQUIRED"
    assert (await alarm.refused(BEN, "PublishRota", rota=rota(BEN.sub))).reason == "ROLE_REQUIRED"
    assert (await alarm.refused(ROOT, "PublishRota", rota=rota("people/nobody"))).reason == "PERSON_UNKNOWN"
    assert (
        await alarm.refused(BEN, "GetRotaSchedule", name="rotas/desk", start_time=stamp(now()), end_time=stamp(start))
    ).reason == "SCHEDULE_TIMES_INVALID"
    same = await alarm.ask(LEAD, "PublishRota", rota=rota(BEN.sub, LEAD.sub))
    assert same.version == 1


async def test_a_gap_is_announced_once_on_two_replicas(replica: Replica, paper: Papers) -> None:
    """The layer ends within the notice: one event, however many look; it stands on the rota until somebody fills it."""
    one, _two = await replica(), await replica()
    alarm = Alarm(one)
    await alarm.known(paper("INC-000001").bus)
    last = now() + 3 * DAY
    await alarm.ask(ROOT, "PublishRota", rota=rota(BEN.sub, last_date=f"{last:%Y-%m-%d}"))

    found = await gaps_told(one, 1)
    assert len(found) == 1
    gap = events_pb2.RotaGapFound.FromString(found[0].data).gap
    assert instant(gap.start_time) == last.replace(hour=1, minute=0, second=0, microsecond=0)
    assert not gap.HasField("end_time")
    kept = await alarm.ask(BEN, "GetRota", name="rotas/desk")
    assert len(kept.gaps) == 1
    await alarm.ask(
        LEAD,
        "AddRotaOverride",
        name="rotas/desk",
        person=ONCE.sub,
        start_time=stamp(last),
        end_time=stamp(last + DAY),
        reason="half of it",
    )
    # The rest of it is a smaller gap, which is told already.
    assert len(await gaps_told(one, 1)) == 1


async def test_somebody_who_leaves_makes_a_gap(desk: Desk, paper: Papers) -> None:
    """The portal tells that he is disabled: the gap is announced at once, and nobody is on call."""
    alarm, bus = Alarm(desk), paper("INC-000001").bus
    await alarm.known(bus)
    await alarm.ask(ROOT, "PublishRota", rota=rota(ONCE.sub))
    assert await gaps_told(desk, 0) == []
    await told(bus, (ONCE.sub, portal_events.PersonChanged(person=person(ONCE, disabled=True))), sequence=2)
    assert len(await gaps_told(desk, 1)) == 1
    assert (await alarm.ask(BEN, "GetRotaSchedule", name="rotas/desk")).on_call.person == ""


async def test_plans_are_published_listed_and_retired(desk: Desk, paper: Papers) -> None:
    """In their order, page by page; administrators alone; the same plan again is no new version."""
    alarm = Alarm(desk)
    await alarm.known(paper("INC-000001").bus)
    for name, order in (("late", 30), ("soon", 10), ("then", 20)):
        await alarm.plan(name, step(50), order=order)
    first = await alarm.ask(BEN, "ListEscalationPlans", page_size=2)
    rest = await alarm.ask(BEN, "ListEscalationPlans", page_size=2, page_token=first.next_page_token)
    assert [one.name.rpartition("/")[2] for one in [*first.plans, *rest.plans]] == ["soon", "then", "late"]
    assert (await alarm.plan("soon", step(50), order=10)).version == 1
    changed = await alarm.plan("soon", step(60), order=10)
    assert changed.version == 2
    retired = await alarm.ask(ROOT, "RetireEscalationPlan", name=changed.name, etag=changed.etag)
    assert retired.retired
    refusal = await alarm.refused(ROOT, "RetireEscalationPlan", name=changed.name)
    assert refusal.reason == "PLAN_RETIRED"
    assert (await alarm.refused(LEAD, "RetireEscalationPlan", name=changed.name)).reason == "ROLE_REQUIRED"
    bad = escalation_pb2.EscalationPlan(name="escalationPlans/x", steps=[step(0)])
    refused = await alarm.refused(ROOT, "PublishEscalationPlan", plan=bad)
    assert (refused.reason, refused.field) == ("STEP_AMOUNT_INVALID", "plan.steps[0].amount")


async def test_a_preview_says_who_would_be_told_when(desk: Desk, paper: Papers) -> None:
    """Half of an hour, then its end, by name."""
    alarm = Alarm(desk)
    await alarm.known(paper("INC-000001").bus)
    await alarm.promise(3600)
    await alarm.plan("all", step(50))
    told_of = await alarm.ask(BEN, "PreviewEscalation", type=1, priority=1, team="teams/desk")
    assert (told_of.policy, told_of.plan) == ("policies/all", "escalationPlans/all")
    assert timedelta(minutes=29) < instant(told_of.steps[0].due_time) - now() <= timedelta(minutes=30)
    assert told_of.steps[0].recipients[0].display_name == "Mei Lin"

    draft = escalation_pb2.EscalationPlan(name="escalationPlans/draft", steps=[step(75)])
    tried = await alarm.ask(BEN, "PreviewEscalationPlan", plan=draft, type=1, priority=1, team="teams/desk")
    assert timedelta(minutes=44) < instant(tried.steps[0].due_time) - now() <= timedelta(minutes=45)
    bad = escalation_pb2.EscalationPlan(name="escalationPlans/draft", steps=[step(75), step(0)])
    refused = await alarm.refused(BEN, "PreviewEscalationPlan", plan=bad, type=1, priority=1)
    assert (refused.reason, refused.field) == ("STEP_AMOUNT_INVALID", "plan.steps[1].amount")
    assert [one.name for one in (await alarm.ask(BEN, "ListEscalationPlans")).plans] == [told_of.plan]
