"""OTLP over HTTP: POST /v1/traces as protobuf or JSON, plain or gzip, by the same rules as over gRPC.

A small server of its own: one address, one method, bounded in every direction.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import zlib
from typing import Any

import structlog
from google.protobuf.json_format import Parse, ParseError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb

from services.metrics.spans.door import TraceDoor
from services.runtime.refusal import Kind, Refusal

PATH = "/v1/traces"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
_MOST_HEADER_BYTES, _MOST_HEADERS = 16_384, 100
_READ_SECONDS, _IDLE_SECONDS = 10.0, 60.0
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
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})

log = structlog.get_logger()


class _Stop(Exception):
    """The request ends here with this answer."""

    def __init__(self, status: int, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


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
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
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
            return False
        kind, keep = PROTOBUF, False
        try:
            method, path, headers = _head(head)
            kind = headers.get("content-type", PROTOBUF).partition(";")[0].strip().casefold()
            body = await self._body(reader, method, path, kind, headers)
            keep = headers.get("connection", "").casefold() != "close"
            await self._door.take(body, headers.get("x-service-token", ""))
        except _Stop as stop:
            await _answer(
                writer, stop.status, _said(stop.message, kind), kind, keep=False, retry_after=stop.retry_after
            )
            return False
        except Refusal as refusal:
            status = _STATUS.get(refusal.kind, 400)
            wait = 0 if refusal.retry_after is None else max(1, round(refusal.retry_after.total_seconds()))
            await _answer(writer, status, _said(refusal.message, kind), kind, keep=keep, retry_after=wait)
            return keep
        except Exception:
            log.exception("an export of spans failed")
            await _answer(writer, 500, b"", kind, keep=False)
            return False
        await _answer(writer, 200, b"{}" if kind == JSON else b"", kind, keep=keep)
        return keep

    async def _body(
        self, reader: asyncio.StreamReader, method: str, path: str, kind: str, headers: dict[str, str]
    ) -> bytes:
        if path.partition("?")[0] != PATH:
            raise _Stop(404, f"Spans are taken at {PATH}.")
        if method != "POST":
            raise _Stop(405, "Send spans by POST.")
        if kind not in (PROTOBUF, JSON):
            raise _Stop(415, f"Send {PROTOBUF} or {JSON}.")
        length = headers.get("content-length", "")
        if not length.isdigit():
            raise _Stop(411, "Send a Content-Length.")
        if int(length) > self._most_bytes:
            raise _Stop(413, f"An export has at most {self._most_bytes} bytes; send smaller batches.")
        async with asyncio.timeout(_READ_SECONDS):
            body = await reader.readexactly(int(length))
        encoding = headers.get("content-encoding", "identity").casefold()
        if encoding == "gzip":
            body = self._unpacked(body)
        elif encoding != "identity":
            raise _Stop(415, "Pack with gzip or not at all.")
        return _from_json(body) if kind == JSON else body

    def _unpacked(self, body: bytes) -> bytes:
        unpack = zlib.decompressobj(wbits=31)
        try:
            found = unpack.decompress(body, self._most_bytes + 1)
        except zlib.error as error:
            raise _Stop(400, f"This is not gzip: {error}.") from error
        if len(found) > self._most_bytes:
            raise _Stop(413, f"An export has at most {self._most_bytes} bytes unpacked; send smaller batches.")
        if not unpack.eof:
            raise _Stop(400, "The gzip data ends too early.")
        return found


def _head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or len(lines) > _MOST_HEADERS:
        raise _Stop(400, "This is no HTTP request.")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().casefold()] = value.strip()
    return parts[0], parts[1], headers


def _from_json(body: bytes) -> bytes:
    """OTLP's JSON writes ids in hexadecimal, where protobuf's own has base64."""
    try:
        found = Parse(
            json.dumps(_with_ids(json.loads(body))), pb.ExportTraceServiceRequest(), ignore_unknown_fields=True
        )
    except (ValueError, ParseError, RecursionError) as error:
        raise _Stop(400, f"This is no OTLP trace export in JSON: {error}.") from error
    return bytes(found.SerializeToString(deterministic=True))


def _with_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _id(one) if key in _IDS and isinstance(one, str) else _with_ids(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_ids(one) for one in value]
    return value


def _id(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


def _said(message: str, kind: str) -> bytes:
    """A google.rpc.Status with the message alone, as OTLP asks for."""
    if kind == JSON:
        return json.dumps({"message": message}).encode()
    text = message.encode()[:120]
    return b"\x12" + bytes([len(text)]) + text


async def _answer(
    writer: asyncio.StreamWriter, status: int, body: bytes, kind: str, *, keep: bool, retry_after: int = 0
) -> None:
    told = JSON if kind == JSON else PROTOBUF
    lines = [f"HTTP/1.1 {status} {_WORDS[status]}", f"Content-Type: {told}", f"Content-Length: {len(body)}"]
    if retry_after:
        lines.append(f"Retry-After: {retry_after}")
    lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()
