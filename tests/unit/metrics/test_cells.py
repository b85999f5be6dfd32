"""Cells: sums of them are sums of facts, through the store's encoding too, for any filter of one dimension."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rules.board import summed
from services.metrics.rules.cells import ALL, DIMENSIONS, CellKey, roll
from services.metrics.rules.fact import Channel, Fact, Type, day_of
from services.metrics.rules.lengths import ACCURACY
from services.metrics.rules.period import Period, Windows
from services.metrics.rules.tally import Tally
from services.metrics.store.cells import decode, encode, pack, unpack
from tests.unit.metrics.stories import ASKED, CANCELLED, DONE, FILED, WORK, at, story

FOREVER = Windows(Period())


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
            source=chance.choice(["", "log"]),
        )
        steps: list[tuple[float, dict[str, object]]] = [(opened + 0.5, {"team": chance.choice("ABC"), "given": True})]
        later = opened + 0.5
        for state in chance.choice([[WORK], [WORK, DONE], [WORK, ASKED, WORK, DONE], [DONE, WORK, DONE], [CANCELLED]]):
            later += chance.expovariate(0.05)
            steps.append((later, {"state": state, "team": chance.choice("ABC")}))
        facts.append(story(*steps, first=first, opened_at=at(opened)))
    return facts


def stored(cells: dict[CellKey, Tally]) -> list[tuple[CellKey, Tally]]:
    """The cells after a way through their documents."""
    return [decode(encode(key, tally)) for key, tally in cells.items()]


def plain(tally: Tally) -> tuple[object, ...]:
    """All that is exact in a tally."""
    lengths = {name: (one.n, one.total, one.squares, one.logs, one.log_squares, one.bins)
               for name, one in tally.lengths.items()}  # fmt: skip
    return tally.counts, tally.shares, tally.spreads, lengths


def test_cells_add_up_to_their_facts() -> None:
    """Whatever is asked of one dimension, its cells give exactly what its facts give, and quantiles within 0.5 %."""
    facts = lives(400)
    cells = stored(roll(facts, FOREVER))
    asked = [(ALL, ""), ("team", "A"), ("site", "sites/b"), ("channel", "PHONE"), ("service", "services/print")]
    for dimension, value in asked:
        by_cells = summed([one for one in cells if (one[0].dimension, one[0].value) == (dimension, value)])
        chosen = [fact for fact in facts if dimension == ALL or str(getattr(fact, dimension)) == value]
        by_facts = summed(list(roll(chosen, FOREVER, dimensions=()).items()))
        assert plain(by_cells.whole) == plain(by_facts.whole)
        for measure, lengths in by_facts.whole.lengths.items():
            for q in (0.1, 0.5, 0.9):
                near, exact = by_cells.whole.lengths[measure].quantile(q), lengths.quantile(q)
                assert abs(near - exact) <= exact * (ACCURACY + 1e-9)
    assert {one[0].dimension for one in cells} == {ALL, *DIMENSIONS}


@given(st.integers(0, 400), st.integers(1, 300))
def test_ragged_edges_join_without_gap_or_overlap(start: int, hours: int) -> None:
    """Three periods end to end count together what one over all of them counts."""
    facts = lives(60)
    first, second = at(start) + timedelta(minutes=7), at(start + hours) + timedelta(minutes=19)
    parts = [Period(end=first), Period(first, second), Period(second)]
    pieces = [one for part in parts for one in roll(facts, Windows(part), dimensions=()).items()]
    whole = summed(list(roll(facts, FOREVER, dimensions=()).items()))
    assert plain(summed(pieces).whole) == plain(whole.whole)


def test_a_choice_of_days_counts_those_alone() -> None:
    """Days that come from cells are left out when the rest is counted from facts."""
    facts = lives(60)
    period = Period(at(-100), at(2000))
    some = frozenset({day_of(at(24)), day_of(at(48))})
    cells = roll(facts, Windows(period, some), dimensions=())
    assert {key.day for key in cells} <= some
    whole = roll(facts, Windows(period), dimensions=())
    assert {key: plain(tally) for key, tally in cells.items()} == {
        key: plain(tally) for key, tally in whole.items() if key.day in some
    }


def test_the_order_of_facts_does_not_matter() -> None:
    """A cell is the same document however its facts came."""
    facts = lives(120)
    documents = [
        {one["_id"]: one for one in (encode(*cell) for cell in roll(order, FOREVER).items())}
        for order in (facts, facts[::-1])
    ]
    assert documents[0] == documents[1]


def test_cells_come_back_from_their_documents() -> None:
    """Every count, share, spread, quarter hour and length."""
    for key, tally in roll(lives(80), FOREVER).items():
        again, read = decode(encode(key, tally))
        assert again == key
        assert plain(read) == plain(tally)
        assert read.slots == tally.slots


@given(st.dictionaries(st.integers(0, 65_535), st.integers(1, 2**32 - 1), max_size=50))
def test_packed_numbers_come_back(bins: dict[int, int]) -> None:
    """Six bytes a number, and nothing lost."""
    assert unpack(pack(bins)) == bins
    assert len(pack(bins)) == 6 * len(bins)


def test_an_excluded_ticket_is_in_no_cell() -> None:
    """Cancelled: out of all of them."""
    assert roll([story((2, {"state": CANCELLED}))], FOREVER) == {}
