"""What would have been, through real pages of the whole running system: tried, reported, proved, in both languages."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from google.protobuf.duration_pb2 import Duration
from playwright.sync_api import Browser, expect
from throughline.sla.v1 import sla_pb2

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import ADMIN, Office, chromium, window

TEAM = "teams/retrial-team"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """Promises of an hour, and three tickets that were solved after more than a second."""
    made = Office(system)
    made.team("retrial-team", "Retrial desk", "试算台")
    agent = made.person("retrial-agent", "Lin Yu'an", "agent", team="retrial-team")
    day = sla_pb2.Segment(start="00:00", end="24:00")
    week = [sla_pb2.WeeklyHours(weekday=number, segments=[day]) for number in range(1, 8)]
    hours = sla_pb2.Calendar(name="calendars/always", time_zone="Asia/Shanghai", weekly_hours=week)
    made.ask(ADMIN, "sla", "PublishCalendar", calendar=hours)
    target = sla_pb2.Target(kind=sla_pb2.CLOCK_KIND_RESOLUTION, duration=Duration(seconds=60))
    names = {"en": "Everything", "zh": "全部"}
    policy = sla_pb2.Policy(name="policies/all", calendar=hours.name, targets=[target], display_names=names)
    made.ask(ADMIN, "sla", "PublishPolicy", policy=policy)
    for number in range(3):
        ticket = made.ask(agent, "tickets", "CreateTicket", type=1, title=f"Scanner {number}", channel=1)
        made.ask(agent, "tickets", "AssignTicket", name=ticket.name, team=TEAM)
        time.sleep(1.2)
        made.ask(agent, "tickets", "ResolveTicket", name=ticket.name, code=1, note="Paired again.")
    return made


@pytest.fixture(scope="module")
def boss(office: Office) -> Actor:
    """Who may try drafts."""
    return office.person("retrial-boss", "Chen Yi", "change_manager")


def test_a_trial_from_form_to_proof(browser: Browser, office: Office, boss: Actor) -> None:
    """Nothing changed is refused; a hundredth of the time flips all three; the report gives reason and proof."""
    with window(browser, office, boss) as own:
        page = own.open("/judgements")
        expect(page.get_by_text("Nothing tried yet")).to_be_visible()
        page.get_by_role("link", name="Try a draft").first.click()
        today = page.locator("#end").input_value()
        page.fill("#start", today)
        page.get_by_role("button", name="Judge the period").click()
        expect(page.locator("#share-error")).to_contain_text("Change something")
        page.fill("#share", "1")
        page.get_by_role("button", name="Judge the period").click()
        expect(page.locator("tbody").get_by_text("INC-").first).to_be_visible(timeout=20_000)
        expect(page.get_by_text("3 verdicts would have been others")).to_be_visible()
        expect(page.get_by_text("the same digest before and after")).to_be_visible()
        expect(page.get_by_text("Target 0 h 00 min instead of 0 h 01 min").first).to_be_visible()
        assert own.violations() == []
        assert own.complaints == []
        page.get_by_role("link", name="Would be kept 0").click()
        expect(page.get_by_text("No such flip")).to_be_visible()


@pytest.mark.parametrize(("language", "theme", "width"), [("en", "dark", 390), ("zh", "light", 1440)])
def test_it_reads_in_both_languages_and_on_a_phone(
    browser: Browser, office: Office, boss: Actor, language: str, theme: str, width: int
) -> None:
    """List, form and report fit the window, have no fault of accessibility and no complaint of the browser."""
    with window(browser, office, boss, language=language, theme=theme, width=width) as own:
        page = own.open("/judgements")
        report = page.locator("tbody a").first.get_attribute("href")
        for path in ("/judgements", "/judgements/new", str(report)):
            own.open(path)
            assert own.overflow() == 0, path
            assert own.violations() == [], path
        assert own.complaints == []


def test_others_do_not_see_it(browser: Browser, office: Office) -> None:
    """An agent has no such page and no entry of the menu."""
    agent = office.person("retrial-other", "Wu Min", "agent", team="retrial-team")
    with window(browser, office, agent) as own:
        page = own.open("/queue")
        expect(page.get_by_role("link", name="What would have been")).to_have_count(0)
        answer = page.goto(office.url + "/judgements")
        assert answer is not None
        assert answer.status == 403
