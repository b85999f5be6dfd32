"""Reports as documents with the deadline of each schedule, and the lists made of them for one reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from google.protobuf.message import Message
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.report_record import Grouping, Report, Run, Schedule, Visibility
from services.metrics.rules.stretch import Baseline, Frequency, Relative, Timetable
from services.metrics.store.facts import seen_by
from services.metrics.wire import report as wire
from services.runtime.actor import Actor
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Deadline, Kind, Record, Records, Stamp

_PLAIN = ("name", "zone", "owner", "unit", "version", "created_at", "updated_at", "next_at", "deleted")
_ENUMS = ("relative", "baseline", "grouping", "visibility")


def _encode(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = {name: getattr(report, name) for name in _PLAIN}
    document |= {name: getattr(report, name).value for name in _ENUMS}
    document["titles"] = [list(one) for one in report.titles]
    document["metrics"] = list(report.metrics)
    document["filter"] = _encode_filter(report.filter)
    document["runs"] = [[one.due_at, one.period.start, one.period.end] for one in report.runs]
    if report.schedule is not None:
        table = report.schedule.table
        document["schedule"] = [table.frequency.value, table.time, table.zone, table.weekday, table.month_day]
        document["recipients"] = list(report.schedule.recipients)
    return document


def _decode(document: Mapping[str, Any]) -> Report:
    schedule = None
    if "schedule" in document:
        frequency, *rest = document["schedule"]
        schedule = Schedule(Timetable(Frequency(frequency), *rest), tuple(document["recipients"]))
    return Report(
        **{name: document[name] for name in _PLAIN},
        relative=Relative(document["relative"]),
        baseline=Baseline(document["baseline"]),
        grouping=Grouping(document["grouping"]),
        visibility=Visibility(document["visibility"]),
        titles=tuple((language, text) for language, text in document["titles"]),
        metrics=tuple(document["metrics"]),
        filter=_decode_filter(document["filter"]),
        schedule=schedule,
        runs=tuple(Run(due_at, Period(start, end)) for due_at, start, end in document["runs"]),
    )


def _encode_filter(filter: Filter) -> dict[str, Any]:
    """What is asked for, by name; what lets everything pass is left out."""
    found = {one.name: getattr(filter, one.name) for one in fields(filter)}
    found |= {"channel": filter.channel.value, "priorities": list(filter.priorities)}
    found["type"] = None if filter.type is None else filter.type.value
    return {name: value for name, value in found.items() if value and value != Channel.UNSPECIFIED.value}


def _decode_filter(document: Mapping[str, Any]) -> Filter:
    given = dict(document)
    given["priorities"] = tuple(given.get("priorities", ()))
    given["channel"] = Channel(given.get("channel", Channel.UNSPECIFIED))
    given["type"] = Type(given["type"]) if "type" in given else None
    return Filter(**given)


def _deadlines(report: Report) -> Iterator[Deadline]:
    if report.next_at is not None:
        yield Deadline("due", report.next_at)


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.etag)


REPORTS: Kind[Report] = Kind(
    collection="reports",
    encode=_encode,
    decode=_decode,
    message=_message,
    deadlines=_deadlines,
    indexes=(IndexModel([("state.deleted", ASCENDING), ("state.updated_at", DESCENDING), ("_id", DESCENDING)]),),
)


async def page_of_reports(records: Records[Report], by: Actor, page: PageRequest) -> Page[Record[Report]]:
    """Those that `rules.report.may_open` lets the reader open, the latest changed first."""
    shared: dict[str, Any] = {"state.visibility": Visibility.UNIT.value}
    if by.unit:
        parts = by.unit.split("/")
        above = ["", *("/".join(parts[: end + 1]) for end in range(len(parts)))]
        shared["$or"] = [{"state.unit": {"$in": above}}, seen_by(by.unit)]
    ways: list[dict[str, Any]] = [{"state.owner": by.sub}, {"state.recipients": by.sub}, shared]
    if by.has("administrator"):
        ways.append(seen_by(by.unit))
    where = {"state.deleted": False, "$or": ways}
    return await records.page(where, [("state.updated_at", DESCENDING), ("_id", DESCENDING)], page)
