"""What the counting of an export request goes by: its digest, and what business services make of requests."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import NamedTuple

_HASHED = 16_384


class Promise(NamedTuple):
    """What a business service makes of a service's requests: it counts them under its own name.

    routes: span names or http.route values, none for all. slow_ns: a request that takes longer is bad; 0 for never.
    """

    name: str
    routes: frozenset[str]
    slow_ns: int


Promises = Mapping[str, tuple[Promise, ...]]
"""By service, those that cannot be read from its own counts."""


def digest(data: bytes) -> bytes:
    """What tells one export request from every other.

    Of a long one the ends, the length and the checksum of the whole: ids of spans are random, so two requests that
    agree in all of that are the same one, and a cryptographic hash of the middle would cost more than counting it.
    """
    if len(data) <= 2 * _HASHED:
        return hashlib.blake2b(data, digest_size=32).digest()
    whole = len(data).to_bytes(8, "big") + zlib.crc32(data).to_bytes(4, "big")
    return hashlib.blake2b(whole + data[:_HASHED] + data[-_HASHED:], digest_size=32).digest()
