"""What is kept in memory: under what it was made of alone, and no more of it than is allowed."""

from __future__ import annotations

from services.metrics.store.kept import Kept


def test_a_value_is_kept_under_what_it_was_made_of_alone() -> None:
    """Cells made anew have other facts behind them; another key is another value."""
    kept = Kept[str](10)
    kept.keep(("one", 7), 1, "first", 1)
    assert kept.of(("one", 7), 1) == "first"
    assert kept.of(("one", 7), 2) is None
    assert kept.of(("other", 7), 1) is None
    kept.keep(("one", 7), 2, "second", 1)
    assert (kept.of(("one", 7), 2), kept.of(("one", 7), 1)) == ("second", None)


def test_what_nobody_has_asked_for_the_longest_goes() -> None:
    """By its cost; what costs more than all may together is not kept, and neither is what it would replace."""
    kept = Kept[str](10)
    for key in range(10):
        kept.keep(key, 1, "value", 1)
    assert kept.of(0, 1)
    kept.keep(10, 1, "two", 2)
    assert [key for key in range(11) if kept.of(key, 1)] == [0, *range(3, 11)]
    kept.keep(0, 2, "huge", 11)
    assert (kept.of(0, 1), kept.of(0, 2)) == (None, None)
    kept.keep(11, 1, "in the room that it left", 1)
    assert kept.of(3, 1)


def test_a_value_made_anew_costs_once() -> None:
    """However often it is put in the place of itself."""
    kept = Kept[int](4)
    kept.keep("other", 1, 0, 1)
    for revision in range(9):
        kept.keep("one", revision, revision, 3)
    assert (kept.of("one", 8), kept.of("other", 1)) == (8, 0)
