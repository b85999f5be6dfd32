"""Why is it due then: a sentence for each stretch of a clock, with the event behind it, and what was judged before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.shown import clock as clocks_shown
from services.portal.web.shown import hours as hours_shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.reader import Reader, instant
from services.runtime.worktime import CalendarVersion

Entry = tickets_service_pb2.TimelineEntry
_RUNNING, _PAUSED, _CLOSED = (
    sla_pb2.SEGMENT_KIND_RUNNING,
    sla_pb2.SEGMENT_KIND_PAUSED,
    sla_pb2.SEGMENT_KIND_CLOSED,
)
_KINDS = {_RUNNING: "run", _PAUSED: "wait", _CLOSED: "off"}


@dataclass(frozen=True, slots=True)
class _Told:
    """What the sentences are made of: the ticket, its events by id, the hours that its clocks run by, the reader."""

    ticket: ticket_pb2.Ticket
    events: Mapping[str, Entry]
    hours: CalendarVersion | None
    reader: Reader

    @property
    def requester(self) -> str:
        """How the requester is called in a sentence."""
        return self.reader.called(self.ticket.requester) if self.ticket.requester else str(gettext("the requester"))

    @property
    def opened(self) -> datetime:
        """When it was filed: a clock that has counted before did so from the start of the impact."""
        return instant(self.ticket.open_time)

    @property
    def is_own(self) -> bool:
        """Whether the reader is the one who is waited for."""
        return bool(self.ticket.requester) and self.ticket.requester == self.reader.sub


def stories(
    clocks: sla_pb2.TicketClocks | None,
    calendar: sla_pb2.Calendar | None,
    ticket: ticket_pb2.Ticket,
    entries: Iterable[Entry],
    reader: Reader,
) -> list[dict[str, Any]]:
    """For each clock {"title", "sum", "sentences": [{"kind", "when", "text"}], "verdicts": [text], "warning"}.

    The clock that says when it is done comes first. calendar: None when it cannot be asked for; closed hours have no
    name then. entries: the timeline that the reader may see.
    """
    if clocks is None:
        return []
    hours = hours_shown.version(calendar) if calendar is not None else None
    told = _Told(ticket, {one.id: one for one in entries}, hours, reader)
    leading = clocks_shown.leading(clocks)
    ordered = sorted(clocks.clocks, key=lambda one: (one is not leading and one != leading, one.kind))
    return [
        {
            "title": title(one.kind),
            "sum": _sum(one, told),
            "sentences": list(_sentences(one, told)),
            "verdicts": [_verdict(verdict, told) for verdict in one.verdicts],
            "warning": warning(one.unverified_years),
        }
        for one in ordered
    ]


def title(kind: int) -> str:
    """What a kind of clock measures, as a heading."""
    words: dict[int, str] = {
        sla_pb2.CLOCK_KIND_RESPONSE: gettext("First answer"),
        sla_pb2.CLOCK_KIND_RESOLUTION: gettext("Done"),
        sla_pb2.CLOCK_KIND_UPDATE: gettext("Next word from us"),
        sla_pb2.CLOCK_KIND_OPERATIONAL: gettext("Time in a team's hands"),
        sla_pb2.CLOCK_KIND_UNDERPINNING: gettext("Time with the supplier"),
    }
    return str(words.get(kind, ""))


def warning(years: Iterable[int]) -> str:
    """What stands beside a due time in a year whose holidays nobody has confirmed; "" when all are."""
    named = ", ".join(str(year) for year in years)
    if not named:
        return ""
    return str(
        gettext("The public holidays of %(years)s are not confirmed yet: this time may still move.", years=named)
    )


def event_words(entry: Entry | None, reader: Reader) -> str:
    """Who did what, as the reason of a stretch; in general words for an event that the reader does not see."""
    known: Mapping[str, Callable[..., Any]] = {
        "TicketOpened": lambda name: gettext("%(name)s filed it", name=name),
        "TicketTriaged": lambda name: gettext("%(name)s set its priority", name=name),
        "ImpactStartSet": lambda name: gettext("%(name)s said when the impact began", name=name),
        "TicketAssigned": lambda name: gettext("%(name)s handed it over", name=name),
        "TicketStarted": lambda name: gettext("%(name)s began to work on it", name=name),
        "RequesterAsked": lambda name: gettext("%(name)s asked a question", name=name),
        "QuestionAnswered": lambda name: gettext("%(name)s answered", name=name),
        "TicketHeld": lambda name: gettext("%(name)s put it on hold", name=name),
        "TicketResumed": lambda name: gettext("%(name)s took it up again", name=name),
        "TicketReopened": lambda name: gettext("%(name)s opened it again", name=name),
        "TicketResolved": lambda name: gettext("%(name)s solved it", name=name),
        "TicketClosed": lambda name: gettext("%(name)s closed it", name=name),
        "TicketCancelled": lambda name: gettext("%(name)s withdrew it", name=name),
        "CommentAdded": lambda name: gettext("%(name)s wrote", name=name),
    }
    words = known.get(entry.kind) if entry is not None else None
    if entry is None or words is None:
        return str(gettext("the ticket changed"))
    name = reader.called(entry.actor) if entry.actor.startswith("people/") else str(gettext("the system"))
    return reader.spaced(str(words(name)))


def _sum(clock: sla_pb2.Clock, told: _Told) -> str:
    """The whole in one sentence: what is promised, how much of it is used, and until when."""
    reader = told.reader
    target = reader.hours(clock.target.ToTimedelta())
    used = reader.hours(clock.target.ToTimedelta() - clocks_shown.remaining(clock, reader.now))
    if clocks_shown.is_stopped(clock):
        used = reader.hours(clock.elapsed.ToTimedelta())
        return str(
            gettext("%(target)s of service time were promised and %(used)s were used.", target=target, used=used)
        )
    if clock.HasField("breach_time"):
        words = {"target": target, "time": reader.near(instant(clock.breach_time))}
        return str(gettext("%(target)s of service time were promised; they were used up at %(time)s.", **words))
    words = {"target": target, "used": used}
    if clock.state == sla_pb2.CLOCK_STATE_PAUSED:
        return str(gettext("%(target)s of service time are promised, %(used)s are used; it stands still now.", **words))
    if not clock.HasField("due_time"):
        return str(gettext("%(target)s of service time are promised; the calendar has no hours for it.", **words))
    words["time"] = reader.near(instant(clock.due_time))
    return str(
        gettext("%(target)s of service time are promised, %(used)s are used; the rest ends at %(time)s.", **words)
    )


def _sentences(clock: sla_pb2.Clock, told: _Told) -> Iterator[dict[str, str]]:
    """What was, what is, and, while it runs, what is still to come."""
    causes: set[str] = set()
    for segment in clock.segments:
        start, end = instant(segment.start_time), instant(segment.end_time)
        yield _sentence(clock, segment, start, end, told, again=segment.cause in causes)
        if start >= told.opened:
            causes.add(segment.cause)
    if not clock.HasField("current") or clocks_shown.is_stopped(clock):
        return
    current, start = clock.current, instant(clock.current.start_time)
    if current.kind != _RUNNING:
        yield _sentence(clock, current, start, None, told, again=False)
        return
    end = max(told.reader.now, instant(clock.due_time)) if clock.HasField("due_time") else told.reader.now
    if told.hours is None:
        yield _sentence(clock, current, start, end, told, again=current.cause in causes)
        return
    for begin, stop, is_open in hours_shown.stretches(told.hours, start, end):
        kind = _RUNNING if is_open else _CLOSED
        part = sla_pb2.ClockSegment(kind=kind, cause=current.cause)
        yield _sentence(clock, part, begin, stop, told, again=current.cause in causes)
        causes.add(current.cause if is_open else "")


def _sentence(
    clock: sla_pb2.Clock,
    segment: sla_pb2.ClockSegment,
    start: datetime,
    end: datetime | None,
    told: _Told,
    *,
    again: bool,
) -> dict[str, str]:
    """again: an earlier stretch has the same cause, so that this one began because the hours did."""
    reader = told.reader
    if segment.merged_count:
        length = reader.length((end or reader.now) - start)
        words = {"num": segment.merged_count, "length": length}
        texts = {
            _RUNNING: gettext("%(num)s earlier stretches that counted, %(length)s in all.", **words),
            _PAUSED: gettext("%(num)s earlier pauses, %(length)s in all.", **words),
            _CLOSED: gettext("%(num)s earlier times outside service hours, %(length)s in all.", **words),
        }
        return {"kind": _KINDS[segment.kind], "when": "", "text": str(texts[segment.kind])}
    if segment.kind == _CLOSED:
        text = _closed(start, end or reader.now, told)
    elif segment.kind == _PAUSED:
        text = _paused(clock, segment, told)
    elif start > reader.now:
        text = str(gettext("Will count: service hours."))
    elif start < told.opened:
        text = str(gettext("Counts: the impact had begun before it was filed."))
    elif again:
        text = str(gettext("Counts: service hours begin."))
    else:
        event = event_words(told.events.get(segment.cause), reader)
        text = str(gettext("Counts, because %(event)s.", event=event))
    return {"kind": _KINDS[segment.kind], "when": reader.stretch(start, end), "text": reader.spaced(text)}


def _closed(start: datetime, end: datetime, told: _Told) -> str:
    words = hours_shown.closed_words(told.hours, start, end, told.reader) if told.hours is not None else ""
    if not words:
        return str(gettext("Does not count: outside service hours."))
    return str(gettext("Does not count: %(why)s.", why=words))


def _paused(clock: sla_pb2.Clock, segment: sla_pb2.ClockSegment, told: _Told) -> str:
    event = event_words(told.events.get(segment.cause), told.reader)
    if clock.kind == sla_pb2.CLOCK_KIND_OPERATIONAL and segment.team != (clock.team or segment.team or "-"):
        if not segment.team:
            return str(gettext("Does not count: no team has it (%(event)s).", event=event))
        team = told.reader.called(segment.team)
        return str(gettext("Does not count: %(team)s has it (%(event)s).", team=team, event=event))
    if segment.ticket_state == ticket_pb2.TICKET_STATE_AWAITING_REQUESTER:
        if told.is_own:
            return str(gettext("Paused: we wait for your answer (%(event)s).", event=event))
        return str(gettext("Paused: we wait for %(name)s to answer (%(event)s).", name=told.requester, event=event))
    if segment.ticket_state == ticket_pb2.TICKET_STATE_ON_HOLD:
        return str(
            gettext(
                "Paused: it waits for %(what)s (%(event)s).",
                what=ticket_shown.hold_words(segment.hold_reason),
                event=event,
            )
        )
    if clock.kind == sla_pb2.CLOCK_KIND_UNDERPINNING:
        return str(gettext("Does not count: it is not with the supplier (%(event)s).", event=event))
    if segment.ticket_state in (ticket_pb2.TICKET_STATE_RESOLVED, ticket_pb2.TICKET_STATE_CLOSED):
        return str(gettext("Does not count: it was solved (%(event)s).", event=event))
    return str(gettext("Paused (%(event)s).", event=event))


def _verdict(one: sla_pb2.ClockVerdict, told: _Told) -> str:
    """What was judged, until when, and because of which event it is another now."""
    reader = told.reader
    words = {
        "time": reader.near(instant(one.supersede_time)),
        "event": event_words(told.events.get(one.superseded_by), reader),
        "used": reader.hours(one.elapsed.ToTimedelta()),
        "target": reader.hours(one.target.ToTimedelta()),
    }
    if one.HasField("breach_time"):
        words["breach"] = reader.near(instant(one.breach_time))
        text = gettext("Judged late until %(time)s: %(target)s used up at %(breach)s. Then %(event)s.", **words)
    else:
        text = gettext("Judged in time until %(time)s: %(used)s of %(target)s used. Then %(event)s.", **words)
    return reader.spaced(str(text))
