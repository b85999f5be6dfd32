"""The people model in exact integers: rounding, hours, and the interval."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from services.metrics.rules.exact import HOUR_MS, half_even
from services.metrics.rules.people_model import Inputs, PeopleModel, amounts_of, inputs_of

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
MODEL = PeopleModel("CNY", 12_000, {2: 40}, {2: 500}, timedelta(hours=72))

inputs = st.builds(
    Inputs,
    users=st.integers(1, 10_000_000),
    per_mille=st.integers(0, 1000),
    hourly_rate=st.integers(1, 100_000_000),
    start_ms=st.integers(0, 4_000_000_000_000),
    ms=st.integers(1, 50 * HOUR_MS),
    sign=st.sampled_from([1, -1]),
)


def test_by_hand() -> None:
    """40 people, half of their work, 120.00 an hour, from 9:30 to 12:15: 6,600.00 in four hours."""
    found = amounts_of(inputs_of(MODEL, 40, 500, NINE + timedelta(minutes=30), NINE + timedelta(hours=3.25)))
    assert found.first_hour == NINE
    assert found.amounts == (120_000, 240_000, 240_000, 60_000)
    assert (sum(found.lows), sum(found.highs)) == (330_000, 990_000)


def test_time_is_capped_and_never_negative() -> None:
    """72 hours count of a hundred; marks in the wrong order are no time."""
    assert inputs_of(MODEL, 40, 500, NINE, NINE + timedelta(hours=100)).ms == 72 * HOUR_MS
    assert inputs_of(MODEL, 40, 500, NINE, NINE - timedelta(hours=1)).ms == 0
    assert amounts_of(inputs_of(MODEL, 40, 500, NINE, NINE)).amounts == (0,)


def test_halves_go_to_the_even_side() -> None:
    """0.5 -> 0, 1.5 -> 2, 2.5 -> 2; what is over or under the half goes its way."""
    assert [half_even(n, 2) for n in (1, 3, 5, 7)] == [0, 2, 2, 4]
    assert [half_even(n, 10) for n in (14, 15, 16, 25, 26)] == [1, 2, 2, 2, 3]


def test_of_equal_remainders_the_earlier_hour_goes_first() -> None:
    """One minor unit over three equal hours lies in the first of them."""
    whole = Inputs(users=1, per_mille=1, hourly_rate=333, start_ms=0, ms=3 * HOUR_MS)
    assert amounts_of(whole).amounts == (1, 0, 0)


@settings(deadline=None)
@given(inputs)
def test_hours_sum_to_the_total_rounded_once(one: Inputs) -> None:
    """The lines sum to the exact total rounded half-even; no line is further than 1 from its exact share."""
    found = amounts_of(one)
    exact = Fraction(one.users * one.per_mille * one.hourly_rate * one.ms, 1000 * HOUR_MS)
    assert sum(found.amounts) == one.sign * round(exact)
    assert sum(found.lows) == one.sign * round(exact / 2)
    assert sum(found.highs) == one.sign * round(exact * 3 / 2)
    at = one.start_ms
    for amount in found.amounts:
        until = min(one.start_ms + one.ms, (at // HOUR_MS + 1) * HOUR_MS)
        assert abs(one.sign * amount - exact * Fraction(until - at, one.ms)) < 1
        at = until
    assert at == one.start_ms + one.ms
