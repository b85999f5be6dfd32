"""OTLP over HTTP: POST /v1/traces as protobuf or JSON, plain or gzip, by the same rules as over gRPC.

A small server of its own: one address, one method, bounded in every direction; a sender is proven before its body is
read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

import grpc
import structlog
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb

from services.metrics.spans.body import JSON, Body, Stop, head_of, kind_of
from services.metrics.spans.door import TraceDoor
from services.runtime.refusal import Kind, Refusal
from services.runtime.status import CODES, details

PATH = "/v1/traces"
PROTOBUF = "application/x-protobuf"
_MOST_HEADER_BYTES = 16_384
_IDLE_SECONDS, _LINGER_SECONDS = 60.0, 1.0
_MOST_CONNECTIONS = 256
_STATUS = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.EXHAUSTED: 429,
    Kind.UNAVAILABLE: 503,
}
_WORDS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_MORE = {401: "WWW-Authenticate: Bearer", 405: "Allow: POST"}

log = structlog.get_logger()


class HttpDoor:
    """Serves on `listen`, "host:port", until it is told to stop; "" for not at all."""

    def __init__(self, door: TraceDoor, listen: str, most_bytes: int) -> None:
        self._door = door
        self._listen = listen
        self._most_bytes = most_bytes
        self._connections = 0
        self.port = 0
        self.listening = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until `stop`."""
        if not self._listen:
            await stop.wait()
            return
        host, _, port = self._listen.rpartition(":")
        server = await asyncio.start_server(self._serve, host or None, int(port), limit=_MOST_HEADER_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        async with server:
            await stop.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > _MOST_CONNECTIONS:
                await _answer(writer, 503, b"", PROTOBUF, keep=False, retry_after=1)
                return
            while await self._one(reader, writer):
                pass
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("a sender of spans went away")
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Takes one request; whether another may follow on the connection."""
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _answer(writer, 400, b"", PROTOBUF, keep=False)
            await _linger(reader, writer)
            return False
        kind, keep, retry_after = PROTOBUF, False, 0
        try:
            method, target, version, headers = head_of(head)
            kind = kind_of(headers) or PROTOBUF
            _require(method, target, kind)
            self._door.prove(headers)
            with self._door.room() as count:
                if headers.get("expect", "").casefold() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await Body(reader, headers, self._most_bytes, count).read()
                # What was read to its end may be followed by another, also when it is refused.
                keep = version == "HTTP/1.1" and headers.get("connection", "").casefold() != "close"
                status, said = 200, _done(await self._door.take(body), kind)
        except Stop as stop:
            status, said, keep = stop.status, _said(kind, grpc.StatusCode.INVALID_ARGUMENT, "", stop.message), False
        except Refusal as refusal:
            status = _STATUS.get(refusal.kind, 400)
            if refusal.retry_after is not None:
                retry_after = max(1, round(refusal.retry_after.total_seconds()))
            said = _said(kind, CODES[refusal.kind], refusal.reason, refusal.message)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise
        except Exception:
            log.exception("an export of spans failed")
            status, said, keep = 500, b"", False
        await _answer(writer, status, said, kind, keep=keep, retry_after=retry_after)
        if not keep and status != 200:
            await _linger(reader, writer)
        return keep


def _require(method: str, target: str, kind: str) -> None:
    if target.partition("?")[0] != PATH:
        raise Stop(404, f"Spans are taken at {PATH}.")
    if method != "POST":
        raise Stop(405, "Send spans by POST.")
    if kind not in (PROTOBUF, JSON):
        raise Stop(415, f"Send {PROTOBUF} or {JSON}.")


def _done(response: pb.ExportTraceServiceResponse, kind: str) -> bytes:
    if kind == JSON:
        return json.dumps(MessageToDict(response)).encode()
    return bytes(response.SerializeToString())


def _said(kind: str, code: grpc.StatusCode, reason: str, message: str) -> bytes:
    """A google.rpc.Status, as OTLP asks for."""
    if kind == JSON:
        return json.dumps({"code": code.value[0], "message": message}).encode()
    return details(code, reason, message)


async def _answer(
    writer: asyncio.StreamWriter, status: int, body: bytes, kind: str, *, keep: bool, retry_after: int = 0
) -> None:
    told = JSON if kind == JSON else PROTOBUF
    lines = [f"HTTP/1.1 {status} {_WORDS[status]}", f"Content-Type: {told}", f"Content-Length: {len(body)}"]
    if retry_after:
        lines.append(f"Retry-After: {retry_after}")
    if status in _MORE:
        lines.append(_MORE[status])
    lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reads away what is still coming for a moment: closing over unread bytes would take the answer back."""
    with contextlib.suppress(TimeoutError, OSError):
        writer.write_eof()
        async with asyncio.timeout(_LINGER_SECONDS):
            while await reader.read(_MOST_HEADER_BYTES):
                pass
