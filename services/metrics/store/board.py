"""The board and the registry's values for one reader: everything from one snapshot, money from the ledger alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from pymongo.asynchronous.database import AsyncDatabase

from services.metrics.rules import board as rules
from services.metrics.rules.board import Board, GreenRedRow, MoneyLine
from services.metrics.rules.bottleneck import Cause
from services.metrics.rules.comparison import Comparison, Side, Worth, change, compare, worth
from services.metrics.rules.correlation import MOST, Correlation, correlations
from services.metrics.rules.fact import Fact, fact_name
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.money import Category, Ledger, MoneySum
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.pieces import Sums
from services.metrics.rules.registry import METRICS, REGISTRY
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import Standing, Value, growth, length, share, undefined, value_of
from services.metrics.store.counts import Counts
from services.metrics.store.facts import page_of_late
from services.metrics.store.instant import at_one_instant
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Record, Records

KEPT_PROMISES = 1_000
GREEN_RED_ROWS = 20

T = TypeVar("T")
Apart = Callable[[Period, str, datetime], Awaitable[Mapping[str, Value]]]


class Found(NamedTuple):
    """What tickets say of a period at one instant. kept: those with every promise kept, by name."""

    sums: Sums
    before: Sums | None
    open_now: int
    revision: int
    data_at: datetime | None
    kept: Sequence[str]


class Boards:
    """Reads boards. apart: what no ticket feeds, by metric id, within a unit. currency: of the sums, ISO 4217."""

    def __init__(
        self,
        db: AsyncDatabase[dict[str, Any]],
        facts: Records[Fact],
        ledger: Ledger,
        apart: Apart,
        currency: str,
    ) -> None:
        self._db = db
        self._facts = facts
        self._ledger = ledger
        self._apart = apart
        self._currency = currency

    async def board(
        self, period: Period, baseline: Period | None, filter: Filter, zone: ZoneInfo, scope: str, now: datetime
    ) -> Board:
        """The three bands over a period, against a baseline when one is given."""

        async def read(counts: Counts) -> Found:
            return Found(
                await counts.with_changes(await counts.sums(period, filter), period, filter),
                await _whole(counts, baseline, filter) if baseline else None,
                await counts.open_at(min(period.end, now), filter),
                await counts.revision(period),
                await counts.newest(),
                await counts.kept_promises(period, filter, KEPT_PROMISES),
            )

        async def tickets() -> tuple[Found, tuple[GreenRedRow, ...]]:
            found = await self._at_one_instant(scope, read)
            return found, await self._green_red(found.kept)

        # Each has a snapshot of its own, and most of the time of each is spent waiting for the store.
        (found, green_red), money, apart = await asyncio.gather(
            tickets(), self._ledger.money_lines(period, filter, scope), self._apart(period, scope, now)
        )
        sums = found.sums
        lines, total, incurred = rules.money(money, self._currency)
        others = {"incident_loss": _loss(incurred, money), **apart}
        return Board(
            period=period,
            lines=lines,
            total=total,
            incurred=incurred,
            tiles=rules.tiles(sums, found.before, period, baseline, now, open_at_end=found.open_now, others=others),
            days=rules.columns(sums, period, zone),
            priorities=rules.priority_rows(sums, period, now),
            green_red=green_red,
            data_at=found.data_at,
            revision=found.revision,
            tickets=sums.whole.count("tickets_opened"),
            provisional=sums.whole.count("tickets_open"),
        )

    async def values(self, period: Period, filter: Filter, scope: str, now: datetime) -> list[Value]:
        """Every metric of the registry over a period, in its order; those that wait say what for."""
        return list((await self.by_id(period, filter, scope, now)).values())

    async def by_id(self, period: Period, filter: Filter, scope: str, now: datetime) -> Mapping[str, Value]:
        """The same by metric id."""
        return (await self._side(period, filter, scope, now)).values

    async def comparisons(
        self, period: Period, baseline: Period, filter: Filter, scope: str, now: datetime
    ) -> tuple[list[Comparison], Worth]:
        """Every metric of the registry over two periods, and whether faster was worth more (A004, A006)."""
        mine = await self._side(period, filter, scope, now)
        other = await self._side(baseline, filter, scope, now)
        speed = change(METRICS["time_to_resolve"], mine, other)
        return compare(REGISTRY, mine, other), worth(mine, other, self._currency, speed)

    async def correlations(self, period: Period, filter: Filter, scope: str) -> tuple[list[Correlation], int]:
        """What goes together in the tickets that ended in a period, and how many were looked at."""
        tickets = await self._at_one_instant(scope, lambda counts: counts.ended(period, filter, MOST))
        losses = await self._ledger.losses_of(list(tickets)) if tickets else {}
        # What a loss is in another currency cannot be ranked beside these.
        paid = {ticket: one.amount for ticket, one in losses.items() if one.currency == self._currency}
        return correlations(list(tickets.values()), [paid.get(ticket) for ticket in tickets]), len(tickets)

    async def tally(self, period: Period, filter: Filter, scope: str) -> Tally:
        """What the tickets of a period add up to."""
        return await self._at_one_instant(scope, lambda counts: _tally(counts, period, filter))

    async def late(
        self, period: Period, filter: Filter, scope: str, cause: Cause | None, page: PageRequest
    ) -> Page[Record[Fact]]:
        """The late tickets that ended in a period, those first that waited longest for their cause."""
        return await page_of_late(self._facts, period, filter, scope, cause, page)

    async def _side(self, period: Period, filter: Filter, scope: str, now: datetime) -> Side:

        async def read(counts: Counts) -> tuple[Sums, int, Lengths, tuple[int, int]]:
            return (
                await _whole(counts, period, filter),
                await counts.open_at(min(period.end, now), filter),
                await counts.ages(min(period.end, now), filter),
                await counts.recurrences(period, filter),
            )

        sums, open_now, ages, again = await self._at_one_instant(scope, read)
        money = await self._ledger.money_lines(period, filter, scope)
        apart = {
            "backlog_growth": growth(sums.whole, open_now),
            "backlog_age": length(METRICS["backlog_age"], ages),
            "recurrence": share(METRICS["recurrence"], *again),
            "incident_loss": _loss(rules.money(money, self._currency)[2], money),
            **await self._apart(period, scope, now),
            "time_to_resolve_change": undefined(METRICS["time_to_resolve_change"], "a change needs a baseline"),
        }
        sums.whole.shares["recurrence"] = list(again)
        found = {one.id: apart.get(one.id) or value_of(one, sums.whole, period, now) for one in REGISTRY}
        return Side(period, sums.whole, found, money)

    async def _at_one_instant(self, scope: str, read: Callable[[Counts], Awaitable[T]]) -> T:
        return await at_one_instant(self._db, lambda session: read(Counts(self._db, self._facts, session, scope)))

    async def _green_red(self, kept: Sequence[str]) -> tuple[GreenRedRow, ...]:
        """The costliest of those tickets, in the currency of the page."""
        losses = await self._ledger.costliest(kept, self._currency, GREEN_RED_ROWS) if kept else {}
        if not losses:
            return ()
        names = {"_id": {"$in": [fact_name(ticket) for ticket in losses]}}
        found = self._facts.collection.find(names, {"_id": 0, "state.ticket": 1, "state.title": 1})
        titles = {one["state"]["ticket"]: one["state"].get("title", "") for one in await found.to_list()}
        rows = [
            GreenRedRow(ticket, titles.get(ticket, ""), loss.currency, loss.amount, loss.formula, loss.provisional)
            for ticket, loss in losses.items()
        ]
        return tuple(sorted(rows, key=lambda one: (-one.amount, one.ticket)))


async def _tally(counts: Counts, period: Period, filter: Filter) -> Tally:
    return (await counts.sums(period, filter, courses=False)).whole


async def _whole(counts: Counts, period: Period, filter: Filter) -> Sums:
    return await counts.with_changes(await counts.sums(period, filter, courses=False), period, filter)


def _loss(incurred: MoneyLine, money: Sequence[MoneySum]) -> Value:
    """E22 as the ledger has it; the same amount as the statement beside the total."""
    metric, one = METRICS["incident_loss"], incurred.sum
    if one.entries == 0:
        return undefined(metric, "no loss was recorded in the period")
    others = sorted({sum.currency for sum in money if sum.category is Category.INCURRED_LOSS} - {one.currency})
    return Value(
        metric.name,
        Standing.SHOWN,
        float(one.amount),
        one.entries,
        low=float(one.low),
        high=float(one.high),
        note=f"{one.currency}; not added: {', '.join(others)}" if others else one.currency,
        provisional=one.provisional != 0,
    )
