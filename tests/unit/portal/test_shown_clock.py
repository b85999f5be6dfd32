"""Clocks as chips and bars: the right state, lengths that add up, and pauses told one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.gallery import create_gallery_app
from services.portal.web.shown import clock as shown
from services.portal.web.shown import promise
from services.portal.web.shown.reader import Reader

NOW = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)  # 12:30 in Shanghai
READER = Reader("people/su", NOW, "en", ZoneInfo("Asia/Shanghai"))
RUN, WAIT, OFF = sla_pb2.SEGMENT_KIND_RUNNING, sla_pb2.SEGMENT_KIND_PAUSED, sla_pb2.SEGMENT_KIND_CLOSED


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    """Words need a language."""
    with create_gallery_app().test_request_context("/", headers={"Accept-Language": "en"}):
        yield


def stamp(minutes: float) -> Timestamp:
    """So many minutes from now."""
    made = Timestamp()
    made.FromDatetime(NOW + timedelta(minutes=minutes))
    return made


def segment(kind: Any, start: float, end: float | None, **more: Any) -> sla_pb2.ClockSegment:
    """From so many minutes from now to so many."""
    return sla_pb2.ClockSegment(
        kind=kind, start_time=stamp(start), end_time=stamp(end) if end is not None else None, **more
    )


def clock(
    state: Any = sla_pb2.CLOCK_STATE_RUNNING, left: float = 120, target: float = 240, **more: Any
) -> sla_pb2.Clock:
    """A resolution clock; left and target in minutes."""
    return sla_pb2.Clock(
        kind=more.pop("kind", sla_pb2.CLOCK_KIND_RESOLUTION),
        state=state,
        target=Duration(seconds=int(target * 60)),
        remaining=Duration(seconds=int(left * 60)),
        **more,
    )


@pytest.mark.parametrize(
    ("one", "state", "words"),
    [
        (clock(left=120), "running", "2:00 left"),
        (clock(left=59), "risk", "0:59 left"),
        (clock(left=90, target=480), "risk", "1:30 left"),
        (clock(left=100, target=480), "running", "1:40 left"),
        (clock(left=14, target=15), "running", "0:14 left"),
        (clock(left=120, warned_time=stamp(-1)), "risk", "2:00 left"),
        (clock(left=-18), "breached", "0:18 over"),
        (clock(sla_pb2.CLOCK_STATE_PAUSED, 59), "paused", "Paused, 0:59 left"),
        (clock(sla_pb2.CLOCK_STATE_PAUSED, -18), "breached", "0:18 over, paused"),
        (clock(sla_pb2.CLOCK_STATE_MET, 30), "met", "Done in time"),
        (clock(sla_pb2.CLOCK_STATE_MET, 30, kind=sla_pb2.CLOCK_KIND_RESPONSE), "answered", "Answered in time"),
        (clock(sla_pb2.CLOCK_STATE_MISSED, -41), "breached", "0:41 late"),
        (clock(sla_pb2.CLOCK_STATE_CANCELLED, 30), "answered", "Stopped"),
    ],
)
def test_chip(one: sla_pb2.Clock, state: str, words: str) -> None:
    """A short clock is not at risk from its first minute on; overdue is said even while it is paused."""
    assert shown.chip(one, NOW) == {"state": state, "text": words}


def paused_twice() -> sla_pb2.Clock:
    """Ran 60, waited 65 for an answer, ran 10, outside hours 20, and runs for 15 now with 105 left."""
    return clock(
        left=155,
        elapsed=Duration(seconds=70 * 60),
        due_time=stamp(155),
        segments=[
            segment(RUN, -170, -110),
            segment(WAIT, -110, -45, ticket_state=ticket_pb2.TICKET_STATE_AWAITING_REQUESTER),
            segment(RUN, -45, -35),
            segment(OFF, -35, -15),
        ],
        current=segment(RUN, -15, None),
    )


def test_bar_adds_up() -> None:
    """The segments are the wall time from start to due, in order, and the mark stands at the present."""
    made = shown.bar(paused_twice(), READER)
    assert made is not None
    assert [(part["kind"], part["length"]) for part in made["segments"]] == [
        ("run", 60),
        ("wait", 65),
        ("run", 10),
        ("off", 20),
        ("run", 15),
        ("left", 155),
    ]
    assert made["now"] == 170
    assert made["segments"][0]["at"] == "09:40"
    assert made["end"] == "15:05"


def test_bar_splits_at_the_breach() -> None:
    """What ran past the target is its own part, and nothing is left."""
    late = clock(
        left=-18,
        target=100,
        elapsed=Duration(),
        breach_time=stamp(-18),
        due_time=stamp(-18),
        current=segment(RUN, -118, None),
    )
    made = shown.bar(late, READER)
    assert made is not None
    assert [(part["kind"], part["length"]) for part in made["segments"]] == [("run", 100), ("over", 18)]


def test_bar_knows_closed_hours_since_the_last_event() -> None:
    """Of the time since the last event only what was used of the target ran; the rest was outside service hours."""
    night = clock(left=110, target=120, elapsed=Duration(), due_time=stamp(110), current=segment(RUN, -100, None))
    made = shown.bar(night, READER)
    assert made is not None
    assert [(part["kind"], part["length"]) for part in made["segments"]] == [("run", 10), ("off", 90), ("left", 110)]


def test_a_time_does_not_cover_the_one_before_it() -> None:
    """Ten minutes, then a night: the night's start has no room beside the opening."""
    night = clock(
        left=230,
        start_time=stamp(-610),
        segments=[segment(RUN, -610, -600)],
        current=segment(OFF, -600, None),
        due_time=stamp(230),
    )
    made = shown.bar(night, READER)
    assert made is not None
    assert [one["at"] != "" for one in made["segments"]][:2] == [True, False]


