"""What somebody meets who has just typed `make run`: the demo data, an account for each role, pages, one trace."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import grpc
import httpx
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from playwright.sync_api import Page
from throughline.metrics.v1 import availability_service_pb2, business_service_pb2, metrics_pb2, metrics_service_pb2
from throughline.metrics.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.tickets.v1 import tickets_service_pb2 as tickets_pb
from throughline.tickets.v1.tickets_service_pb2_grpc import TicketsServiceStub

from deploy.local.demo import ACCOUNTS
from deploy.local.demo.histories import TICKETS
from deploy.local.demo.stories import STORIES
from deploy.local.proof import ADMINISTRATOR
from deploy.local.servers import ROOT
from deploy.local.system import SERVICES, System
from services.runtime.refusal import Refusal
from tests.support.office import chromium
from tests.support.spans import Seen, Tee, tee
from tool import verify
from tool.connection import Connection

pytestmark = pytest.mark.timeout(600)
T = TypeVar("T")

REQUESTER = next(login for role, login, _ in ACCOUNTS if role == "requester")
PASSWORDS = {login: password for _, login, password in ACCOUNTS}
DEMO = "deploy.local.demo"
LINK = re.compile(r'href="(/[^"#]*)')
NOT_PAGES = ("/static/", "/sign-out", "/api/")
NUMBER = re.compile(r"/tickets/((?:INC|REQ)-\d+)")
# So that a crawl ends: a queue links to every ticket, a page of a list to the next.
PAGES_A_PERSON = 25


@pytest.fixture(scope="module")
def spans() -> Iterator[Tee]:
    """Every span of the system, which metrics gets as well."""
    with tee() as stand:
        yield stand


@pytest.fixture(scope="module")
def first_run(spans: Tee, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system of its own with the demo data in it, as after `make run`."""
    environment = {"TL_OTLP_ENDPOINT": f"127.0.0.1:{spans.port}"}
    system = System(tmp_path_factory.mktemp("first-run"), environment=environment)
    system.start()
    with grpc.insecure_channel(system.addresses["metrics"]) as channel:
        spans.next = TraceServiceStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        system.run(DEMO)
        yield system
        system.stop()
        spans.next = None
    system.abandon()


@pytest.fixture(scope="module")
def operator(first_run: System) -> Iterator[Connection]:
    """Calls to the system beside the pages."""
    connection = Connection(first_run.addresses, first_run.keys, ADMINISTRATOR)
    yield connection
    connection.close()


def test_the_demo_is_there(operator: Connection) -> None:
    """Nine hundred tickets of the past and those of the day."""
    stub = operator.stub("tickets", TicketsServiceStub)
    count = operator.call(stub.CountTickets, tickets_pb.CountTicketsRequest(limit=10_000)).count

    assert count == TICKETS + len(STORIES)


@pytest.mark.long
def test_loading_it_again_changes_nothing(first_run: System, operator: Connection) -> None:
    """A second load leaves every journal as it was."""
    before = _journals(operator)

    first_run.run(DEMO)

    assert _journals(operator) == before


def test_every_account_that_is_printed_signs_in(first_run: System, operator: Connection) -> None:
    """One account for each role, with the password that stands beside it; each lands on a page of its own."""
    # While nine hundred tickets are being counted, a busy machine may not have a board within its deadline.
    _eventually(lambda: _is_counted(operator))
    landed = {}
    for role, login, _ in ACCOUNTS:
        with _signed_in(first_run, login) as client:
            answer = client.get("/sign-in")
            landed[role] = (answer.status_code, "/sign-in" in str(answer.url))

    assert landed == {role: (200, False) for role, _, _ in ACCOUNTS}


def test_a_ticket_filed_on_the_page_is_one_trace_to_its_fact(
    first_run: System, spans: Tee, operator: Connection
) -> None:
    """Su Wanqing files a ticket in a browser: page, tickets, sla and metrics are one trace, and the fact is there."""
    with chromium() as browser:
        page = browser.new_page(base_url=first_run.web_url, locale="zh-CN")
        number = _file(page, "新同事的电脑连不上打印机")
    asked = metrics_service_pb2.GetFactRequest(name=f"facts/{number}")
    fact = _eventually(lambda: _known(operator, asked))

    def way() -> list[str]:
        pages = [span for span in spans.spans() if (span.service, span.name) == ("portal-web", "POST /submit")]
        ways = [_services(path) for page in pages for path in spans.paths(page, "metrics") if path[0] == page]
        return next((one for one in ways if "sla" in one), [])

    assert fact.ticket == f"tickets/{number}"
    assert _eventually(way) == ["portal-web", "tickets", "sla", "metrics"]


