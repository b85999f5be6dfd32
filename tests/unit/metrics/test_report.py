"""Reports: what a stretch means, when something is due, who may open what, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.rules import report as rules
from services.metrics.rules.fact import Channel, Type
from services.metrics.rules.period import Filter
from services.metrics.rules.report_record import Grouping, Report, ReportDue, Schedule, Visibility
from services.metrics.rules.report_table import MOST_GROUPS, groups, within_group
from services.metrics.rules.stretch import Baseline, Frequency, Relative, Timetable, compared, next_due, stretch
from services.metrics.store.report_records import REPORTS
from services.metrics.wire.report import filter_message, report_message, report_of
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 4, 2, 30, tzinfo=UTC)
MAY = Actor("people/may", frozenset({"lead"}), unit="cn/east")
ROOT = Actor("people/root", frozenset({"administrator"}))
DAILY = Timetable(Frequency.DAILY, "08:30", "Asia/Shanghai")


def asked(**fields: Any) -> Report:
    """What somebody asks to keep."""
    given: dict[str, Any] = {
        "name": "reports/one",
        "titles": (("en", "Speed"),),
        "metrics": ("reassignments",),
        "relative": Relative.LAST_MONTH,
        "zone": "Asia/Shanghai",
        "visibility": Visibility.OWNER,
    }
    return Report(**given | fields)


def kept(by: Actor = MAY, **fields: Any) -> Report:
    """A report that is kept."""
    return rules.create(asked(**fields), by=by, now=NOW)[0]


def days(relative: Relative, at: datetime, zone: ZoneInfo, baseline: Baseline | None = None) -> tuple[str, str]:
    """A stretch, or what it is compared with, by the zone's wall clock."""
    found = compared(relative, baseline, at, zone) if baseline else stretch(relative, at, zone)
    assert found is not None
    start, end = (one.astimezone(zone).replace(tzinfo=None) for one in (found.start, found.end))
    return start.isoformat(" ", "minutes"), end.isoformat(" ", "minutes")


@pytest.mark.parametrize(
    ("relative", "own", "previous", "year"),
    [
        (Relative.YESTERDAY, ("11-03", "11-04"), ("2026-11-02", "11-03"), ("2025-11-03", "11-04")),
        (Relative.LAST_7_DAYS, ("10-28", "11-04"), ("2026-10-21", "10-28"), ("2025-10-28", "11-04")),
        (Relative.LAST_WEEK, ("10-26", "11-02"), ("2026-10-19", "10-26"), ("2025-10-26", "11-02")),
        (Relative.LAST_MONTH, ("10-01", "11-01"), ("2026-09-01", "10-01"), ("2025-10-01", "11-01")),
        (Relative.LAST_QUARTER, ("07-01", "10-01"), ("2026-04-01", "07-01"), ("2025-07-01", "10-01")),
    ],
)
def test_a_stretch_is_named_by_the_moment_of_asking(
    relative: Relative, own: tuple[str, str], previous: tuple[str, str], year: tuple[str, str]
) -> None:
    """Whole days of the zone, and the stretch just before and a year earlier."""
    assert days(relative, NOW, SHANGHAI) == tuple(f"2026-{one} 00:00" for one in own)
    start, end = previous
    assert days(relative, NOW, SHANGHAI, Baseline.PREVIOUS) == (f"{start} 00:00", f"2026-{end} 00:00")
    start, end = year
    assert days(relative, NOW, SHANGHAI, Baseline.YEAR_EARLIER) == (f"{start} 00:00", f"2025-{end} 00:00")


def test_this_month_ends_now_and_last_year_is_whole() -> None:
    """The same hour of the month before; the 31st becomes a shorter month's last day; an empty stretch is none."""
    late = datetime(2026, 3, 31, 12, tzinfo=SHANGHAI)
    assert days(Relative.THIS_MONTH, late, SHANGHAI) == ("2026-03-01 00:00", "2026-03-31 12:00")
    assert days(Relative.THIS_MONTH, late, SHANGHAI, Baseline.PREVIOUS) == ("2026-02-01 00:00", "2026-02-28 12:00")
    assert days(Relative.LAST_YEAR, late, SHANGHAI) == ("2025-01-01 00:00", "2026-01-01 00:00")
    first = stretch(Relative.THIS_MONTH, datetime(2026, 3, 1, tzinfo=SHANGHAI), SHANGHAI)
    assert first.end - first.start == timedelta(milliseconds=1)
    assert compared(Relative.LAST_WEEK, Baseline.NONE, NOW, SHANGHAI) is None


def test_a_day_of_the_zone_is_the_boards_day() -> None:
    """23 and 25 hours where the clocks change, and the zone decides which day it is."""
    spring = stretch(Relative.YESTERDAY, datetime(2026, 3, 9, 12, tzinfo=NEW_YORK), NEW_YORK)
    autumn = stretch(Relative.YESTERDAY, datetime(2026, 11, 2, 12, tzinfo=NEW_YORK), NEW_YORK)
    assert [one.end - one.start for one in (spring, autumn)] == [timedelta(hours=23), timedelta(hours=25)]
    assert days(Relative.YESTERDAY, datetime(2026, 11, 3, 17, tzinfo=UTC), SHANGHAI)[0] == "2026-11-03 00:00"


