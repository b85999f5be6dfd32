"""ReportsService: reports kept, reckoned with the rights of whoever reads them, and written as files in parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from throughline.metrics.v1 import report_pb2, reports_service_pb2_grpc
from throughline.metrics.v1 import reports_service_pb2 as pb

from services.metrics.rpc.numbers import MARKS
from services.metrics.rules import report as rules
from services.metrics.rules.access import scope_of
from services.metrics.rules.report_record import Report
from services.metrics.rules.report_table import Table
from services.metrics.store.report_records import page_of_reports
from services.metrics.store.report_tables import ReportTables
from services.metrics.wire import exports
from services.metrics.wire.exports.words import title_of, word
from services.metrics.wire.instants import set_instant
from services.metrics.wire.report import report_message, report_of, table_message
from services.runtime.door import caller
from services.runtime.paging import PageRequest
from services.runtime.records import Records
from services.runtime.refusal import Refusal

_TOKEN = "reports"  # noqa: S105 - binds page tokens to this list; no secret


class ReportsRpc(reports_service_pb2_grpc.ReportsServiceServicer):
    """throughline.metrics.v1.ReportsService; every number is asked for with the reader's own unit."""

    def __init__(self, reports: Records[Report], tables: ReportTables) -> None:
        self.reports = reports
        self.tables = tables

    async def CreateReport(self, request: pb.CreateReportRequest, context: Any) -> report_pb2.Report:
        call = caller()
        cause = call.cause(request)
        wanted = report_of(request.report, rules.report_name(cause.id))
        decide = partial(rules.create, wanted, by=call.actor, now=call.now)
        record = await self.reports.create(wanted.name, cause, decide)
        return report_message(record.state, record.etag)

    async def GetReport(self, request: pb.GetReportRequest, context: Any) -> report_pb2.Report:
        record = await self.reports.get(request.name)
        rules.require_open(record.state, caller().actor)
        return report_message(record.state, record.etag)

    async def ListReports(self, request: pb.ListReportsRequest, context: Any) -> pb.ListReportsResponse:
        by = caller().actor
        scope = scope_of(by)
        page = PageRequest(request.page_size, request.page_token, f"{_TOKEN} {by.sub} {scope}")
        found = await page_of_reports(self.reports, by, page)
        return pb.ListReportsResponse(
            reports=[report_message(one.state, one.etag) for one in found.items], next_page_token=found.next_token
        )

    async def UpdateReport(self, request: pb.UpdateReportRequest, context: Any) -> report_pb2.Report:
        call = caller()
        wanted = report_of(request.report, request.name)
        decide = partial(rules.update, wanted=wanted, by=call.actor, now=call.now)
        record = await self.reports.change(request.name, call.cause(request), decide, etag=request.etag)
        return report_message(record.state, record.etag)

    async def DeleteReport(self, request: pb.DeleteReportRequest, context: Any) -> pb.DeleteReportResponse:
        call = caller()
        decide = partial(rules.delete, by=call.actor, now=call.now)
        await self.reports.change(request.name, call.cause(request), decide, etag=request.etag)
        return pb.DeleteReportResponse()

    async def RunReport(self, request: pb.RunReportRequest, context: Any) -> report_pb2.ReportTable:
        call = caller()
        record = await self.reports.get(request.name)
        scope = rules.require_open(record.state, call.actor)
        table = await self.tables.table(record.state, scope, _asked_at(request, call.now), call.now)
        return table_message(table, record.etag)

    async def ExportReport(
        self, request: pb.ExportReportRequest, context: Any
    ) -> AsyncIterator[pb.ExportReportResponse]:
        call = caller()
        report = (await self.reports.get(request.name)).state
        scope = rules.require_open(report, call.actor)
        asked_at = _asked_at(request, call.now)
        if request.content == pb.EXPORT_CONTENT_TICKETS:
            parts = self._tickets(report, scope, asked_at, request)
        else:
            parts = _table(await self.tables.table(report, scope, asked_at, call.now), request)
        async for part in parts:
            if part:
                yield pb.ExportReportResponse(data=part)

    async def _tickets(
        self, report: Report, scope: str, asked_at: datetime, request: pb.ExportReportRequest
    ) -> AsyncIterator[bytes]:
        if request.format == pb.EXPORT_FORMAT_PDF:
            raise Refusal.invalid(
                "format", "REPORT_FORMAT_UNSUITED", "Tickets are lines of a sheet: export them as CSV or XLSX."
            )
        book, language, zone = _book(request), request.language or "en", ZoneInfo(report.zone)
        yield book.sheet(word("tickets", language), exports.heads(exports.TICKETS, language))
        async for facts in self.tables.tickets(report, scope, asked_at, MARKS[request.mark]):
            yield book.lines(exports.ticket_line(one, zone) for one in facts)
        yield book.close()


async def _table(table: Table, request: pb.ExportReportRequest) -> AsyncIterator[bytes]:
    language = request.language or "en"
    if request.format == pb.EXPORT_FORMAT_PDF:
        # Setting a page takes a while, and other calls must not wait for it.
        yield await asyncio.to_thread(exports.paper, table, language)
        return
    book = _book(request)
    yield book.sheet(title_of(table.report, language), exports.heads(exports.TABLE, language))
    yield book.lines(exports.table_lines(table, language))
    yield book.sheet(word("definitions", language), exports.heads(exports.DEFINITIONS, language))
    yield book.lines(exports.definitions(table, language))
    yield book.close()


def _book(request: pb.ExportReportRequest) -> exports.Book:
    if request.format == pb.EXPORT_FORMAT_XLSX:
        return exports.Workbook()
    return exports.Separated(mark=request.byte_order_mark)


def _asked_at(request: pb.RunReportRequest | pb.ExportReportRequest, now: datetime) -> datetime:
    return set_instant(request, "as_of_time") or now
