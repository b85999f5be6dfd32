"""iCalendar files: what is written is read back whole, what others write is understood, what is hostile is refused."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.refusal import Refusal
from services.runtime.worktime import CLOSED, DateOverride, Opening, hours
from services.sla.rules import calendar
from services.sla.rules.calendar import Draft, Edition
from services.sla.rules.days import OWN, DayKind, Label
from services.sla.rules.imported import Imported, imported, years_asked, zone_asked
from services.sla.wire import ics
from tests.unit.sla.history import ADMIN
from tests.unit.worktime.cases import ZONES, day_hours, seeded

SHANGHAI = ZoneInfo("Asia/Shanghai")
WEEK = ((1, (("09:00", "18:00"),)),)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=30)


def read(*lines: str, zone: ZoneInfo = SHANGHAI, first: int = 2026, last: int = 2027) -> Imported:
    """The days of a file of these lines."""
    content = "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", "")).encode()
    entries, problems = ics.entries(content, zone)
    return imported(entries, first, last, problems)


def event(*lines: str) -> list[str]:
    """An entry of these lines."""
    return ["BEGIN:VEVENT", "UID:1", *lines, "END:VEVENT"]


def hours_by_day(found: Imported) -> dict[str, list[str]]:
    """The openings of each date."""
    return {one.day.isoformat(): [str(opening) for opening in one.hours] for one, _ in found.days}


@st.composite
def editions(draw: st.DrawFn) -> Edition:
    """A version with up to eight days of every kind, in any of the zones."""
    labels: dict[str, Label] = {}
    days = {}
    for day in draw(st.sets(st.dates(date(2020, 1, 1), date(2029, 12, 31)), max_size=8)):
        openings = draw(st.just(CLOSED) | day_hours())
        kinds = [DayKind.COMPANY, DayKind.MAKE_UP] if openings else [DayKind.COMPANY, DayKind.HOLIDAY]
        label = Label(
            draw(st.sampled_from(kinds)),
            tuple(sorted(draw(st.dictionaries(st.sampled_from(("en", "zh", "de")), TEXTS, max_size=3)).items())),
            draw(st.sampled_from(("", "CN", "DE-BY"))),
        )
        spans = tuple((str(one).split("-")[0], str(one).split("-")[1]) for one in openings)
        labels[day.isoformat()] = label
        days[day] = (day.isoformat(), draw(TEXTS), spans)
    draft = Draft("calendars/drawn", draw(st.sampled_from(ZONES)), WEEK, tuple(days.values()), labels=labels)
    kept, _ = calendar.publish(None, draft, by=ADMIN)
    return kept.latest


def test_what_is_exported_is_imported_whole() -> None:
    """Days, hours on the very second of the wall, kinds, regions and names of any script come back as they were."""
    met: Counter[str] = Counter()

    @seeded(60)
    @given(editions())
    def comes_back(edition: Edition) -> None:
        content = ics.written(edition)
        entries, problems = ics.entries(content, ZoneInfo(edition.version.zone))
        found = imported(entries, 2020, 2029, problems)
        assert (found.problems, found.left_out) == ((), 0)
        assert tuple(one for one, _ in found.days) == edition.version.overrides
        assert {one.day: label for one, label in found.days if label != OWN} == edition.labels
        assert ics.written(edition) == content
        met.update({"cases": 1, "opened": any(one.hours for one in edition.version.overrides)})

    comes_back()
    assert met["opened"] > 20


def test_files_of_others_are_understood() -> None:
    """All-day stretches, hours in another zone, floating and instant times, lengths, nights, rules and exceptions."""
    found = read(
        *event("SUMMARY:Spring break", "DTSTART;VALUE=DATE:20260216", "DTEND;VALUE=DATE:20260219"),
        *event("SUMMARY:New York", "DTSTART;TZID=America/New_York:20260302T090000", "DURATION:PT2H"),
        *event("SUMMARY:Floating", "DTSTART:20260404T090000", "DTEND:20260404T120000"),
        *event("SUMMARY:Floating", "DTSTART:20260404T130000", "DTEND:20260404T180000"),
        *event("SUMMARY:Instant", "DTSTART:20260405T010000Z", "DTEND:20260405T040000Z"),
        *event("SUMMARY:Outlook", "DTSTART;TZID=China Standard Time:20260406T080000", "DTEND:20260406T090000"),
        *event("SUMMARY:Day", "DTSTART;VALUE=DATE:20260501", "RRULE:FREQ=YEARLY;COUNT=9", "EXDATE;VALUE=DATE:20270501"),
        *event("SUMMARY:Party", "DTSTART;VALUE=DATE:20261218", "RDATE;VALUE=DATE:20271217"),
        *event("SUMMARY:Off", "STATUS:CANCELLED", "DTSTART;VALUE=DATE:20260707"),
        *event("SUMMARY:Long ago", "DTSTART;VALUE=DATE:19990101"),
    )

    assert found.problems == ()
    assert hours_by_day(found) == {
        "2026-02-16": [],
        "2026-02-17": [],
        "2026-02-18": [],
        "2026-03-02": ["22:00-24:00"],
        "2026-04-04": ["09:00-12:00", "13:00-18:00"],
        "2026-04-05": ["09:00-12:00"],
        "2026-04-06": ["08:00-09:00"],
        "2026-05-01": [],
        "2026-12-18": [],
        "2027-12-17": [],
    }
    assert found.left_out == 1
    night = read(*event("SUMMARY:Night", "DTSTART:20261231T220000", "DTEND:20270101T060000"))
    assert [(one.day.isoformat(), one.hours, one.note) for one, _ in night.days] == [
        ("2026-12-31", hours("22:00-24:00"), "Night"),
        ("2027-01-01", hours("00:00-06:00"), "Night"),
    ]


@pytest.mark.parametrize(
    ("lines", "reason", "said"),
    [
        (["DTSTART:garbage"], "ENTRY_UNREADABLE", "DTSTART"),
        ([], "ENTRY_UNREADABLE", "DTSTART"),
        (["DTSTART;TZID=Mars/Olympus:20260101T090000", "DURATION:PT1H"], "ENTRY_ZONE_UNKNOWN", "Mars/Olympus"),
        (["DTSTART:20260101T090000", "DTEND:20260101T080000"], "ENTRY_EMPTY", "end after its start"),
        (["DTSTART:20260101T090000"], "ENTRY_EMPTY", "end after its start"),
        (["DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:20290101"], "ENTRY_TOO_LONG", "split it"),
        (["DTSTART:20260101T090000", "DTEND:20260201T090000"], "ENTRY_TOO_LONG", "split it"),
        (["DTSTART;VALUE=DATE:20260101", "RECURRENCE-ID;VALUE=DATE:20260102"], "RECURRENCE_UNSUPPORTED", "moves"),
        (["DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=SECONDLY"], "RECURRENCE_UNSUPPORTED", "secondly"),
        (["DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=YEARLY;BYWEEKNO=20"], "RECURRENCE_UNSUPPORTED", "BYWEEKNO"),
        (
            ["DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=WEEKLY;COUNT=2"],
            "RECURRENCE_UNSUPPORTED",
            "several rules",
        ),
        (["DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY;INTERVAL=0"], "RECURRENCE_INVALID", "INTERVAL"),
        (["DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=NEVER"], "ENTRY_UNREADABLE", "RRULE"),
        (["DTSTART;VALUE=DATE:19000101", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"], None, ""),
        (["DTSTART;VALUE=DATE:00010101", "RRULE:FREQ=DAILY"], "RECURRENCE_TOO_LONG", "let it start later"),
        (["DTSTART;VALUE=DATE:20260303"], "ENTRY_CONTRADICTS", "entry 1, 'Good'"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_kept(
    lines: list[str], reason: str | None, said: str
) -> None:
    """The problem tells the entry's place and title; the good one before it is there."""
    good = event("SUMMARY:Good", "DTSTART:20260303T100000", "DTEND:20260303T110000")
    found = read(*good, *event("SUMMARY:Bad", *lines))

    assert hours_by_day(found) == {"2026-03-03": ["10:00-11:00"]}
    assert [(one.number, one.title, one.reason) for one in found.problems] == ([(2, "Bad", reason)] if reason else [])
    assert all(said in one.message for one in found.problems)


