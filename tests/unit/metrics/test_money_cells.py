"""Sums of the ledger by place and day, with edges by the hour, are the sums over its entries to the minor unit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError, OperationFailure

from services.metrics.rules.cells import place
from services.metrics.rules.claims import Place
from services.metrics.rules.fact import EPOCH, Channel, Type
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.money_cells import (
    HOUR,
    SPAN,
    Edge,
    Ints,
    MoneyKey,
    Posted,
    cut,
    joined,
    of_class,
    rolled,
    totals,
)
from services.metrics.rules.money_sheets import EMPTY, LINES_A_SHEET, Sheet, by_day, of_edge, written
from services.metrics.rules.period import FIRST, LAST, Filter, Period
from services.metrics.store.roller import is_too_large

START = datetime(2026, 2, 27, tzinfo=UTC)
HOURS = 12 * 24
_FIRST_HOUR = (START - EPOCH) // timedelta(hours=1)


def _entries(chance: random.Random, count: int) -> list[Posted]:
    """Entries of up to five days, of either sign, in a few places, categories and currencies."""
    found = []
    for _ in range(count):
        long = chance.choice([1, 2, 5, 24, 120])
        lines = np.zeros(chance.randint(1, long), HOUR)
        for name, most in (("amount", 10**12), ("low", 10**9), ("high", 10**15)):
            lines[name] = [chance.randint(-most, most) for _ in lines]
        place = Place(
            service=chance.choice(["", "services/a", "services/收银"]),
            team=chance.choice(["", "teams/a"]),
            site=chance.choice(["", "sites/a", "sites/b"]),
            unit=chance.choice(["", "cn/east", "cn/east/shanghai", "cn/easterly", "cn/west"]),
            channel=chance.choice([Channel.UNSPECIFIED, Channel.PORTAL, Channel.PHONE]),
            type=chance.choice(list(Type)),
            priority=chance.choice([0, 1, 2, 3, 4]),
            source=chance.choice(["", "log"]),
            item=chance.choice(["", "", "items/vpn"]),
        )
        category, currency = chance.choice(list(Category)), chance.choice(["CNY", "EUR"])
        first = _FIRST_HOUR + chance.randrange(HOURS)
        found.append(Posted(place, category, currency, chance.random() < 0.3, first, lines))
    return found


class Kept:
    """What is kept of entries that were added in turns."""

    def __init__(self, turns: Sequence[Sequence[Posted]]) -> None:
        self.cells: dict[tuple[MoneyKey, int], Ints] = {}
        self.sheets: dict[int, Sheet] = {}
        for entries in turns:
            for key, days in rolled(entries).items():
                for day, rows in days.items():
                    before = self.cells.get((key, day))
                    self.cells[key, day] = rows if before is None else joined(before, rows)
            for day, parts in by_day(entries).items():
                self.sheets[day] = written(self.sheets.get(day, EMPTY), parts)

    def sums(self, period: Period, filter: Filter, scope: str) -> list[MoneySum]:
        """As a board reads them."""
        of, found = place(filter), cut(period)
        assert of is not None
        parts: list[tuple[int, Ints]] = [
            (day, of_class(rows, filter))
            for (key, day), rows in self.cells.items()
            if (key.dimension, key.value, key.scope) == (*of, scope)
            and filter.source in ("", key.source)
            and day in found.days
            and key.block == day // SPAN
        ]
        parts += [
            (edge.day, of_edge(self.sheets[edge.day], filter, scope, edge))
            for edge in found.edges
            if edge.day in self.sheets
        ]
        begin = [rows for day, rows in parts if day == found.first]
        return totals(begin, [rows for day, rows in parts if day != found.first])


def _one_by_one(entries: Sequence[Posted], period: Period, filter: Filter, scope: str) -> list[MoneySum]:
    found: dict[tuple[str, str], list[int]] = {}
    for entry in entries:
        if not _passes(entry.place, filter, scope):
            continue
        inside = [
            row
            for number, row in enumerate(entry.lines.tolist())
            if period.holds(EPOCH + (entry.first + number) * timedelta(hours=1))
        ]
        if inside:
            sums = found.setdefault((entry.category.value, entry.currency), [0, 0, 0, 0, 0])
            amount, low, high = (sum(column) for column in zip(*inside, strict=True))
            more = (amount, low, high, 1, amount if entry.provisional else 0)
            found[entry.category.value, entry.currency] = [a + b for a, b in zip(sums, more, strict=True)]
    return [MoneySum(Category(category), currency, *sums) for (category, currency), sums in sorted(found.items())]


def _passes(place: Place, filter: Filter, scope: str) -> bool:
    return (
        all(getattr(filter, one) in ("", getattr(place, one)) for one in ("service", "team", "site", "item", "source"))
        and filter.channel in (Channel.UNSPECIFIED, place.channel)
        and filter.type in (None, place.type)
        and (not filter.priorities or place.priority in filter.priorities)
        and (scope in ("", place.unit) or place.unit.startswith(f"{scope}/"))
    )


_PLACES = st.sampled_from([
    {}, {"service": "services/a"}, {"team": "teams/a"}, {"site": "sites/b"}, {"item": "items/vpn"},
    {"service": "services/收银", "team": "teams/a"}, {"service": "services/nowhere"},
])  # fmt: skip
_CLASSES = st.fixed_dictionaries({}, optional={
    "channel": st.sampled_from([Channel.PORTAL, Channel.PHONE]),
    "type": st.sampled_from(list(Type)),
    "priorities": st.sampled_from([(1,), (2, 4)]),
    "source": st.just("log"),
})  # fmt: skip
_HOURS = st.integers(-3 * 24, HOURS + 8 * 24)
_ENDS = st.one_of(
    st.integers(-3 * 1440, (HOURS + 8 * 24) * 60), _HOURS.map((60).__mul__), st.integers(-3, 20).map((1440).__mul__)
)
_SCOPES = st.sampled_from(["", "", "cn", "cn/east", "cn/east/shanghai", "de"])


@given(st.integers(0, 10**6), st.integers(0, 40), _PLACES, _CLASSES, _ENDS, _ENDS, _SCOPES)
def test_sums_of_any_period_filter_and_scope_are_those_of_the_entries(
    seed: int, count: int, at: dict[str, str], kind: dict[str, object], start: int, end: int, scope: str
) -> None:
    """Amount, low, high, provisional part and the number of entries, whatever the turns in which these were added."""
    chance = random.Random(seed)
    entries = _entries(chance, count)
    turn = chance.randint(1, 7)
    kept = Kept([entries[at : at + turn] for at in range(0, count, turn)])
    period = Period(START + timedelta(minutes=start), START + timedelta(minutes=end))
    filter = Filter(**at, **kind)  # type: ignore[arg-type]  # what hypothesis draws has no types

    assert kept.sums(period, filter, scope) == _one_by_one(entries, period, filter, scope)
    assert kept.sums(Period(FIRST, LAST), filter, scope) == _one_by_one(entries, Period(), filter, scope)


@given(_ENDS, _ENDS)
def test_a_period_is_cut_into_its_hours_and_no_other(start: int, end: int) -> None:
    """Whole days and edges together are the hours that begin in the period, each once."""
    period = Period(START + timedelta(minutes=start), START + timedelta(minutes=end))
    found = cut(period)
    edges = (*found.edges, *(Edge(day, 0, 24) for day in found.days))

    hours = sorted(24 * one.day + hour for one in edges for hour in range(one.start, one.stop))

    assert hours == [
        hour
        for hour in range(_FIRST_HOUR - 5 * 24, _FIRST_HOUR + HOURS + 10 * 24)
        if period.holds(EPOCH + hour * timedelta(hours=1))
    ]
    assert not hours or found.first == hours[0] // 24


def test_what_begins_before_an_edge_counts_once() -> None:
    """An entry from 22:00 to 02:00: one in the days' period and one in either half, though both have hours of it."""
    lines = np.zeros(4, HOUR)
    lines["amount"] = [1, 10, 100, 1000]
    entry = Posted(Place(), Category.INCURRED_LOSS, "CNY", False, _FIRST_HOUR + 22, lines)
    kept = Kept([[entry]])

    def found(start: int, end: int) -> list[tuple[int, int]]:
        period = Period(START + timedelta(hours=start), START + timedelta(hours=end))
        return [(one.amount, one.entries) for one in kept.sums(period, Filter(), "")]

    assert found(0, 48) == [(1111, 1)]
    assert found(0, 24) == [(11, 1)]
    assert found(24, 48) == [(1100, 1)]
    assert found(23, 25) == [(110, 1)]
    assert found(25, 72) == [(1000, 1)]
    assert found(26, 72) == []


def test_names_of_a_full_sheet_have_numbers() -> None:
    """However different the places of a sheet's lines are."""
    assert LINES_A_SHEET * 7 <= 2**16


def test_a_store_says_that_it_is_too_much_for_all_writes_or_for_one() -> None:
    """Either makes the batch smaller; another failure is one, also where a write among many has it."""
    assert is_too_large(OperationFailure("too large", 388))
    assert is_too_large(BulkWriteError({"writeErrors": [{"index": 4, "code": 388}]}))
    assert not is_too_large(BulkWriteError({"writeErrors": [{"index": 4, "code": 11_000}]}))
    assert not is_too_large(OperationFailure("conflict", 112))
