"""Public holidays in a calendar: every day of China as announced, what goes before what, what is not known."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import chinese_calendar
import pytest

from services.runtime.refusal import Refusal
from services.runtime.worktime import is_open
from services.sla.rules import calendar
from services.sla.rules.calendar import Draft, Edition
from services.sla.rules.days import DayKind, Label, Region
from services.sla.rules.holidays import Doubt, Holiday, HolidayYear, filled, unverified_year
from services.sla.store import holidays
from services.sla.store.holidays import holiday_years
from tests.unit.sla.history import ADMIN

MORNING, AFTERNOON = ("09:00", "12:00"), ("13:00", "18:00")
WEEK = tuple((weekday, (MORNING, AFTERNOON)) for weekday in range(1, 6))
CHINA, BAVARIA = Region("CN"), Region("DE", "BY")
DRAFT = Draft("calendars/office", "Asia/Shanghai", WEEK, regions=(CHINA,))


def published(draft: Draft) -> Edition:
    """The draft as a version."""
    kept, _ = calendar.publish(None, draft, by=ADMIN)
    return kept.latest


def with_china(draft: Draft, years: Iterable[int]) -> Edition:
    """The draft with China's days, published."""
    return published(filled(draft, {CHINA: holiday_years("CN", "", years)}))


def test_every_day_of_china_agrees_with_chinesecalendar() -> None:
    """Of all 7,305 days from 2007 to 2026 the calendar is open on those, and only those, that are worked."""
    edition = with_china(DRAFT, range(2007, 2027))
    days = [date(2007, 1, 1) + timedelta(days=number) for number in range(7305)]

    assert days[-1] == date(2026, 12, 31)
    wrong = [day for day in days if bool(edition.version.hours_on(day)) != chinese_calendar.is_workday(day)]
    assert wrong == []
    assert edition.version.verified_years == set(range(2007, 2027))
    worked = [day for day in days if day.weekday() > 4 and edition.version.hours_on(day)]
    assert len(worked) == 130


def test_years_that_are_not_announced_are_told() -> None:
    """The source answers for 2027 with the statutory days; that they are no announcement stands beside them."""
    known, ahead, early = holiday_years("CN", "", (2026, 2027, 2000))

    assert (known.doubt, ahead.doubt, early.doubt) == (None, Doubt.NOT_ANNOUNCED, Doubt.NOT_ANNOUNCED)
    assert len(ahead.days) > 10
    assert not any(one.kind is DayKind.MAKE_UP for one in ahead.days)
    assert with_china(DRAFT, (2026, 2027)).version.verified_years == {2026}
    assert with_china(replace(DRAFT, verified_years=(2027,)), (2026, 2027)).version.verified_years == {2026, 2027}


@pytest.mark.parametrize(
    ("country", "year", "doubt"),
    [
        ("DE", 2027, None),
        ("DE", 2028, Doubt.FAR_AHEAD),
        ("DE", 1985, Doubt.NOT_HELD),
        ("SA", 2027, Doubt.ESTIMATED),
        ("SG", 2026, None),
        ("TW", 2025, None),
        ("TW", 2027, Doubt.NOT_ANNOUNCED),
    ],
)
def test_what_is_to_be_doubted_elsewhere(country: str, year: int, doubt: Doubt | None) -> None:
    """Laws of today hold a while, dates of the moon are estimates, a year before the state has no days."""
    (held,) = holiday_years(country, "", (year,))

    assert held.doubt is doubt
    assert bool(held.days) is (doubt is not Doubt.NOT_HELD)


def test_the_edition_of_the_source_is_the_one_that_was_judged() -> None:
    """Who pins another edition looks again at how far its laws reach, then says so in the store."""
    assert importlib.metadata.version("holidays") == holidays.EDITION


def test_days_of_a_part_of_a_country_have_names_in_its_languages() -> None:
    """Bavaria has Corpus Christi, Berlin has not; China's days are named in English and Chinese."""
    (bavaria,), (berlin,) = (holiday_years("DE", part, (2026,)) for part in ("BY", "BE"))
    named = {one.day: dict(one.names) for one in bavaria.days}

    assert named[date(2026, 6, 4)] == {"en": "Corpus Christi", "de": "Fronleichnam"}
    assert date(2026, 6, 4) not in {one.day for one in berlin.days}
    (china,) = holiday_years("CN", "", (2026,))
    told = {one.day: (one.kind, dict(one.names)) for one in china.days}
    assert told[date(2026, 10, 1)] == (DayKind.HOLIDAY, {"en": "National Day", "zh": "国庆节"})
    assert told[date(2026, 10, 10)] == (
        DayKind.MAKE_UP,
        {"en": "Make-up workday for 2026-10-07", "zh": "调休上班（换 2026-10-07 休息）"},
    )


@pytest.mark.parametrize(
    ("country", "part", "field", "reason"),
    [
        ("XX", "", "country", "HOLIDAY_COUNTRY_UNKNOWN"),
        ("DE", "Mitte", "subdivision", "HOLIDAY_SUBDIVISION_UNKNOWN"),
    ],
)
def test_places_that_are_not_held(country: str, part: str, field: str, reason: str) -> None:
    """What is unknown is refused by its field; of a part the known ones are told."""
    with pytest.raises(Refusal) as caught:
        holiday_years(country, part, (2026,))

    assert (caught.value.field, caught.value.reason) == (field, reason)
    assert country in caught.value.message


