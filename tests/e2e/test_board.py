"""The value board through real pages: from an approved rate and real incidents to an amount, its row and its inputs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from playwright.sync_api import Browser, Page, expect

from deploy.local.system import System
from services.runtime.actor import Actor
from tests.support.office import PASSWORD, Office, chromium, window

INCIDENTS = 8
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

    def solved(self, title: str) -> str:
        """An incident of this module's service, filed, triaged and resolved; answers its number."""
        filed = {"type": "INCIDENT", "title": title, "service": self.service, "channel": "PORTAL"}
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
        for _ in range(60):  # a page that came back hears keys once its scripts run again
            if "/evidence/" not in page.url:
                break
            page.keyboard.press("Escape")
            page.wait_for_timeout(250)
        assert "/evidence/" not in page.url
        expect(page.locator("#drawer")).to_be_empty()


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


def test_numbers_away_is_a_part_not_a_page(browser: Browser, desk: Desk, system: System) -> None:
    """With metrics away the board keeps its frame and says so with 503; it is back without a restart of the pages."""
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


@pytest.mark.long
def test_a_business_service_is_published_and_tells_its_objective(browser: Browser, desk: Desk, system: System) -> None:
    """What is wrong stands beside its field; numerator, denominator and budget are told; who was faster is shown."""
    name = f"board-{uuid.uuid4().hex[:8]}"
    with grpc.insecure_channel(system.addresses["metrics"]) as channel:
        stub: Any = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # gRPC's generated stub has no types
        stub.Export(_requests(name, 400, 2), timeout=10)
    with window(browser, desk, desk.operator, width=1440) as own:
        page = own.open("/business-services/new")
        for field, text in {"id": name, "owner": "nobody", "components": name, "objective": "101"}.items():
            page.fill(f"#{field}", text)
        page.fill("#maintenance", "tomorrow night")
        page.click("main form button:has-text('Publish')")
        expect(page.locator("#objective-error")).to_contain_text("99.9")
        expect(page.locator("#maintenance-error")).to_contain_text("Line 1")
        page.fill("#objective", "99")
        page.fill("#maintenance", "2026-01-02 22:00 - 2026-01-03 02:00 new database")
        page.fill("#name_en", "Checkout of the board")
        page.click("main form button:has-text('Publish')")
        expect(page.locator("#owner-error")).to_be_visible()
        assert page.input_value("#components") == name
        assert own.violations() == []
        page.fill("#owner", desk.operator.sub)
        page.click("main form button:has-text('Publish')")
        expect(page.locator("h1")).to_have_text("Checkout of the board")
        told = page.locator("#objective")
        for text in ("398", "400", "99.500%", "432.0 min", "216.0 min"):
            expect(told).to_contain_text(text)
        expect(told).to_contain_text("no cost model is named")
        page.click("main a:has-text('Edit')")
        page.fill("#threshold", "800")
        body = desk.call(desk.operator, "GET", f"/businessServices/{name}")
        published = {key: value for key, value in body.items() if key not in ("etag", "version", "retired")}
        desk.call(desk.operator, "POST", "/businessServices", {"business_service": {**published, "criticality": 1}})
        page.click("main form button:has-text('Publish')")
        expect(page.locator("#theirs")).to_contain_text("1 · vital")
        assert page.input_value("#threshold") == "800"
        page.click("main form button:has-text('Publish')")
        expect(page.locator("#versions tbody tr")).to_have_count(3)
        expect(page.locator("#versions")).to_contain_text("Sun Hao")
    for path in (f"/business-services/{name}", "/business-services", "/business-services/map"):
        with window(browser, desk, desk.operator, language="zh", theme="dark", width=390) as reader:
            reader.open(path)
            assert (reader.violations(), reader.overflow(), reader.complaints) == ([], 0, []), path


def _requests(service: str, count: int, failed: int) -> ExportTraceServiceRequest:
    """Spans of a service that answered so many requests a minute ago, the first of them badly."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = service
    spans = resource.scope_spans.add().spans
    ended = (int(time.time()) - 60) * 1_000_000_000
    for number in range(count):
        span = spans.add(kind=Span.SPAN_KIND_SERVER, name="GET /", start_time_unix_nano=ended, end_time_unix_nano=ended)
        span.trace_id, span.span_id = uuid.uuid4().bytes, uuid.uuid4().bytes[:8]
        span.attributes.add(key="http.response.status_code").value.int_value = 500 if number < failed else 200
    return request
