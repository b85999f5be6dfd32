"""The clocks of a promise as words, a chip and a bar. Lengths of service time are printed in hours, never in days."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import formats
from services.portal.web.shown.reader import Reader, instant

RESPONSE = sla_pb2.CLOCK_KIND_RESPONSE
RESOLUTION = sla_pb2.CLOCK_KIND_RESOLUTION
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_RUNS: dict[int, str] = {
    sla_pb2.SEGMENT_KIND_RUNNING: "run",
    sla_pb2.SEGMENT_KIND_PAUSED: "wait",
    sla_pb2.SEGMENT_KIND_CLOSED: "off",
}
# A label under the bar needs room; narrower parts stand in the list below it.
_LABELLED_SHARE = 0.16
_MARKED_SHARE = 0.36
_DRAWN_SHARE = 0.005


def find(clocks: sla_pb2.TicketClocks | None, kind: int) -> sla_pb2.Clock | None:
    """The clock of a kind (RESPONSE, RESOLUTION); None when nothing of it is promised."""
    return next((one for one in clocks.clocks if one.kind == kind), None) if clocks is not None else None


def leading(clocks: sla_pb2.TicketClocks | None) -> sla_pb2.Clock | None:
    """The clock that says when it is done: the resolution's, else the response's."""
    return find(clocks, RESOLUTION) or find(clocks, RESPONSE)


def is_stopped(clock: sla_pb2.Clock) -> bool:
    """Whether nothing changes any more."""
    return clock.state in (sla_pb2.CLOCK_STATE_MET, sla_pb2.CLOCK_STATE_MISSED, sla_pb2.CLOCK_STATE_CANCELLED)


def remaining(clock: sla_pb2.Clock, now: datetime) -> timedelta:
    """Service time left, negative when overdue; of a message without it, the wall time to the due time."""
    if clock.HasField("remaining"):
        return clock.remaining.ToTimedelta()
    if clock.state == sla_pb2.CLOCK_STATE_RUNNING and clock.HasField("due_time"):
        return instant(clock.due_time) - now
    return clock.target.ToTimedelta() - clock.elapsed.ToTimedelta()


def is_overdue(clock: sla_pb2.Clock, now: datetime) -> bool:
    """Whether its target is used up, stopped or not."""
    if clock.state == sla_pb2.CLOCK_STATE_MISSED:
        return True
    return not is_stopped(clock) and (clock.HasField("breach_time") or remaining(clock, now) < timedelta())


def is_at_risk(clock: sla_pb2.Clock, now: datetime) -> bool:
    """Running, and warned of, or under 20 % or 60 min left; the hour holds where it is less than half the target."""
    if clock.state != sla_pb2.CLOCK_STATE_RUNNING:
        return False
    target = clock.target.ToTimedelta()
    warned = clock.HasField("warned_time") or (clock.HasField("warn_time") and instant(clock.warn_time) <= now)
    return warned or remaining(clock, now) <= max(target / 5, min(_HOUR, target / 2))


def state_of(clock: sla_pb2.Clock, now: datetime) -> str:
    """The key of macros `sla` and `clock_card`: met, answered, running, risk, breached, paused."""
    if is_overdue(clock, now):
        return "breached"
    if clock.state == sla_pb2.CLOCK_STATE_PAUSED:
        return "paused"
    if clock.state == sla_pb2.CLOCK_STATE_RUNNING:
        return "risk" if is_at_risk(clock, now) else "running"
    return "met" if clock.state == sla_pb2.CLOCK_STATE_MET and clock.kind == RESOLUTION else "answered"


def left_words(clock: sla_pb2.Clock, now: datetime) -> str:
    """How it stands, in two or three words: `3:19 left`, `0:18 over`, `Paused, 3:19 left`, `Met`."""
    time = formats.timer(remaining(clock, now))
    if clock.state == sla_pb2.CLOCK_STATE_CANCELLED:
        return str(gettext("Stopped"))
    if clock.state == sla_pb2.CLOCK_STATE_MET:
        return str(gettext("Answered in time") if clock.kind == RESPONSE else gettext("Done in time"))
    if clock.state == sla_pb2.CLOCK_STATE_MISSED:
        return str(gettext("%(time)s late", time=time))
    if is_overdue(clock, now):
        paused = clock.state == sla_pb2.CLOCK_STATE_PAUSED
        return str(gettext("%(time)s over, paused", time=time) if paused else gettext("%(time)s over", time=time))
    if clock.state == sla_pb2.CLOCK_STATE_PAUSED:
        return str(gettext("Paused, %(time)s left", time=time))
    return str(gettext("%(time)s left", time=time))


def chip(clock: sla_pb2.Clock, now: datetime) -> dict[str, str]:
    """{"state", "text"} for macro `sla`."""
    return {"state": state_of(clock, now), "text": left_words(clock, now)}


def bar(clock: sla_pb2.Clock, reader: Reader, *, narrow: bool = False) -> dict[str, Any] | None:
    """The arguments of macro `segment_bar`: segments, label, now, now_text, end; None with nothing to draw.

    narrow: in a side column, where only the ends and the present have room for their times.
    """
    parts = _parts(clock, reader.now)
    total = sum(length for _, length, _ in parts)
    if total < 1:
        return None
    passed = sum(length for kind, length, _ in parts if kind != "left")
    stopped = is_stopped(clock)
    labelled = _LABELLED_SHARE if not narrow else 1.0
    segments: list[dict[str, Any]] = []
    begins, named = 0.0, -total
    for kind, length, at in parts:
        # The first time always stands; a later one needs room for itself and for the one before it.
        shown = not segments or (length / total > labelled and (begins - named) / total > labelled)
        segments.append({"kind": kind, "length": length, "at": reader.clock(at) if shown else ""})
        named = begins if shown else named
        begins += length
    end = instant(clock.stop_time) if clock.HasField("stop_time") else None
    if end is None and parts[-1][0] == "left":
        end = instant(clock.due_time)
    share = passed / total
    return {
        "segments": segments,
        "label": " ".join([f"{left_words(clock, reader.now)}.", *pauses(clock, reader)]),
        "now": None if stopped else passed,
        # Near an end the time of the present would cover the time of that end.
        "now_text": ""
        if stopped or share < _MARKED_SHARE
        else str(gettext("now %(time)s", time=reader.clock(reader.now))),
        "end": reader.near(end) if end is not None and (stopped or share < 1 - _MARKED_SHARE / 2) else "",
    }


def legend(clock: sla_pb2.Clock, reader: Reader) -> list[dict[str, str]]:
    """The rows of macro `segment_legend`: how long each kind of time was, and whether it counts."""
    texts = {
        "run": (gettext("worked on, in service hours"), gettext("counts")),
        "over": (gettext("past the promise"), gettext("counts")),
        "wait": (gettext("paused"), gettext("does not count")),
        "off": (gettext("outside service hours"), gettext("does not count")),
    }
    lengths: dict[str, float] = {}
    for kind, length, _ in _parts(clock, reader.now):
        lengths[kind] = lengths.get(kind, 0.0) + length
    return [
        {
            "kind": kind,
            "length": formats.timer(timedelta(minutes=lengths[kind])),
            "text": str(text),
            "verdict": str(verdict),
        }
        for kind, (text, verdict) in texts.items()
        if lengths.get(kind, 0.0) >= 1
    ]


def pauses(clock: sla_pb2.Clock, reader: Reader) -> list[str]:
    """One sentence for each pause: when, how long and what for; several old ones that were summed up are one."""
    told = []
    segments = [*clock.segments, *([clock.current] if clock.HasField("current") else [])]
    for segment in segments:
        if segment.kind != sla_pb2.SEGMENT_KIND_PAUSED:
            continue
        start = instant(segment.start_time)
        end = instant(segment.end_time) if segment.HasField("end_time") else None
        length = (end or reader.now) - start
        if length < _MINUTE:
            continue
        words = {"length": reader.length(length), "when": reader.stretch(start, end), "num": segment.merged_count}
        awaits = segment.ticket_state == ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
        if segment.merged_count:
            told.append(gettext("Paused %(num)s times before, %(length)s in all.", **words))
        elif end is None:
            told.append(
                gettext("Paused since %(since)s for your answer, %(length)s so far.", since=reader.near(start), **words)
                if awaits
                else gettext(
                    "Paused since %(since)s for somebody else, %(length)s so far.", since=reader.near(start), **words
                )
            )
        elif awaits:
            told.append(gettext("%(when)s: paused %(length)s for your answer.", **words))
        else:
            told.append(gettext("%(when)s: paused %(length)s for somebody else.", **words))
    return [str(sentence) for sentence in told]


def _parts(clock: sla_pb2.Clock, now: datetime) -> list[tuple[str, float, datetime]]:
    """(kind of macro `segment_bar`, minutes, start) in order: what was, what is, and what is left to the due time."""
    breach = instant(clock.breach_time) if clock.HasField("breach_time") else None
    parts: list[tuple[str, float, datetime]] = []
    for segment in clock.segments:
        start, end = instant(segment.start_time), instant(segment.end_time)
        parts += _split(_RUNS[segment.kind], start, end, None if segment.merged_count else breach)
    if not clock.HasField("current") or is_stopped(clock):
        return _told(parts)
    start, kind = instant(clock.current.start_time), _RUNS[clock.current.kind]
    if kind != "run":
        return _told([*parts, *_split(kind, start, now, None)])
    parts += _running(clock, start, now, breach) if clock.HasField("remaining") else _split("run", start, now, breach)
    if clock.HasField("due_time"):
        parts += _split("left", now, instant(clock.due_time), None)
    return _told(parts)


def _running(
    clock: sla_pb2.Clock, start: datetime, now: datetime, breach: datetime | None
) -> list[tuple[str, float, datetime]]:
    """What a running clock did since its last turn. Closed hours in between are not told apart, only how long they
    were: they stand last, before the breach and after it."""
    left = remaining(clock, now)
    ran = clock.target.ToTimedelta() - left - clock.elapsed.ToTimedelta()
    middle = min(max(start, breach), now) if breach is not None else now
    over = min(ran, max(-left, timedelta())) if breach is not None else timedelta()
    stop, stop_over = min(start + (ran - over), middle), min(middle + over, now)
    return [
        *_split("run", start, stop, None),
        *_split("off", stop, middle, None),
        *_split("over", middle, stop_over, None),
        *_split("off", stop_over, now, None),
    ]


def _split(kind: str, start: datetime, end: datetime, breach: datetime | None) -> list[tuple[str, float, datetime]]:
    """A stretch of time; the part of a running one past the breach is `over`."""
    if kind == "run" and breach is not None and breach < end:
        middle = max(start, breach)
        return [("run", (middle - start) / _MINUTE, start), ("over", (end - middle) / _MINUTE, middle)]
    return [(kind, (end - start) / _MINUTE, start)]


def _told(parts: list[tuple[str, float, datetime]]) -> list[tuple[str, float, datetime]]:
    """Without what is too narrow to be drawn, and neighbours of one kind joined."""
    total = sum(max(length, 0.0) for _, length, _ in parts)
    joined: list[tuple[str, float, datetime]] = []
    for kind, length, at in parts:
        if length < max(0.5, total * _DRAWN_SHARE):
            continue
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + length, joined[-1][2])
        else:
            joined.append((kind, length, at))
    return joined
