"""Cost models of business through real pages: example, draft, approval, what-if, and a row that explains itself."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from deploy.local.system import System
from tests.e2e.test_board import Desk
from tests.support.office import chromium, window

VIEWS = [("light", "zh", 1440), ("dark", "en", 1440), ("dark", "zh", 390), ("light", "en", 390)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def desk(system: System) -> Desk:
    """The module's people."""
    return Desk(system)


@pytest.fixture(scope="module")
def model(desk: Desk, browser: Browser) -> str:
    """A model of gains, with its example worked, drafted by one of finance and approved by another."""
    name = f"hours-{uuid.uuid4().hex[:8]}"
    with window(browser, desk, desk.finance) as fang:
        page = fang.open("/board/cost-models/new/gain")
        page.fill("#name", name)
        page.select_option("#category", "HOURS")
        page.fill("#unit_value", "68")
        page.fill("#expected_milli", "12.5")
        page.click("button:has-text('Work the example')")
        expect(page.locator("main [role=status]")).to_contain_text("850")
        assert page.input_value("#name") == name
        page.fill("#effective", "2020-01-01")
        page.click("main form button:has-text('Save draft')")
        expect(page.locator("main")).to_contain_text("somebody else of finance must approve it")
        draft = page.url
    with window(browser, desk, desk.approver) as shuning:
        page = shuning.open(draft.removeprefix(desk.url))
        page.click("button:has-text('Approve version')")
        expect(page.locator("main")).to_contain_text("Approved. It holds from its effective time on.")
    return name


@pytest.fixture(scope="module")
def row(desk: Desk, model: str) -> str:
    """A gain that was booked over REST; the id of its entry."""
    gain = {
        "category": "HOURS",
        "cost_model": f"costModels/{model}",
        "quantity_milli": 12_500,
        "baseline": "password resets by phone, May",
        "occur_time": (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "evidence": [{"resource": "tickets/INC-000001", "version": "3"}],
    }
    booked = desk.call(desk.approver, "POST", "/gains", {"gain": gain})
    until = time.monotonic() + 60
    while time.monotonic() < until:
        query = {"from": "2020-01-01", "to": "2199-01-01", "cause": booked["name"]}
        found = desk.call(desk.approver, "GET", "/ledgerEntries", **query)["entries"]
        if found:
            return str(found[0]["name"]).removeprefix("ledgerEntries/")
        time.sleep(0.2)
    raise AssertionError("the gain was not booked within 60 s")


def test_a_row_says_what_it_is_made_of_who_agreed_and_what_changed(
    browser: Browser, desk: Desk, model: str, row: str
) -> None:
    """Arithmetic, verdict, assumptions with author and approver, and the log; recomputing comes to the same."""
    with window(browser, desk, desk.approver) as reader:
        page = reader.open(f"/board/entries/{row}")
        for text in ("6,800 x 1 x 12,500 / 1,000 = 85,000", "the same amount", "Fang Lei", "He Shuning", "booked"):
            expect(page.locator("main")).to_contain_text(text)
        page.click("a:has-text('Recompute')")
        expect(page.locator("main")).to_contain_text("Recomputed from its inputs: the same amount")
        page.click(f"a:has-text('{model}')")
        expect(page.locator("h1")).to_contain_text(model)


def test_a_draft_judges_the_last_quarter_and_changes_nothing(
    browser: Browser, desk: Desk, model: str, row: str
) -> None:
    """Twice the value: 850 before and 1,700 after, and what is booked has the same hash."""
    with window(browser, desk, desk.finance) as fang:
        page = fang.open(f"/board/cost-models/new/gain?model={model}")
        page.fill("#unit_value", "136")
        page.fill("#effective", "2020-01-02")
        page.click("main form button:has-text('Save draft')")
        page.click("button:has-text('Judge the last quarter')")
        expect(page.locator("main")).to_contain_text("Booked rows unchanged", timeout=30_000)
        expect(page.locator("main")).to_contain_text("1,700")
        expect(page.locator("main")).to_contain_text("850")


def test_a_form_keeps_what_was_written_and_names_what_is_wrong(browser: Browser, desk: Desk) -> None:
    """Margin of 120 %: the field says what it takes, and nothing that was typed is lost."""
    with window(browser, desk, desk.finance) as fang:
        page = fang.open("/board/cost-models/new/sales")
        for field, text in {"name": "shops", "unit_value": "6000", "margin": "120", "places_1": "40"}.items():
            page.fill(f"#{field}", text)
        page.click("button:has-text('Work the example')")
        expect(page.locator("#margin-error")).to_contain_text("Write a share from 0 to 100")
        assert (page.input_value("#name"), page.input_value("#places_1")) == ("shops", "40")
        page.fill("#margin", "25")
        page.click("button:has-text('Work the example')")
        expect(page.locator("main [role=status]")).to_contain_text("60,000")


@pytest.mark.parametrize(("theme", "language", "width"), VIEWS)
def test_pages_of_the_ledger_are_accessible(
    browser: Browser, desk: Desk, model: str, row: str, theme: str, language: str, width: int
) -> None:
    """axe finds nothing, the content policy refuses nothing, nothing is wider than the screen."""
    pages = [f"/board/cost-models/new/{kind}" for kind in ("people", "transactions", "sales", "capacity", "gain")]
    pages += ["/board/cost-models", f"/board/cost-models/{model}", f"/board/entries/{row}"]
    with window(browser, desk, desk.finance, language=language, theme=theme, width=width) as reader:
        for address in pages:
            reader.open(address)
            assert reader.violations() == [], address
            assert reader.overflow() == 0, address
            assert reader.complaints == [], address
