"""Cells: sums of them are sums of facts, through the store's encoding too, for any filter and any cover of days."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rules import cells
from services.metrics.rules.cells import LEVELS, Cell, CellKey, Packed
from services.metrics.rules.fact import Channel, Fact, Type, day_of
from services.metrics.rules.lengths import ACCURACY
from services.metrics.rules.measures import CODES
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.pieces import Piece, Sums, from_facts, summed, with_course
from services.metrics.rules.rows import ADDED, counted, merged_sums
from services.metrics.rules.selection import NOTHING, Rows, needs_classes, together
from services.metrics.rules.tally import Tally, tally
from services.metrics.store.cells import decode, encode
from services.metrics.store.facts import encode as document_of
from services.metrics.store.facts import packed_of
from tests.unit.metrics.stories import ASKED, CANCELLED, DONE, FILED, WORK, at, story


def lives(n: int, seed: int = 1) -> list[Fact]:
    """Made-up tickets over some three weeks, in a few units, teams, sites and states."""
    chance = random.Random(seed)
    facts = []
    for number in range(n):
        opened = chance.uniform(0, 500)
        first = replace(
            FILED,
            name=f"tickets/INC-{number:06d}",
            unit=chance.choice(["cn/east", "cn/west", "cn/east/shanghai", "de"]),
            priority=chance.choice([1, 2, 3, 3, 3, 4]),
            type=chance.choice([Type.INCIDENT, Type.REQUEST]),
            channel=chance.choice([Channel.PORTAL, Channel.PHONE, Channel.UNSPECIFIED]),
            site=chance.choice(["", "sites/a", "sites/b"]),
            item=["", "items/notebook", "items/vpn"][number % 3],
            source=chance.choice(["", "log"]),
        )
        steps: list[tuple[float, dict[str, object]]] = [(opened + 0.5, {"team": chance.choice("ABC"), "given": True})]
        later = opened + 0.5
        for state in chance.choice([[WORK], [WORK, DONE], [WORK, ASKED, WORK, DONE], [DONE, WORK, DONE], [CANCELLED]]):
            later += chance.expovariate(0.05)
            steps.append((later, {"state": state, "team": chance.choice("ABC")}))
        facts.append(story(*steps, first=first, opened_at=at(opened)))
    return facts


def packs(facts: Iterable[Fact]) -> list[Packed]:
    """The facts as cells see them, through their documents."""
    return [packed_of(document_of(fact)) for fact in facts]


def by_facts(facts: Iterable[Fact], within: Period | None = None, days: frozenset[int] | None = None) -> Sums:
    """What facts come to, one by one."""
    return of_packs(packs(facts), within, days)


def of_packs(found: Sequence[Packed], within: Period | None = None, days: frozenset[int] | None = None) -> Sums:
    """The same of facts as cells see them."""
    made = from_facts([one.rows for one in found], [one.ticket_class for one in found], within or Period(), days)
    return with_course(summed(made), made)


def rolled(facts: Sequence[Fact]) -> dict[CellKey, Cell]:
    """All cells of all levels, after a way through their documents."""
    found = packs(facts)
    days = sorted({day for fact in facts for day in fact.days})
    made: dict[CellKey, Cell] = {}
    for day in days:
        made |= cells.roll(day, [one for one, fact in zip(found, facts, strict=True) if day in fact.days])
    for level, below in zip(LEVELS[1:], LEVELS, strict=False):
        for block in sorted({day // level for day in days}):
            lower = [
                (key, cell) for key, cell in made.items() if key.level == below and key.block * below // level == block
            ]
            made |= cells.above(level, block, lower)
    return dict(decode(encode(key, cell)) for key, cell in made.items())


def rows(made: dict[CellKey, Cell], filter: Filter, scope: str, blocks: dict[int, list[int]]) -> Rows:
    """The rows that a filter asks for, from these blocks."""
    fine = needs_classes(filter)
    found = NOTHING
    for key, cell in made.items():
        same = (key.dimension, key.value) == cells.place(filter) and (key.scope, key.fine) == (scope, fine)
        if same and key.block in blocks[key.level] and filter.source in {"", key.source}:
            day = key.block * key.level
            own = Rows(cell.counts, np.full(len(cell.counts), day), cell.sums, np.full(len(cell.sums), day))
            found = together([found, own])
    return found.chosen(filter, fine=fine)


def plain(tally: Tally) -> tuple[object, ...]:
    """All that is exact in a tally."""
    lengths = {name: (one.n, one.total, one.squares, one.logs, one.log_squares, one.bins)
               for name, one in tally.lengths.items()}  # fmt: skip
    return tally.counts, tally.shares, tally.spreads, lengths


SIXTY = packs(lives(60))
FILTERS: tuple[tuple[Filter, str], ...] = (
    (Filter(), ""),
    (Filter(team="A"), ""),
    (Filter(site="sites/b"), "cn"),
    (Filter(service="services/print", team="B"), ""),
    (Filter(item="items/vpn"), "cn"),
    (Filter(item="items/notebook", channel=Channel.PHONE), ""),
    (Filter(channel=Channel.PHONE), "cn/east"),
    (Filter(service="services/print", type=Type.REQUEST, priorities=(1, 3)), ""),
    (Filter(priorities=(2,), source="log"), "de"),
)


def passes(fact: Fact, filter: Filter, scope: str) -> bool:
    """What a filter means, said once more."""
    return (
        all(
            getattr(filter, name) in ("", getattr(fact, name)) for name in ("service", "team", "site", "item", "source")
        )
        and filter.channel in (Channel.UNSPECIFIED, fact.channel)
        and filter.type in (None, fact.type)
        and (not filter.priorities or fact.priority in filter.priorities)
        and (not scope or fact.unit == scope or fact.unit.startswith(f"{scope}/"))
    )


def test_cells_add_up_to_their_facts() -> None:
    """Whatever is asked, over any days, the fewest cells give exactly what facts give, and quantiles within 0.5 %."""
    facts = lives(400)
    made = rolled(facts)
    usable = {level: frozenset(key.block for key in made if key.level == level) for level in LEVELS[1:]}
    first = day_of(at(0))
    for days in (range(first - 100, first + 200), range(first + 3, first + 17), range(first, first + 1)):
        blocks = cells.cover([days], usable)
        assert sorted(day for level, some in blocks.items() for one in some
                      for day in range(one * level, (one + 1) * level)) == list(days)  # fmt: skip
        within = Period(at(0) + timedelta(days=days.start - first), at(0) + timedelta(days=days.stop - first))
        for filter, scope in FILTERS:
            exact = by_facts((fact for fact in facts if passes(fact, filter, scope)), within).whole
            found = rows(made, filter, scope, blocks)
            near = summed(Piece(found)).whole
            assert plain(near) == plain(exact), (filter, scope, days)
            for measure, lengths in exact.lengths.items():
                for q in (0.1, 0.5, 0.9):
                    close, true = near.lengths[measure].quantile(q), lengths.quantile(q)
                    assert abs(close - true) <= true * (ACCURACY + 1e-9)


def test_days_out_of_date_leave_a_gap_that_no_longer_cell_spans() -> None:
    """A stretch without some days is covered by cells that do not hold them."""
    usable = {8: frozenset(range(1000)), 64: frozenset(range(1000))}
    days, without = range(60, 400), frozenset({64, 200})
    blocks = cells.cover(cells.runs(days, without), usable)
    covered = [day for level, some in blocks.items() for one in some for day in range(one * level, (one + 1) * level)]
    assert sorted(covered) == [day for day in days if day not in without]
    assert len(covered) == len(set(covered))
    assert sum(len(some) for some in blocks.values()) < 45


@given(st.integers(0, 400), st.integers(1, 300))
def test_ragged_edges_join_without_gap_or_overlap(start: int, hours: int) -> None:
    """Three periods end to end count together what one over all of them counts."""
    first, second = at(start) + timedelta(minutes=7), at(start + hours) + timedelta(minutes=19)
    parts = [of_packs(SIXTY, part).whole for part in (Period(end=first), Period(first, second), Period(second))]
    whole = of_packs(SIXTY).whole
    for name, count in whole.counts.items():
        assert sum(part.count(name) for part in parts) == count
    for name, share in whole.shares.items():
        assert [sum(part.shares.get(name, [0, 0])[side] for part in parts) for side in (0, 1)] == share
    for name, lengths in whole.lengths.items():
        assert sum(part.lengths[name].squares for part in parts if name in part.lengths) == lengths.squares


def test_a_choice_of_days_counts_those_alone() -> None:
    """Days that come from cells are left out when the rest is counted from facts."""
    facts = lives(60)
    period = Period(at(-100), at(2000))
    some = frozenset({day_of(at(24)), day_of(at(48))})
    chosen = by_facts(facts, period, some)
    two = [by_facts(facts, Period(at(24 * n), at(24 * n + 24))).whole for n in (1, 2)]
    assert chosen.whole.counts == {
        name: sum(one.count(name) for one in two) for name in sorted({*two[0].counts, *two[1].counts})
    }
    assert chosen.whole.count("tickets_opened") == sum(one.count("tickets_opened") for one in two)


def test_the_order_of_facts_does_not_matter() -> None:
    """A cell is the same document however its facts came."""
    facts = lives(120)
    documents = [
        {one["_id"]: one for one in (encode(*cell) for cell in rolled(order).items())} for order in (facts, facts[::-1])
    ]
    assert documents[0] == documents[1]


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30))
def test_squares_are_exact_whatever_the_length(seconds: list[int]) -> None:
    """Sums of squares that need more than 64 bits come back to the unit, merged or not."""
    rows_ = np.zeros(len(seconds), ADDED)
    rows_["m"], rows_["v"] = CODES["time_to_resolve"], seconds
    nothing = np.zeros(len(seconds), np.int64)
    counts, _, sums, _ = counted(rows_, nothing, nothing)
    merged, _ = merged_sums(np.concatenate((sums, sums)), np.zeros(2 * len(sums), np.int64))
    assert tally(counts, sums).lengths["time_to_resolve"].squares == sum(one * one for one in seconds)
    assert tally(counts, merged).lengths["time_to_resolve"].squares == 2 * sum(one * one for one in seconds)


def test_facts_of_before_there_were_items_make_the_cells_that_they_made() -> None:
    """A fact that names no item is packed as ever and in no cell of an item; the other cells are the same."""
    facts = [replace(one, item="") for one in lives(60)]
    documents = [document_of(one) for one in facts]
    assert all("item" not in one for one in documents)
    now, with_items = rolled(facts), rolled(lives(60))
    assert {key.dimension for key in now} == set(cells.SETS) - {"item"}
    assert {encode(*one)["_id"]: encode(*one) for one in now.items()} == {
        encode(*one)["_id"]: encode(*one) for one in with_items.items() if one[0].dimension != "item"
    }


def test_no_cell_is_read_for_an_item_and_another_dimension() -> None:
    """Such a filter is counted from facts, never from the cells of a part of it."""
    assert cells.place(Filter(item="items/vpn")) == ("item", "items/vpn")
    for other in (Filter(service="x"), Filter(team="x"), Filter(site="x")):
        assert cells.place(replace(other, item="items/vpn")) is None


def test_an_excluded_ticket_is_in_no_cell() -> None:
    """Cancelled: out of all of them."""
    assert cells.roll(day_of(at(0)), packs([story((2, {"state": CANCELLED}))])) == {}


def test_a_unit_is_in_every_scope_above_it() -> None:
    """And in no other."""
    assert list(cells.scopes("cn/east/shanghai")) == ["", "cn", "cn/east", "cn/east/shanghai"]
    assert list(cells.scopes("")) == [""]
