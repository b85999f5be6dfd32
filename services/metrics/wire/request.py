"""What the counting of an export request goes by: its digest, what business services make of requests, what is kept."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

_HASHED = 4_096
MOST_BONES = 400
"""Of one export; of more, those of the traces with the smallest ids, so that every replica keeps the same."""


class Promise(NamedTuple):
    """What a business service makes of a service's requests: it counts them under its own name.

    routes: span names or http.route values, none for all. slow_ns: a request that takes longer is bad; 0 for never.
    events: what it consumes counts, and not what it answers.
    """

    name: str
    routes: frozenset[str]
    slow_ns: int
    events: bool = False


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


def few(bones: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What is kept of the bones of an export: whole traces."""
    if len(bones) <= MOST_BONES:
        return bones
    by_trace = sorted(bones, key=lambda one: one[0][8:])
    edge = by_trace[MOST_BONES][0]
    return [one for one in by_trace[:MOST_BONES] if one[0] != edge] or by_trace[:MOST_BONES]


@lru_cache(maxsize=16_384)
def hashed_user(user: str) -> int:
    """A user as 63 bits that do not tell who it is."""
    return int.from_bytes(hashlib.blake2b(user.encode(), digest_size=8, person=b"throughline.user").digest()) >> 1
