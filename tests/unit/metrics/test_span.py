"""Which spans count, how they weigh, and how one export comes to counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from services.metrics.rules.availability import SLICES_AN_HOUR, Export, Sums, availability, slices_of, weight
from services.metrics.rules.period import Period
from services.metrics.rules.span import GRPC_NUMBERS, Outcome, is_own, is_own_path, of_grpc, of_http
from services.metrics.wire.request import Promise
from services.metrics.wire.spans import measured
from services.runtime.refusal import Refusal

NOW = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
SERVER, CLIENT, CONSUMER = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_CONSUMER
REMOTE, LOCAL = 0x301, 0x101


class Batch:
    """An export under construction."""

    def __init__(self) -> None:
        self.request = ExportTraceServiceRequest()
        self._number = 0

    def span(self, service: str, kind: Any = SERVER, parent: Any = b"", **attributes: Any) -> Any:
        """One span that ended now."""
        resource = self.request.resource_spans.add()
        resource.resource.attributes.add(key="service.name").value.string_value = service
        self._number += 1
        span = resource.scope_spans.add().spans.add(kind=kind, parent_span_id=parent, name="pkg.Shop/Buy")
        span.span_id = self._number.to_bytes(8, "big")
        span.end_time_unix_nano = int(NOW.timestamp()) * 10**9
        for name, value in attributes.items():
            one = span.attributes.add(key=name).value
            if isinstance(value, int):
                one.int_value = value
            else:
                one.string_value = value
        return span

    def measured(self) -> Export:
        return measured(self.request.SerializeToString(), NOW)

    def counted(self) -> dict[str, tuple[int, int]]:
        """(requests, bad ones) by service."""
        return {cell.service: (sums.n, sums.bad) for cell, sums in self.measured().cells.items()}


def test_each_grpc_code_is_judged_by_whose_fault_it_is() -> None:
    """The server's faults are bad, the caller's are good, and a caller that left says nothing."""
    bad = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
    for name, code in GRPC_NUMBERS.items():
        wanted = Outcome.BAD if name in bad else Outcome.LEFT_OUT if name == "CANCELLED" else Outcome.GOOD
        assert of_grpc(code) is wanted, name
    assert GRPC_NUMBERS["UNAUTHENTICATED"] == 16


def test_each_http_status_is_judged_by_whose_fault_it_is() -> None:
    """5xx is bad, 4xx is good with 429 too, 499 says nothing."""
    judged = {status: of_http(status) for status in (200, 302, 400, 404, 429, 499, 500, 503, 599)}
    assert {status for status, one in judged.items() if one is Outcome.BAD} == {500, 503, 599}
    assert {status for status, one in judged.items() if one is Outcome.LEFT_OUT} == {499}


def test_machines_that_ask_whether_a_service_lives_are_nobody() -> None:
    """Health, reflection, the exports themselves and metrics are no requests; look-alikes are."""
    assert all(is_own(one) for one in (
        "grpc.health.v1.Health/Check", "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ))  # fmt: skip
    assert not is_own("grpc.health.v1.HealthInsurance/Buy")
    assert is_own_path("/metrics?x=1")
    assert not is_own_path("/metrics/sales")


@pytest.mark.parametrize(
    ("tracestate", "expected"),
    [
        ("", 1.0),
        ("ot=th:0", 1.0),
        ("ot=th:8", 2.0),
        ("ot=th:c", 4.0),
        ("vendor=1,ot=rv:abc;th:e", 8.0),
        ("ot=p:3", 8.0),
        ("ot=p:63", 10_000.0),
        ("ot=th:ffffffffffffff", 10_000.0),
        ("ot=th:zz", 1.0),
        ("ot=th:", 1.0),
        ("ot=p:-9", 1.0),
        ("ot=th:123456789012345", 1.0),
        ("oth=th:c", 1.0),
    ],
)
def test_weights(tracestate: str, expected: float) -> None:
    """By the threshold of consistent sampling; what is wrong, missing or forged weighs no more than it may."""
    assert weight(tracestate) == pytest.approx(expected)


def test_entry_spans_by_flags_and_by_the_batch() -> None:
    """Remote by flag, without parent, or under a span of another service; not under one of its own."""
    batch = Batch()
    own, other = batch.span("shop", Span.SPAN_KIND_INTERNAL), batch.span("web", Span.SPAN_KIND_INTERNAL)
    batch.span("shop", parent=own.span_id)
    batch.span("shop", parent=own.span_id).flags = LOCAL
    assert batch.counted() == {}
    batch.span("shop", parent=other.span_id)
    batch.span("shop", parent=b"elsewher")
    batch.span("shop", parent=own.span_id).flags = REMOTE
    batch.span("shop")
    assert batch.counted() == {"shop": (4, 0)}


def test_protocols_say_how_it_ended() -> None:
    """The old and the new names of a status, the span's own status without one, and probes left out."""
    batch = Batch()
    for code in (0, 13):
        batch.span("a", **{"rpc.grpc.status_code": code})
    for name in ("OK", "UNAVAILABLE"):
        batch.span("b", **{"rpc.response.status_code": name})
    for status in (200, 500, 499):
        batch.span("c", **{"http.response.status_code": status})
        batch.span("c", **{"http.status_code": status})
    for code in (Status.STATUS_CODE_ERROR, Status.STATUS_CODE_OK, Status.STATUS_CODE_UNSET):
        batch.span("d").status.code = code
    batch.span("e", **{"url.path": "/healthz", "http.response.status_code": 500})
    batch.span("e", **{"user_agent.synthetic.type": "bot"})
    batch.span("e", **{"rpc.service": "grpc.health.v1.Health"})
    batch.span("f", Span.SPAN_KIND_CONSUMER)
    assert batch.counted() == {"a": (2, 1), "b": (2, 1), "c": (4, 2), "d": (3, 1)}


