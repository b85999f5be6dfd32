"""Calendars through gRPC: public holidays, files of other calendars, versions, and a rehearsal that changes nothing."""

from __future__ import annotations

import uuid

import grpc
import pytest
from throughline.sla.v1 import sla_pb2, sla_service_pb2

from tests.service.sla.desk import BEN, LI, ROOT, Desk

CHINA = sla_pb2.HolidayRegion(country="CN")
HOLIDAY, MAKE_UP = sla_pb2.DAY_KIND_HOLIDAY, sla_pb2.DAY_KIND_MAKE_UP_WORKDAY


def office(**fields: object) -> sla_pb2.Calendar:
    """An office that keeps China's holidays."""
    hours = [sla_pb2.Segment(start="09:00", end="12:00"), sla_pb2.Segment(start="13:00", end="18:00")]
    return sla_pb2.Calendar(
        name="calendars/office",
        time_zone="Asia/Shanghai",
        weekly_hours=[sla_pb2.WeeklyHours(weekday=day, segments=hours) for day in range(1, 6)],
        regions=[CHINA],
        **fields,  # type: ignore[arg-type]  # fields by name
    )


def days_of(calendar: sla_pb2.Calendar) -> dict[str, sla_pb2.CalendarDay]:
    """The days by date."""
    return {day.date: day for day in calendar.days}


async def test_a_version_stores_its_holidays_whole(desk: Desk) -> None:
    """Published for two years it holds every day by kind and name; only the announced year is verified; read again, and
    sent back as it is, it is the same version."""
    own = sla_pb2.CalendarDay(date="2026-10-10", reason="Outing")
    made = await desk.ask(ROOT, "PublishCalendar", calendar=office(days=[own]), holiday_years=[2026, 2027])
    days = days_of(made)

    assert (days["2026-10-01"].kind, days["2026-10-01"].names["zh"]) == (HOLIDAY, "国庆节")
    assert (days["2026-02-14"].kind, days["2026-02-14"].region) == (MAKE_UP, "CN")
    assert [one.start for one in days["2026-02-14"].segments] == ["09:00", "13:00"]
    assert (days["2026-10-10"].kind, days["2026-10-10"].reason) == (sla_pb2.DAY_KIND_COMPANY, "Outing")
    assert list(made.verified_years) == [2026]
    assert await desk.ask(BEN, "GetCalendar", name="calendars/office") == made
    again = await desk.ask(ROOT, "PublishCalendar", calendar=made, etag=made.etag)
    assert (again.version, list(again.days)) == (1, list(made.days))


async def test_suggestions_say_what_is_certain(desk: Desk) -> None:
    """Anybody may look; of a year that China has not announced the days come with the doubt."""
    told = await desk.ask(LI, "SuggestHolidays", country="CN", years=[2026, 2027])

    assert [(one.year, one.verified, one.doubt) for one in told.years] == [
        (2026, True, sla_service_pb2.HOLIDAY_DOUBT_UNSPECIFIED),
        (2027, False, sla_service_pb2.HOLIDAY_DOUBT_NOT_ANNOUNCED),
    ]
    assert {one.kind for one in told.days} == {HOLIDAY, MAKE_UP}
    unknown = await desk.refused(LI, "SuggestHolidays", country="DE", subdivision="Mitte", years=[2026])
    assert (unknown.field, unknown.reason) == ("subdivision", "HOLIDAY_SUBDIVISION_UNKNOWN")
    assert "BY" in unknown.message


