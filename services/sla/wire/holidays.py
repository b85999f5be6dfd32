"""Public holidays and imported days as messages."""

from __future__ import annotations

from collections.abc import Sequence

from throughline.sla.v1 import sla_service_pb2

from services.runtime.worktime import DateOverride
from services.sla.rules.days import Label, Region
from services.sla.rules.holidays import Doubt, HolidayYear
from services.sla.rules.imported import Imported
from services.sla.wire.calendar import day

_DOUBTS = {
    None: sla_service_pb2.HOLIDAY_DOUBT_UNSPECIFIED,
    Doubt.NOT_ANNOUNCED: sla_service_pb2.HOLIDAY_DOUBT_NOT_ANNOUNCED,
    Doubt.ESTIMATED: sla_service_pb2.HOLIDAY_DOUBT_ESTIMATED,
    Doubt.FAR_AHEAD: sla_service_pb2.HOLIDAY_DOUBT_FAR_AHEAD,
    Doubt.NOT_HELD: sla_service_pb2.HOLIDAY_DOUBT_NOT_HELD,
}


def suggested(country: str, subdivision: str, found: Sequence[HolidayYear]) -> sla_service_pb2.SuggestHolidaysResponse:
    """The days of the years, and what is to be doubted of each."""
    region = Region(country, subdivision).key
    return sla_service_pb2.SuggestHolidaysResponse(
        days=[
            day(DateOverride(one.day, note=one.reason), Label(one.kind, one.names, region))
            for year in found
            for one in year.days
        ],
        years=[
            sla_service_pb2.HolidayYear(
                year=one.year,
                verified=one.doubt is None,
                doubt=_DOUBTS[one.doubt],
            )
            for one in found
        ],
    )


def imported(found: Imported) -> sla_service_pb2.ImportCalendarDaysResponse:
    """What was read of a file, and what was not."""
    return sla_service_pb2.ImportCalendarDaysResponse(
        days=[day(override, label) for override, label in found.days],
        problems=[
            sla_service_pb2.EntryProblem(number=one.number, entry=one.title, reason=one.reason, message=one.message)
            for one in found.problems
        ],
        left_out_count=found.left_out,
    )
