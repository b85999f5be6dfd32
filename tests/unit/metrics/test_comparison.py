"""Speed beside money: a loss takes away, and faster is flagged only when nothing is gained by it."""

from __future__ import annotations

import pytest

from services.metrics.rules.comparison import Side, worth
from services.metrics.rules.money import Category, MoneySum
from services.metrics.rules.period import Period
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import Standing, Value

FASTER = Value("metrics/E03-change", Standing.SHOWN, value=-40.0, n=60, low=-50.0, high=-30.0)
UNCLEAR = Value("metrics/E03-change", Standing.NOT_SHOWN, n=60, low=-50.0, high=30.0)


def side(gained: int, lost: int, entries: int = 3) -> Side:
    """A period with so much gained and lost in minor units, and a loss in another currency."""
    money = [
        MoneySum(Category.HOURS, "CNY", gained, gained, gained, entries),
        MoneySum(Category.INCURRED_LOSS, "CNY", lost, lost, lost, entries),
        MoneySum(Category.INCURRED_LOSS, "USD", 9_999, 9_999, 9_999, 1),
    ]
    return Side(Period(), Tally(), {}, money)


def test_a_loss_is_taken_off() -> None:
    """700 gained and 200 lost are 500; another currency is not added."""
    found = worth(side(700, 200), side(300, 400), "CNY", FASTER)

    assert (found.amount, found.baseline, found.entries) == (500, -100, 12)


@pytest.mark.parametrize(
    ("now", "before", "speed", "flagged"),
    [
        (side(0, 900), side(0, 400), FASTER, True),
        (side(0, 400), side(0, 400), FASTER, True),
        (side(0, 100), side(0, 400), FASTER, False),
        (side(0, 900), side(0, 400), UNCLEAR, False),
        (side(0, 0, entries=0), side(0, 0, entries=0), FASTER, False),
    ],
)
def test_faster_is_flagged_when_it_is_worth_no_more(now: Side, before: Side, speed: Value, *, flagged: bool) -> None:
    """More lost or as much although faster; not when less is lost, nor when nobody can tell or nothing is booked."""
    assert worth(now, before, "CNY", speed).faster_not_worth_more is flagged
