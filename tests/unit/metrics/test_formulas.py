"""The formulas by hand: transactions, sales, capacity, gains, currencies, and the interval that its seed draws."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.metrics.rules.business_model import Basis, BusinessModel
from services.metrics.rules.claims import Evidence, Gain, Place
from services.metrics.rules.exact import HOUR_MS
from services.metrics.rules.formulas import MEASURED, HourInput, Measured, amounts_of, negated
from services.metrics.rules.ledger import Unbooked
from services.metrics.rules.money import Category
from services.metrics.rules.rates import Rate, RateTable, RateVersion
from services.runtime.worktime import CalendarVersion, hours, workweek
from tests.unit.metrics import ledger_stories as shop
from tests.unit.metrics.ledger_stories import END, HOUR, NINE, SALES, TRANSACTIONS, outage, pay

_SHANGHAI = "Asia/Shanghai"


def _calendar(*texts: str) -> CalendarVersion:
    return CalendarVersion("calendars/shops", 1, _SHANGHAI, datetime(2020, 1, 1, tzinfo=UTC), workweek(hours(*texts)))


def test_transactions_by_hand() -> None:
    """100 expected, 40 done, 60 lost an hour; a quarter comes back: 2 h x 60 x 0.75 x 50.00 = 4,500.00."""
    books = shop.told(pay(), shop.model("costModels/pay", replace(TRANSACTIONS, recovered=250)))
    (entry,) = books.tell(outage(2))
    assert (entry.total, entry.amounts.amounts) == (450_000, (225_000, 225_000))
    assert (entry.low, entry.middle, entry.high) == (450_000,) * 3


def test_what_was_counted_as_recovered_is_taken_and_not_assumed() -> None:
    """Of 60 lost 10 were counted as made up for: 50 x 50.00, whatever share the model assumes."""
    books = shop.told(pay(), shop.model("costModels/pay", replace(TRANSACTIONS, recovered=250)))
    one = outage()
    (entry,) = books.tell(replace(one, hours=(replace(one.hours[0], recovered=10_000),)))
    assert entry.total == 250_000


def test_where_nothing_is_known_to_be_expected_what_was_asked_counts() -> None:
    """100 asked for, 60 failed, no weeks before: 60 x 50.00; more than expected done is no loss."""
    books = shop.told(pay(), shop.model("costModels/pay", TRANSACTIONS))
    assert [one.total for one in books.tell(outage(expected=0))] == [300_000]
    (back, _) = books.tell(outage(valid=300, bad=60, expected=100))
    assert back.total == -300_000
    assert books.open() == {"pay-api.1~pay": 0}


def test_sales_by_hand_and_closed_hours_cost_nothing() -> None:
    """Shops open 9 to 18 in Shanghai, a fault from 17:00 to 20:00: one hour x 4 shops x 6,000.00 x 30 % = 7,200.00."""
    books = shop.told(
        _calendar("09:00-18:00"), pay(), shop.model("costModels/pay", replace(SALES, calendar="calendars/shops"))
    )
    end = replace(END, impact=1, place=replace(END.place, priority=1), opened_at=NINE, ended_at=NINE + 3 * HOUR)
    (entry,) = books.tell(end)
    assert entry.total == 720_000
    assert [(one.resource, one.ms) for one in entry.left_out] == [("calendars/shops", 2 * HOUR_MS)]
    night = replace(end, ticket="tickets/INC-000002", opened_at=NINE + 2 * HOUR)
    assert books.tell(night) == []
    assert books.booking("INC-000002").unbooked is Unbooked.CLOSED_HOURS


def test_a_calendar_that_nobody_published_values_nothing() -> None:
    """Never an invented number."""
    books = shop.told(pay(), shop.model("costModels/pay", replace(SALES, calendar="calendars/none")))
    assert books.tell(END) == []
    assert books.booking("INC-000001").unbooked is Unbooked.CALENDAR_UNKNOWN


def test_capacity_by_hand_with_what_an_outage_measured() -> None:
    """2 lines x 90.5 units an hour x 12.00 margin, half of the requests lost, for an hour: 1,086.00."""
    line = BusinessModel(Basis.CAPACITY, "CNY", 1_200, units_per_hour=90_500, places={1: 2})
    books = shop.told(pay(), shop.model("costModels/pay", line))
    (entry,) = books.tell(outage(bad=50))
    assert entry.total == 108_600


def test_an_outage_counts_no_more_shops_than_it_was_seen_in() -> None:
    """Seen in one of four shops: 1 x 6,000.00 x 30 % x 60 % lost = 1,080.00."""
    books = shop.told(pay(), shop.model("costModels/pay", SALES))
    (entry,) = books.tell(outage(sites=("sites/one",)))
    assert entry.total == 108_000


def test_a_gain_by_hand_in_its_category() -> None:
    """12.5 hours at 68.00: 850.00, of the category that its model is of."""
    terms = BusinessModel(Basis.GAIN, "CNY", 6_800)
    books = shop.told(shop.model("costModels/hours", terms, category=Category.HOURS))
    gain = Gain(
        *("ledgerInputs/gain-1", Category.HOURS, "costModels/hours", 12_500, "May by phone", "people/fan"),
        Place("services/pay"),
        (Evidence("tickets/INC-000007", '"3"'),),
        NINE,
    )
    (entry,) = books.tell(gain)
    assert (entry.total, entry.category, entry.cause) == (85_000, Category.HOURS, gain.name)


def test_a_dated_rate_turns_an_amount_once() -> None:
    """60 x 10.01 USD at 7.1234: 600.60 USD are 4,278.31404, so 4,278.31 CNY; without a rate it stays in USD."""
    dollars = replace(TRANSACTIONS, currency="USD", unit_value=1_001)
    since = NINE - timedelta(days=1)
    rates = {"USD": Rate(71_234, 10_000)}
    held = RateTable("rateTables/main", (RateVersion(1, since, "CNY", rates, "people/fan", "", "people/qiu", since),))
    books = shop.told(pay(), shop.model("costModels/pay", dollars))
    (plain,) = books.tell(outage())
    books.tell(held)
    (turned,) = books.tell(outage(name="outages/pay-api.2", started_at=NINE + HOUR, until=NINE + 2 * HOUR, hours=(
        replace(outage().hours[0], start_ms=outage().hours[0].start_ms + HOUR_MS),
    )))  # fmt: skip
    assert (plain.currency, plain.total) == ("USD", 60_060)
    assert (turned.currency, turned.total) == ("CNY", 427_831)
    assert ("rateTables/main", "1") in [(one.resource, one.version) for one in turned.evidence]


def test_the_interval_is_drawn_by_the_name_of_the_row_alone() -> None:
    """The same row draws the same; its reversal cancels it; another row differs; the middle lies between the ends."""
    wide = replace(TRANSACTIONS, low=700, high=1_500)
    first, second = (
        shop.told(pay(), shop.model("costModels/pay", wide)).tell(
            outage(low_per_mille=900, high_per_mille=1_100, name=name)
        )[0]
        for name in ("outages/pay-api.1", "outages/pay-api.2")
    )
    assert amounts_of(first.formula, first.inputs) == first.amounts
    assert (first.total, first.amounts.lows) != (second.total, second.amounts.lows)
    assert first.low < first.middle < first.high
    # Alone, the value's ends are 70 % and 150 %; the count widens them a little.
    assert 0.65 * first.total < first.low < 0.72 * first.total
    assert 1.47 * first.total < first.high < 1.60 * first.total
    back = amounts_of(first.formula, negated(first.inputs))
    assert [one + other for one, other in zip(back.lows, first.amounts.lows, strict=True)] == [0]


numbers = st.integers(1, 10_000)
rows = st.lists(
    st.tuples(st.integers(0, HOUR_MS), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=9
)


@settings(max_examples=150, deadline=None)
@given(formula=st.sampled_from(sorted(MEASURED)), values=st.lists(numbers, min_size=5, max_size=5), found=rows)
def test_lines_add_up_to_one_rounding(formula: str, values: list[int], found: list[tuple[int, int, int]]) -> None:
    """Whatever the inputs: the lines' sum is the exact quotient rounded half to even, and no line is negative."""
    rule = MEASURED[formula]
    given = dict(zip(rule.factors, values, strict=False))
    ends = {"low_per_mille": 500, "high_per_mille": 1500, "rate_base": 7, "rate_units": 3, "sign": 1}
    hours_ = tuple(HourInput(at * HOUR_MS, *one) for at, one in enumerate(found))
    amounts = amounts_of(formula, Measured(tuple((given | ends).items()), hours_))
    exact = 7 * sum(map(rule.part, hours_))
    for name in rule.factors:
        exact *= given[name]
    assert abs(sum(amounts.amounts) * rule.divisor * 3 - exact) * 2 <= rule.divisor * 3
    assert min(amounts.amounts) >= 0


def test_a_formula_that_never_was_computes_nothing() -> None:
    """An entry of a later release parks instead of showing another amount."""
    with pytest.raises(KeyError):
        amounts_of("sales/2", Measured((), (HourInput(0, 1),)))