def test_calls_without_an_answer_are_lost_and_failed_servers_have_answered() -> None:
    """UNAVAILABLE, or failed without any status, with a known callee; not a call that was answered with an error."""
    batch = Batch()
    for attributes in ({"rpc.grpc.status_code": 14}, {}, {"rpc.grpc.status_code": 13}, {"http.status_code": 503}):
        batch.span("web", CLIENT, **{"peer.service": "shop", **attributes}).status.code = Status.STATUS_CODE_ERROR
    batch.span("web", CLIENT).status.code = Status.STATUS_CODE_ERROR
    batch.span("web", CLIENT, **{"peer.service": "shop", "rpc.grpc.status_code": 0})
    batch.span("shop", parent=b"call1234", **{"rpc.grpc.status_code": 14})
    batch.span("shop", parent=b"call5678", **{"rpc.grpc.status_code": 0})
    export = batch.measured()
    assert [(one.callee, one.span) for one in export.lost] == [
        ("shop", (1).to_bytes(8, "big")), ("shop", (2).to_bytes(8, "big")),
    ]  # fmt: skip
    assert export.answered == {b"call1234"}
    assert [(way.caller, way.callee, calls) for way, (calls, _) in export.ways.items()] == [("web", "shop", 5)]


def test_slices_are_by_the_end_of_a_span_unless_it_is_not_believed() -> None:
    """Ten seconds each; more than ten minutes late or a minute early counts at the receipt, and is said."""
    batch = Batch()
    for seconds in (0, -6, -599, 59, -601, 61):
        batch.span("shop").end_time_unix_nano = int((NOW + timedelta(seconds=seconds)).timestamp()) * 10**9
    export = batch.measured()
    slices = {cell.slice - int(NOW.timestamp()) // 10: sums.n for cell, sums in export.cells.items()}
    assert slices == {0: 3, -1: 1, -60: 1, 6: 1}
    assert (export.moved, export.spans) == (2, 6)
    hour = int(NOW.timestamp()) // 3600
    assert {slice // SLICES_AN_HOUR for slice, _ in export.cells} == {hour - 1, hour}


def test_the_same_bytes_have_the_same_digest_and_rubbish_is_refused() -> None:
    """The digest is of the bytes alone."""
    batch = Batch()
    batch.span("shop")
    assert batch.measured().digest == batch.measured().digest
    with pytest.raises(Refusal) as caught:
        measured(b"\xff\xff\xff", NOW)
    assert caught.value.reason == "SPANS_UNREADABLE"


def test_a_period_holds_the_slices_that_begin_in_it() -> None:
    """Half-open at both ends, so that periods that follow each other share no slice."""
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    first = int(start.timestamp()) // 10
    assert slices_of(Period(start, start + timedelta(seconds=20))) == range(first, first + 2)
    assert slices_of(Period(start + timedelta(seconds=1), start + timedelta(seconds=20))) == range(first + 1, first + 2)


def test_availability_stands_on_the_effective_count() -> None:
    """Equal weights of four leave the doubt of the spans seen, not of what they stand for; nothing is never 100 %."""
    plain = availability("shop", Sums(40, 38, 40, 40, 2))
    heavy = availability("shop", Sums(160, 152, 640, 40, 2))
    assert (plain.share, heavy.share) == (0.95, 0.95)
    assert (plain.low, plain.high) == (heavy.low, heavy.high)
    assert (plain.low, plain.high) == pytest.approx((0.8350, 0.9862), abs=1e-4)
    uneven = availability("shop", Sums(10_040, 10_040, 10_000.0**2 + 40, 41, 0))
    assert not uneven.enough
    nothing = availability("shop", Sums())
    assert (nothing.share, nothing.enough, nothing.low, nothing.high) == (0.0, False, 0.0, 1.0)


def test_events_count_where_they_are_promised_and_never_among_requests() -> None:
    """What a service consumes from others, with its status; what it hands to itself is no event, nor is a request."""
    batch = Batch()
    for flags, failed in ((REMOTE, False), (REMOTE, True), (LOCAL, True)):
        span = batch.span("mailer", CONSUMER, b"elsewhere", **{"http.route": "orders"})
        span.flags = flags
        if failed:
            span.status.code = Status.STATUS_CODE_ERROR
    batch.span("mailer")
    promises = {
        "mailer": (
            Promise("businessServices/mail", frozenset(), 0, events=True),
            Promise("businessServices/bills", frozenset({"bills"}), 0, events=True),
            Promise("businessServices/answers", frozenset({"pkg.Shop/Buy"}), 0),
        )
    }
    export = measured(batch.request.SerializeToString(), NOW, promises)
    found = {cell.service: (sums.n, sums.bad) for cell, sums in export.cells.items()}
    assert found == {"mailer": (1, 0), "businessServices/mail": (2, 1), "businessServices/answers": (1, 0)}
    assert batch.counted() == {"mailer": (1, 0)}


def test_what_is_looked_at_by_its_place_counts_as_what_is_read_whole() -> None:
    """Good, bad, slow, sampled, late and health spans of one name, beside calls, first and long after it was learnt."""
    batch = Batch()
    for number in range(200):
        served = batch.span("placed", x="1", **{"http.status_code": 503 if number % 10 == 9 else 200})
        served.start_time_unix_nano = served.end_time_unix_nano - (2 * 10**9 if number % 20 == 0 else 10**6)
        called = batch.span("placed", CLIENT, x="1", **{"peer.service": "localhost" if number % 2 else "paid"})
        called.start_time_unix_nano = called.end_time_unix_nano - 10**6
        probe = batch.span("probed", x="1", **{"rpc.service": "grpc.health.v1.Health" if number % 4 else "pkg.Shop"})
        if number % 5 == 0:
            served.trace_state = probe.trace_state = "ot=th:8"
        if number >= 190:
            served.end_time_unix_nano = called.end_time_unix_nano = int((NOW - timedelta(hours=1)).timestamp()) * 10**9
    export = batch.measured()
    sums = {cell.service: sums for cell, sums in export.cells.items()}
    assert {name: (one.n, one.bad, one.valid) for name, one in sums.items() if one.n} == {
        "placed": (200, 20, 240.0),
        "probed": (50, 0, 60.0),
    }
    assert (sums["paid"].called, sums["localhost"].called) == (100.0, 100.0)
    assert {way.callee: calls for way, (calls, _) in export.ways.items()} == {"paid": 100, "localhost": 100}
    # Of twenty that failed and ten that were slow.
    assert (export.moved, len(export.bones)) == (20, 30)
