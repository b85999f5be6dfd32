"""E19-time, E20 and E21 against days worked out by hand: committed time, outages in it, budgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.metrics.rules.availability import SLICE, Sums
from services.metrics.rules.business_service import BusinessService, Component, Maintenance, Objective
from services.metrics.rules.continuity import (
    Continuity,
    budget_values,
    clipped,
    committed,
    continuity_values,
    held,
)
from services.metrics.rules.fact import EPOCH
from services.metrics.rules.outage_record import Origin, Outage, State
from services.metrics.rules.period import FIRST, LAST, Period
from services.metrics.rules.sharing import millis
from services.metrics.rules.values import Standing, Value
from services.runtime.worktime import CalendarVersion, hours, workweek

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = Period(MONDAY, MONDAY + 24 * HOUR)
SHOP = BusinessService("businessServices/shop", (("en", "Shop"),), "teams/shop", 1, (Component("till"),))


def outage(start: float, hours: float, service: str = "till", **fields: object) -> Outage:
    """An outage so many hours after Monday, so long."""
    first = (MONDAY + start * HOUR - EPOCH) // SLICE
    last = (MONDAY + (start + hours) * HOUR - EPOCH) // SLICE - 1
    given = {"state": State.CLOSED, "looked_at": MONDAY, **fields}
    return Outage(service=service, first=first, last=last, **given)  # type: ignore[arg-type]  # fields by name


def values(*outages: Outage, service: BusinessService = SHOP) -> dict[str, Value]:
    """The three numbers of a Monday."""
    time = committed(service, DAY, ())
    assert time is not None
    return continuity_values(held(service, time, outages), known=True)


def test_uptime_by_outage_and_downtime_by_outage() -> None:
    """Six outages of half an hour in a day: 21 h / 6 = 3.5 h between them, half an hour each, 87.5 % of the time."""
    found = values(*(outage(start, 0.5) for start in (1, 3, 5, 9, 13, 17)))
    between, restore, share = (
        found[one] for one in ("time_between_failures", "time_to_restore_service", "availability_time")
    )
    assert (between.value, between.n) == (3.5 * 3600, 6)
    # Garwood's exact bounds of 6 are 2.202 and 13.06.
    assert between.low == pytest.approx(21 * 3600 / 13.06, rel=0.01)
    assert between.high == pytest.approx(21 * 3600 / 2.202, rel=0.01)
    assert (restore.value, restore.mean, restore.n) == (1800, 1800, 6)
    assert share.value == 87.5
    assert (found["downtime"].value, found["downtime"].n) == (3 * 3600, 6)


def test_without_an_outage_nothing_is_defined_and_availability_is_whole() -> None:
    """Not 0, and not for ever."""
    found = values()
    for one in ("time_between_failures", "time_to_restore_service"):
        assert (found[one].standing, found[one].note) == (Standing.NOT_DEFINED, "no outage in committed time")
    assert found["availability_time"].value == 100.0
    assert (found["downtime"].standing, found["downtime"].value) == (Standing.SHOWN, 0)


def test_few_outages_say_no_mean() -> None:
    """Two are too few for the time to restore; the time between has its wide interval."""
    found = values(outage(1, 1), outage(5, 1))
    assert found["time_to_restore_service"].standing is Standing.TOO_FEW
    assert found["time_between_failures"].value == 11 * 3600
    assert found["time_between_failures"].high > 3 * found["time_between_failures"].value


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (outage(5, 1), True),
        (outage(5, 1, origin=Origin.UNDETERMINED), True),
        (outage(5, 1, "stock", affected=("till",)), True),
        (outage(5, 1, origin=Origin.SYMPTOMATIC), False),
        (outage(5, 1, state=State.RETRACTED), False),
        (outage(5, 1, "stock"), False),
        (outage(20, 1), False),
        (outage(30, 1), False),
    ],
)
def test_what_counts_as_an_outage_of_a_service(one: Outage, counts: bool) -> None:
    """Its own and what others drag it into; not what is another's fault, taken back, elsewhere, planned or outside."""
    planned = Maintenance(MONDAY + 20 * HOUR, MONDAY + 22 * HOUR)
    time = committed(_with(SHOP, planned), DAY, ())
    assert time is not None
    assert len(held(SHOP, time, [one]).downs) == int(counts)


