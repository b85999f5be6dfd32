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

VIEWS = [("light", "zh", 1440), ("dark", "en", 390)]


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


@pytest.fixture(scope="module")
def month(desk: Desk) -> dict[str, int]:
    """A month long ago with one gain of each category, by models that finance approved; minor units by category."""
    worth = {"STOP_LOSS": (2_000_000, 1_000), "HOURS": (6_800, 12_500), "RISK": (500_000, 2_000),
             "COMPLIANCE": (40_000, 3_000)}  # fmt: skip
    names = []
    for category, (value, quantity) in worth.items():
        model = f"{category.lower().replace('_', '-')}-{uuid.uuid4().hex[:8]}"
        draft = {
            "name": f"costModels/{model}", "type": "GAIN", "category": category,
            "effective_time": "2020-01-01T00:00:00Z",
            "business": {"unit_value": {"currency_code": "CNY", "minor_units": value}},
        }  # fmt: skip
        desk.call(desk.finance, "POST", "/costModels", {"cost_model": draft})
        desk.call(desk.approver, "POST", f"/costModels/{model}/approve", {"version": 1})
        gain = {
            "category": category, "cost_model": f"costModels/{model}", "quantity_milli": quantity,
            "baseline": "the year before", "occur_time": "2021-05-10T08:00:00Z",
            "evidence": [{"resource": "tickets/INC-000001", "version": "3"}],
        }  # fmt: skip
        names.append(desk.call(desk.finance, "POST", "/gains", {"gain": gain})["name"])
    until = time.monotonic() + 60
    query = {"from": "2021-05-01", "to": "2021-06-01"}
    while len(desk.call(desk.approver, "GET", "/ledgerEntries", **query)["entries"]) < len(names):
        assert time.monotonic() < until, "the gains were not booked within 60 s"
        time.sleep(0.2)
    return {category: value * quantity // 1_000 for category, (value, quantity) in worth.items()}


@pytest.mark.row("A001")
@pytest.mark.row("A156")
def test_a_month_is_four_lines_of_money_with_a_total_and_each_opens_its_evidence(
    browser: Browser, desk: Desk, month: dict[str, int]
) -> None:
    """An executive picks a month: loss stopped, hours gained, risk reduced, compliance, in both languages; the total is
    their sum, and each amount opens the row that it is made of, with its formula recomputed.
    """
    named = {"STOP_LOSS": ("Loss stopped", "止损"), "HOURS": ("Hours gained", "增效"), "RISK": ("Risk reduced", "降险"),
             "COMPLIANCE": ("Compliance", "合规")}  # fmt: skip
    with window(browser, desk, desk.approver, width=1440) as reader:
        page = reader.open("/board")
        page.locator(".filters-period details > summary").click()
        page.fill("#from", "2021-05-01")
        page.fill("#to", "2021-06-01")
        page.click("button:has-text('Show these days')")
        page.wait_for_url(lambda url: "2021-05" in url)
        amounts = {category: f"¥{minor // 100:,}" for category, minor in month.items()}
        assert page.locator(".total .display").inner_text() == f"¥{sum(month.values()) // 100:,}"
        expect(page.locator("h1")).to_contain_text("In May 2021, IT service kept ¥")
        lines = page.locator(".money-lines > li")
        assert lines.count() == 4
        for place, (category, amount) in enumerate(amounts.items()):
            expect(lines.nth(place)).to_contain_text(named[category][0])
            expect(lines.nth(place).locator(".money-line-amount")).to_have_text(amount)
            lines.nth(place).locator("a").click()
            drawer = page.locator("#drawer")
            expect(drawer.locator("#drawer-title")).to_have_text(amount)
            expect(drawer).to_contain_text("1 ledger row")
            drawer.locator("a:has-text('Recompute the largest row')").click()
            expect(page.locator("main")).to_contain_text("Recomputed from its inputs: the same amount")
            expect(page.locator("main")).to_contain_text("tickets/INC-000001")
            page.go_back()
            page.wait_for_url("**/evidence/**")
    with window(browser, desk, desk.approver, language="zh") as reader:
        page = reader.open("/board?month=2021-05")
        told = page.locator(".money-lines .money-line-name").all_inner_texts()
        assert [text.split("\n")[0] for text in told] == [chinese for _, chinese in named.values()]


@pytest.mark.row("A082")
def test_four_numbers_in_the_words_of_the_business(browser: Browser, desk: Desk, month: dict[str, int]) -> None:
    """Downtime, risk avoided, labour saved and user hours of a month, each with its unit and source; the amounts are
    the ledger's, and what nothing feeds says what it waits for.
    """
    expected = {
        "en": (("Downtime", "a length of time", "Outages, from traces"),
               ("Risk avoided", "money a year, CNY", "Value ledger"),
               ("Labour saved", "money, CNY", "Value ledger"),
               ("User hours returned", "a length of time", "Deliverables of the catalogue")),
        "zh": (("停机时间", "时长", "链路数据中的中断"), ("避免的风险", "每年金额，CNY", "价值账本"),
               ("节省人力", "金额，CNY", "价值账本"), ("归还用户工时", "时长", "服务目录的交付项")),
    }  # fmt: skip
    amounts = [f"¥{month[category] // 100:,}" for category in ("RISK", "HOURS")]
    for language, rows in expected.items():
        with window(browser, desk, desk.approver, language=language) as reader:
            page = reader.open("/board?month=2021-05")
            told = page.locator("#terms tbody tr")
            assert told.count() == len(rows)
            for place, (name, unit, source) in enumerate(rows):
                cells = told.nth(place).locator("td")
                expect(cells.nth(0)).to_contain_text(name)
                expect(cells.nth(2)).to_have_text(unit)
                expect(cells.nth(3).locator("a[href]")).to_have_text(source)
            assert [told.nth(place).locator("a.money").inner_text() for place in (1, 2)] == amounts
            if language == "en":
                expect(told.nth(3)).to_contain_text("Waits for deliverables of the catalogue")
                told.nth(2).locator("a.money").click()
                expect(page.locator("#drawer #drawer-title")).to_have_text(amounts[1])


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


@pytest.mark.long
def test_what_follows_from_the_numbers(browser: Browser, desk: Desk, row: str) -> None:
    """A dated rate of two people, an improvement by the ledger's loss, a risk in the sum, a stage with its gain, and
    on the agent's ticket what an incident costs while it is open; each page for everybody in both themes.
    """
    with window(browser, desk, desk.finance) as fang:
        page = fang.open("/board/rates")
        for field, text in {"currency": "usd", "rate": "7.12x", "effective": "2020-01-01"}.items():
            page.fill(f"#{field}", text)
        page.click("main form button:has-text('Save draft')")
        expect(page.locator("#rate-error")).to_contain_text("such as 7.1234")
        assert page.input_value("#currency") == "usd"
        page.fill("#rate", "7.1234")
        page.click("main form button:has-text('Save draft')")
        expect(page.locator("table")).to_contain_text("1 USD = 7.1234 CNY")
        page = fang.open("/board/risks/new")
        for field, text in {"title": "The only database fails", "probability": "90", "p50": "50", "p90": "9"}.items():
            page.fill(f"#{field}", text)
        page.click("main form button:has-text('Keep it')")
        expect(page.locator("#p90-error")).to_contain_text("P90 is not below P50")
        page.fill("#p90", "90")
        page.click("main form button:has-text('Keep it')")
        expect(page.locator("main")).to_contain_text("It is in the register.")
        risk = page.url.removeprefix(desk.url)
        page = fang.open("/board/improvements/new?what=nothing-here")
        for field, text in {"title": "A second till", "goal": "Sell on", "share": "25"}.items():
            page.fill(f"#{field}", text)
        page.click("main form button:has-text('Keep it')")
        expect(page.locator("main")).to_contain_text("No loss booked")
        page.click("button:has-text('It is under way')")
        expect(page.locator("main .page-head .chip", has_text="Under way")).to_be_visible()
        item = page.url.removeprefix(desk.url)
        open_ = desk.call(desk.asker, "POST", "/tickets", {"type": "INCIDENT", "title": "Tills hang"})["name"]
    with window(browser, desk, desk.approver) as shuning:
        page = shuning.open("/board/rates")
        page.click("button:has-text('Approve version')")
        expect(page.locator("table .chip", has_text="Approved")).to_be_visible()
        page = shuning.open("/board/roadmap")
        page.select_option("#stage", "board")
        page.click("button:has-text('Enter it')")
        expect(page.locator("main")).to_contain_text("Here now")
        expect(page.locator("main")).to_contain_text("Waits for")
        page = shuning.open("/board")
        expect(page.locator(".band-business")).to_contain_text("P50; P90")
    number = open_.removeprefix("tickets/")
    with window(browser, desk, desk.agent) as agent:
        page = agent.open(f"/queue/{number}")
        for _ in range(40):
            if page.locator("#loss", has_text="No amount").count():
                break
            time.sleep(0.25)
            page.reload()
        expect(page.locator("#loss")).to_contain_text("no cost model was in force")
        assert agent.violations() == []
    # What has most in it is looked at in both ways, the rest in one.
    wide = ["/board/rates", "/board/roadmap", "/board/risks", "/board/improvements/new", item]
    narrow = ["/board/roadmap", "/board/risks", "/board/risks/new", "/board/improvements", risk]
    for theme, language, width, pages in (("light", "zh", 1440, wide), ("dark", "en", 390, narrow)):
        with window(browser, desk, desk.approver, language=language, theme=theme, width=width) as reader:
            for address in pages:
                reader.open(address)
                assert reader.violations() == [], address
                assert reader.overflow() == 0, address
                assert reader.complaints == [], address


@pytest.mark.long
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
