"""The value ledger from outside: verify, explain, export. Its arithmetic is its own, so that it proves something."""

from __future__ import annotations

import csv
import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any, TextIO

from google.protobuf.json_format import MessageToDict
from throughline.metrics.v1 import ledger_pb2, ledger_service_pb2, metrics_pb2, metrics_service_pb2
from throughline.metrics.v1.ledger_service_pb2_grpc import LedgerServiceStub
from throughline.metrics.v1.metrics_service_pb2_grpc import MetricsServiceStub
from throughline.type.v1 import interval_pb2, journal_pb2
from throughline.type.v1.journal_pb2_grpc import JournalServiceStub

from tool.connection import Connection

_ENDED = (ledger_pb2.LEDGER_JOB_STATE_DONE, ledger_pb2.LEDGER_JOB_STATE_FAILED, ledger_pb2.LEDGER_JOB_STATE_CANCELLED)
_HOUR = 3_600_000
# What each formula multiplies, what it divides by, and which number of an hour it adds up.
_FORMULAS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "transactions/1": (("unit_value", "level_per_mille", "kept_per_mille"), 1000**3, "lost"),
    "sales/1": (
        ("unit_value", "margin_per_mille", "places", "level_per_mille", "kept_per_mille"),
        1000**4 * _HOUR,
        "weighed",
    ),
    "capacity/1": (
        ("unit_value", "units_per_hour_milli", "places", "level_per_mille", "kept_per_mille"),
        1000**4 * _HOUR,
        "weighed",
    ),
    "people/2": (("users", "per_mille", "hourly_rate"), 1000**2 * _HOUR, "weighed"),
    "gain/1": (("unit_value",), 1000, "expected"),
}
COLUMNS = (
    *("name", "cause", "category", "currency", "amount_minor", "low_minor", "high_minor", "service", "hour"),
    *("line_minor", "formula", "occurred", "recorded", "reverses", "provisional", "evidence"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found. difference: the first, "" when there is none."""

    inputs: int
    entries: int
    digest: str
    difference: str = ""


def recomputed(entry: metrics_pb2.LedgerEntry) -> int:
    """The amount that the inputs and hours of an entry give, in minor units, in fractions and rounded once.

    Raises:
        KeyError: a formula that this release does not know.
    """
    given = {one.name: one.value for one in entry.inputs}
    if entry.formula == "people/1":
        factors = given["users"] * given["per_mille"] * given["hourly_rate"] * given["ms"]
        return given["sign"] * round(Fraction(factors, 1000 * _HOUR))
    names, divisor, part = _FORMULAS[entry.formula]
    total = sum(_part(hour, part) for hour in entry.hours)
    exact = Fraction(prod(given[name] for name in names) * total * given["rate_base"], divisor * given["rate_units"])
    return given["sign"] * round(exact)


def _part(hour: metrics_pb2.FormulaHour, part: str) -> int:
    lost = max(0, hour.expected_milli - hour.actual_milli - hour.recovered_milli)
    if part == "lost":
        return lost
    if part == "expected":
        return hour.expected_milli
    share = round(Fraction(1000 * lost, hour.expected_milli)) if hour.expected_milli else 0
    return hour.milliseconds * share


def inputs(connection: Connection) -> Iterator[ledger_pb2.LedgerInput]:
    """The journal of inputs, in its order."""
    stub = connection.stub("metrics", LedgerServiceStub)
    token = ""
    while True:
        asked = ledger_service_pb2.ListLedgerInputsRequest(page_size=200, page_token=token)
        page = connection.call(stub.ListLedgerInputs, asked)
        yield from page.inputs
        token = page.next_page_token
        if not token:
            return


def verify(connection: Connection) -> Verdict:
    """Replays the recorded intake into empty books, then checks each input against the journal of its owner.

    Raises:
        Refusal: a service refused or was away.
    """
    stub = connection.stub("metrics", LedgerServiceStub)
    job = connection.call(stub.StartReplay, ledger_service_pb2.StartReplayRequest(request_id=str(uuid.uuid4())))
    while job.state not in _ENDED:
        time.sleep(0.5)
        job = connection.call(stub.GetLedgerJob, ledger_service_pb2.GetLedgerJobRequest(name=job.name))
    replay = job.replay
    difference = job.error or replay.difference
    if not difference:
        difference = _against_owners(connection)
    return Verdict(replay.inputs, replay.entries, replay.digest.hex(), difference)


def _against_owners(connection: Connection) -> str:
    before = b""
    for sequence, one in enumerate(inputs(connection), 1):
        parts = (before, str(one.sequence).encode(), one.name.encode(), one.digest, one.data)
        before = hashlib.sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()
        if one.sequence != sequence or one.hash != before:
            return f"input {one.sequence} {one.name}: the chain of inputs breaks here"
        if why := _against_owner(connection, one):
            return f"input {one.sequence} {one.name}: {why}"
    return ""


def _against_owner(connection: Connection, one: ledger_pb2.LedgerInput) -> str:
    owner = one.type.split(".")[1]
    stub = connection.stub(owner, JournalServiceStub)
    asked = journal_pb2.ReadJournalRequest(resource=one.resource, page_size=1, after_sequence=one.resource_sequence - 1)
    found = connection.call(stub.ReadJournal, asked).entries
    if not found or found[0].sequence != one.resource_sequence or found[0].type != one.type:
        return f"{owner} has journalled no such event of {one.resource}"
    if found[0].erased:
        return ""
    if hashlib.sha256(found[0].data).digest() != one.digest:
        return f"{owner} has journalled another {one.type.rpartition('.')[2]} of {one.resource}"
    return ""


def explain(connection: Connection, name: str) -> ledger_service_pb2.Explanation:
    """An entry with everything behind it.

    Raises:
        Refusal: there is no such entry, or the service was away.
    """
    full = name if name.startswith("ledgerEntries/") else f"ledgerEntries/{name}"
    stub = connection.stub("metrics", LedgerServiceStub)
    return connection.call(stub.ExplainLedgerEntry, ledger_service_pb2.ExplainLedgerEntryRequest(name=full))


def entries(connection: Connection, period: interval_pb2.Interval) -> Iterator[metrics_pb2.LedgerEntry]:
    """The entries of a period, the newest first, page by page."""
    stub = connection.stub("metrics", MetricsServiceStub)
    token = ""
    while True:
        asked = metrics_service_pb2.ListLedgerEntriesRequest(period=period, page_size=200, page_token=token)
        page = connection.call(stub.ListLedgerEntries, asked)
        yield from page.entries
        token = page.next_page_token
        if not token:
            return


def export(found: Iterator[metrics_pb2.LedgerEntry], to: TextIO, *, lines: bool) -> int:
    """Writes the entries as they come: JSON lines, or CSV with a row a line; how many entries that were."""
    count = 0
    writer = csv.writer(to)
    if not lines:
        writer.writerow(COLUMNS)
    for entry in found:
        count += 1
        if lines:
            told = MessageToDict(entry, preserving_proto_field_name=True)
            to.write(json.dumps(told, ensure_ascii=False) + "\n")
        else:
            writer.writerows(_rows(entry))
    return count


def _rows(entry: metrics_pb2.LedgerEntry) -> Iterator[list[Any]]:
    """One row a line; an entry without a line still has its row."""
    category = metrics_pb2.LedgerCategory.Name(entry.category).removeprefix("LEDGER_CATEGORY_")
    evidence = " ".join(f"{one.resource}@{one.version.strip(chr(34))}" for one in entry.evidence)
    for line in entry.lines or [metrics_pb2.LedgerLine()]:
        yield [
            _safe(entry.name),
            _safe(entry.cause),
            category,
            entry.total.currency_code,
            entry.total.minor_units,
            entry.low.minor_units,
            entry.high.minor_units,
            _safe(line.service),
            line.hour_time.ToJsonString() if line.HasField("hour_time") else "",
            line.amount.minor_units,
            entry.formula,
            entry.occur_time.ToJsonString(),
            entry.record_time.ToJsonString(),
            _safe(entry.reverses),
            str(entry.provisional).lower(),
            _safe(evidence),
        ]


def _safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