def test_two_outages_at_once_are_lost_once() -> None:
    """Two failures, and the hour that both lasted is away once."""
    time = committed(SHOP, DAY, ())
    assert time is not None
    found = held(SHOP, time, [outage(5, 2), outage(6, 2, "stock", affected=("till",))])
    assert (found.lost, len(found.downs)) == (3 * 3_600_000, 2)
    assert found.plus(Continuity(10, (1,), 1, 1)) == Continuity(
        found.committed + 10, (*found.downs, 1), found.lost + 1, 2
    )


def test_hours_of_service_are_those_of_the_calendar() -> None:
    """Open from 8 to 20: twelve hours committed, and the night's outage counts by its hour after eight."""
    week = workweek(hours("08:00-20:00"))
    calendar = CalendarVersion("calendars/shop", 1, "UTC", datetime(2020, 1, 1, tzinfo=UTC), week)
    time = committed(_at(SHOP, "calendars/shop"), DAY, (calendar,))
    assert time is not None
    found = held(SHOP, time, [outage(6, 3)])
    assert (found.committed, found.downs) == (12 * 3_600_000, (3_600_000,))
    assert committed(_at(SHOP, "calendars/unknown"), DAY, ()) is None
    nothing = continuity_values(Continuity(), known=True)
    assert nothing["availability_time"].note == "no calendar of a business service is known"
    assert continuity_values(None, known=False)["availability_time"].note == "no business service is published"


def test_a_budget_over_services() -> None:
    """99.9 % of 100,000 allows 100 errors, 99 % of 10,000 another 100; 50 are spent: three quarters are left."""
    other = BusinessService("businessServices/stock", (("en", "Stock"),), "teams/s", 2, (Component("stock"),))
    shop, stock = _promised(SHOP, 999_000), _promised(other, 990_000)
    found = budget_values([(shop, _sums(100_000, 30)), (stock, _sums(10_000, 20)), (SHOP, _sums(9, 9))])
    left, burn = found["error_budget"], found["error_budget_burn"]
    assert (left.value, left.numerator, left.denominator) == (75.0, 50, 110_000)
    assert burn.value == 0.25
    assert left.low < 75 < left.high
    assert burn.low < 0.25 < burn.high
    # A budget that is overspent is below nothing.
    assert budget_values([(shop, _sums(1_000, 3))])["error_budget"].value == -200.0


def test_a_budget_of_nothing_is_none() -> None:
    """No data is not good, and few are too few."""
    promised = _promised(SHOP, 999_000)
    assert budget_values([])["error_budget"].note == "no business service has an objective"
    assert budget_values([(promised, Sums())])["error_budget_burn"].standing is Standing.NOT_DEFINED
    assert budget_values([(promised, _sums(29, 0))])["error_budget"].standing is Standing.TOO_FEW


def test_a_period_without_ends_begins_with_the_first_span() -> None:
    """And ends now; what lies before anything was seen is no committed time."""
    first, now = millis(MONDAY), millis(MONDAY + HOUR)
    assert clipped(Period(FIRST, LAST), first, now) == Period(MONDAY, MONDAY + HOUR)
    assert clipped(Period(MONDAY - 2 * HOUR, MONDAY - HOUR), first, now) is None


def _with(service: BusinessService, planned: Maintenance) -> BusinessService:
    return BusinessService(
        service.name, service.display_names, service.owner, 1, service.components, maintenance=(planned,)
    )


def _at(service: BusinessService, calendar: str) -> BusinessService:
    return BusinessService(service.name, service.display_names, service.owner, 1, service.components, calendar=calendar)


def _promised(service: BusinessService, good: int) -> BusinessService:
    return BusinessService(
        service.name, service.display_names, service.owner, 1, service.components, Objective(good, 28)
    )


def _sums(valid: int, bad: int) -> Sums:
    return Sums(float(valid), float(valid - bad), float(valid), valid, bad)
