"""What a calendar version accepts, refuses and says about itself."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.runtime.refusal import Kind, Refusal
from services.runtime.worktime import (
    ALL_DAY,
    ALWAYS,
    CLOSED,
    CalendarVersion,
    DateOverride,
    Opening,
    hours,
    in_force,
    workweek,
)

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
OFFICE = CalendarVersion("calendars/office", 1, "Asia/Shanghai", SINCE, workweek(hours("09:00-12:00", "13:00-18:00")))


@pytest.mark.parametrize("text", ["09:00-12:00", "00:00-24:00", "22:15:30-23:59:59"])
def test_hours_read_as_they_are_written(text: str) -> None:
    """Text to opening and back is the same text."""
    assert str(Opening.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["9-12", "09:00", "09:60-10:00", "25:00-26:00", "09:00-12:00-13:00", "", "09:00–12:00"]
)
def test_hours_that_cannot_be_read_are_refused(text: str) -> None:
    """Nothing is guessed from a text of another form."""
    with pytest.raises(Refusal, match="CALENDAR_HOURS_INVALID"):
        hours(text)


@pytest.mark.parametrize(
    ("make", "reason", "field"),
    [
        (lambda: replace(OFFICE, name=""), "CALENDAR_NAME_MISSING", "name"),
        (lambda: replace(OFFICE, version=0), "CALENDAR_VERSION_INVALID", "version"),
        (lambda: replace(OFFICE, zone="Asia/Peking"), "CALENDAR_ZONE_UNKNOWN", "zone"),
        (lambda: replace(OFFICE, zone="America"), "CALENDAR_ZONE_UNKNOWN", "zone"),
        (lambda: replace(OFFICE, zone=""), "CALENDAR_ZONE_UNKNOWN", "zone"),
        (lambda: replace(OFFICE, zone="../UTC"), "CALENDAR_ZONE_UNKNOWN", "zone"),
        (lambda: replace(OFFICE, zone="localtime"), "CALENDAR_ZONE_UNKNOWN", "zone"),
        (lambda: replace(OFFICE, zone="right/Asia/Shanghai"), "CALENDAR_ZONE_UNKNOWN", "zone"),
        (lambda: replace(OFFICE, effective_from=datetime(2026, 1, 1)), "TIME_NOT_AWARE", "effective_from"),  # noqa: DTZ001 - what it refuses
        (lambda: replace(OFFICE, weekly=(CLOSED,) * 5), "CALENDAR_WEEK_INVALID", "weekly"),
        (lambda: week_with(1, hours("09:00-12:00", "11:00-18:00")), "CALENDAR_HOURS_OVERLAP", "weekly[1]"),
        (lambda: week_with(2, hours("22:00-06:00")), "CALENDAR_HOURS_INVALID", "weekly[2]"),
        (lambda: week_with(3, hours("09:00-09:00")), "CALENDAR_HOURS_INVALID", "weekly[3]"),
        (lambda: week_with(4, hours("20:00-24:30")), "CALENDAR_HOURS_INVALID", "weekly[4]"),
        (lambda: week_with(5, (Opening(-60, 60),)), "CALENDAR_HOURS_INVALID", "weekly[5]"),
        (
            lambda: on(DateOverride(date(2026, 10, 1)), DateOverride(date(2026, 10, 1), ALL_DAY)),
            "CALENDAR_DATE_REPEATED",
            "overrides[2026-10-01]",
        ),
        (
            lambda: on(DateOverride(date(2026, 10, 10), hours("09:00-12:00", "09:30-10:00"))),
            "CALENDAR_HOURS_OVERLAP",
            "overrides[2026-10-10]",
        ),
        (lambda: on(DateOverride(date(1900, 1, 1))), "CALENDAR_DATE_INVALID", "overrides[1900-01-01]"),
        (lambda: on(DateOverride(SINCE)), "CALENDAR_DATE_INVALID", "overrides[2026-01-01T00:00:00+00:00]"),
    ],
)
def test_a_calendar_that_means_two_things_is_refused(make: Callable[[], object], reason: str, field: str) -> None:
    """The refusal names the field at fault."""
    with pytest.raises(Refusal) as refused:
        make()
    assert (refused.value.kind, refused.value.reason, refused.value.field) == (Kind.INVALID, reason, field)


def week_with(weekday: int, day: tuple[Opening, ...]) -> CalendarVersion:
    weekly = (*OFFICE.weekly[:weekday], day, *OFFICE.weekly[weekday + 1 :])
    return replace(OFFICE, weekly=weekly)


def on(*overrides: DateOverride) -> CalendarVersion:
    return replace(OFFICE, overrides=overrides)


def test_a_refusal_for_hours_past_midnight_names_the_way_out() -> None:
    """Whoever writes 22:00-06:00 reads what to write instead."""
    with pytest.raises(Refusal, match="split hours that pass midnight over both dates"):
        week_with(0, hours("22:00-06:00"))


def test_an_override_replaces_its_weekday_whole() -> None:
    """A make-up Saturday has hours, a holiday has none, every other date keeps its weekday's."""
    saturday = DateOverride(date(2026, 10, 10), hours("10:00-16:00"), "make-up workday")
    calendar = on(saturday, DateOverride(date(2026, 10, 1), CLOSED, "National Day"))
    assert [one.day.day for one in calendar.overrides] == [1, 10]
    assert calendar.hours_on(date(2026, 10, 10)) == hours("10:00-16:00")
    assert calendar.hours_on(date(2026, 10, 1)) == CLOSED
    assert calendar.hours_on(date(2026, 10, 9)) == hours("09:00-12:00", "13:00-18:00")
    assert calendar.hours_on(date(2026, 10, 17)) == CLOSED


