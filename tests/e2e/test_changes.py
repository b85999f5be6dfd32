"""A change from its plan to its end, through real pages of the whole running system."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import Office, Window, chromium, window

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """The people of this module."""
    made = Office(system)
    made.team("pool-team", "Pools", "连接池组")
    return made


@pytest.fixture(scope="module")
def author(office: Office) -> Actor:
    """Who plans and executes."""
    return office.person("pool-author", "Lin Yu'an", "agent", team="pool-team")


@pytest.fixture(scope="module")
def voter(office: Office) -> Actor:
    """Who approves."""
    return office.person("pool-voter", "Zhao Mingchuan", "approver")


def _local(hours: float) -> str:
    return (datetime.now(ZONE) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def _plan(own: Window, title: str, *, opens: float = -1, back: str = "Set it back to 200.") -> Page:
    """Fills in and keeps the form of a plan with two checks; the page of the change."""
    page = own.open("/changes/new")
    page.get_by_role("button", name="Add a check").click()
    page.fill("#title", title)
    page.fill("#services", "pool-service")
    page.fill("#plan", "Set the limit to 400.")
    page.fill("#rollback_plan", back)
    for number, (check, mark) in enumerate((("Success", "99.6 % or more"), ("P95", "850 ms or less")), start=1):
        page.fill(f"#check-{number}", check)
        page.fill(f"#mark-{number}", mark)
    page.fill("#window_start", _local(opens))
    page.fill("#window_end", _local(opens + 3))
    page.get_by_role("button", name="Keep the plan").last.click()
    page.wait_for_url("**/changes/CHG-*")
    return page


def _press(page: Page, verb: str) -> None:
    page.locator(f"form[action$='/{verb}'] button").first.click()


def test_from_plan_to_success(browser: Browser, office: Office, author: Actor, voter: Actor) -> None:
    """No way back, no submission; nobody approves their own; both checks get a result; then it succeeds, graded by the
    checks. At each step the page says who is next."""
    with window(browser, office, author) as own, window(browser, office, voter) as other:
        page = _plan(own, "Raise the pool limit", back="")
        expect(page.locator(".page-lead")).to_contain_text("Next: Lin Yu'an completes the plan")
        _press(page, "submit")
        expect(page.locator("[data-summary] a[href='#rollback_plan']")).to_be_visible()
        address = page.url.removesuffix("/submit")
        page.goto(f"{address}/edit")
        assert page.input_value("#check-2") == "P95"
        page.fill("#rollback_plan", "Set it back to 200.")
        page.get_by_role("button", name="Keep the plan").last.click()
        _press(page, "submit")
        expect(page.locator(".page-lead")).to_contain_text("Next: an approver or change manager other than Lin Yu'an")
        assert page.locator("form[action$='/approve']").count() == 0

        vote = other.page
        vote.goto(address)
        vote.fill("#approve-note", "At night")
        _press(vote, "approve")
        expect(vote.locator("#approvals")).to_contain_text("At night")

        page.goto(address)
        expect(page.locator(".page-lead")).to_contain_text("Its window is open. Next: Lin Yu'an starts it")
        _press(page, "start")
        expect(page.locator(".page-head")).to_contain_text("Finish: 2 checks need a result")
        for number in (0, 1):
            check = page.locator("#checks .checks > li").nth(number)
            check.locator("input[name=verify-note]").fill(f"Seen {number}")
            check.get_by_role("button", name="Passed").click()
            expect(page.locator("#checks .checks > li").nth(number)).to_contain_text(f"Seen {number}")
        page.fill("#finish-outcome_note", "Calm.")
        _press(page, "finish")
        expect(page.locator(".page-lead")).to_contain_text("Every check passed.")
        expect(page.locator(".stages [aria-current=step]")).to_contain_text("Succeeded")
        assert own.complaints == []


def test_sent_back_and_cancelled(browser: Browser, office: Office, author: Actor, voter: Actor) -> None:
    """A rejection needs its reason, which stands where the author looks; the author mends the plan or gives it up."""
    with window(browser, office, author) as own, window(browser, office, voter) as other:
        page = _plan(own, "Change the pool's owner")
        address = page.url
        _press(page, "submit")
        vote = other.page
        vote.goto(address)
        vote.locator("#reject summary").click()
        _press(vote, "reject")
        expect(vote.locator("#reject-note[aria-invalid=true]")).to_be_visible()
        vote.fill("#reject-note", "Who watches it?")
        _press(vote, "reject")
        expect(vote.locator(".page-lead")).to_contain_text("It was sent back. Next: Lin Yu'an mends the plan")
        page.goto(address)
        expect(page.locator("#approvals")).to_contain_text("Who watches it?")
        page.locator("#cancel summary").click()
        page.fill("#cancel-reason", "Not this year")
        _press(page, "cancel")
        expect(page.locator(".page-lead")).to_contain_text("It was cancelled and will not be done.")
        assert page.locator("main form").count() == 0, "nothing can be done to what is over"


def test_not_before_its_window(browser: Browser, office: Office, author: Actor, voter: Actor) -> None:
    """An approved change cannot be started early: the button says from when, and the service refuses a forged form."""
    with window(browser, office, author) as own, window(browser, office, voter) as other:
        page = _plan(own, "Move the pool", opens=5)
        address = page.url
        _press(page, "submit")
        other.page.goto(address)
        _press(other.page, "approve")
        page.goto(address)
        early = page.locator("button[aria-disabled=true]", has_text="Start: from")
        expect(early).to_be_visible()
        token = page.locator("input[name=csrf_token]").first.input_value()
        form: dict[str, Any] = {"csrf_token": token, "request_id": "5f0c3a52-6f0e-4d0c-9a55-0d6f3f8f8f11"}
        refused = own.context.request.post(f"{address}/start", form=form)
        assert refused.status == 409
        assert "Waits for its window" in refused.text()


def test_the_form_keeps_what_was_typed(browser: Browser, office: Office, author: Actor) -> None:
    """Rows of checks come and go without a script and without losing anything; an error names its field; the same
    form sent twice plans one change."""
    with window(browser, office, author) as own:
        cookies: Any = own.context.cookies()
        plain = browser.new_context(java_script_enabled=False)
        plain.add_cookies(cookies)
        page = plain.new_page()
        page.goto(f"{office.url}/changes/new")
        page.fill("#check-1", "First")
        page.get_by_role("button", name="Add a check").click()
        page.fill("#check-2", "Second")
        page.get_by_role("button", name="Remove check 1").click()
        assert page.input_value("#check-1") == "Second"
        page.fill("#window_start", _local(5))
        page.fill("#window_end", _local(4))
        page.fill("#title", "A pool")
        page.locator("#title").press("Enter")
        expect(page.locator("#window_end[aria-invalid=true]")).to_be_visible()
        assert page.input_value("#title") == "A pool"
        page.fill("#window_end", _local(6))
        page.fill("#mark-1", "")
        page.get_by_role("button", name="Keep the plan").last.click()
        expect(page.locator("#check-1[aria-invalid=true]")).to_be_visible()
        plain.close()

        page = own.open("/changes/new")
        fields = page.evaluate("Object.fromEntries(new FormData(document.querySelector('main form')))")
        sent = [own.context.request.post(f"{own.url}/changes/new", form=fields | {"title": "Once"}) for _ in range(2)]
        assert len({answer.url for answer in sent}) == 1


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("zh", "dark", 1440), pytest.param("en", "light", 390, marks=pytest.mark.long)]
)
def test_changes_are_open_to_all(
    browser: Browser, office: Office, author: Actor, voter: Actor, language: str, theme: str, width: int
) -> None:
    """List, form and change pass axe, have one h1 and fit the window, for author and approver."""
    with window(browser, office, author) as own:
        page = _plan(own, "Look at the pool")
        address = page.url.removeprefix(own.url)
        _press(page, "submit")
    for reader, paths in ((author, ("/changes", "/changes/new", address)), (voter, (address,))):
        with window(browser, office, reader, language=language, theme=theme, width=width) as own:
            for path in paths:
                page = own.open(path)
                assert (path, own.violations()) == (path, [])
                assert (path, own.overflow()) == (path, 0)
                assert page.locator("h1").count() == 1
            assert own.complaints == []
