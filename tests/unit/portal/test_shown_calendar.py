"""A calendar as shown: a sign on each day that differs, the week in a line, what a version changed, and its form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from throughline.sla.v1 import sla_pb2, sla_service_pb2

from services.portal.web import calendars_form as form
from services.portal.web.calendars_form import Typed
from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import calendar as shown
from services.portal.web.shown.calendar_changes import NAMED, changes
from services.portal.web.shown.reader import Reader

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
READER, LESER = Reader("people/lin", NOW, "en", SHANGHAI), Reader("people/lin", NOW, "zh", SHANGHAI)
MORNING, AFTERNOON = (sla_pb2.Segment(start=start, end=end) for start, end in (("09:00", "12:00"), ("13:00", "18:00")))


@pytest.fixture(scope="module")
def app() -> Flask:
    """An app with the portal's languages."""
    return create_gallery_app()


@pytest.fixture(autouse=True)
def words(app: Flask) -> Iterator[None]:
    """A request of somebody who reads English."""
    with app.test_request_context(headers={"Accept-Language": "en"}):
        yield


def office() -> sla_pb2.Calendar:
    """An office with a day of each kind."""
    return sla_pb2.Calendar(
        name="calendars/office",
        version=2,
        etag='"2"',
        time_zone="Asia/Shanghai",
        display_names={"en": "Office", "zh": "办公室"},
        weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=[MORNING, AFTERNOON]) for day in range(1, 6)],
        regions=[sla_pb2.HolidayRegion(country="CN")],
        verified_years=[2026],
        days=[
            sla_pb2.CalendarDay(date="2026-06-12", reason="Outing"),
            sla_pb2.CalendarDay(
                date="2026-10-01",
                reason="National Day",
                kind=sla_pb2.DAY_KIND_HOLIDAY,
                names={"en": "National Day", "zh": "国庆节"},
                region="CN",
            ),
            sla_pb2.CalendarDay(
                date="2026-10-10",
                reason="Make-up",
                kind=sla_pb2.DAY_KIND_MAKE_UP_WORKDAY,
                segments=[MORNING, AFTERNOON],
                region="CN",
            ),
            sla_pb2.CalendarDay(date="2026-12-31", reason="Stocktaking", segments=[MORNING]),
        ],
    )


def cells(reader: Reader, year: int = 2026) -> dict[tuple[int, int], shown.Cell]:
    """The cells of a year by month and day."""
    months = shown.year_view(office(), year, reader)
    return {
        (at, cell.number): cell
        for at, month in enumerate(months, 1)
        for week in month.weeks
        for cell in week
        if cell is not None
    }


def test_every_kind_of_day_has_a_sign_and_its_reason_in_words() -> None:
    """365 cells, no two kinds alike without colour, the reader's language in each."""
    found = cells(READER)

    assert len(found) == 365
    kinds = {(6, 12): "shut", (10, 1): "holiday", (10, 10): "makeup", (12, 31): "exception"}
    assert {day: found[day].kind for day in kinds} == kinds
    assert (found[10, 2].kind, found[10, 3].kind) == ("open", "closed")
    assert found[10, 1].says == "Oct 1, Thursday, Public holiday, National Day"
    assert found[12, 31].says == "Dec 31, Thursday, Company day, other hours, Stocktaking, 09:00–12:00"
    assert found[11, 23].today
    signs = shown.marks()
    assert len(set(signs.values())) == len(signs) == 4
    assert {one["kind"] for one in shown.legend()} == {cell.kind for cell in found.values()}
    assert "国庆节" in cells(LESER)[10, 1].says
    assert len(cells(READER, 2028)) == 366


def test_weeks_begin_on_monday() -> None:
    """1 November 2026 is a Sunday: the last cell of the first week."""
    november = shown.year_view(office(), 2026, READER)[10]
    first = november.weeks[0]

    assert november.name == "Nov 2026"
    assert first[:6] == (None,) * 6
    assert first[6] is not None
    assert first[6].number == 1


def test_the_week_in_a_line_and_the_days_that_differ() -> None:
    """Weekdays with the same hours are one run."""
    assert shown.week_words(office(), "en") == "Mon–Fri 09:00–12:00, 13:00–18:00"
    rows = shown.day_rows(office(), 2026, READER)
    assert [(row["day"], row["what"], row["hours"], row["reason"]) for row in rows] == [
        ("Jun 12", "Company day, closed", "closed", "Outing"),
        ("Oct 1", "Public holiday", "closed", "National Day"),
        ("Oct 10", "Make-up workday", "09:00–12:00, 13:00–18:00", "Make-up"),
        ("Dec 31", "Company day, other hours", "09:00–12:00", "Stocktaking"),
    ]
    assert shown.day_rows(office(), 2027, READER) == []
    assert shown.regions_words(office(), "en") == "China"
    assert shown.region_name("DE", "BY", "zh") == "德国 (BY)"
    assert "not announced" in shown.doubt_words(sla_service_pb2.HOLIDAY_DOUBT_NOT_ANNOUNCED)