def test_order_of_writing_does_not_matter_and_content_does() -> None:
    """Equality, hash and digest follow the content, whatever the order it was written in, and survive pickling."""
    days = (DateOverride(date(2026, 10, 1)), DateOverride(date(2026, 10, 2)))
    backwards = replace(week_with(0, hours("13:00-18:00", "09:00-12:00")), overrides=days[::-1])
    assert backwards == on(*days)
    assert hash(backwards) == hash(on(*days))
    assert pickle.loads(pickle.dumps(backwards)).digest == backwards.digest
    others = (
        replace(OFFICE, version=2),
        replace(OFFICE, zone="Asia/Tokyo"),
        replace(OFFICE, weekly=ALWAYS),
        on(days[0]),
        replace(OFFICE, verified_years=frozenset({2026})),
        replace(OFFICE, effective_from=SINCE + timedelta(days=1)),
    )
    assert len({OFFICE, *others}) == 1 + len(others)


def test_a_version_cannot_be_changed() -> None:
    """A published version is frozen; the next one is another object."""
    with pytest.raises(FrozenInstanceError):
        OFFICE.version = 2  # type: ignore[misc]  # what must fail


def test_the_digest_is_the_same_everywhere() -> None:
    """A golden digest: it may be kept in records and compared by later releases."""
    assert OFFICE.digest == "baaa689e48fcb3decf18dcf52c5e5f1b72b560ac51e15ca56425672558cd4804"


def test_unverified_years_are_local_years() -> None:
    """New Year's Eve in UTC is already the next, unconfirmed year in Shanghai."""
    calendar = replace(OFFICE, verified_years=frozenset({2025, 2026}))
    eve = datetime(2026, 12, 31, 16, tzinfo=UTC)
    assert calendar.unverified_years(eve - timedelta(days=30), eve - timedelta(seconds=1)) == ()
    assert calendar.unverified_years(eve, eve + timedelta(days=366)) == (2027, 2028)


def test_the_version_in_force_is_the_latest_effective_one() -> None:
    """Before the first none is; of two from the same instant the higher one is."""
    second = replace(OFFICE, version=2, effective_from=SINCE + timedelta(days=30))
    third = replace(second, version=3)
    versions = [third, OFFICE, second]
    assert in_force(versions, SINCE - timedelta(seconds=1)) is None
    assert in_force(versions, SINCE) == OFFICE
    assert in_force(versions, SINCE + timedelta(days=30)) == third
