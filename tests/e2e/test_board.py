"""The value board through real pages: from an approved rate and real incidents to an amount, its row and its inputs."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import PASSWORD, Office, chromium, window

INCIDENTS = 8
_DEFINED = """found => found.map(one => ({
  text: one.querySelector("p").textContent.trim(), href: one.querySelector("a[href*=definitions]").getAttribute("href"),
  unit: [...one.querySelectorAll("dt")].find(dt => /^(Unit|单位)$/.test(dt.textContent))?.nextSibling.textContent}))"""
RATES = {"hourly_rate": "3600.50", "longest": "24", "users_1": "5000", "users_2": "50", "users_3": "5"}
EVER = {"from": "2020-01-01", "to": "2199-01-01"}


class Desk(Office):
    """The people who make numbers and those who read them, and their calls over REST."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.asker = self.person("board-asker", "Wu Lan", "requester")
        self.agent = self.person("board-agent", "Lin Yuan", "requester", "agent")
        self.finance = self.person("board-finance", "Fang Lei", "requester", "finance")
        self.approver = self.person("board-approver", "He Shuning", "requester", "finance", "executive")
        self.operator = self.person("board-operator", "Sun Hao", "operator")
        self.voter = self.person("board-voter", "Zhao Min", "approver")
        self.service = f"services/board-{uuid.uuid4().hex[:8]}"
        self._tokens: dict[str, str] = {}

    def call(self, actor: Actor, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call over REST in somebody's name."""
        if actor.sub not in self._tokens:
            given = {"account": actor.sub.removeprefix("people/"), "password": PASSWORD}
            self._tokens[actor.sub] = httpx.post(f"{self.url}/api/v1/session", json=given).json()["token"]
        headers = {"Authorization": f"Bearer {self._tokens[actor.sub]}", "Idempotency-Key": str(uuid.uuid4())}
        answer = httpx.request(method, f"{self.url}/api/v1{path}", json=body, headers=headers, params=query, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def solved(self, title: str, service: str = "") -> str:
        """An incident of this module's service or another, filed, triaged and resolved; answers its number."""
        filed = {"type": "INCIDENT", "title": title, "service": service or self.service, "channel": "PORTAL"}
        number = str(self.call(self.asker, "POST", "/tickets", filed)["name"]).removeprefix("tickets/")
        self.call(self.agent, "POST", f"/tickets/{number}/triage", {"impact": 1, "urgency": 1})
        self.call(self.agent, "POST", f"/tickets/{number}/resolve", {"code": "FIXED", "note": "Restarted."})
        return number


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
def booked(desk: Desk, browser: Browser) -> list[str]:
    """An approved rate, drafted and approved through the pages, and incidents whose cost has reached the board."""
    with window(browser, desk, desk.finance) as fang:
        page = fang.open("/board/cost-models/new")
        page.fill("#effective", "2020-01-01")
        for field, text in RATES.items():
            page.fill(f"#{field}", text)
        for priority, share in enumerate(("80", "40", "10", "2.5"), 1):
            page.fill(f"#share_{priority}", share)
        page.click("main form button:has-text('Save draft')")
        expect(page.locator("main")).to_contain_text("somebody else of finance must approve it")
        draft = page.url
        assert page.locator("button:has-text('Approve version')").count() == 0
    with window(browser, desk, desk.approver) as shuning:
        page = shuning.open(draft.removeprefix(desk.url))
        page.click("button:has-text('Approve version')")
        expect(page.locator("main")).to_contain_text("Approved. It holds from its effective time on.")
        expect(page.locator("main")).to_contain_text("¥3,600.50")
    numbers = [desk.solved(f"Checkout hangs, till {place}") for place in range(INCIDENTS)]
    until = time.monotonic() + 60
    while time.monotonic() < until:
        board = desk.call(desk.approver, "GET", "/board", **EVER, service=desk.service)
        if board["incurred_loss"]["entries"] == INCIDENTS and board["tickets"] == INCIDENTS:
            return numbers
        time.sleep(0.3)
    raise AssertionError("the incidents' cost did not reach the board within 60 s")


def _board(desk: Desk, more: str = "") -> str:
    return f"/board?service={quote(desk.service)}{more}"


@pytest.mark.parametrize(
    ("theme", "language", "width"),
    [("light", "zh", 1440), ("dark", "en", 320)],
)
def test_board_is_accessible(
    browser: Browser, desk: Desk, booked: list[str], theme: str, language: str, width: int
) -> None:
    """axe finds nothing, the content policy refuses nothing, nothing is wider than the screen, the chart is drawn."""
    with window(browser, desk, desk.approver, language=language, theme=theme, width=width) as reader:
        page = reader.open(_board(desk))
        expect(page.locator("[data-chart] svg")).to_be_visible()
        assert reader.violations() == []
        assert reader.overflow() == 0
        assert reader.complaints == []
        for kind in ("efficiency", "experience", "business"):
            expect(page.locator(f".band-{kind}")).to_be_visible()


def test_no_fake_zero(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """Lines that nothing feeds say what they wait for, tiles too; the sentence speaks of what is known."""
    with window(browser, desk, desk.approver) as reader:
        page = reader.open(_board(desk))
        lines = page.locator(".money-lines > li")
        assert lines.count() == 4
        for place in range(4):
            expect(lines.nth(place)).to_contain_text("Waits for")
        expect(page.locator("h1")).to_contain_text(f"{INCIDENTS} tickets were resolved; incidents cost the business ¥")
        expect(page.locator(".tile", has_text="Satisfaction")).to_contain_text("Waits for survey answers")
        assert (
            page.locator(".tile", has_text="Satisfaction").locator("a:not([href^='/board/definitions'])").count() == 0
        )


def test_amount_to_inputs_in_three_clicks(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """Amount, its rows, one row with formula and inputs recomputed, its ticket: each is one click."""
    with window(browser, desk, desk.agent, width=1440) as reader:
        page = reader.open(_board(desk))
        amount = page.locator(".total-loss a.money").inner_text()
        page.click(".total-loss a.money")
        drawer = page.locator("#drawer")
        expect(drawer.locator("#drawer-title")).to_have_text(amount)
        expect(drawer).to_contain_text(f"{INCIDENTS} ledger rows")
        expect(drawer).to_contain_text("approved by He Shuning")
        assert reader.violations() == []
        expect(drawer.locator(".ledger-link")).to_have_count(INCIDENTS - 1)
        drawer.locator("a:has-text('Recompute the largest row')").click()
        main = page.locator("main")
        expect(main).to_contain_text("Recomputed from its inputs: the same amount")
        expect(main).to_contain_text("¥3,600.50")
        expect(main.locator("a:has-text('costModels/people')")).to_be_visible()
        ticket = main.locator("a:has-text('tickets/INC-')").inner_text().removeprefix("tickets/")
        assert ticket in booked
        assert reader.violations() == []
        main.locator("a:has-text('tickets/INC-')").click()
        page.wait_for_url(f"**/queue/{ticket}")
        expect(page.locator("main")).to_contain_text("Checkout hangs")
        page.go_back()
        page.go_back(wait_until="networkidle")
        for _ in range(10):  # a page that came back hears keys once its scripts run; each press heard leaves anew
            if "/evidence/" not in page.url:
                break
            page.keyboard.press("Escape")
            page.wait_for_timeout(2_000)
        assert "/evidence/" not in page.url
        expect(page.locator("#drawer")).to_be_empty()


def _cured(desk: Desk, number: str) -> str:
    """A change that shall cure an incident, approved, executed and verified; its number."""
    now = datetime.now(UTC)
    window = {"start_time": (now - timedelta(hours=1)).isoformat(), "end_time": (now + timedelta(hours=1)).isoformat()}
    plan = {
        "type": "NORMAL", "risk": "LOW", "title": "More sessions for the tills", "plan": "400.", "window": window,
        "rollback_plan": "200.", "steps": [{"check": "Sessions", "pass_mark": "under 400"}],
        "services": [desk.service], "tickets": [f"tickets/{number}"],
    }  # fmt: skip
    change = str(desk.call(desk.agent, "POST", "/changes", {"plan": plan})["name"])
    passed = {"step_id": "1", "result": "PASSED", "note": "212"}
    for verb, body in (("submit", {}), ("approve", {"note": "At noon"}), ("start", {}), ("verify", passed),
                       ("finish", {"outcome_note": "Calm."})):  # fmt: skip
        desk.call(desk.voter if verb == "approve" else desk.agent, "POST", f"/{change}/{verb}", body)
    return change.removeprefix("changes/")


@pytest.mark.row("A147")
def test_from_a_loss_to_each_link_of_its_chain_in_three_clicks(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """The amount of the board is one click; incident, trace, problem, change and the metric after it are one more each.
    What has no record says so.
    """
    rows = desk.call(desk.approver, "GET", "/ledgerEntries", **EVER, service=desk.service)["entries"]
    cause = max(rows, key=lambda one: (int(one["total"]["minor_units"]), one["name"]))["ticket"]
    number = str(cause).removeprefix("tickets/")
    link = {"link": {"relation": "CAUSED_BY", "target": "problems/PRB-000017"}}
    desk.call(desk.agent, "POST", f"/tickets/{number}/link", link)
    change = _cured(desk, number)
    goals = {
        "incidents": (number, f"/queue/{number}", "Checkout hangs"),
        "traces": ("Journey", f"/tickets/{number}/journey", "Checkout hangs"),
        "problem": ("PRB-000017", "/problems/PRB-000017", number),
        "change": (change, f"/changes/{change}", "More sessions for the tills"),
        "later": ("against as many days before", "/board/compare", "Loss by incidents"),
    }
    with window(browser, desk, desk.agent, width=1440) as reader:
        page = reader.open(_board(desk))
        page.click(".total-loss a.money")
        drawer, evidence = page.locator("#drawer"), page.url
        expect(drawer.locator(".evidence-trail")).to_contain_text("No outage of any service belongs to it.")
        expect(drawer.locator(".trail-later")).to_contain_text(f"Incidents: 0 → {INCIDENTS}")
        assert reader.violations() == []
        for step, (text, path, told) in goals.items():
            drawer.locator(f".trail-{step} a", has_text=text).click()
            page.wait_for_url(f"**{path}**")
            expect(page.locator("main")).to_contain_text(told)
            page.goto(evidence)
    with window(browser, desk, desk.approver, language="zh", theme="dark", width=390) as reader:
        page = reader.open(f"/board/entries/{number}.1")
        expect(page.locator(".evidence-trail")).to_contain_text("没有属于它的服务中断。")
        assert (reader.violations(), reader.overflow()) == ([], 0)


@pytest.mark.row("A140")
def test_a_tile_has_one_sentence_a_unit_and_its_definition(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """Every tile, and every value beside another, in both languages; the link leads to that very definition."""
    for language, stop in (("en", "."), ("zh", "。")):
        with window(browser, desk, desk.approver, language=language) as reader:
            page = reader.open(_board(desk))
            told: list[dict[str, str]] = page.eval_on_selector_all(".tile .popover", _DEFINED)
            assert len(told) > 20
            assert page.locator(".tile h3 .popover").count() == page.locator(".tile").count()
            for one in told:
                assert one["text"].endswith(stop), one
                assert len(re.findall(r"[.!?](?:\s|$)|[。！？]", one["text"])) == 1, one
                assert one["unit"], one
            page.goto(f"{desk.url}/board/definitions")
            for one in told:
                assert page.locator(f"[id='{one['href'].partition('#')[2]}']").count() == 1, one


def test_finance_sees_amounts_and_no_tickets(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """Who may not read tickets gets their numbers without a link that would lead nowhere."""
    with window(browser, desk, desk.approver) as reader:
        page = reader.open(f"/board/entries/{booked[1]}.1")
        expect(page.locator("main")).to_contain_text(f"tickets/{booked[1]}")
        assert page.locator(f"main a[href*='/queue/{booked[1]}']").count() == 0


def test_a_reopened_incident_is_taken_back(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """Reopening books the same lines negative: the drawer of the ticket logs it, and nothing of it stands."""
    number = booked[0]
    desk.call(desk.agent, "POST", f"/tickets/{number}/reopen", {"reason": "It hangs again."})
    with window(browser, desk, desk.approver) as reader:
        path = f"/board/evidence/incurred-loss?ticket={number}&service={quote(desk.service)}"
        until = time.monotonic() + 30
        page = reader.open(path)
        while "one row taken back" not in page.locator("#drawer").inner_text() and time.monotonic() < until:
            page = reader.open(path)
        expect(page.locator("#drawer")).to_contain_text(f"{number} was reopened; one row taken back")
        expect(page.locator("#drawer-title")).to_have_text("Taken back")


def test_value_to_its_tickets(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """A tile's value leads to the tickets behind it, with its definition; the same choice leads back."""
    with window(browser, desk, desk.approver) as reader:
        page = reader.open(_board(desk, "&baseline=none"))
        page.locator(".tile", has_text="Resolved by the first team").locator("a.tile-value").click()
        expect(page.locator("main")).to_contain_text("resolved with reassignments = 0 / resolved")
        expect(page.locator("main tbody tr")).not_to_have_count(0)
        expect(page.locator("main")).to_contain_text(booked[1])
        page.locator("nav.crumbs a").first.click()
        page.wait_for_url("**/board?**")
        assert desk.service in unquote(page.url)
        assert "baseline=none" in page.url


def test_choice_lives_in_the_address(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """The filter's form, the keys [ and ], and the baseline change the address and keep each other."""
    with window(browser, desk, desk.approver) as reader:
        page = reader.open(_board(desk, "&month=2019-03"))
        expect(page.locator("h1")).to_have_text("In Mar 2019, no ticket came in")
        page.keyboard.press("[")
        page.wait_for_url("**month=2019-02**")
        assert desk.service in unquote(page.url)
        page.locator(".filters details", has_text="Baseline").locator("summary").click()
        page.click("a.menu-item:has-text('A year earlier')")
        page.wait_for_url("**baseline=year**")
        assert "month=2019-02" in page.url


def test_wrong_choice_is_said(browser: Browser, desk: Desk) -> None:
    """An address that is no choice answers 400 in words instead of another period."""
    with window(browser, desk, desk.approver, language="zh") as reader:
        answer = reader.page.goto(f"{desk.url}/board?month=2026-13")
        assert answer is not None
        assert answer.status == 400
        expect(reader.page.locator("main")).to_contain_text("看板的期间无法识别")


def test_table_says_what_the_chart_says(browser: Browser, desk: Desk, booked: list[str]) -> None:
    """The chart's table holds every day that it draws, and today's count."""
    with window(browser, desk, desk.approver) as reader:
        page = reader.open(_board(desk))
        page.click(".chart-table summary")
        rows = page.locator(".chart-table tbody tr")
        days = page.evaluate("JSON.parse(document.querySelector('[data-chart]').dataset.chart).days.length")
        assert rows.count() == days
        opened = [int(cell) for cell in page.locator(".chart-table tbody td:nth-child(2)").all_inner_texts()]
        assert sum(opened) == INCIDENTS


def test_draft_in_error_keeps_what_was_typed(browser: Browser, desk: Desk) -> None:
    """A share over 100 and a rate that is no amount are named at their fields, and nothing typed is lost."""
    with window(browser, desk, desk.finance) as fang:
        page = fang.open("/board/cost-models/new")
        page.fill("#effective", "2021-01-01")
        for field in ("longest", "users_1", "users_2", "users_3", "share_1", "share_2", "share_3"):
            page.fill(f"#{field}", "7")
        page.fill("#hourly_rate", "a lot")
        page.fill("#share_4", "101")
        page.click("main form button:has-text('Save draft')")
        expect(page.locator("#hourly_rate-error")).to_be_visible()
        expect(page.locator("#share_4-error")).to_be_visible()
        assert page.input_value("#users_1") == "7"
        assert fang.violations() == []


def test_a_requester_sees_no_board(browser: Browser, desk: Desk) -> None:
    """Who may not read the numbers gets a page that says so, and neither menu nor numbers."""
    with window(browser, desk, desk.asker) as asker:
        answer = asker.page.goto(f"{desk.url}/board")
        assert answer is not None
        assert answer.status == 403
        assert asker.page.locator(".band").count() == 0


def test_a_problem_sums_its_incidents_and_leads_to_their_evidence(
    browser: Browser, desk: Desk, booked: list[str]
) -> None:
    """From the ticket's link to its problem, from an amount there to its rows; what was paid again is on the board."""
    problem, numbers = "PRB-000080", []
    for title in ("Gate stuck", "Gate stuck again"):
        number = desk.solved(title, f"{desk.service}-gate")
        link = {"relation": "CAUSED_BY", "target": f"problems/{problem}"}
        desk.call(desk.agent, "POST", f"/tickets/{number}/link", {"link": link})
        numbers.append(number)
    until, found = time.monotonic() + 30, {"incidents_with_amount": 0}
    while found["incidents_with_amount"] < 2 and time.monotonic() < until:
        listed = desk.call(desk.approver, "GET", "/repeatLoss", **EVER)["problems"]
        found = next((one for one in listed if one["name"] == f"problems/{problem}"), found)
    assert (found["incidents"], found["repeated_incidents"]) == (2, 1)
    with window(browser, desk, desk.agent, width=1440) as reader:
        page = reader.open(f"/queue/{numbers[1]}")
        page.locator("main a", has_text=problem).first.click()
        page.wait_for_url(f"**/problems/{problem}")
        rows = page.locator("table[aria-label='Its incidents'] tbody tr")
        assert [("paid again" in text) for text in rows.all_inner_texts()] == [True, False]
        assert (reader.violations(), reader.overflow()) == ([], 0)
        shown = rows.first.locator("a.money").inner_text()
        rows.first.locator("a.money").click()
        expect(page.locator("#drawer")).to_contain_text(shown)
    with window(browser, desk, desk.approver, language="zh", theme="dark", width=390) as reader:
        for path, told in (("/board/repeat-loss", problem), (f"/problems/{problem}", "重复付出")):
            expect(reader.open(path).locator("main")).to_contain_text(told)
            assert (reader.violations(), reader.overflow()) == ([], 0)


def test_numbers_away_is_a_part_not_a_page(browser: Browser, desk: Desk, system: System) -> None:
    """With metrics away the board keeps its frame and says so with 503; it is back without a restart of the pages.

    Last of this file: each of the two processes of the pages finds the way back by itself, up to five seconds later.
    """
    system.kill("metrics")
    try:
        with window(browser, desk, desk.approver) as reader:
            answer = reader.page.goto(f"{desk.url}{_board(desk)}")
            assert answer is not None
            assert answer.status == 503
            expect(reader.page.locator(".filters")).to_be_visible()
            expect(reader.page.locator("main")).to_contain_text("The numbers do not answer")
    finally:
        system.restart("metrics")
    with window(browser, desk, desk.approver) as reader:
        _until_shown(reader.page, f"{desk.url}{_board(desk)}")


def _until_shown(page: Page, address: str) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        answer = page.goto(address)
        if answer is not None and answer.status == 200:
            return
        time.sleep(0.3)
    raise AssertionError("the board did not come back within 30 s")
