"""What is promised, through real pages: the bench, a draft with its review, and why a ticket is due when it is."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from throughline.sla.v1 import sla_pb2

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import ADMIN, Office, chromium, window

SERVICE = "services/promise-probe"
ALL_DAY = [sla_pb2.Segment(start="00:00", end="24:00")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """Open around the clock."""
    made = Office(system)
    calendar = sla_pb2.Calendar(
        name="calendars/promise-hours",
        time_zone="Asia/Shanghai",
        display_names={"en": "Probe hours", "zh": "探测时间"},
        weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=ALL_DAY) for day in range(1, 8)],
    )
    made.ask(ADMIN, "sla", "PublishCalendar", calendar=calendar)
    return made


@pytest.fixture(scope="module")
def lead(office: Office) -> Actor:
    """Who drafts."""
    return office.person("promise-lead", "Lin Tao", "lead", "agent", "requester")


@pytest.fixture(scope="module")
def chief(office: Office) -> Actor:
    """Who reviews and publishes."""
    return office.person("promise-chief", "Ada Wu", "administrator")


@pytest.mark.row("A061")
def test_a_promise_from_its_draft_to_the_ticket_that_it_explains(
    browser: Browser, office: Office, lead: Actor, chief: Actor
) -> None:
    """A slip in a condition keeps what was typed; the bench tries the draft; another one publishes it; then a ticket
    says why it is due when it is, to its requester and to whoever works on it.
    """
    with window(browser, office, lead) as own, window(browser, office, chief) as other:
        page = own.open("/policies/new")
        page.fill("#id", "probe-p3")
        page.fill("#order", "1")
        page.fill("#name_en", "Probe")
        page.fill("#services", SERVICE)
        page.select_option("#calendar", "calendars/promise-hours")
        page.fill("#condition", "vip && channel == 'portal'")
        page.fill("#hours_2", "8")
        page.check("#pause_2_3")
        page.get_by_role("button", name="Save draft").click()
        expect(page.locator("#condition-error")).to_contain_text("A ticket has no 'vip'")
        assert page.input_value("#hours_2") == "8"
        page.fill("#condition", "channel == 'portal'")
        page.get_by_role("button", name="Save draft").click()
        page.wait_for_url("**/policies/probe-p3")
        assert own.violations() == []
        page.get_by_role("button", name="Submit for review").click()
        expect(page.locator("main")).to_contain_text("another administrator reviews and publishes it.")

        bench = own.open(f"/policies?type=1&priority=3&service={SERVICE}&channel=1&drafts=yes")
        expect(bench.locator("#bench")).to_contain_text("Wins: the first that matches")
        expect(bench.locator("#bench")).to_contain_text("Condition channel == 'portal', with channel = portal")
        assert own.violations() == []

        vote = other.open("/policies/probe-p3")
        vote.get_by_role("button", name="Publish it").click()
        expect(vote.locator("main")).to_contain_text("published by Ada Wu")

        made = office.ask(
            lead, "tickets", "CreateTicket", type=1, title="Probe", channel=1, service=SERVICE, impact=2, urgency=2
        )
        until = time.monotonic() + 20
        while not office.ask(lead, "sla", "BatchGetTicketClocks", tickets=[made.name]).clocks:
            assert time.monotonic() < until, "its clocks did not come in time"
            time.sleep(0.1)
        number = made.name.removeprefix("tickets/")
        for path in (f"/tickets/{number}", f"/queue/{number}"):
            shown = own.open(path)
            shown.get_by_text("Why is it due then?").click()
            expect(shown.locator(".why").first).to_contain_text("Counts, because Lin Tao filed it.")
            expect(shown.locator(".why").first).to_contain_text("8 h of service time are promised")
            assert own.violations() == []
        assert (own.complaints, other.complaints) == ([], [])


@pytest.mark.parametrize("path", ["/policies", "/policies/probe-p3", "/policies/probe-p3/edit"])
def test_it_reads_on_a_phone_in_the_dark_and_in_chinese(
    browser: Browser, office: Office, lead: Actor, path: str
) -> None:
    """No sideways scroll, nothing that axe finds, no complaint."""
    with window(browser, office, lead, language="zh", theme="dark", width=390) as own:
        own.open(path)
        assert own.overflow() == 0
        assert own.violations() == []
        assert own.complaints == []
