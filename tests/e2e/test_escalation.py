"""Escalation on real pages: two weeks of a rota, a plan in sentences with its preview, an alarm that a click stops."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from playwright.sync_api import Browser, Page, expect
from throughline.sla.v1 import escalation_pb2, sla_pb2

from deploy.local.system import System
from services.runtime.actor import Actor
from services.runtime.client import refusal_of
from tests.support.office import ADMIN, Office, chromium, window

LEAD_ROLE, CALL = escalation_pb2.RECIPIENT_KIND_LEAD, escalation_pb2.RECIPIENT_KIND_ON_CALL


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """People, a rota with gaps, a promise and a plan."""
    made = Office(system)
    made.team("till-team", "Tills", "收银组")
    made.person("till-agent", "Gao Xing", "agent", team="till-team")
    made.person("till-lead", "Lin Yu'an", "agent", "lead", team="till-team")
    _publish_rota(made)
    day = [
        sla_pb2.WeeklyHours(weekday=day, segments=[sla_pb2.Segment(start="00:00", end="24:00")]) for day in range(1, 8)
    ]
    calendar = sla_pb2.Calendar(name="calendars/always", time_zone="UTC", weekly_hours=day)
    made.ask(ADMIN, "sla", "PublishCalendar", calendar=calendar)
    target = sla_pb2.Target(kind=sla_pb2.CLOCK_KIND_RESPONSE)
    target.duration.FromSeconds(3600)
    policy = sla_pb2.Policy(name="policies/all", calendar=calendar.name, targets=[target])
    made.ask(ADMIN, "sla", "PublishPolicy", policy=policy)
    steps = [_step(escalation_pb2.STEP_ANCHOR_START, 0, CALL, "rotas/tills"), _step(0, -15, LEAD_ROLE)]
    plan = escalation_pb2.EscalationPlan(
        name="escalationPlans/tills", display_names={"en": "Tills", "zh": "收银"}, steps=steps
    )
    made.ask(ADMIN, "escalations", "PublishEscalationPlan", plan=plan)
    return made


@pytest.fixture(scope="module")
def agent() -> Actor:
    """Who answers the alarm."""
    return Actor("people/till-agent", frozenset({"agent"}), frozenset({"teams/till-team"}))


@pytest.fixture(scope="module")
def lead() -> Actor:
    """Who plans the rota."""
    return Actor("people/till-lead", frozenset({"agent", "lead"}), frozenset({"teams/till-team"}))


def _step(anchor: Any, amount: int, kind: Any, name: str = "") -> escalation_pb2.EscalationStep:
    step = escalation_pb2.EscalationStep(
        clock=sla_pb2.CLOCK_KIND_RESPONSE,
        measure=escalation_pb2.STEP_MEASURE_WALL_MINUTES,
        anchor=anchor,
        amount=amount,
    )
    step.recipients.add(kind=kind, name=name)
    return step


def _publish_rota(office: Office) -> None:
    """As soon as the sla service has heard of the people."""
    hours = [
        sla_pb2.WeeklyHours(weekday=day, segments=[sla_pb2.Segment(start="00:00" if day < 6 else "08:00", end="24:00")])
        for day in range(1, 8)
    ]
    layer = escalation_pb2.RotaLayer(
        people=["people/till-agent", "people/till-lead"],
        hand_over=escalation_pb2.HAND_OVER_DAILY,
        first_date="2026-01-01",
        time="09:00",
        hours=hours,
    )
    rota = escalation_pb2.Rota(
        name="rotas/tills",
        time_zone="Asia/Shanghai",
        display_names={"en": "Tills on call", "zh": "收银值班"},
        layers=[layer],
        notice_days=7,
    )
    for _ in range(300):
        try:
            office.ask(ADMIN, "escalations", "PublishRota", rota=rota)
            return
        except grpc.RpcError as error:
            if refusal_of(error).reason != "PERSON_UNKNOWN":
                raise
            time.sleep(0.1)
    raise AssertionError("the sla service did not hear of people")


def test_a_rota_shows_two_weeks_with_its_gaps_and_takes_a_stand_in(
    browser: Browser, office: Office, lead: Actor
) -> None:
    """Gaps are marked day by day; a stand-in without a reason is refused in place, and nothing typed is lost."""
    with window(browser, office, lead) as own:
        page = own.open("/rota/tills")
        expect(page.locator("h1")).to_contain_text("on call")
        assert page.locator("tbody tr").count() == 14
        assert page.locator("tbody .chip-bad").count() >= 2
        start = datetime.now(UTC) + timedelta(days=2)
        page.select_option("#person", "people/till-lead")
        page.fill("#start", f"{start:%Y-%m-%dT%H:%M}")
        page.fill("#end", f"{start + timedelta(days=1):%Y-%m-%dT%H:%M}")
        page.get_by_role("button", name="Put in").click()
        expect(page.locator("[data-summary] a[href='#reason']")).to_be_visible()
        assert page.input_value("#start") == f"{start:%Y-%m-%dT%H:%M}"
        page.fill("#reason", "Gao Xing is at a wedding")
        page.get_by_role("button", name="Put in").click()
        expect(page.locator("table .chip", has_text="wedding").first).to_be_visible()
        page.get_by_role("button", name="Take back").click()
        expect(page.locator("table .chip", has_text="wedding")).to_have_count(0)
        assert own.violations() == []
        assert own.complaints == []


def test_a_plan_is_sentences_and_says_who_would_be_told(browser: Browser, office: Office, lead: Actor) -> None:
    """The list says when and whom; the preview gives times and names for a ticket opened now."""
    with window(browser, office, lead) as own:
        page = own.open("/escalation-plans")
        expect(page.locator("main")).to_contain_text("15 min before the first reply is due, tell the lead of the team")
        page.get_by_role("link", name="Preview Tills").click()
        expect(page.locator("table")).to_contain_text("on call")
        page.get_by_role("link", name="P1", exact=True).click()
        expect(page.locator("main")).to_contain_text("For a P1 opened now")
        assert own.violations() == []
        assert own.complaints == []


def test_a_click_stops_the_alarm(browser: Browser, office: Office, agent: Actor) -> None:
    """The panel beside the ticket shows who was told and who comes next; after the click nobody comes next."""
    ticket = office.ask(
        agent,
        "tickets",
        "CreateTicket",
        type=1,
        title="No till takes cards",
        description="All of them",
        channel=1,
        impact=1,
        urgency=1,
    )
    number = ticket.name.partition("/")[2]
    office.ask(agent, "tickets", "AssignTicket", name=ticket.name, team="teams/till-team")
    with window(browser, office, agent) as own:
        page = own.open(f"/queue/{number}?list=all")
        for _ in range(40):
            if page.locator("#escalation", has_text="Escalated").count():
                break
            time.sleep(0.25)
            page.reload()
        panel = page.locator("#escalation")
        expect(panel).to_contain_text("Next, if nobody takes it")
        panel.get_by_role("button", name="Stop the alarm").click()
        expect(page.locator("#escalation")).to_contain_text("In hand")
        expect(page.locator("#escalation")).not_to_contain_text("Next, if nobody takes it")
        assert own.violations() == []
        assert own.complaints == []


@pytest.mark.long
def test_a_rota_and_a_plan_are_written_on_pages(browser: Browser, office: Office) -> None:
    """What cannot be read is told beside its field and nothing typed is lost; a preview names people and gaps and
    publishes nothing; the next version is another layer, and a plan reaches whoever is on call by it.
    """
    chief = office.person("till-chief", "Ada Wu", "administrator")
    with window(browser, office, chief) as own:
        page = own.open("/rota/new")
        page.fill("#id", "doors")
        page.fill("#name_en", "Doors on call")
        page.fill("#people_l1", "Gao Xing\nLin Yuan")
        page.locator("summary", has_text="Only until a day").click()
        page.fill("#hours_l1_1", "all day")
        _press(page, "preview")
        expect(page.locator("#people_l1-error")).to_contain_text("Nobody is called “Lin Yuan”")
        expect(page.locator("[data-summary] a[href='#hours_l1_1']")).to_be_visible()
        assert page.input_value("#people_l1") == "Gao Xing\nLin Yuan"
        page.fill("#people_l1", "Gao Xing\ntill-lead")
        for day in range(1, 6):
            page.fill(f"#hours_l1_{day}", "08:00-24:00")
        _press(page, "preview")
        preview = page.locator("#preview")
        expect(preview).to_contain_text("Gao Xing → Lin Yu'an, hand-over every Mon at 09:00")
        assert preview.locator(".chip-warn").count() > 8
        assert own.violations() == []
        assert page.request.get(f"{office.url}/rota/doors").status == 404
        _press(page, "publish")
        page.wait_for_url("**/rota/doors")
        page.get_by_role("link", name="Edit the rota").click()
        assert page.input_value("#people_l1") == "Gao Xing (till-agent)\nLin Yu'an (till-lead)"
        _press(page, "add")
        page.fill("#people_l2", "till-lead")
        page.fill("#first_l2", "2026-01-05")
        page.fill("#time_l2", "09:00")
        _press(page, "preview")
        expect(page.locator("#preview")).to_contain_text("Somebody is on call the whole time.")
        _press(page, "publish")
        page.wait_for_url("**/rota/doors")
        expect(page.locator("main")).to_contain_text("Published as version 2.")

        page = own.open("/escalation-plans/new")
        page.fill("#id", "doors")
        page.fill("#name_en", "Doors")
        page.fill("#services", "services/doors")
        page.select_option("#clock_s1", label="the first reply")
        page.fill("#amount_s1", "ten")
        page.select_option("#when_s1", "before-wall")
        page.check("#call_s1_doors")
        _press(page, "preview")
        expect(page.locator("#amount_s1-error")).to_be_visible()
        page.fill("#amount_s1", "10")
        _press(page, "add")
        page.fill("#amount_s2", "0")
        page.select_option("#when_s2", "after-wall")
        page.select_option("#clock_s2", label="the first reply")
        _press(page, "preview")
        expect(page.locator("#to_s2-error")).to_be_visible()
        page.fill("#people_s2", "Lin Yu'an")
        _press(page, "preview")
        expect(page.locator("#preview")).to_contain_text("10 min before the first reply is due, tell whoever has the")
        expect(page.locator("#preview")).to_contain_text("who is on call (Doors on call)")
        expect(page.locator("#preview tbody").first).to_contain_text("on call")
        assert own.violations() == []
        assert page.request.get(f"{office.url}/escalation-plans/doors").status == 404
        _press(page, "publish")
        page.wait_for_url("**/escalation-plans/doors")
        page.get_by_role("link", name="Edit the escalation plan").click()
        page.locator("button[value=remove-1]").click()
        assert page.input_value("#people_s1") == "Lin Yu'an (till-lead)"
        _press(page, "preview")
        _press(page, "publish")
        page.wait_for_url("**/escalation-plans/doors")
        expect(page.locator("main")).to_contain_text("Published as version 2.")
        assert own.complaints == []


def _press(page: Page, act: str) -> None:
    page.locator(f"main button[name=act][value={act}]").last.click()
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(("language", "theme"), [pytest.param("en", "light", marks=pytest.mark.long), ("zh", "dark")])
def test_no_page_is_wider_than_a_phone(
    browser: Browser, office: Office, lead: Actor, language: str, theme: str
) -> None:
    """In both languages, one light and one dark."""
    with window(browser, office, lead, language=language, theme=theme, width=390) as own:
        for path in ("/rota/tills", "/rota/tills/edit", "/escalation-plans", "/escalation-plans/tills"):
            own.open(path)
            assert own.overflow() == 0, path
            assert own.violations() == [], path
