"""Bodies of OTLP over HTTP as senders really write them, and who may send."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest

from services.metrics.spans.body import Body, Stop, head_of
from services.metrics.spans.senders import Senders
from services.runtime.identity import Keys, make
from services.runtime.refusal import Kind, Refusal

SECRET = "a-secret-of-thirty-two-characters"
MOST = 1_000
BOMB = gzip.compress(b"0" * 100_000)
PROTOBUF = {"content-type": "application/x-protobuf"}


async def _read(sent: bytes, headers: dict[str, str]) -> tuple[bytes, int]:
    """What a body is read as, and how many bytes were counted meanwhile."""
    reader = asyncio.StreamReader(limit=200)
    reader.feed_data(sent)
    reader.feed_eof()
    counted: list[int] = []
    read = await Body(reader, PROTOBUF | headers, MOST, counted.append).read()
    return read, sum(counted)


@pytest.mark.parametrize("data", [b"", b"spans", b"s" * MOST])
async def test_a_body_is_the_same_by_length_in_chunks_and_packed(data: bytes) -> None:
    """Node's and Java's exporters pack into chunks, Go's tells a length: all of them are read, and counted in full."""
    halves = [half for half in (data[: len(data) // 2], data[len(data) // 2 :]) if half]
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\nTrailer: x\r\n\r\n"
    packed = gzip.compress(data)
    assert await _read(data, {"content-length": str(len(data))}) == (data, len(data))
    assert await _read(chunks, {"transfer-encoding": "chunked"}) == (data, len(data))
    headers = {"content-length": str(len(packed)), "content-encoding": "gzip"}
    assert await _read(packed, headers) == (data, len(packed) + len(data))


@pytest.mark.parametrize(
    ("sent", "headers", "status"),
    [
        (b"", {}, 411),
        (b"x", {"content-length": "²"}, 400),
        (b"x", {"content-length": "+1"}, 400),
        (b"x", {"content-length": "9" * 5_000}, 400),
        (b"", {"content-length": str(MOST + 1)}, 413),
        (b"zz\r\n", {"transfer-encoding": "chunked"}, 400),
        (b"1\r\nxx\r\n", {"transfer-encoding": "chunked"}, 400),
        (b"3e8\r\n" + b"x" * 1_000 + b"\r\n1\r\nx\r\n", {"transfer-encoding": "chunked"}, 413),
        (BOMB, {"content-length": str(len(BOMB)), "content-encoding": "gzip"}, 413),
        (b"x", {"content-length": "1", "content-encoding": "br"}, 415),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_stopped(sent: bytes, headers: dict[str, str], status: int) -> None:
    """Each with its status, before more is held than an export may have."""
    with pytest.raises(Stop) as stopped:
        await _read(sent, headers)
    assert stopped.value.status == status


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 1", "Transfer-Encoding: chunked"],
        ["Content-Length: 1", "content-length: 2"],
        [f"X-{number}: 1" for number in range(200)],
    ],
)
def test_a_head_that_two_readers_could_read_differently_is_refused(lines: list[str]) -> None:
    """Whatever stands in front must see the same request."""
    with pytest.raises(Stop):
        head_of("\r\n".join(["POST /v1/traces HTTP/1.1", *lines, "", ""]).encode())


def test_senders_are_proven_by_either_credential(tmp_path: Path) -> None:
    """A named sender by its secret, a service by its token; nobody else, and forged tokens never."""
    make(tmp_path, ["metrics", "tickets"])
    keys, tickets = Keys(tmp_path, "metrics"), Keys(tmp_path, "tickets")
    named, open_to_all = Senders(keys, {"shop": SECRET}), Senders(keys)
    assert named.prove({"authorization": f"Bearer {SECRET}"}) == "shop"
    token = {"x-service-token": tickets.sign_service("metrics")}
    assert (named.prove(token), open_to_all.prove(token), open_to_all.prove({})) == ("tickets", "tickets", "")
    for senders, headers, reason in (
        (named, {}, "SENDER_UNKNOWN"),
        (named, {"authorization": f"Basic {SECRET}"}, "SENDER_UNKNOWN"),
        (named, {"authorization": f"Bearer {SECRET[:-1]}"}, "SENDER_UNKNOWN"),
        (open_to_all, {"authorization": "Bearer guess"}, "SENDER_UNKNOWN"),
        (named, {"x-service-token": "forged"}, "TOKEN_INVALID"),
        (named, {"x-service-token": tickets.sign_service("sla")}, "TOKEN_INVALID"),
    ):
        with pytest.raises(Refusal) as refused:
            senders.prove(headers)
        assert (refused.value.kind, refused.value.reason) == (Kind.UNAUTHENTICATED, reason)