def test_the_calls_that_are_made_are_the_calls_that_are_declared(
    first_run: System, spans: Tee, operator: Connection
) -> None:
    """Every page by every role, and an outage that files: the edges are the chart's `calls`, no more, no less."""
    _promise(operator)
    assert spans.next is not None
    spans.next.Export(_outage(datetime.now(UTC)), timeout=10)
    broken = [found for _, login, _ in ACCOUNTS for found in _visit(first_run, login)]
    declared = yaml.safe_load((ROOT / "deploy/helm/throughline/values.yaml").read_text("utf-8"))
    calls, reads = (
        {(caller, callee) for caller, callees in declared[name].items() for callee in callees}
        for name in ("calls", "reads")
    )

    assert broken == []
    assert _eventually(lambda: calls - spans.edges() == set() or None)
    # The loader of the demo data traces nothing, so every edge is a service's.
    assert spans.edges() == calls
    assert spans.edges(journal=True) <= reads


def _promise(operator: Connection) -> None:
    """A business service that wants an incident when it fails."""
    service = business_service_pb2.BusinessService(
        name="businessServices/first-run",
        display_names={"en": "First run", "zh": "首次运行"},
        owner="people/first",
        criticality=1,
        components=[business_service_pb2.ServiceComponent(service="first-run")],
        incidents=business_service_pb2.OutageIncidents(requester=f"people/{REQUESTER}"),
    )
    asked = availability_service_pb2.PublishBusinessServiceRequest(
        request_id=str(uuid.uuid4()), business_service=service
    )
    operator.call(operator.stub("metrics", AvailabilityServiceStub).PublishBusinessService, asked)


def _outage(now: datetime) -> ExportTraceServiceRequest:
    """Spans of a service that failed every request of the last five minutes, two a second."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "first-run"
    spans = resource.scope_spans.add().spans
    for number in range(600):
        ended = int((now - timedelta(milliseconds=500 * number)).timestamp() * 1_000) * 1_000_000
        span = spans.add(kind=Span.SPAN_KIND_SERVER, name="GET /", start_time_unix_nano=ended, end_time_unix_nano=ended)
        span.trace_id, span.span_id = uuid.uuid4().bytes, uuid.uuid4().bytes[:8]
        span.attributes.add(key="http.response.status_code").value.int_value = 500
    return request


def _file(page: Page, title: str) -> str:
    """Signs in as the requester and files a ticket through the form; its number."""
    page.goto("/sign-in")
    page.fill("#account", REQUESTER)
    page.fill("#password", PASSWORDS[REQUESTER])
    page.click("main form button[type=submit]")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto("/submit")
    page.fill("#title", title)
    page.fill("#description", "总部 5 楼，今天刚到岗。")
    page.check("input[name=impact][value='3']", force=True)
    page.check("input[name=urgency][value='2']", force=True)
    page.locator("form[action='/submit'] button[type=submit]").first.click()
    page.wait_for_url(NUMBER)
    found = NUMBER.search(page.url)
    assert found is not None
    assert title in page.inner_text("h1")
    return found.group(1)


def _services(path: list[Seen]) -> list[str]:
    """The services along a path, each once for a stretch of its spans."""
    return [span.service for at, span in enumerate(path) if at == 0 or path[at - 1].service != span.service]


def _known(operator: Connection, asked: metrics_service_pb2.GetFactRequest) -> metrics_pb2.Fact | None:
    try:
        return operator.call(operator.stub("metrics", MetricsServiceStub).GetFact, asked)
    except Refusal:
        return None


def _journals(operator: Connection) -> dict[str, int]:
    """Entries by service, once they stand still: events of the load may still be on their way."""
    before: dict[str, int] = {}
    while True:
        found = {service: verify.verify(operator, service).entries for service in SERVICES}
        if found == before:
            return found
        before = found
        time.sleep(2)


@contextmanager
def _signed_in(system: System, login: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=system.web_url, follow_redirects=True, timeout=30) as client:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
        assert token is not None
        form = {"csrf_token": token.group(1), "account": login, "password": PASSWORDS[login]}
        answer = client.post("/sign-in", data=form)
        assert answer.status_code == 200, f"{login}: {answer.status_code}"
        yield client


def _visit(system: System, login: str) -> list[str]:
    """Follows the links from the first page on; what was not answered as a page should be."""
    broken: list[str] = []
    with _signed_in(system, login) as client:
        waiting, known = ["/"], {"/"}
        while waiting and len(known) - len(waiting) < PAGES_A_PERSON:
            path = waiting.pop(0)
            answer = client.get(path)
            if answer.status_code >= 500 or (answer.status_code == 404 and path != "/"):
                broken.append(f"{login} {path}: {answer.status_code}")
            for link in LINK.findall(answer.text):
                found = link.replace("&amp;", "&")
                if found not in known and not found.startswith(NOT_PAGES):
                    known.add(found)
                    waiting.append(found)
    return broken


def _is_counted(operator: Connection) -> bool:
    """Whether every event that numbers are made of is in them."""
    numbers = operator.stub("metrics", MetricsServiceStub)
    found = operator.call(numbers.GetProgress, metrics_service_pb2.GetProgressRequest())
    return found.HasField("waiting_events") and found.waiting_events == 0


def _eventually(holds: Callable[[], T | None], seconds: float = 60.0) -> T:
    """What travels between services, or is exported every few seconds, once it has come."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, "it did not come in time"
        time.sleep(0.2)
    return found