def test_what_a_version_changed() -> None:
    """Hours, days in, out and otherwise, verified years, zone and name; a sentence each; many days are counted."""
    before, after = office(), office()
    after.version = 3
    after.weekly_hours[4].segments[1].end = "17:00"
    after.time_zone = "Asia/Tokyo"
    del after.days[0]
    after.days[2].segments[0].end = "11:00"
    after.days.add(date="2027-01-02", reason="Bridge")
    after.verified_years.append(2027)

    assert changes(before, after, READER) == [
        "Time zone: Asia/Shanghai → Asia/Tokyo",
        "Friday: 09:00–12:00, 13:00–18:00 → 09:00–12:00, 13:00–17:00",
        "− Jun 12: Outing, closed",
        "Dec 31: Stocktaking, 09:00–12:00 → Stocktaking, 09:00–11:00",
        "+ Jan 2, 2027: Bridge, closed",
        "Verified now: 2027",
    ]
    assert changes(before, before, READER) == []
    assert changes(None, before, READER)[1] == "4 days differ from their weekday"
    many = office()
    many.days.extend(sla_pb2.CalendarDay(date=f"2027-03-{day:02}") for day in range(1, 20))
    told = changes(before, many, READER)
    assert (len(told), told[-1]) == (NAMED + 1, "and 7 more days")


def test_a_version_goes_into_the_form_and_out_again() -> None:
    """What was published is what the untouched form says, its holidays taken again for their years."""
    given = form.of_calendar(office())
    made, years, errors = form.calendar(given, office())

    assert (errors, years) == ({}, [2026])
    assert given["days"] == "2026-06-12 closed Outing\n2026-12-31 09:00-12:00 Stocktaking"
    expected = office()
    del expected.days[1:3]
    expected.ClearField("version")
    expected.ClearField("etag")
    assert made == expected
    kept, _, _ = form.calendar(given.having(holiday_years=""), office())
    assert [day.date for day in kept.days] == ["2026-06-12", "2026-10-01", "2026-10-10", "2026-12-31"]
    without, _, _ = form.calendar(given.having(holiday_years="", country_1=""), office())
    assert [day.date for day in without.days] == ["2026-06-12", "2026-12-31"]
    own, _, _ = form.calendar(given.having(holiday_years="", days="2026-10-01 closed Ours"), office())
    assert [(day.date, day.reason) for day in own.days] == [("2026-10-01", "Ours"), ("2026-10-10", "Make-up")]


def test_days_are_read_as_people_write_them() -> None:
    """Other separators, single digits, several hours, Chinese words."""
    text = "2026/1/2 9:00-12:00, 13:00–18:00 开业\n\n2026年3月4日 休 团建\n2026.05.06 closed"
    made, _, errors = form.calendar(Typed({"id": "x", "time_zone": "UTC", "days": text}), None)

    assert errors == {}
    assert [(day.date, form.spans_text(day.segments), day.reason) for day in made.days] == [
        ("2026-01-02", "09:00-12:00,13:00-18:00", "开业"),
        ("2026-03-04", "", "团建"),
        ("2026-05-06", "", ""),
    ]
    assert made.name == "calendars/x"


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"days": "Outing"}, "days", "Line 1"),
        ({"days": "2026-01-01 closed\n2026-01-02 maybe"}, "days", "Line 2"),
        ({"hours_3": "nine to five"}, "hours_3", "09:00-12:00"),
        ({"verified": "26"}, "verified", "2026"),
        ({"holiday_years": "2027-2026"}, "holiday_years", "2026"),
        ({"effective": "tomorrow"}, "effective", "day and time"),
        ({"country_1": "CN", "make_up_1": "all day"}, "make_up_1", "09:00-12:00"),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(values: dict[str, str], field: str, said: str) -> None:
    """The line or the form that would do is named."""
    _, _, errors = form.calendar(Typed({"id": "x", "time_zone": "UTC", **values}), None)

    assert list(errors) == [field]
    assert said in errors[field]


def test_refusals_find_their_field() -> None:
    """Fields of the request and of the form that it was made of."""
    assert [form.field_of(path) for path in ("calendar.days", "subdivision", "content", "etag")] == [
        "days",
        "subdivision_1",
        "ics",
        "",
    ]
