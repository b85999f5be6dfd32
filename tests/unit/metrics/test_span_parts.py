"""Parts of hours: every count has one, and what is too much for one fold is brought together without loss."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.metrics.rules.availability import SLICES_AN_HOUR, Cell, Export, Lost, Sums, Way
from services.metrics.rules.span_parts import OTHERS, PARTS, Counts, part_of, parts_of, place_of, places_of

HOUR = 500_000
FIRST = HOUR * SLICES_AN_HOUR


def _lost(callee: str, slice: int) -> Lost:
    return Lost(b"s" * 8, slice, callee, 2.0, 1_000, slice, b"t" * 16)


def _whole(counts: Counts) -> tuple[dict[int, tuple[float, float, int, int]], int]:
    """What is counted in each slice, whatever it is called, and the calls."""
    found: dict[int, Sums] = {}
    for cell, sums in counts.cells.items():
        found.setdefault(cell.slice, Sums()).merge(sums)
    by_slice = {slice: (one.valid, one.good, one.n, one.bad) for slice, one in found.items()}
    return by_slice, sum(calls for calls, _ in counts.ways.values())


def test_a_place_is_a_part_of_one_hour() -> None:
    """The first and the last slice of an hour lie in the same part; the next hour's parts follow; names differ."""
    for service in ("shop", "pay", "businessServices/shop", "支付", "\ud800"):
        place = place_of(FIRST, service)
        assert place == place_of(FIRST + SLICES_AN_HOUR - 1, service) == HOUR * PARTS + part_of(service)
        assert place_of(FIRST + SLICES_AN_HOUR, service) == place + PARTS
    assert parts_of(["shop", "pay", "shop"]) == {part_of("shop"), part_of("pay")}
    assert parts_of(["shop", OTHERS]) == set(range(PARTS))
    shares = [0] * PARTS
    for number in range(2_000):
        shares[part_of(f"service-{number}")] += 1
    assert min(shares) > 2_000 / PARTS * 0.7
    assert max(shares) < 2_000 / PARTS * 1.3


def test_a_way_counts_where_it_begins_and_a_lost_call_where_it_was_to_end() -> None:
    """An export touches the parts of its services, of its callers, and of those that did not answer."""
    export = Export(b"d", datetime(2026, 1, 1, tzinfo=UTC))
    assert places_of(export) == []
    export.cells[Cell(FIRST, "shop")] = Sums()
    export.ways[Way(FIRST + SLICES_AN_HOUR, "web", "shop")] = (1, 0)
    export.lost.append(_lost("pay", FIRST))
    expected = [(FIRST, "shop"), (FIRST, "pay"), (FIRST + SLICES_AN_HOUR, "web")]
    assert places_of(export) == sorted(place_of(*one) for one in expected)


def test_counts_add_up() -> None:
    """Requests, calls and calls without an answer; the latest end of calls is kept."""
    counts = Counts()
    assert counts.first > FIRST
    counts.request(Cell(FIRST + 3, "pay"), Sums(valid=4.0, good=4.0, n=4))
    counts.request(Cell(FIRST + 4, "pay"), Sums(valid=1.0, n=1, bad=1))
    counts.way(Way(FIRST + 2, "web", "pay"), 3, 900)
    counts.way(Way(FIRST + 2, "web", "pay"), 2, 800)
    counts.lose([_lost("pay", FIRST + 3)])
    assert counts.first == FIRST + 2
    assert counts.ways == {Way(FIRST + 2, "web", "pay"): (5, 900)}
    whole = counts.sums()["pay"]
    assert (whole.valid, whole.good, whole.n, whole.bad) == (7.0, 4.0, 6, 2)
    assert counts.cells[Cell(FIRST + 3, "pay")].valid == 6.0


def _crowd(services: int) -> Counts:
    counts = Counts()
    for number in range(services):
        for slice in range(FIRST, FIRST + 3):
            counts.request(Cell(slice, f"s{number}"), Sums(valid=2.0 * number, good=1.0, n=number, bad=number % 2))
            counts.way(Way(slice, f"s{number}", "pay"), number, 1)
    return counts


@pytest.mark.parametrize("most", [600, 500, 300, 100, 2, 0])
def test_what_is_too_much_for_a_fold_counts_as_others(most: int) -> None:
    """In every slice as much as before, in no more rows than are allowed and two for each slice; the busiest stay."""
    counts, before = _crowd(100), _crowd(100)
    merged = counts.few(most)
    rows = len(counts.cells) + len(counts.ways)
    assert merged == 600 - rows
    assert rows <= most + 2 * 3
    assert _whole(counts) == _whole(before)
    if most == 600:
        assert counts == before
    if most == 100:
        assert {one.service for one in counts.cells} == {f"s{number}" for number in range(67, 100)} | {OTHERS}
        assert {one.caller for one in counts.ways} == {"s99", OTHERS}


def test_of_ways_those_with_the_most_calls_stay() -> None:
    """Requests come first: ways are given up before a service is."""
    counts = _crowd(100)
    counts.few(450)
    assert OTHERS not in {one.service for one in counts.cells}
    assert {one.caller for one in counts.ways} == {f"s{number}" for number in range(50, 100)} | {OTHERS}
