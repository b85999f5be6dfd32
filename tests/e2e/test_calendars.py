"""Calendars through real pages: made, previewed, published, read by everyone, in both languages and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, Page, expect
from throughline.sla.v1 import sla_pb2

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import Office, chromium, window

YEAR = datetime.now(UTC).year
FILE = f"""BEGIN:VCALENDAR
BEGIN:VEVENT
SUMMARY:Inventory
DTSTART;VALUE=DATE:{YEAR}1224
END:VEVENT
BEGIN:VEVENT
SUMMARY:Tick
DTSTART:{YEAR}0101T000000
RRULE:FREQ=SECONDLY
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """The people of this module."""
    return Office(system)


@pytest.fixture(scope="module")
def admin(office: Office) -> Actor:
    """Who may publish."""
    return office.person("calendar-admin", "Zhou Yan", "administrator")


@pytest.fixture(scope="module")
def agent(office: Office) -> Actor:
    """Who may read."""
    return office.person("calendar-agent", "Ben", "agent")


def _press(page: Page, act: str) -> None:
    page.locator(f"button[name=act][value={act}]").first.click()
    page.wait_for_load_state("networkidle")


def test_from_an_empty_form_to_the_second_version(browser: Browser, office: Office, admin: Actor, agent: Actor) -> None:
    """A mistake is told beside its field, a bad entry of a file is named, and nothing is lost; the preview publishes
    nothing; the second version says what it changed; others read and cannot edit."""
    with window(browser, office, admin) as own, window(browser, office, agent) as other:
        page = own.open("/calendars/new")
        page.fill("#id", "lab")
        page.fill("#name_en", "Laboratory")
        page.select_option("#country_1", "CN")
        page.fill("#time_zone", "Asia/Shanghai")
        page.fill("#holiday_years", "2026, 2027")
        page.fill("#hours_6", "in the morning")
        _press(page, "preview")
        expect(page.locator("[data-summary] a[href='#hours_6']")).to_be_visible()
        assert page.input_value("#name_en") == "Laboratory"
        page.fill("#hours_6", "9:00-12:00")
        page.locator("#file summary").click()
        page.fill("#ics", FILE)
        _press(page, "import")
        expect(page.locator("#read")).to_contain_text("1 day read from the file")
        expect(page.locator("#read")).to_contain_text("Entry 2, “Tick”")
        assert page.input_value("#days") == f"{YEAR}-12-24 closed Inventory"

        _press(page, "preview")
        preview = page.locator("#preview")
        expect(preview).to_contain_text("2026 · verified")
        expect(preview).to_contain_text("not announced yet")
        assert preview.locator(".month").count() == 12
        assert own.page.request.get(f"{office.url}/calendars/lab").status == 404
        _press(page, "publish")
        page.wait_for_url("**/calendars/lab")
        expect(page.locator(".page-head")).to_contain_text("Version 1")

        page.goto(f"{page.url}/edit")
        page.fill("#hours_6", "")
        _press(page, "preview")
        expect(page.locator("#preview")).to_contain_text("Saturday: 09:00–12:00 → closed")
        _press(page, "publish")
        page.wait_for_url("**/calendars/lab")
        expect(page.locator("#changes")).to_contain_text("Saturday: 09:00–12:00 → closed")
        page.goto(f"{page.url}?year=2026")
        expect(page.locator("#days")).to_contain_text("National Day")
        expect(page.locator("#days")).to_contain_text("Make-up workday for 2026-10-07")
        expect(page.locator("#certainty")).to_contain_text("2027 · not verified")
        assert own.complaints == []

        read = other.open("/calendars")
        read.get_by_role("link", name="Laboratory").click()
        expect(read.locator(".year .day-holiday").first).to_be_visible()
        assert read.get_by_role("link", name="Edit the calendar").count() == 0
        assert read.request.get(f"{office.url}/calendars/lab/edit").status == 403
        file = read.request.get(f"{office.url}/calendars/lab/days.ics?version=1")
        assert (file.headers["content-type"], file.text()[:15]) == ("text/calendar; charset=utf-8", "BEGIN:VCALENDAR")
        assert other.complaints == []


def test_two_who_edit_at_once(browser: Browser, office: Office, admin: Actor) -> None:
    """The second to publish is told, keeps what they typed, and publishes over what is there now."""
    week = [sla_pb2.WeeklyHours(weekday=1, segments=[sla_pb2.Segment(start="09:00", end="18:00")])]
    calendar = sla_pb2.Calendar(name="calendars/two", time_zone="UTC", weekly_hours=week)
    office.ask(admin, "sla", "PublishCalendar", calendar=calendar)
    with window(browser, office, admin) as own:
        page = own.open("/calendars/two/edit")
        page.fill("#hours_2", "10:00-11:00")
        calendar.weekly_hours[0].segments[0].end = "17:00"
        office.ask(admin, "sla", "PublishCalendar", calendar=calendar)
        _press(page, "preview")
        expect(page.locator("[data-summary]")).to_be_visible()
        assert page.input_value("#hours_2") == "10:00-11:00"
        _press(page, "preview")
        _press(page, "publish")
        page.wait_for_url("**/calendars/two")
        expect(page.locator(".page-head")).to_contain_text("Version 3")


@pytest.mark.long
@pytest.mark.parametrize(("language", "theme", "width"), [("en", "light", 1440), ("zh", "dark", 390)])
def test_pages_stand_in_every_dress(
    browser: Browser, office: Office, admin: Actor, language: str, theme: str, width: int
) -> None:
    """No sideways scroll, nothing that axe finds, no complaint of the browser."""
    office.ask(
        admin,
        "sla",
        "PublishCalendar",
        holiday_years=[2026],
        calendar=sla_pb2.Calendar(
            name="calendars/dress",
            time_zone="Asia/Shanghai",
            regions=[sla_pb2.HolidayRegion(country="CN")],
            weekly_hours=[sla_pb2.WeeklyHours(weekday=1, segments=[sla_pb2.Segment(start="09:00", end="18:00")])],
        ),
    )
    with window(browser, office, admin, language=language, theme=theme, width=width) as own:
        for path in ("/calendars", "/calendars/dress?year=2026", "/calendars/dress/edit"):
            own.open(path)
            assert (path, own.violations(), own.overflow(), own.complaints) == (path, [], 0, [])
