"""Days in memory: by revision, few of them, none that is huge."""

from __future__ import annotations

from services.metrics.rules.cells import Packed
from services.metrics.rules.fact import Channel, Type
from services.metrics.store.kept_days import DAYS_KEPT, MOST_FACTS, KeptDays

FACT = Packed("services/a", "", "", "", "cn", "", Channel.PORTAL, Type.INCIDENT, 3, b"")


def test_a_day_is_kept_under_its_revision_alone() -> None:
    """Cells made anew have other facts behind them; another database has other days."""
    kept = KeptDays()
    kept.keep("one", 7, 1, [FACT])
    assert kept.of("one", 7, 1) == [FACT]
    assert kept.of("one", 7, 2) is None
    assert kept.of("other", 7, 1) is None
    kept.keep("one", 7, 2, [])
    assert (kept.of("one", 7, 2), kept.of("one", 7, 1)) == ([], None)


def test_few_days_are_kept_and_those_asked_for_stay() -> None:
    """The one that nobody has asked for the longest goes; a day of very many facts is not kept at all."""
    kept = KeptDays()
    for day in range(DAYS_KEPT):
        kept.keep("one", day, 1, [FACT])
    assert kept.of("one", 0, 1)
    kept.keep("one", DAYS_KEPT, 1, [FACT])
    assert kept.of("one", 0, 1)
    assert kept.of("one", 1, 1) is None
    kept.keep("one", 99, 1, [FACT] * (MOST_FACTS + 1))
    assert kept.of("one", 99, 1) is None
