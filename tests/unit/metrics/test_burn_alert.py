"""Alerts on budgets: both windows must burn, each episode opens and closes once, and silence is not good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.metrics.rules.availability import Sums
from services.metrics.rules.burn_alert import (
    BY_ID,
    MOST_EPISODES,
    BurnAlert,
    BurnAlertClosed,
    BurnAlertOpened,
    Rule,
    Seen,
    changes,
    end_of,
    ended,
    judged,
    rules_of,
    seen,
    windows_of,
)
from services.metrics.rules.business_service import Objective

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
SERVICE = "businessServices/checkout"
MONTH = Objective(999_000, 30)
PAGE = BY_ID["page-1h"]


def requests(valid: int, bad: int) -> Sums:
    """So many of weight one."""
    return Sums(valid, valid - bad, valid, valid, bad)


def look(rule: Rule = PAGE, *, long: Sums, short: Sums) -> Seen:
    """What a rule sees when every other window is empty."""
    sums = dict.fromkeys(windows_of(MONTH), Sums()) | {rule.long: long, rule.short: short}
    return next(one for one in seen(MONTH, sums) if one.rule is rule)


@pytest.mark.parametrize(
    ("long", "short", "burns"),
    [
        ((10_000, 144), (1_000, 15), True),
        ((10_000, 143), (1_000, 15), False),
        ((10_000, 144), (1_000, 14), False),
        # One failure of ten calls in a quiet hour burns a hundred times as fast, and is no alert.
        ((10, 1), (10, 1), False),
        # Three spans of weight one are three bad spans, and fewer than five bad requests.
        ((100, 3), (100, 3), False),
        ((100, 5), (100, 5), True),
    ],
)
def test_both_windows_must_burn_and_enough_must_have_failed(
    long: tuple[int, int], short: tuple[int, int], burns: bool
) -> None:
    """14.4 times of 0.1 % is 1.44 %, over the hour and over its last five minutes."""
    assert look(long=requests(*long), short=requests(*short)).burns is burns


def test_few_sampled_spans_open_nothing_however_heavy() -> None:
    """Two spans that stand for a hundred requests each are still two."""
    heavy = Sums(1_000, 800, 100_000, 10, 2)
    assert not look(long=heavy, short=heavy).burns


def test_an_alert_opens_once_and_closes_once() -> None:
    """Another look at the same changes nothing, nor does an older one that comes late."""
    bad, good = requests(10_000, 200), requests(10_000, 0)
    burning = look(long=bad, short=bad)
    opened, told = judged(None, SERVICE, burning, AT)
    assert [type(one) for one in told] == [BurnAlertOpened]
    assert (opened.open, opened.episodes[0].long, opened.episodes[0].opened_at) == (True, 20.0, AT)
    later = AT + timedelta(minutes=1)
    assert judged(opened, SERVICE, burning, later) == (opened, ())
    assert not changes(opened, burning)
    calm = look(long=bad, short=good)
    assert judged(opened, SERVICE, calm, AT - timedelta(minutes=1)) == (opened, ())
    closed, told = judged(opened, SERVICE, calm, later)
    assert [type(one) for one in told] == [BurnAlertClosed]
    assert (closed.open, closed.episodes[0].closed_at) == (False, later)
    assert judged(closed, SERVICE, calm, later + timedelta(minutes=1)) == (closed, ())
    again, told = judged(closed, SERVICE, burning, later + timedelta(minutes=2))
    assert len(again.episodes) == 2
    assert [type(one) for one in told] == [BurnAlertOpened]


def test_silence_is_not_good() -> None:
    """While nothing comes in the short window an open alert stays, until the long one has forgotten it."""
    bad, nothing = requests(10_000, 200), Sums()
    opened, _ = judged(None, SERVICE, look(long=bad, short=bad), AT)
    silent = look(long=bad, short=nothing)
    assert not silent.burns
    assert not changes(opened, silent)
    assert changes(opened, look(long=nothing, short=nothing))
    assert not changes(None, silent)


def test_rules_fit_the_window_of_the_objective() -> None:
    """An alert over three days says nothing of what is promised for one."""
    assert [one.id for one in rules_of(MONTH)] == ["page-1h", "page-6h", "ticket-1d", "ticket-3d"]
    assert [one.id for one in rules_of(Objective(999_000, 1))] == ["page-1h", "page-6h", "ticket-1d"]
    assert len(windows_of(MONTH)) == 7


@pytest.mark.parametrize(
    ("rule", "hours", "share"),
    [("page-1h", 1, 0.02), ("page-6h", 6, 0.05), ("ticket-1d", 24, 0.1), ("ticket-3d", 72, 0.1)],
)
def test_factors_are_shares_of_a_month(rule: str, hours: int, share: float) -> None:
    """2 % of a month's budget in an hour, 5 % in six, 10 % in a day and in three."""
    assert BY_ID[rule].factor == pytest.approx(share * 30 * 24 / hours)
    assert BY_ID[rule].long == timedelta(hours=hours)


def test_what_is_promised_no_more_alerts_no_more() -> None:
    """The alert of a retired service closes; one that is closed stays as it is."""
    bad = requests(10_000, 200)
    opened, _ = judged(None, SERVICE, look(long=bad, short=bad), AT)
    closed, told = ended(opened, AT + timedelta(minutes=1))
    assert [type(one) for one in told] == [BurnAlertClosed]
    assert ended(closed, AT + timedelta(minutes=2)) == (closed, ())


def test_old_episodes_are_let_go() -> None:
    """Twenty stay beside the latest."""
    bad, good = requests(10_000, 200), requests(10_000, 0)
    alert: BurnAlert | None = None
    for number in range(2 * (MOST_EPISODES + 5)):
        sums = bad if number % 2 == 0 else good
        alert, _ = judged(alert, SERVICE, look(long=sums, short=sums), AT + timedelta(minutes=number))
    assert alert is not None
    assert len(alert.episodes) == MOST_EPISODES + 1


def test_two_looks_within_a_slice_see_the_same() -> None:
    """So that they are one cause."""
    assert end_of(AT + timedelta(seconds=9)) == AT
    assert end_of(AT + timedelta(seconds=10)) == AT + timedelta(seconds=10)