async def test_a_rehearsal_checks_everything_and_changes_nothing(desk: Desk) -> None:
    """The answer is what would be published; refusals are those of the real call; no calendar, version or event is
    left behind, and the request id is still free."""
    request_id = str(uuid.uuid4())
    asked = {"calendar": office(), "holiday_years": [2026], "request_id": request_id}
    would = await desk.ask(ROOT, "PublishCalendar", validate_only=True, **asked)
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await desk.ask(BEN, "GetCalendar", name="calendars/office")
    assert missing.value.code() is grpc.StatusCode.NOT_FOUND
    assert (would.version, would.etag, len(would.days)) == (1, "", 28)

    made = await desk.ask(ROOT, "PublishCalendar", **asked)
    assert (made.version, list(made.days)) == (1, list(would.days))
    ahead = office(days=[sla_pb2.CalendarDay(date="2027-01-02")])
    second = await desk.ask(ROOT, "PublishCalendar", calendar=ahead, etag=made.etag, validate_only=True)
    assert (second.version, second.etag) == (2, made.etag)
    bad = {"calendar": office(verified_years=[2026]), "validate_only": True}
    assert (await desk.refused(BEN, "PublishCalendar", **bad)).reason == "ROLE_REQUIRED"
    assert (await desk.refused(ROOT, "PublishCalendar", **bad, etag='"7"')).reason == "ETAG_MISMATCH"
    closed = sla_pb2.Calendar(name="calendars/none", time_zone="UTC")
    never = await desk.refused(ROOT, "PublishCalendar", calendar=closed, validate_only=True)
    assert (never.field, never.reason) == ("calendar.weekly_hours", "CALENDAR_NEVER_OPEN")
    gone = await desk.refused(ROOT, "PublishCalendar", calendar=closed, validate_only=True, etag='"1"')
    assert gone.reason == "NOT_FOUND"
    assert (await desk.ask(BEN, "GetCalendar", name="calendars/office")) == made
    assert await desk.run.db["journal"].count_documents({"resource": "calendars/office"}) <= 1


async def test_every_version_is_listed_newest_first(desk: Desk) -> None:
    """Page by page, each whole; a token of another list is refused."""
    for number in range(1, 6):
        await desk.calendar("office", "UTC", ("09:00", f"1{number}:00"))
    seen, token = [], ""
    while True:
        page = await desk.ask(LI, "ListCalendarVersions", name="calendars/office", page_size=2, page_token=token)
        seen += [(one.version, one.weekly_hours[0].segments[0].end) for one in page.calendars]
        token = page.next_page_token
        if not token:
            break

    assert seen == [(5, "15:00"), (4, "14:00"), (3, "13:00"), (2, "12:00"), (1, "11:00")]
    refused = await desk.refused(LI, "ListCalendarVersions", name="calendars/office", page_token="bm9uZQ")
    assert refused.reason == "PAGE_TOKEN_INVALID"
    assert (await desk.refused(LI, "ListCalendarVersions", name="calendars/none")).reason == "NOT_FOUND"


async def test_a_calendar_goes_out_as_a_file_and_comes_back(desk: Desk) -> None:
    """What ExportCalendar writes ImportCalendarDays reads whole; a bad entry is named and the others are kept."""
    night = sla_pb2.CalendarDay(date="2026-12-31", reason="Year's end; at night", segments=[
        sla_pb2.Segment(start="20:00", end="24:00")])  # fmt: skip
    made = await desk.ask(ROOT, "PublishCalendar", calendar=office(days=[night]), holiday_years=[2026])
    file = await desk.ask(LI, "ExportCalendar", name="calendars/office")
    asked = {"time_zone": "Asia/Shanghai", "first_year": 2026, "last_year": 2026}
    read = await desk.ask(LI, "ImportCalendarDays", content=file.content, **asked)

    assert file.file_name == "office.ics"
    assert (list(read.days), list(read.problems)) == (list(made.days), [])
    bad = (
        b"BEGIN:VEVENT\r\nSUMMARY:Tick\r\nDTSTART:20260101T000000\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\nEND:VCALENDAR"
    )
    mixed = await desk.ask(LI, "ImportCalendarDays", content=file.content.replace(b"END:VCALENDAR", bad), **asked)
    assert list(mixed.days) == list(made.days)
    assert [(one.entry, one.reason) for one in mixed.problems] == [("Tick", "RECURRENCE_UNSUPPORTED")]
    nothing = await desk.refused(LI, "ImportCalendarDays", content=b"hello", time_zone="UTC")
    assert (nothing.field, nothing.reason) == ("content", "ICALENDAR_INVALID")
    zone = await desk.refused(LI, "ImportCalendarDays", content=b"hello", time_zone="Mars/Olympus")
    assert (zone.field, zone.reason) == ("time_zone", "CALENDAR_ZONE_UNKNOWN")
