"""Hours of an outage as few bytes: a month of them stays far below what one document holds."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from services.metrics.rules.claims import OutageHour
from services.metrics.rules.formulas import HourInput


def pack_hours(hours: Sequence[HourInput]) -> bytes:
    """The hours that a formula adds up."""
    return _packed([[one.start_ms, one.ms, one.expected, one.actual, one.recovered] for one in hours])


def unpack_hours(data: bytes) -> tuple[HourInput, ...]:
    """Reads what `pack_hours` wrote."""
    return tuple(HourInput(*one) for one in json.loads(zlib.decompress(data)))


def pack_counts(hours: Sequence[OutageHour]) -> bytes:
    """The hours of an outage."""
    return _packed([[one.start_ms, one.ms, one.valid, one.bad, one.expected, one.recovered] for one in hours])


def unpack_counts(data: bytes) -> tuple[OutageHour, ...]:
    """Reads what `pack_counts` wrote."""
    return tuple(OutageHour(*one) for one in json.loads(zlib.decompress(data)))


def _packed(rows: Sequence[Sequence[int | None]]) -> bytes:
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode())
