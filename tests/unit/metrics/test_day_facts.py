"""What a period cuts out of a day, by columns: the same as of the facts one by one."""

from __future__ import annotations

from datetime import timedelta

from services.metrics.rules.day_facts import on_day
from services.metrics.rules.fact import day_of
from services.metrics.rules.period import Period
from services.metrics.rules.pieces import summed
from tests.unit.metrics.stories import at
from tests.unit.metrics.test_cells import FILTERS, by_facts, lives, packs, passes, plain


def test_a_day_tells_of_every_filter_what_its_facts_tell() -> None:
    """Of each unit, and of a part of the day as of all of it."""
    facts = lives(300)
    day = day_of(at(72))
    kept = on_day(day, packs(facts))
    for period in (Period(), Period(at(75), at(85)), Period(end=at(80) + timedelta(minutes=7))):
        counted = 0
        for filter, scope in FILTERS:
            own = [fact for fact in facts if passes(fact, filter, scope)]
            expected = by_facts(own, period, frozenset({day})).whole
            assert plain(summed(kept.piece(filter, scope, period)).whole) == plain(expected), (filter, scope)
            counted += not expected.is_empty
        assert counted > 3
