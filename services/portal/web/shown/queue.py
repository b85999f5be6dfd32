"""The agent's queue and the clock of a ticket as its worker sees them: order, rows, what counted and what did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import formats
from services.portal.web.shown import clock as clocks_shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import why
from services.portal.web.shown.reader import Reader, instant, last_part

Clocks = Mapping[str, sla_pb2.TicketClocks]


def urgent(clocks: sla_pb2.TicketClocks | None, now: datetime) -> sla_pb2.Clock | None:
    """The clock that a row shows: the response's while nobody has answered, else the resolution's; None without one."""
    first = clocks_shown.find(clocks, clocks_shown.RESPONSE)
    last = clocks_shown.find(clocks, clocks_shown.RESOLUTION)
    if last is not None and clocks_shown.is_overdue(last, now):
        return last
    if first is not None and not clocks_shown.is_stopped(first):
        return first
    return last or first


def ordered(tickets: Iterable[ticket_pb2.Ticket], clocks: Clocks, now: datetime) -> list[ticket_pb2.Ticket]:
    """Broken promises first, then by priority (what nobody has weighed yet goes before all), then the oldest."""

    def place(ticket: ticket_pb2.Ticket) -> tuple[bool, int, int]:
        clock = urgent(clocks.get(ticket.name), now)
        late = clock is not None and not clocks_shown.is_stopped(clock) and clocks_shown.is_overdue(clock, now)
        return (not late, ticket.priority, ticket.open_time.ToMilliseconds())

    return sorted(tickets, key=place)


def row(
    ticket: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, reader: Reader, *, href: str, current: bool
) -> dict[str, Any]:
    """One row of macro `queue`; its clock is None while nothing is promised."""
    clock = urgent(clocks, reader.now)
    return {
        "href": href,
        "severity": ticket.priority,
        "title": ticket.title,
        "id": ticket_shown.number(ticket),
        "about": about(ticket, reader),
        "clock": short(clock, reader.now) if clock is not None else None,
        "current": current,
        "unseen": ticket.state == ticket_shown.NEW,
    }


def short(clock: sla_pb2.Clock, now: datetime) -> dict[str, str]:
    """The chip of a row, in the fewest words: a pause hides the time left, an answered one says so."""
    shown = clocks_shown.chip(clock, now)
    if shown["state"] == "paused":
        return shown | {"text": str(gettext("Paused"))}
    return shown


def about(ticket: ticket_pb2.Ticket, reader: Reader) -> str:
    """Whom it waits for, or who has it, in a few words."""
    if ticket.state == ticket_shown.AWAITING:
        return str(gettext("on requester"))
    if ticket.state == ticket_shown.ON_HOLD:
        return str(gettext("on %(name)s", name=reader.called(ticket.hold.unblocker)))
    if ticket.assignee:
        return str(gettext("yours")) if ticket.assignee == reader.sub else reader.called(ticket.assignee)
    return str(gettext("nobody has it"))


def card(ticket: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, reader: Reader) -> dict[str, Any] | None:
    """The clock card: state, left, promise, reply (a chip or None), bar and legend; None without a promise."""
    clock = clocks_shown.leading(clocks)
    if clock is None or clocks is None:
        return None
    legend = rows(clock, clocks, reader)
    bar = clocks_shown.bar(clock, reader)
    left = left_words(clock, reader)
    if bar is not None:
        spoken = (f"{one['text']} {one['length']} ({one['verdict']})" for one in legend)
        bar["label"] = f"{left}. {', '.join(spoken)}."
    return {
        "state": clocks_shown.state_of(clock, reader.now),
        "left": left,
        "promise": " ".join(filter(None, (promise(clock, ticket, reader), why.warning(clock.unverified_years)))),
        "reply": reply(clocks_shown.find(clocks, clocks_shown.RESPONSE), reader)
        if clock.kind != clocks_shown.RESPONSE
        else None,
        "bar": bar,
        "legend": legend,
    }


def left_words(clock: sla_pb2.Clock, reader: Reader) -> str:
    """How much time is left, in words."""
    length = reader.hours(clocks_shown.remaining(clock, reader.now))
    if clock.state == sla_pb2.CLOCK_STATE_CANCELLED:
        return str(gettext("Stopped"))
    if clock.state == sla_pb2.CLOCK_STATE_MET:
        return str(gettext("Done in time"))
    if clock.state == sla_pb2.CLOCK_STATE_MISSED:
        return str(gettext("%(length)s late", length=length))
    paused = clock.state == sla_pb2.CLOCK_STATE_PAUSED
    if clocks_shown.is_overdue(clock, reader.now):
        return str(
            gettext("%(length)s over, paused", length=length) if paused else gettext("%(length)s over", length=length)
        )
    return str(
        gettext("Paused, %(length)s left", length=length) if paused else gettext("%(length)s left", length=length)
    )


def promise(clock: sla_pb2.Clock, ticket: ticket_pb2.Ticket, reader: Reader) -> str:
    """What was promised, until when, and why the clock stands when it does."""
    length = reader.hours(clock.target.ToTimedelta())
    if clock.state == sla_pb2.CLOCK_STATE_PAUSED:
        who = ticket.requester if ticket.state == ticket_shown.AWAITING else ticket.hold.unblocker
        if who:
            return str(gettext("until %(name)s answers; promise %(length)s", name=reader.called(who), length=length))
        return str(gettext("promise %(length)s", length=length))
    if clock.state == sla_pb2.CLOCK_STATE_RUNNING and clock.HasField("due_time"):
        words = {"time": reader.near(instant(clock.due_time)), "length": length}
        if ticket.type == ticket_pb2.TICKET_TYPE_REQUEST:
            return str(gettext("Deliver by %(time)s, promise %(length)s in service hours", **words))
        return str(gettext("Restore by %(time)s, promise %(length)s in service hours", **words))
    return str(gettext("promise %(length)s in service hours", length=length))


def reply(clock: sla_pb2.Clock | None, reader: Reader) -> dict[str, str] | None:
    """The chip of the first reply: how long it took or how long is left."""
    if clock is None:
        return None
    used = reader.hours(clock.elapsed.ToTimedelta())
    if clock.state == sla_pb2.CLOCK_STATE_MET:
        return {"state": "met", "text": str(gettext("First reply %(length)s, met", length=used))}
    if clock.state == sla_pb2.CLOCK_STATE_MISSED:
        return {"state": "breached", "text": str(gettext("First reply %(length)s, late", length=used))}
    if clock.state == sla_pb2.CLOCK_STATE_CANCELLED:
        return None
    left = reader.hours(clocks_shown.remaining(clock, reader.now))
    late = clocks_shown.is_overdue(clock, reader.now)
    text = (
        gettext("First reply %(length)s over", length=left)
        if late
        else gettext("First reply in %(length)s", length=left)
    )
    return {"state": clocks_shown.state_of(clock, reader.now), "text": str(text)}


def rows(clock: sla_pb2.Clock, clocks: sla_pb2.TicketClocks, reader: Reader) -> list[dict[str, str]]:
    """The rows of macro `segment_legend`: pauses apart by whom they waited for, closed hours with their calendar."""
    shown = []
    for one in clocks_shown.legend(clock, reader):
        if one["kind"] == "run":
            shown.append(one | {"text": str(gettext("Running"))})
        elif one["kind"] == "off":
            calendar = f"{last_part(clocks.calendar)} v{clocks.calendar_version}"
            shown.append(one | {"text": str(gettext("Outside service hours (calendar %(name)s)", name=calendar))})
        elif one["kind"] == "wait":
            shown += _waits(clock, one, reader)
        else:
            shown.append(one)
    return shown


def _waits(clock: sla_pb2.Clock, total: Mapping[str, str], reader: Reader) -> list[dict[str, str]]:
    lengths: dict[bool, timedelta] = {}
    for segment in [*clock.segments, *([clock.current] if clock.HasField("current") else [])]:
        if segment.kind == sla_pb2.SEGMENT_KIND_PAUSED:
            end = instant(segment.end_time) if segment.HasField("end_time") else reader.now
            asked = segment.ticket_state == ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
            lengths[asked] = lengths.get(asked, timedelta()) + (end - instant(segment.start_time))
    words = {True: gettext("On the requester"), False: gettext("On somebody else")}
    return [
        dict(total) | {"length": formats.timer(length), "text": str(words[asked])} for asked, length in lengths.items()
    ]