def test_the_company_goes_before_the_state() -> None:
    """A company day on a holiday or a make-up workday stays as it is; holidays that were there before are replaced."""
    own = (("2026-10-01", "Stocktaking", (("08:00", "10:00"),)), ("2026-10-10", "Outing", ()))
    old = (("2026-03-03", "Abolished day", ()), ("2031-03-03", "Of another year", ()))
    labels = {day: Label(DayKind.HOLIDAY, (), "CN") for day, _, _ in old}
    edition = with_china(replace(DRAFT, days=(*own, *old), labels=labels), (2026,))
    days = {one.day.isoformat(): one for one in edition.version.overrides}

    assert [str(one) for one in days["2026-10-01"].hours] == ["08:00-10:00"]
    assert (days["2026-10-10"].hours, days["2026-10-10"].note) == ((), "Outing")
    assert not {date(2026, 10, 1), date(2026, 10, 10)} & edition.labels.keys()
    assert "2026-03-03" not in days
    assert days["2031-03-03"].note == "Of another year"
    assert edition.labels[date(2026, 10, 2)] == Label(DayKind.HOLIDAY, (("en", "National Day"), ("zh", "国庆节")), "CN")


def test_make_up_workdays_have_their_own_hours_or_those_of_the_first_open_weekday() -> None:
    """Saturday 14 February 2026 is worked: at the region's hours when it has some, else as a Monday."""
    plain = with_china(DRAFT, (2026,))
    short = Region("CN", make_up=(("10:00", "16:00"),))
    own = published(filled(replace(DRAFT, regions=(short,)), {short: holiday_years("CN", "", (2026,))}))
    saturday = date(2026, 2, 14)

    assert [str(one) for one in plain.version.hours_on(saturday)] == ["09:00-12:00", "13:00-18:00"]
    assert [str(one) for one in own.version.hours_on(saturday)] == ["10:00-16:00"]
    assert is_open(plain.version, datetime(2026, 2, 14, 9, 30, tzinfo=UTC))


def test_of_several_regions_a_closed_day_wins_and_every_year_must_be_certain() -> None:
    """Closed in one region is closed; the first region's name stays; one region's doubt is the calendar's."""
    day, other = date(2026, 2, 14), date(2026, 2, 15)
    first = HolidayYear(2026, (Holiday(day, DayKind.MAKE_UP, (("en", "Worked"),)), _holiday(other, "A")))
    second = HolidayYear(2026, (_holiday(day, "Closed"), _holiday(other, "B")), Doubt.ESTIMATED)
    draft = filled(replace(DRAFT, regions=(CHINA, BAVARIA)), {CHINA: (first,), BAVARIA: (second,)})
    edition = published(draft)

    assert edition.version.hours_on(day) == ()
    assert [(one.note, edition.labels[one.day].region) for one in edition.version.overrides] == [
        ("Closed", "DE-BY"),
        ("A", "CN"),
    ]
    assert edition.version.verified_years == set()


def _holiday(day: date, name: str) -> Holiday:
    return Holiday(day, DayKind.HOLIDAY, (("en", name),))


def test_nothing_found_changes_nothing() -> None:
    """Without years the draft is the same."""
    assert filled(DRAFT, {CHINA: ()}) is DRAFT


@pytest.mark.parametrize(
    ("draft", "field", "reason"),
    [
        (
            replace(DRAFT, regions=(CHINA, Region("CN", make_up=(MORNING,)))),
            "calendar.regions",
            "CALENDAR_REGION_REPEATED",
        ),
        (replace(DRAFT, regions=(Region("CN", make_up=(("9", "8"),)),)), "calendar.regions", "CALENDAR_HOURS_INVALID"),
        (
            replace(
                DRAFT, days=(("2026-02-14", "Worked", ()),), labels={"2026-02-14": Label(DayKind.MAKE_UP, (), "CN")}
            ),
            "calendar.days",
            "MAKE_UP_WORKDAY_CLOSED",
        ),
        (
            replace(DRAFT, days=(("2026-02-14", "", ()),), labels={"2026-02-14": Label(names=(("en", "x" * 201),))}),
            "calendar.days",
            "DISPLAY_NAME_INVALID",
        ),
    ],
)
def test_what_cannot_be_published(draft: Draft, field: str, reason: str) -> None:
    """Each refusal names the field of the request."""
    with pytest.raises(Refusal) as caught:
        published(draft)

    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_a_due_moment_in_a_year_that_nobody_confirmed() -> None:
    """The local year counts: New Year's morning in Shanghai is still December in UTC."""
    edition = with_china(DRAFT, (2026, 2027))

    assert unverified_year(edition, datetime(2026, 12, 31, 15, 59, tzinfo=UTC)) is None
    assert unverified_year(edition, datetime(2026, 12, 31, 16, 0, tzinfo=UTC)) == 2027
    plain = published(replace(DRAFT, regions=()))
    assert unverified_year(plain, datetime(2027, 1, 1, tzinfo=UTC)) is None
    assert unverified_year(published(replace(DRAFT, verified_years=(2025,))), datetime(2026, 1, 1, tzinfo=UTC)) == 2026
