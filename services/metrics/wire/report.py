"""Reports as messages, both ways."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from throughline.metrics.v1 import board_pb2, events_pb2
from throughline.metrics.v1 import report_pb2 as pb

from services.metrics.rules.period import Filter
from services.metrics.rules.registry import METRICS
from services.metrics.rules.report_record import (
    Grouping,
    Report,
    ReportChanged,
    ReportCreated,
    ReportDeleted,
    ReportDue,
    ReportEvent,
    Run,
    Schedule,
    Visibility,
)
from services.metrics.rules.report_table import Cell, Table
from services.metrics.rules.stretch import Baseline, Frequency, Relative, Timetable
from services.metrics.wire.board import filter_of, interval_message
from services.metrics.wire.fact import CHANNELS, TYPES
from services.metrics.wire.instants import timestamp
from services.metrics.wire.registry import metric_message, value_message


def _names(enum: Any, prefix: str, kinds: Any) -> dict[Any, Any]:
    return {one: enum.Value(f"{prefix}_{one.value}") for one in kinds}


_PERIODS = _names(pb.ReportPeriod, "REPORT_PERIOD", Relative)
_BASELINES = _names(pb.ReportBaseline, "REPORT_BASELINE", Baseline)
_GROUPINGS = _names(pb.ReportGrouping, "REPORT_GROUPING", Grouping)
_VISIBILITIES = _names(pb.ReportVisibility, "REPORT_VISIBILITY", Visibility)
_FREQUENCIES = _names(pb.ReportFrequency, "REPORT_FREQUENCY", Frequency)


def _back(names: dict[Any, Any], value: int) -> Any:
    return next(one for one, number in names.items() if number == value)


def report_of(message: pb.Report, name: str) -> Report:
    """What somebody asks to keep, under a name; what is output only is not read, and the rules check the rest."""
    schedule = None
    if message.HasField("schedule"):
        told = message.schedule
        table = Timetable(
            frequency=_back(_FREQUENCIES, told.frequency),
            time=told.time,
            zone=told.time_zone,
            weekday=told.weekday,
            month_day=told.month_day,
        )
        schedule = Schedule(table, tuple(told.recipients))
    return Report(
        name=name,
        titles=tuple(sorted((language, text.strip()) for language, text in message.titles.items())),
        metrics=tuple(message.metrics),
        relative=_back(_PERIODS, message.period),
        zone=message.time_zone,
        visibility=_back(_VISIBILITIES, message.visibility),
        baseline=_back(_BASELINES, message.baseline),
        filter=filter_of(message.filter),
        grouping=_back(_GROUPINGS, message.grouping),
        schedule=schedule,
    )


def report_message(report: Report, etag: str) -> pb.Report:
    """A report as its readers see it."""
    return pb.Report(
        name=report.name,
        etag=etag,
        version=report.version,
        titles=dict(report.titles),
        owner=report.owner,
        unit=report.unit,
        metrics=report.metrics,
        period=_PERIODS[report.relative],
        time_zone=report.zone,
        baseline=_BASELINES[report.baseline],
        filter=filter_message(report.filter),
        grouping=_GROUPINGS[report.grouping],
        visibility=_VISIBILITIES[report.visibility],
        schedule=None if report.schedule is None else _schedule(report.schedule, report.next_at),
        runs=[_run(one) for one in report.runs],
        create_time=timestamp(report.created_at),
        update_time=timestamp(report.updated_at),
    )


def filter_message(filter: Filter) -> board_pb2.BoardFilter:
    """A filter; the counterpart of `filter_of`."""
    found = board_pb2.BoardFilter(channel=CHANNELS[filter.channel], priorities=filter.priorities)
    if filter.type is not None:
        found.type = TYPES[filter.type]
    for one in fields(filter):
        value = getattr(filter, one.name)
        if type(value) is str:
            setattr(found, one.name, value)
    return found


def table_message(table: Table, etag: str) -> pb.ReportTable:
    """What one reader is shown."""
    return pb.ReportTable(
        report=report_message(table.report, etag),
        period=interval_message(table.period),
        baseline=None if table.baseline is None else interval_message(table.baseline),
        make_time=timestamp(table.made_at),
        scope=table.scope,
        metrics=[metric_message(METRICS[one]) for one in table.report.metrics],
        rows=[pb.ReportRow(group=row.group, cells=[_cell(one) for one in row.cells]) for row in table.rows],
        groups_left_out=table.left_out,
        ungrouped_tickets=table.ungrouped,
    )


def told(event: ReportEvent, etag: str) -> Message:
    """The message of an event."""
    report = report_message(event.report, etag)
    match event:
        case ReportCreated():
            return events_pb2.ReportCreated(report=report)
        case ReportChanged():
            return events_pb2.ReportChanged(report=report)
        case ReportDeleted():
            return events_pb2.ReportDeleted(report=report)
        case ReportDue():
            return events_pb2.ReportDue(report=report, run=_run(event.run), recipients=event.report.recipients)


def _cell(cell: Cell) -> pb.ReportCell:
    return pb.ReportCell(
        value=value_message(cell.value),
        baseline=None if cell.baseline is None else value_message(cell.baseline),
        change=None if cell.change is None else value_message(cell.change),
    )


def _schedule(schedule: Schedule, next_at: datetime | None) -> pb.ReportSchedule:
    table = schedule.table
    return pb.ReportSchedule(
        frequency=_FREQUENCIES[table.frequency],
        time=table.time,
        weekday=table.weekday,
        month_day=table.month_day,
        time_zone=table.zone,
        recipients=schedule.recipients,
        next_time=timestamp(next_at),
    )


def _run(run: Run) -> pb.ReportRun:
    return pb.ReportRun(due_time=timestamp(run.due_at), period=interval_message(run.period))
