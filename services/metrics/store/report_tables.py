"""Reports reckoned for one reader: the board's own values, group by group, within the reader's unit alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from services.metrics.rules import report_table as rules
from services.metrics.rules.fact import Fact
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.report_record import Grouping, Report
from services.metrics.rules.report_table import Groups, Row, Table
from services.metrics.store.board import Boards
from services.metrics.store.facts import chosen, page_of_facts
from services.runtime.paging import MAX_SIZE, PageRequest
from services.runtime.records import Records

_AT_ONCE = 4


class ReportTables:
    """Answers reports. Whose numbers they are is told by `scope`, the reader's unit; "" is everything."""

    def __init__(self, facts: Records[Fact], boards: Boards) -> None:
        self._facts = facts
        self._boards = boards

    async def table(self, report: Report, scope: str, asked_at: datetime, now: datetime) -> Table:
        """The report of the period that it means at a moment, as of now."""
        period, baseline = report.stretches(asked_at)
        found = await self._groups(report, period, scope) if report.grouping is not Grouping.NONE else Groups()
        asked = [("", report.filter)]
        asked += [(one, rules.within_group(report.filter, report.grouping, one)) for one in found.values]
        turn = asyncio.Semaphore(_AT_ONCE)

        async def row(group: str, filter: Filter) -> Row:
            async with turn:
                if baseline is None:
                    values = await self._boards.values(period, filter, scope, now)
                    return rules.row_of_values(group, report.metrics, values)
                compared, _ = await self._boards.comparisons(period, baseline, filter, scope, now)
                return rules.row_of_comparisons(group, report.metrics, compared)

        rows = await asyncio.gather(*(row(group, filter) for group, filter in asked))
        return Table(report, period, baseline, now, scope, tuple(rows), found.left_out, found.ungrouped)

    async def tickets(self, report: Report, scope: str, asked_at: datetime, mark: str) -> AsyncIterator[list[Fact]]:
        """The tickets whose mark lies in the period, in the order of the mark, a page at a time: none is kept."""
        period, _ = report.stretches(asked_at)
        token = ""
        while True:
            page = PageRequest(MAX_SIZE, token, "report tickets")
            found = await page_of_facts(self._facts, period, report.filter, scope, mark, page)
            yield [one.state for one in found.items]
            if not (token := found.next_token):
                return

    async def _groups(self, report: Report, period: Period, scope: str) -> Groups:
        days = period.days
        where: dict[str, Any] = {
            **chosen(report.filter, scope),
            "state.days": {"$elemMatch": {"$gte": days.start, "$lt": days.stop}},
        }
        counted = {"$group": {"_id": f"$state.{report.grouping.value.lower()}", "n": {"$sum": 1}}}
        found = await self._facts.collection.aggregate([{"$match": where}, counted])
        return rules.groups([(one["_id"], one["n"]) async for one in found])
