"""Outages as a fold over slices, and their scope with its interval."""

from __future__ import annotations

import random

from services.metrics.rules.availability import Hit, Sums
from services.metrics.rules.outage import Standing, Stretch, stretches
from services.metrics.rules.scope import affected, people

A_MINUTE = 6


def slices(minutes: dict[int, float], until: int, rate: int = 20) -> dict[int, Sums]:
    """A service of `rate` requests a slice, of which that share is bad in those minutes."""
    found = {}
    for number in range(until * A_MINUTE):
        bad = round(rate * minutes.get(number // A_MINUTE, 0.0))
        found[number] = Sums(rate, rate - bad, rate, rate, bad, begun=bad, begun_weight=bad, begun_squares=bad)
    return found


def test_two_bad_minutes_open_and_five_good_ones_close() -> None:
    """One of ten per cent opens nothing, one of sixty does; four good minutes are not enough to close."""
    assert stretches(slices({10: 0.1}, 20), 120) == []
    assert stretches(slices({10: 0.1, 11: 0.1}, 20), 120) == [Stretch(60, 71, Standing.CLOSED)]
    assert stretches(slices({10: 0.6}, 20), 120) == [Stretch(60, 65, Standing.CLOSED)]
    assert stretches(slices({10: 0.6}, 15), 90) == [Stretch(60, 65, Standing.OPEN)]
    assert stretches(slices({10: 0.6}, 16), 96) == [Stretch(60, 65, Standing.CLOSED)]


def test_gaps_of_five_minutes_are_bridged_and_longer_ones_not() -> None:
    """Two outages of one service lie six minutes apart, or are one."""
    assert stretches(slices({10: 0.6, 16: 0.6}, 30), 180) == [Stretch(60, 101, Standing.CLOSED)]
    assert len(stretches(slices({10: 0.6, 17: 0.6}, 30), 180)) == 2


def test_minutes_that_say_nothing_keep_it_open_for_a_while() -> None:
    """A service that falls silent is neither good nor bad for fifteen minutes."""
    known = slices({10: 0.6}, 11)
    assert stretches(known, 25 * A_MINUTE)[0].standing is Standing.OPEN
    assert stretches(known, 26 * A_MINUTE)[0].standing is Standing.CLOSED


def test_three_bad_slices_in_a_row_are_provisional() -> None:
    """Two are not; when the minute is over, it decides."""
    known = slices({}, 11)
    for number in (60, 61, 62):
        known[number] = Sums(20, 10, 20, 20, 10, begun=10, begun_weight=10, begun_squares=10)
    assert stretches(known, 62) == []
    assert stretches(known, 63) == [Stretch(60, 62, Standing.PROVISIONAL)]


def test_bounds_go_by_where_bad_requests_started() -> None:
    """They ended three slices later, and the outage began when they did."""
    known = slices({10: 0.6, 11: 0.6}, 30)
    for number in (57, 58, 59):
        known[number].begun, known[number].begun_weight = 12, 12.0
    assert stretches(known, 180)[0].first == 57


def test_the_interval_of_affected_requests_holds_at_its_rate() -> None:
    """Of 2,000 sampled counts 95 in a hundred hold the truth; at full sampling there is no doubt at all."""
    chance = random.Random(4)
    for ratio, truth in ((0.25, 40), (0.05, 200), (0.05, 2000)):
        inside = 0
        for _ in range(400):
            n = sum(chance.random() < ratio for _ in range(truth))
            weight = 1 / ratio
            sums = Sums(begun=n, begun_weight=n * weight, begun_squares=n * weight * weight)
            scope = affected(sums, Hit())
            inside += scope.requests_low <= truth <= scope.requests_high
        assert inside >= 0.915 * 400
    exact = affected(Sums(begun=7, begun_weight=7.0, begun_squares=9.0), Hit())
    assert (exact.requests_low, exact.requests, exact.requests_high) == (7.0, 7.0, 7.0)


def test_users_are_counted_and_those_that_sampling_hid_are_estimated() -> None:
    """Everybody at full sampling; else the estimate adds unseen ones and never says fewer than were seen."""
    hit = Hit({number: 1 + number % 3 for number in range(60)}, {"east": 60.0})
    whole = Sums(begun=120, begun_weight=120.0, begun_squares=120.0)
    assert people(hit, whole) == (60, 60, 60)
    users, low, high = people(hit, Sums(begun=120, begun_weight=480.0, begun_squares=1920.0))
    assert 60 <= low < users < high
