"""A log file as histories: rows grouped by ticket, in their order, each row a step or a rejection."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from tool.mapping import RowRejected, TicketMapping

HOLD_PREFIX, STATE_PREFIX, CHANNEL_PREFIX = "HOLD_REASON_", "TICKET_STATE_", "CHANNEL_"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken. line: of the file, 1 is the heading."""

    line: int
    external_id: str
    reason: str
    message: str


@dataclass(slots=True)
class Log:
    """What a file holds. rows: data rows read; lines: (ticket, step id) -> line of the file."""

    histories: list[tickets_service_pb2.TicketHistory] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    rows: int = 0
    lines: dict[tuple[str, str], int] = field(default_factory=dict)


def digest(path: Path, mapping: TicketMapping) -> str:
    """Names this file under this mapping: what was already brought in is found by it."""
    found = hashlib.sha256(mapping.model_dump_json().encode())
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()[:16]


def read(path: Path, mapping: TicketMapping) -> Log:
    """Reads a CSV file, gzipped or not.

    Raises:
        ValueError: a column that the mapping names is not there.
    """
    log = Log()
    groups: dict[str, list[tuple[int, Mapping[str, str]]]] = {}
    with _open(path, mapping.encoding) as file:
        reader = csv.DictReader(file, delimiter=mapping.delimiter)
        absent = sorted(mapping.columns() - set(reader.fieldnames or ()))
        if absent:
            raise ValueError(f"{path.name} has no column {', '.join(absent)}, which the mapping names.")
        for line, row in enumerate(reader, start=2):
            log.rows += 1
            number = (row[mapping.fields.external_id.column] or "").strip()
            if None in row.values() or number in mapping.missing:
                log.rejections.append(
                    Rejection(
                        line, number, "ROW_INCOMPLETE", "The row has fewer columns than the heading, or no number."
                    )
                )
                continue
            groups.setdefault(number, []).append((line, row))
    for number, rows in groups.items():
        history = _history(number, rows, mapping, log)
        if history.steps:
            log.histories.append(history)
    return log


def _open(path: Path, encoding: str) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open("r", encoding=encoding, newline="")


def _history(
    number: str, rows: list[tuple[int, Mapping[str, str]]], mapping: TicketMapping, log: Log
) -> tickets_service_pb2.TicketHistory:
    history = tickets_service_pb2.TicketHistory(external_id=number, unit=mapping.unit, complete=True)
    history.type = ticket_pb2.TicketType.Value(f"TICKET_TYPE_{mapping.type}")
    for line, row in _ordered(number, rows, mapping, log):
        try:
            step = _step(row, line, mapping)
            if not history.steps:
                _open_with(history, row, mapping)
        except RowRejected as rejected:
            log.rejections.append(Rejection(line, number, rejected.reason, str(rejected)))
            continue
        history.steps.append(step)
        log.lines[number, step.id] = line
    return history


def _ordered(
    number: str, rows: list[tuple[int, Mapping[str, str]]], mapping: TicketMapping, log: Log
) -> Iterator[tuple[int, Mapping[str, str]]]:
    keyed = []
    for line, row in rows:
        try:
            keyed.append(([int(row[column]) for column in mapping.order_by], line, row))
        except ValueError:
            columns = ", ".join(mapping.order_by)
            log.rejections.append(Rejection(line, number, "ORDER_UNREADABLE", f"{columns} must hold whole numbers."))
    for _, line, row in sorted(keyed, key=lambda one: (one[0], one[1])):
        yield line, row


def _step(row: Mapping[str, str], line: int, mapping: TicketMapping) -> tickets_service_pb2.Step:
    fields, missing = mapping.fields, mapping.missing
    state = fields.state.read(row, missing)
    if state is None:
        raise RowRejected("VALUE_MISSING", f"{fields.state.column} is empty.")
    step = tickets_service_pb2.Step(
        id="-".join([*(row[column].strip() for column in mapping.order_by), str(line)]),
        state=ticket_pb2.TicketState.Value(STATE_PREFIX + state),
    )
    step.time.FromDatetime(mapping.moment(row, fields.time))
    for name in ("impact", "urgency", "team", "assignee", "category", "service", "site", "actor", "knowledge_used"):
        column = getattr(fields, name)
        value = None if column is None else column.read(row, missing)
        if value is not None:
            setattr(step, name, value)
    hold = fields.hold_reason.read(row, missing) if fields.hold_reason else None
    if hold:
        step.hold_reason = ticket_pb2.HoldReason.Value(HOLD_PREFIX + hold)
    return step


def _open_with(history: tickets_service_pb2.TicketHistory, row: Mapping[str, str], mapping: TicketMapping) -> None:
    fields, missing = mapping.fields, mapping.missing
    history.open_time.FromDatetime(mapping.moment(row, fields.open_time))
    history.title = mapping.title.format_map(row)[:200]
    for name in ("requester", "opener"):
        column = getattr(fields, name)
        value = None if column is None else column.read(row, missing)
        if value is not None:
            setattr(history, name, value)
    channel = fields.channel.read(row, missing) if fields.channel else None
    history.channel = ticket_pb2.Channel.Value(CHANNEL_PREFIX + (channel or "API"))