def test_due_times_keep_the_wall_clock() -> None:
    """08:30 in summer and winter; a time left out is that much later, one that comes twice is due once."""
    table = Timetable(Frequency.DAILY, "08:30", "America/New_York")
    before = next_due(table, datetime(2026, 10, 31, 0, tzinfo=UTC))
    after = next_due(table, before)
    assert [one.hour for one in (before, after)] == [12, 13]
    gap = next_due(replace(table, time="02:30"), datetime(2026, 3, 8, 5, tzinfo=UTC))
    assert gap.astimezone(NEW_YORK).strftime("%d %H:%M") == "08 03:30"
    twice = next_due(replace(table, time="01:30"), datetime(2026, 11, 1, 4, tzinfo=UTC))
    assert twice == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert next_due(replace(table, time="01:30"), twice).astimezone(NEW_YORK).day == 2


def test_weeks_and_short_months() -> None:
    """The third day of the week, and the last day of a month that has no 31st."""
    weekly = Timetable(Frequency.WEEKLY, "09:00", "Asia/Shanghai", weekday=3)
    assert next_due(weekly, NOW).astimezone(SHANGHAI).date() == date(2026, 11, 11)
    assert next_due(weekly, NOW - timedelta(hours=2)).astimezone(SHANGHAI).date() == date(2026, 11, 4)
    monthly = Timetable(Frequency.MONTHLY, "09:00", "Asia/Shanghai", month_day=31)
    due, found = datetime(2027, 1, 1, tzinfo=UTC), []
    for _ in range(4):
        due = next_due(monthly, due)
        found.append(due.astimezone(SHANGHAI).date().isoformat())
    assert found == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]


