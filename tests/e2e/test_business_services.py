"""Business services through real pages: a form that keeps what was typed, the objective, versions, and the map."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from playwright.sync_api import Browser, expect

from deploy.local.system import System
from tests.e2e.test_board import Desk
from tests.support.office import chromium, window


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def desk(system: System) -> Desk:
    """The module's people."""
    return Desk(system)


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
