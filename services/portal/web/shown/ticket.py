"""A ticket as pages show it: its words, its chip and its line in a list. The four answers are in `answers`."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, pgettext
from throughline.sla.v1 import sla_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web.shown import clock as clocks_shown
from services.portal.web.shown.reader import Reader, instant, last_part

NEW = ticket_pb2.TICKET_STATE_NEW
IN_PROGRESS = ticket_pb2.TICKET_STATE_IN_PROGRESS
AWAITING = ticket_pb2.TICKET_STATE_AWAITING_REQUESTER
ON_HOLD = ticket_pb2.TICKET_STATE_ON_HOLD
RESOLVED = ticket_pb2.TICKET_STATE_RESOLVED
CLOSED = ticket_pb2.TICKET_STATE_CLOSED
CANCELLED = ticket_pb2.TICKET_STATE_CANCELLED
OPEN = (NEW, IN_PROGRESS, AWAITING, ON_HOLD)
ENDED = (RESOLVED, CLOSED, CANCELLED)


def number(ticket: ticket_pb2.Ticket) -> str:
    """`INC-000123`."""
    return last_part(ticket.name)


def is_own(ticket: ticket_pb2.Ticket, reader: Reader) -> bool:
    """Whether the reader filed it, or it was filed for the reader."""
    return bool(reader.sub) and reader.sub in (ticket.requester, ticket.opener)


def type_words(type_: int) -> str:
    """What kind of ticket."""
    return str(gettext("Request") if type_ == ticket_pb2.TICKET_TYPE_REQUEST else gettext("Incident"))


def state_words(state: int) -> str:
    """The state, in words that a requester uses."""
    words: dict[int, str] = {
        NEW: pgettext("state", "Received"),
        IN_PROGRESS: pgettext("state", "In work"),
        AWAITING: pgettext("state", "Waits for an answer"),
        ON_HOLD: pgettext("state", "Waiting"),
        RESOLVED: pgettext("state", "Solved"),
        CLOSED: pgettext("state", "Closed"),
        CANCELLED: pgettext("state", "Withdrawn"),
    }
    return str(words.get(state, gettext("Not known")))


def state_chip(ticket: ticket_pb2.Ticket, reader: Reader) -> dict[str, str]:
    """{"text", "tone", "icon"} for macro `chip`; an answer that the reader owes goes before the state."""
    if ticket.answers.owed_answers and is_own(ticket, reader):
        return {"text": str(gettext("You owe an answer")), "tone": "warn", "icon": "message-question"}
    looks: dict[int, tuple[str, str]] = {
        NEW: ("", "inbox"),
        IN_PROGRESS: ("ok", "loader-dash"),
        AWAITING: ("warn", "message-question"),
        ON_HOLD: ("pause", "pause"),
        RESOLVED: ("ok", "check-circle"),
        CLOSED: ("", "check"),
        CANCELLED: ("", "close"),
    }
    tone, icon = looks.get(ticket.state, ("", "info"))
    return {"text": state_words(ticket.state), "tone": tone, "icon": icon}


def channel_words(channel: int) -> str:
    """How it came in, to be said after who filed it and when; "" when that is not known."""
    words: dict[int, str] = {
        ticket_pb2.CHANNEL_PORTAL: gettext("on this page"),
        ticket_pb2.CHANNEL_EMAIL: gettext("by mail"),
        ticket_pb2.CHANNEL_CHAT: gettext("from chat"),
        ticket_pb2.CHANNEL_PHONE: gettext("by phone"),
        ticket_pb2.CHANNEL_WALK_UP: gettext("in person"),
        ticket_pb2.CHANNEL_API: gettext("by a program"),
        ticket_pb2.CHANNEL_MONITORING: gettext("by monitoring"),
    }
    return str(words.get(channel, ""))


def hold_words(reason: int) -> str:
    """What kind of thing a ticket on hold waits for."""
    words: dict[int, str] = {
        ticket_pb2.HOLD_REASON_VENDOR: gettext("a supplier"),
        ticket_pb2.HOLD_REASON_PROBLEM: gettext("the cause to be found"),
        ticket_pb2.HOLD_REASON_CHANGE: gettext("a change"),
        ticket_pb2.HOLD_REASON_EVIDENCE: gettext("evidence"),
    }
    return str(words.get(reason, gettext("something else")))


def resolution_words(code: int) -> str:
    """How it ended."""
    words: dict[int, str] = {
        ticket_pb2.RESOLUTION_CODE_FIXED: gettext("Fixed"),
        ticket_pb2.RESOLUTION_CODE_WORKAROUND: gettext("Works another way for now"),
        ticket_pb2.RESOLUTION_CODE_DELIVERED: gettext("Delivered"),
        ticket_pb2.RESOLUTION_CODE_NOT_REPRODUCED: gettext("Did not happen again"),
        ticket_pb2.RESOLUTION_CODE_DUPLICATE: gettext("Solved with another ticket"),
        ticket_pb2.RESOLUTION_CODE_NO_FAULT: gettext("No fault found"),
        ticket_pb2.RESOLUTION_CODE_IMPORTED: gettext("Taken over from the earlier system"),
    }
    return str(words.get(code, ""))


def hands(ticket: ticket_pb2.Ticket, reader: Reader) -> str:
    """Who works on it by name, the team in brackets of the sentence left out: assignee, else team, else the desk."""
    return reader.called(ticket.assignee or ticket.team or "teams/service-desk")


def row(ticket: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, reader: Reader) -> dict[str, Any]:
    """One line of a list: number, href, title, chip, detail (who and when), time of the last step, clock or None."""
    clock = clocks_shown.leading(clocks)
    return {
        "number": number(ticket),
        "href": f"/tickets/{number(ticket)}",
        "title": ticket.title,
        "chip": state_chip(ticket, reader),
        "detail": reader.spaced(_line(ticket, clocks, reader)),
        "updated": reader.near(instant(ticket.update_time)),
        "clock": clocks_shown.chip(clock, reader.now) if clock is not None else None,
    }


def _line(ticket: ticket_pb2.Ticket, clocks: sla_pb2.TicketClocks | None, reader: Reader) -> str:
    """Who and when in one line: `Lin Yu'an, by 15:20`."""
    if ticket.state == AWAITING and is_own(ticket, reader):
        return str(gettext("%(name)s waits for you", name=reader.called(ticket.question.asker)))
    if ticket.state == ON_HOLD:
        return str(gettext("Waits for %(name)s", name=reader.called(ticket.answers.next_name)))
    if ticket.state == RESOLVED:
        return str(gettext("Solved %(time)s; does it work?", time=reader.near(instant(ticket.resolve_time))))
    if ticket.state in ENDED:
        return state_words(ticket.state)
    clock = clocks_shown.leading(clocks)
    who = hands(ticket, reader)
    if clock is None or clocks_shown.is_stopped(clock) or not clock.HasField("due_time"):
        return who
    return str(gettext("%(name)s, by %(time)s", name=who, time=reader.near(instant(clock.due_time))))


def closed_words(actor: str, reader: Reader) -> str:
    """Who closed it, unless nobody had to."""
    if actor.startswith("system/"):
        return str(gettext("It closed by itself"))
    return str(gettext("%(name)s closed it", name=reader.called(actor)))