def test_no_sliver_is_drawn() -> None:
    """Parts that are too narrow for a line are left out, so that no width is negative."""
    made = shown.bar(
        clock(left=100, target=101, elapsed=Duration(), due_time=stamp(1000), current=segment(RUN, -1, None)), READER
    )
    assert made is not None
    assert [part["kind"] for part in made["segments"]] == ["left"]


def test_pauses() -> None:
    """Each pause in one sentence, with when, how long and for whom; old ones that were summed up in one."""
    waiting = paused_twice()
    waiting.segments.insert(0, segment(WAIT, -400, -200, merged_count=3))
    waiting.segments.append(segment(WAIT, -15, -5, ticket_state=ticket_pb2.TICKET_STATE_ON_HOLD))
    waiting.current.CopyFrom(segment(WAIT, -5, None, ticket_state=ticket_pb2.TICKET_STATE_AWAITING_REQUESTER))
    assert shown.pauses(waiting, READER) == [
        "Paused 3 times before, 3 h 20 in all.",
        "10:40–11:45: paused 1 h 05 for your answer.",
        "12:15–12:25: paused 10 min for somebody else.",
        "Paused since 12:25 for your answer, 5 min so far.",
    ]


def test_legend_counts_what_counts() -> None:
    """Time of a kind is summed; only time in service hours counts."""
    rows = {row["kind"]: (row["length"], row["verdict"]) for row in shown.legend(paused_twice(), READER)}
    assert rows == {"run": ("1:25", "counts"), "wait": ("1:05", "does not count"), "off": ("0:20", "does not count")}


def test_promise_card() -> None:
    """Policy in the reader's language, targets in hours of service time, and what was used of them."""
    answered = clock(
        sla_pb2.CLOCK_STATE_MET, 20, 30, kind=sla_pb2.CLOCK_KIND_RESPONSE, stop_time=stamp(-160), start_time=stamp(-170)
    )
    both = sla_pb2.TicketClocks(policy="policies/p2", clocks=[answered, paused_twice()])
    made = promise.card(both, sla_pb2.Policy(display_names={"en": "Second", "zh": "第二"}), READER)
    assert dict(made["facts"]) == {
        "First answer": "within 30 min; happened 09:50",
        "Done": "within 4 h; due 15:05",
        "Policy": "Second",
        "Used so far": "1 h 25 of 4 h",
    }


def test_preview() -> None:
    """What would be promised in one sentence; no policy is no promise, and that is said."""
    promised = sla_service_pb2.PreviewPromiseResponse(
        policy="policies/p2", response_due_time=stamp(30), resolution_due_time=stamp(24 * 60)
    )
    assert promise.preview(promised, READER)["title"] == "Answered by 13:00, done by tomorrow 12:30"
    promised.targets.add(kind=shown.RESOLUTION, duration=Duration(seconds=8 * 3600), unverified_years=[2027])
    promised.display_names["en"] = "Second"
    promised.calendar.display_names["en"] = "Office hours"
    made = promise.preview(promised, READER)
    assert made["details"] == ["Done: within 8 h of service time.", "Service hours: Office hours. Version 0."]
    assert "“Second”" in made["text"]
    assert "2027" in made["warning"]
    nothing = promise.preview(sla_service_pb2.PreviewPromiseResponse(), READER)
    assert nothing["title"] == "No promise is defined for this"


def test_long_promises_stay_in_hours() -> None:
    """A working day is none of 24 hours: 40 hours of service time are not 1 day 16 h."""
    assert READER.hours(timedelta(hours=40)) == "40 h"