def test_a_file_full_of_hostile_rules_ends_soon() -> None:
    """As large as a file may be, every entry with a rule without an end: over within seconds, every entry named."""
    rules = (
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=2000000000",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=SECONDLY;COUNT=2000000000",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    )
    some = [line for rule in rules for line in event("SUMMARY:Bad", "DTSTART;VALUE=DATE:00010101", f"RRULE:{rule}")]
    count = 262_144 // len("\r\n".join(some))
    began = time.process_time()
    found = read(*some * count)

    assert time.process_time() - began < 10
    assert found.days == ()
    assert len(found.problems) > len(rules) * count - 10


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"BEGIN:VCALENDAR\n",
        b"BEGIN:VCALENDAR\nEND:VCALENDAR\n" * 2,
    ],
)
def test_what_is_no_calendar_file_is_refused(content: bytes) -> None:
    """The refusal says how such a file begins."""
    with pytest.raises(Refusal, match="BEGIN:VCALENDAR") as caught:
        ics.entries(content, SHANGHAI)

    assert (caught.value.field, caught.value.reason) == ("content", "ICALENDAR_INVALID")


def test_zones_that_a_file_defines_itself_are_not_read() -> None:
    """A definition with a rule of its own, folded to hide its name, moves no hours and costs nothing."""
    hostile = ["BEGIN:VTIME", " ZONE", "TZID:Asia/Shanghai", "BEGIN:STANDARD", "DTSTART:16010101T000000"]
    hostile += ["RRULE:FREQ=SECONDLY", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:STANDARD", "END:VTIMEZONE"]
    found = read(*hostile, *event("DTSTART;TZID=Asia/Shanghai:20260303T100000", "DURATION:PT1H"))

    assert hours_by_day(found) == {"2026-03-03": ["10:00-11:00"]}


def test_more_days_than_a_calendar_keeps() -> None:
    """Entries that fit are read, the one too many is named."""
    year = [
        line
        for first in range(1970, 1979)
        for line in event("SUMMARY:Year", f"DTSTART;VALUE=DATE:{first}0101", "RRULE:FREQ=DAILY;COUNT=250")
    ]
    found = read(*year, first=1970, last=1990)

    assert len(found.days) == 2000
    assert [(one.number, one.reason) for one in found.problems] == [(9, "CALENDAR_DAYS_TOO_MANY")]


def test_entries_of_one_date_join_unless_they_contradict() -> None:
    """Two closures are one with both names; overlapping hours are refused."""
    found = read(
        *event("SUMMARY:A", "DTSTART;VALUE=DATE:20260101"),
        *event("SUMMARY:B", "DTSTART;VALUE=DATE:20260101"),
        *event("SUMMARY:C", "DTSTART:20260102T090000", "DTEND:20260102T120000"),
        *event("SUMMARY:D", "DTSTART:20260102T110000", "DTEND:20260102T130000"),
    )

    assert [one for one, _ in found.days] == [
        DateOverride(date(2026, 1, 1), CLOSED, "A; B"),
        DateOverride(date(2026, 1, 2), (Opening(9 * 3600, 12 * 3600),), "C"),
    ]
    assert [(one.title, one.reason) for one in found.problems] == [("D", "ENTRY_CONTRADICTS")]


def test_which_years_are_read() -> None:
    """This one and the next unless others are asked for; nonsense is refused."""
    assert years_asked(0, 0, 2026) == (2026, 2027)
    assert years_asked(2030, 0, 2026) == (2030, 2031)
    assert years_asked(2000, 2029, 2026) == (2000, 2029)
    for first, last in ((2027, 2026), (2000, 2030), (1960, 1961), (2199, 0)):
        with pytest.raises(Refusal, match="1970 and 2199") as caught:
            years_asked(first, last, 2026)
        assert caught.value.reason == "CALENDAR_YEARS_INVALID"
    with pytest.raises(Refusal) as unknown:
        zone_asked("Mars/Olympus")
    assert (unknown.value.field, unknown.value.reason) == ("time_zone", "CALENDAR_ZONE_UNKNOWN")
    assert zone_asked("UTC").utcoffset(None) in (None, timedelta(0))
