"""Reuse by month: calendar months of a zone, a running total from the first ticket, and what has no number."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from services.metrics.rules.period import Period
from services.metrics.rules.registry import METRICS
from services.metrics.rules.reuse import WAITS, ReuseMonth, reuse
from services.metrics.rules.stretch import months
from services.metrics.rules.tally import Tally

SHANGHAI = ZoneInfo("Asia/Shanghai")


def tally(used: int, resolved: int, opened: int, in_person: int) -> Tally:
    """Tickets of a month."""
    made = Tally()
    made.shares["knowledge_used"] = [used, resolved]
    made.counts = {"tickets_opened": opened, "answered_in_person": in_person}
    return made


def test_months_are_those_of_the_zone() -> None:
    """The month has begun in Shanghai while UTC is in the one before; the last is cut at the moment."""
    now = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)
    edges = [datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 1, 31, 16, tzinfo=UTC)]
    edges += [datetime(2026, 2, 28, 16, tzinfo=UTC), now]
    assert months(now, SHANGHAI, 3) == (Period(edges[0], edges[1]), Period(edges[1], edges[2]), Period(edges[2], now))
    assert months(now, ZoneInfo("UTC"), 1) == (Period(datetime(2026, 2, 1, tzinfo=UTC), now),)


def test_the_total_goes_on_from_before_the_first_month() -> None:
    """A month without a ticket keeps the total; who files themselves is everybody whom nobody took down."""
    january, february, march = months(datetime(2026, 3, 9, tzinfo=UTC), SHANGHAI, 3)
    found = reuse([(january, tally(2, 40, 50, 20)), (february, Tally()), (march, tally(3, 5, 6, 0))], tally(7, 9, 9, 9))
    assert found == [
        ReuseMonth(january, 2, 40, 9, 30, 50),
        ReuseMonth(february, 0, 0, 9, 0, 0),
        ReuseMonth(march, 3, 5, 12, 6, 6),
    ]
    assert reuse([], Tally()) == []


def test_what_nothing_feeds_says_what_it_waits_for() -> None:
    """In the words of the registry and of the roadmap."""
    assert WAITS["self_solved"] == METRICS["self_solved"].waits_for
    assert all(WAITS.values())
    assert {WAITS[one] for one in ("automation_share", "automation_runs", "manual_minutes_avoided")} == {
        "runs of automation as events"
    }
