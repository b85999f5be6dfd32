"""A journey as its page shows it: words for each stretch, bars on one scale, closed hours as the clocks tell them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import journey_pb2 as pb

from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown.off_hours import off_hours
from services.portal.web.shown.reader import Reader
from services.portal.web.shown.waterfall import stage_words, trip

OPENED = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
READER = Reader("people/su", OPENED + timedelta(days=1), tell=lambda reference: reference.rpartition("/")[2])


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


def span(stage: Any, start: float, end: float, **more: Any) -> pb.JourneySpan:
    """A stretch by minutes after the opening."""
    made = pb.JourneySpan(stage=stage, **{"critical": True, **more})
    made.start_time.FromDatetime(OPENED + timedelta(minutes=start))
    made.end_time.FromDatetime(OPENED + timedelta(minutes=end))
    made.duration.FromTimedelta(timedelta(minutes=end - start))
    return made


def whole() -> pb.Journey:
    """Intake at once, 30 minutes in a queue, 10 of work, 60 in the requester's hands, no survey."""
    made = pb.Journey(feedback=pb.JOURNEY_FEEDBACK_NOT_ASKED)
    made.open_time.FromDatetime(OPENED)
    made.lead_end_time.FromDatetime(OPENED + timedelta(minutes=40))
    made.lead_duration.FromTimedelta(timedelta(minutes=40))
    made.spans.extend(
        [
            span(pb.JOURNEY_STAGE_INTAKE, 0, 0),
            span(pb.JOURNEY_STAGE_TEAM_QUEUE, 0, 30, who="teams/net"),
            span(pb.JOURNEY_STAGE_WORK, 30, 40, who="people/lin"),
            span(pb.JOURNEY_STAGE_DELIVERY, 40, 100, who="people/su", critical=False),
            span(pb.JOURNEY_STAGE_FEEDBACK, 100, 100, who="people/su", critical=False),
        ]
    )
    for stage, minutes in ((pb.JOURNEY_STAGE_TEAM_QUEUE, 30), (pb.JOURNEY_STAGE_WORK, 10)):
        made.shares.add(stage=stage, spans=1).duration.FromTimedelta(timedelta(minutes=minutes))
    return made


def test_each_stretch_has_words_a_length_and_its_place() -> None:
    """Bars stand on one scale from the opening to the end; what has no length says so instead of nothing."""
    shown = trip(whole(), READER)
    assert [(row["title"], row["who"], row["length"]) for row in shown.rows] == [
        ("Intake: read and sorted", "", "at once"),
        ("In the team's queue", "net", "30 min"),
        ("Worked on", "lin", "10 min"),
        ("Delivered: does it work?", "su", "1 h"),
        ("Feedback", "No survey was sent.", "–"),
    ]
    assert [(row["kind"], row["x"], row["width"]) for row in shown.rows[1:4]] == [
        ("queue", 0, 30), ("work", 30, 10), ("done", 40, 60),
    ]  # fmt: skip
    assert (shown.lead, shown.over) == ("40 min", True)
    assert [(one["title"], one["length"], one["share"]) for one in shown.shares] == [
        ("In the team's queue", "30 min", "75.0%"), ("Worked on", "10 min", "25.0%"),
    ]  # fmt: skip


def test_what_goes_on_has_no_end_yet() -> None:
    """An open ticket has a lead time so far, and no feedback is missed."""
    journey = pb.Journey(feedback=pb.JOURNEY_FEEDBACK_NOT_DUE)
    journey.open_time.FromDatetime(OPENED)
    journey.lead_duration.FromTimedelta(timedelta(seconds=20))
    journey.spans.append(span(pb.JOURNEY_STAGE_WORK, 0, 1 / 3, open=True))
    shown = trip(journey, READER)
    assert (shown.lead, shown.over, shown.feedback) == ("20 s", False, "")
    assert str(shown.rows[0]["when"]).endswith("–")
    assert trip(pb.Journey(), READER).rows == []


def test_every_stage_has_its_words() -> None:
    """Also one that a later release brings."""
    words = [stage_words(number) for number in pb.JourneyStage.values() if number]
    assert len(set(words)) == len(words)
    assert stage_words(99) == stage_words(pb.JOURNEY_STAGE_OTHER)


def test_closed_hours_are_those_of_every_clock_each_once() -> None:
    """Two clocks tell the same night; what a clock summed up has no bounds and is left out."""
    clocks = sla_pb2.TicketClocks()
    for _ in range(2):
        clock = clocks.clocks.add()
        for kind, start, merged in (("CLOSED", 5, 0), ("RUNNING", 8, 0), ("CLOSED", 1, 0), ("CLOSED", 0, 7)):
            one = clock.segments.add(kind=sla_pb2.SegmentKind.Value(f"SEGMENT_KIND_{kind}"), merged_count=merged)
            one.start_time.FromDatetime(OPENED + timedelta(hours=start))
            one.end_time.FromDatetime(OPENED + timedelta(hours=start + 1))
    found = [(one.start_time.ToDatetime(UTC) - OPENED) / timedelta(hours=1) for one in off_hours(clocks)]
    assert found == [1, 5]
    assert off_hours(None) == []
