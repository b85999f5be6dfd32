"""A ticket's journey as a waterfall: one row a stretch of its time, and what the lead time went to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask_babel import gettext, ngettext
from throughline.tickets.v1 import journey_pb2 as pb

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant

# The kinds of bar: ours to take up, worked on, waited for somebody, nobody was meant to act, in the requester's hands.
_KINDS: dict[int, str] = {
    pb.JOURNEY_STAGE_INTAKE: "queue",
    pb.JOURNEY_STAGE_ROUTING: "queue",
    pb.JOURNEY_STAGE_TEAM_QUEUE: "queue",
    pb.JOURNEY_STAGE_WORK: "work",
    pb.JOURNEY_STAGE_OFF_HOURS: "off",
    pb.JOURNEY_STAGE_DELIVERY: "done",
    pb.JOURNEY_STAGE_FEEDBACK: "done",
}
_MINUTE = timedelta(minutes=1)
# What is narrower than this can hardly be seen, and a stretch of no length not at all.
_THINNEST = 0.6


@dataclass(frozen=True, slots=True)
class Trip:
    """lead: the lead time in words. over: it has ended. shares: what it went to. rows: the stretches, oldest first.

    feedback: what became of the requester's opinion; "" while it is not due.
    """

    lead: str
    over: bool
    shares: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    feedback: str


def trip(journey: pb.Journey, reader: Reader) -> Trip:
    """The journey in the reader's words."""
    start = instant(journey.open_time)
    end = max([start, *(instant(one.end_time) for one in journey.spans)])
    lead = journey.lead_duration.ToTimedelta()
    feedback = ""
    if journey.feedback == pb.JOURNEY_FEEDBACK_NOT_ASKED:
        feedback = str(gettext("No survey was sent."))
    return Trip(
        lead=_length(lead, reader),
        over=journey.HasField("lead_end_time"),
        shares=[_share(one, lead, reader) for one in journey.shares],
        rows=[_row(one, start, end - start, feedback, reader) for one in journey.spans],
        feedback=feedback,
    )


def stage_words(stage: int) -> str:
    """What a stretch of time was."""
    words: dict[int, str] = {
        pb.JOURNEY_STAGE_INTAKE: gettext("Intake: read and sorted"),
        pb.JOURNEY_STAGE_ROUTING: gettext("Routing: finding its team"),
        pb.JOURNEY_STAGE_TEAM_QUEUE: gettext("In the team's queue"),
        pb.JOURNEY_STAGE_WORK: gettext("Worked on"),
        pb.JOURNEY_STAGE_REQUESTER: gettext("Waiting for the requester"),
        pb.JOURNEY_STAGE_VENDOR: gettext("Waiting for a supplier"),
        pb.JOURNEY_STAGE_PROBLEM: gettext("Waiting for its cause to be found"),
        pb.JOURNEY_STAGE_CHANGE: gettext("Waiting for a change or its approval"),
        pb.JOURNEY_STAGE_EVIDENCE: gettext("Waiting for evidence"),
        pb.JOURNEY_STAGE_OFF_HOURS: gettext("Outside service hours"),
        pb.JOURNEY_STAGE_DELIVERY: gettext("Delivered: does it work?"),
        pb.JOURNEY_STAGE_FEEDBACK: gettext("Feedback"),
    }
    return str(words.get(stage, gettext("Waiting for something else")))


def _row(one: pb.JourneySpan, start: Any, whole: timedelta, feedback: str, reader: Reader) -> dict[str, Any]:
    begins, ends = instant(one.start_time), instant(one.end_time)
    length = one.duration.ToTimedelta()
    who = reader.called(one.who) if one.who and one.stage != pb.JOURNEY_STAGE_FEEDBACK else ""
    return {
        "title": stage_words(one.stage),
        "who": feedback if one.stage == pb.JOURNEY_STAGE_FEEDBACK else who,
        "when": reader.stretch(begins, None if one.open else ends) if length else reader.near(begins),
        "length": _told(one, length, feedback, reader),
        "kind": _KINDS.get(one.stage, "wait"),
        "x": _per_cent(begins - start, whole),
        "width": max(_THINNEST, _per_cent(length, whole)),
        "critical": one.critical,
        "open": one.open,
    }


def _told(one: pb.JourneySpan, length: timedelta, feedback: str, reader: Reader) -> str:
    if one.stage == pb.JOURNEY_STAGE_FEEDBACK:
        return "–" if feedback else ""
    return _length(length, reader) if length else str(gettext("at once"))


def _share(one: pb.JourneyShare, lead: timedelta, reader: Reader) -> dict[str, Any]:
    length = one.duration.ToTimedelta()
    return {
        "title": stage_words(one.stage),
        "kind": _KINDS.get(one.stage, "wait"),
        "length": _length(length, reader),
        "share": formats.percent(length / lead if lead else 0.0, reader.language, 1),
        "spans": ngettext("%(num)s stretch", "%(num)s stretches", one.spans),
    }


def _length(length: timedelta, reader: Reader) -> str:
    """Under a minute in seconds, so that no stretch is told as nothing."""
    if length < _MINUTE:
        seconds = max(1, round(length.total_seconds())) if length else 0
        return str(gettext("%(seconds)s s", seconds=seconds))
    return reader.length(length)


def _per_cent(part: timedelta, whole: timedelta) -> float:
    return round(100 * (part / whole), 3) if whole else 0.0
