"""An OTLP/HTTP request read to its end: its head, a body by length or in chunks, gzip or plain, protobuf or JSON.

Nothing is read without a bound, and what is held is counted part by part.
"""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from google.protobuf.json_format import Parse, ParseError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb

JSON = "application/json"
_MOST_HEADERS = 100
_PART = 65_536
_LONGEST_NUMBER = 12
_READ_SECONDS = 10.0
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})
_ONCE = frozenset({"content-length", "transfer-encoding", "content-encoding", "content-type"})


class Stop(Exception):
    """The request ends here with this answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def head_of(head: bytes) -> tuple[str, str, str, dict[str, str]]:
    """Method, target, version and headers, their names in lower case.

    Raises:
        Stop: it is no head of a request, or one that two readers could read differently.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or len(lines) > _MOST_HEADERS:
        raise Stop(400, "This is no HTTP request.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.strip().casefold()
        if key in _ONCE and key in headers:
            raise Stop(400, f"Send one {key}.")
        if colon:
            headers[key] = value.strip()
    if "content-length" in headers and "transfer-encoding" in headers:
        raise Stop(400, "Send a Content-Length or chunks, not both.")
    return parts[0], parts[1], parts[2], headers


class Body:
    """The body of one request. most: bytes that it may have, packed or not; count: is told the length of each part."""

    def __init__(
        self, reader: asyncio.StreamReader, headers: Mapping[str, str], most: int, count: Callable[[int], None]
    ) -> None:
        self._reader = reader
        self._headers = headers
        self._most = most
        self._count = count
        self._data = bytearray()

    async def read(self) -> bytes:
        """The bytes of the export that it is.

        Raises:
            Stop: it is too long or not what its head says.
            Refusal: what `count` refuses.
            TimeoutError, asyncio.IncompleteReadError: the sender is too slow, or went away.
        """
        async with asyncio.timeout(_READ_SECONDS):
            if self._headers.get("transfer-encoding", "").casefold() == "chunked":
                await self._chunks()
            else:
                await self._whole()
        data = bytes(self._data)
        encoding = self._headers.get("content-encoding", "identity").casefold()
        if encoding == "gzip":
            data = self._unpacked(data)
        elif encoding != "identity":
            raise Stop(415, "Pack with gzip or not at all.")
        if kind_of(self._headers) != JSON:
            return data
        # Whole seconds of Python for a long one; other requests go on beside it.
        return await asyncio.to_thread(_from_json, data)

    async def _whole(self) -> None:
        length = self._headers.get("content-length", "")
        if not length:
            raise Stop(411, "Send a Content-Length, or chunks.")
        await self._take(_number(length, 10, "Content-Length"))

    async def _chunks(self) -> None:
        while size := _number((await self._line()).partition(";")[0], 16, "length of a chunk"):
            await self._take(size)
            if await self._line():
                raise Stop(400, "A chunk is longer than it says.")
        for _ in range(_MOST_HEADERS):
            if not await self._line():
                return
        raise Stop(400, "The chunks have too many trailers.")

    async def _line(self) -> str:
        return (await self._reader.readuntil(b"\r\n"))[:-2].decode("latin-1")

    async def _take(self, size: int) -> None:
        if len(self._data) + size > self._most:
            raise Stop(413, f"An export has at most {self._most} bytes; send smaller batches.")
        while size:
            part = await self._reader.read(min(size, _PART))
            if not part:
                raise asyncio.IncompleteReadError(b"", size)
            self._count(len(part))
            self._data += part
            size -= len(part)

    def _unpacked(self, data: bytes) -> bytes:
        unpack = zlib.decompressobj(wbits=31)
        try:
            found = unpack.decompress(data, self._most + 1)
        except zlib.error as error:
            raise Stop(400, f"This is not gzip: {error}.") from error
        if len(found) > self._most:
            raise Stop(413, f"An export has at most {self._most} bytes unpacked; send smaller batches.")
        if not unpack.eof:
            raise Stop(400, "The gzip data ends too early.")
        self._count(len(found))
        return found


def kind_of(headers: Mapping[str, str]) -> str:
    """The media type without its parameters, "" when none is named."""
    return headers.get("content-type", "").partition(";")[0].strip().casefold()


def _number(text: str, base: int, what: str) -> int:
    """A length as its peers wrote it: digits alone, no sign, no blank within."""
    told = text.strip(" \t")
    if told.isascii() and told.isalnum() and len(told) <= _LONGEST_NUMBER:
        try:
            return int(told, base)
        except ValueError:
            pass
    raise Stop(400, f"This is no {what}.")


def _from_json(body: bytes) -> bytes:
    """OTLP's JSON writes ids in hexadecimal, where protobuf's own has base64."""
    try:
        found = Parse(
            json.dumps(_with_ids(json.loads(body))), pb.ExportTraceServiceRequest(), ignore_unknown_fields=True
        )
    except (ValueError, ParseError, RecursionError) as error:
        raise Stop(400, f"This is no OTLP trace export in JSON: {error}.") from error
    return bytes(found.SerializeToString(deterministic=True))


def _with_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _id(one) if key in _IDS and isinstance(one, str) else _with_ids(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_ids(one) for one in value]
    return value


def _id(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()
