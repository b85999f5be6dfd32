"""Clocks: a target of business time, read off a history of marks into segments that add up to wall time exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from services.runtime.refusal import Refusal
from services.runtime.worktime.arithmetic import add, elapsed, segments
from services.runtime.worktime.calendar import CalendarVersion
from services.runtime.worktime.zone import utc

NOTHING = timedelta(0)


class SegmentKind(StrEnum):
    """What a clock does in a segment: only RUNNING counts against the target."""

    RUNNING = "running"
    PAUSED = "paused"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Mark:
    """From `at` on the clock runs or is paused, because of `cause` (an event's id)."""

    at: datetime
    running: bool
    cause: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "at", utc(self.at, "at"))


@dataclass(frozen=True, slots=True)
class Segment:
    """A span [start, end) of wall time; cause: the mark's, or the calendar version's key when closed."""

    start: datetime
    end: datetime
    kind: SegmentKind
    cause: str

    @property
    def length(self) -> timedelta:
        """Its wall time."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows at `until`.

    carried: business time brought along from before `start`. elapsed: business time so far, `carried` included.
    due_at: the earliest instant at which the target is used up: past when it is, projected as if nothing happens
    after `until` while the clock runs, None while it is paused with time left.
    segments: cover [start, until) without gap; a pause covers closed hours too, it is one segment.
    """

    target: timedelta
    start: datetime
    until: datetime
    carried: timedelta
    elapsed: timedelta
    due_at: datetime | None
    segments: tuple[Segment, ...]

    @property
    def remaining(self) -> timedelta:
        """Business time left of the target; negative when overdue."""
        return self.target - self.elapsed

    @property
    def overdue(self) -> bool:
        """Whether the target was used up at or before `until`."""
        return self.due_at is not None and self.due_at <= self.until


def read(
    calendar: CalendarVersion,
    target: timedelta,
    marks: Iterable[Mark],
    until: datetime,
    carried: timedelta = NOTHING,
) -> Reading:
    """Reads a clock at `until` (now, or when it stopped).

    The first mark starts it. Marks are taken in order of their instant, those of one instant as given, the last of
    them holding; marks after `until` are not known yet. `carried` keeps what elapsed under an earlier policy or
    calendar: read that one until the change, this one from a mark at the change.

    Raises:
        Refusal: TARGET_NOT_POSITIVE, DURATION_NEGATIVE (carried), CLOCK_NOT_STARTED; else as `add`, for a target that
            cannot be reached from where the clock runs.
    """
    if target <= NOTHING:
        raise Refusal.invalid("target", "TARGET_NOT_POSITIVE", "Give the clock a target of more than nothing.")
    if carried < NOTHING:
        raise Refusal.invalid("carried", "DURATION_NEGATIVE", "Carry a duration of zero or more.")
    until = utc(until, "until")
    spans = _spans(marks, until)
    start, last = spans[0][0].at, spans[-1][0]
    used, due = carried, start if carried >= target else None
    told: list[Segment] = []
    for mark, end in spans:
        if mark.running:
            run = elapsed(calendar, mark.at, end)
            if due is None and (mark is last or used + run >= target):
                due = add(calendar, mark.at, target - used)
            used += run
        told.extend(_told(calendar, mark, end))
    return Reading(target, start, until, carried, used, due, tuple(told))


def check(reading: Reading) -> None:
    """Proves that a reading's segments explain every microsecond of it.

    Raises:
        Refusal: SEGMENTS_DISAGREE when they leave a gap, overlap, miss the ends, or their running time (with what was
            carried) is not what elapsed.
    """
    joints = [reading.start, *(one.end for one in reading.segments)]
    begins = [one.start for one in reading.segments]
    running = sum((one.length for one in reading.segments if one.kind is SegmentKind.RUNNING), NOTHING)
    fault = ""
    if begins != joints[:-1] or any(one.length <= NOTHING for one in reading.segments):
        fault = "do not follow one another without gap"
    elif joints[-1] != reading.until:
        fault = f"end at {joints[-1].isoformat()}, not at {reading.until.isoformat()}"
    elif reading.carried + running != reading.elapsed:
        fault = f"run for {running} after {reading.carried}, yet {reading.elapsed} elapsed"
    if fault:
        raise Refusal.precondition("SEGMENTS_DISAGREE", f"The clock's segments {fault}: read the clock again.")


def _spans(marks: Iterable[Mark], until: datetime) -> Sequence[tuple[Mark, datetime]]:
    """Each mark that holds, with the instant until which it does; only the last span can be empty."""
    known = sorted((mark for mark in marks if mark.at <= until), key=lambda mark: mark.at)
    if not known:
        raise Refusal.invalid("marks", "CLOCK_NOT_STARTED", "Read the clock at or after its first mark.")
    holding = [mark for mark, following in pairwise(known) if mark.at < following.at] + known[-1:]
    ends = [*(mark.at for mark in holding[1:]), until]
    return list(zip(holding, ends, strict=True))


def _told(calendar: CalendarVersion, mark: Mark, end: datetime) -> Iterator[Segment]:
    """The span of one mark as segments."""
    if not mark.running:
        if mark.at < end:
            yield Segment(mark.at, end, SegmentKind.PAUSED, mark.cause)
        return
    for start, stop, is_open in segments(calendar, mark.at, end):
        kind, cause = (SegmentKind.RUNNING, mark.cause) if is_open else (SegmentKind.CLOSED, calendar.key)
        yield Segment(start, stop, kind, cause)