@given(
    st.sampled_from([DAILY, Timetable(Frequency.MONTHLY, "02:15", "America/New_York", month_day=31),
                     Timetable(Frequency.WEEKLY, "00:00", "Pacific/Apia", weekday=5)]),
    st.datetimes(datetime(2011, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds of naive draws
)  # fmt: skip
def test_due_times_only_move_on(table: Timetable, after: datetime) -> None:
    """Each lies after the one before, and no due time between the two is left out."""
    first = next_due(table, after)
    second = next_due(table, first)
    assert after < first < second
    assert next_due(table, second - timedelta(microseconds=1)) == second


def test_a_due_time_keeps_a_run_and_awaits_the_next() -> None:
    """Also when it is noticed late: each due time in its turn, the latest first, and no more than sixty are kept."""
    report = kept(schedule=Schedule(DAILY, ("people/li",)))
    dues = []
    for _ in range(rules.RUNS_KEPT + 5):
        assert report.next_at is not None
        dues.append(report.next_at)
        report, (event,) = rules.fall_due(report, report.next_at)
        assert isinstance(event, ReportDue)
        assert event.run.due_at == dues[-1]
    assert {later - earlier for earlier, later in pairwise(dues)} == {timedelta(days=1)}
    assert [one.due_at for one in report.runs] == dues[:4:-1]
    assert report.runs[0].period == stretch(Relative.LAST_MONTH, dues[-1], SHANGHAI)


def test_a_schedule_that_is_changed_or_taken_away_is_awaited_anew() -> None:
    """A new title leaves the due time alone; the same report again is no change at all."""
    report = kept(schedule=Schedule(DAILY))
    later = NOW + timedelta(days=3)
    titled, events = rules.update(report, wanted=replace(report, titles=(("zh", "速度"),)), by=MAY, now=later)
    assert (titled.next_at, titled.version, len(events)) == (report.next_at, 2, 1)
    assert rules.update(titled, wanted=titled, by=MAY, now=later) == (titled, ())
    assert rules.update(titled, wanted=replace(titled, schedule=None), by=MAY, now=later)[0].next_at is None
    weekly = Schedule(replace(DAILY, frequency=Frequency.WEEKLY, weekday=1))
    moved, _ = rules.update(
        titled, wanted=replace(titled, schedule=weekly, owner="people/x", unit=""), by=MAY, now=later
    )
    assert moved.next_at == datetime(2026, 11, 9, 0, 30, tzinfo=UTC)
    assert (moved.owner, moved.unit) == (MAY.sub, "cn/east")


@pytest.mark.parametrize(
    ("who", "shared", "private"),
    [
        (MAY, True, True),
        (Actor("people/li", frozenset({"agent"}), unit="us"), True, True),  # a recipient
        (Actor("people/a", frozenset({"agent"}), unit="cn/east"), True, False),
        (Actor("people/b", frozenset({"agent"}), unit="cn/east/sh"), True, False),
        (Actor("people/c", frozenset({"executive"}), unit="cn"), True, False),
        (Actor("people/d", frozenset({"executive"})), True, False),
        (Actor("people/e", frozenset({"agent"}), unit="cn/north"), False, False),
        (Actor("people/f", frozenset({"agent"}), unit="cn/eastern"), False, False),
        (ROOT, True, True),
        (Actor("people/g", frozenset({"administrator"}), unit="us"), False, False),
    ],
)
def test_who_may_open_a_report(who: Actor, shared: bool, private: bool) -> None:
    """And whoever may is given the scope of his own unit, never of the author's."""
    schedule = Schedule(DAILY, ("people/li",))
    for visibility, may in ((Visibility.UNIT, shared), (Visibility.OWNER, private)):
        report = kept(visibility=visibility, schedule=schedule)
        if may:
            assert rules.require_open(report, who) == who.unit
        else:
            with pytest.raises(Refusal) as refused:
                rules.require_open(report, who)
            assert refused.value.reason == "NOT_FOUND"


def test_who_may_not() -> None:
    """A requester reads no numbers even as a recipient; a reader changes nothing; a deleted report is gone; a service
    keeps none.
    """
    ann = Actor("people/ann", frozenset({"requester"}), unit="cn/east")
    report = kept(visibility=Visibility.UNIT, schedule=Schedule(DAILY, (ann.sub,)))
    reader = Actor("people/a", frozenset({"agent"}), unit="cn/east")
    gone, _ = rules.delete(report, by=ROOT, now=NOW)
    assert gone.next_at is None
    tries: list[tuple[str, Callable[[], object]]] = [
        ("ROLE_REQUIRED", lambda: rules.require_open(report, ann)),
        ("ROLE_REQUIRED", lambda: rules.create(asked(), by=ann, now=NOW)),
        ("REPORT_NOT_YOURS", lambda: rules.update(report, wanted=report, by=reader, now=NOW)),
        ("REPORT_NOT_YOURS", lambda: rules.delete(report, by=reader, now=NOW)),
        ("NOT_FOUND", lambda: rules.require_open(gone, MAY)),
        ("NOT_FOUND", lambda: rules.update(gone, wanted=report, by=MAY, now=NOW)),
        ("PERSON_REQUIRED", lambda: rules.create(asked(), by=Actor("system/metrics"), now=NOW)),
    ]
    for reason, attempt in tries:
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"titles": (("en", " "),)}, "report.titles"),
        ({"metrics": ()}, "report.metrics"),
        ({"metrics": ("speed",)}, "report.metrics"),
        ({"zone": "Mars/Base"}, "report.time_zone"),
        ({"schedule": Schedule(replace(DAILY, zone="Mars/Base"))}, "report.schedule.time_zone"),
        ({"schedule": Schedule(replace(DAILY, frequency=Frequency.WEEKLY))}, "report.schedule.weekday"),
        ({"schedule": Schedule(replace(DAILY, frequency=Frequency.MONTHLY))}, "report.schedule.month_day"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    """By the field, before anything is kept."""
    with pytest.raises(Refusal) as refused:
        kept(**fields)
    assert refused.value.field == field


def test_groups_are_named_largest_first() -> None:
    """What has no value is told apart, and what is too much is counted."""
    found = groups([("b", 5), ("a", 5), (None, 3), ("", 2), ("c", 9), (0, 1)])
    assert (found.values, found.left_out, found.ungrouped) == (("c", "a", "b"), 0, 6)
    many = groups([(f"s{number}", 1) for number in range(MOST_GROUPS + 4)])
    assert (len(many.values), many.left_out) == (MOST_GROUPS, 4)
    one = Filter(source="till")
    assert within_group(one, Grouping.CHANNEL, "PHONE") == replace(one, channel=Channel.PHONE)
    assert within_group(one, Grouping.PRIORITY, "2") == replace(one, priorities=(2,))
    assert within_group(one, Grouping.SITE, "sites/1") == replace(one, site="sites/1")


def test_a_report_survives_store_and_wire() -> None:
    """Every part of it, both ways."""
    filter = Filter("services/pay", "teams/a", "sites/1", Channel.PHONE, Type.REQUEST, (1, 2), "log", "items/vpn")
    report = kept(
        titles=(("en", "Speed"), ("zh", "速度")),
        baseline=Baseline.YEAR_EARLIER,
        filter=filter,
        grouping=Grouping.TEAM,
        schedule=Schedule(replace(DAILY, frequency=Frequency.MONTHLY, month_day=31), ("people/li", "people/wu")),
    )
    assert report.next_at is not None
    report, _ = rules.fall_due(report, report.next_at)
    document = REPORTS.encode(report)
    assert REPORTS.decode(document) == report
    assert REPORTS.decode(REPORTS.encode(kept())) == kept()
    [deadline] = REPORTS.deadlines(report)
    assert deadline.at == report.next_at
    told = report_message(report, '"3"')
    again = report_of(told, report.name)
    assert rules.update(report, wanted=again, by=MAY, now=NOW) == (report, ())
    assert filter_message(filter).item == "items/vpn"
