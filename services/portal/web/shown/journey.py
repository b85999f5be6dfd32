"""The timeline of a ticket as its through-line: what was, what is now, what it waits for, and whose time it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.reader import Reader, instant

Entries = Sequence[tickets_service_pb2.TimelineEntry]
Entry = tickets_service_pb2.TimelineEntry

# Told in the conversation, among the files, or of no use to whoever follows the ticket.
_ELSEWHERE = ("CommentAdded", "AttachmentAdded", "TicketLinked", "TicketUnlinked", "TicketImported", "")
# With these somebody of ours begins to work; after any other step who works is told apart from it.
_TAKES_UP = ("TicketStarted", "TicketResumed")
_WAITS = (ticket_pb2.TICKET_STATE_AWAITING_REQUESTER, ticket_pb2.TICKET_STATE_ON_HOLD)
_OURS = (ticket_pb2.TICKET_STATE_NEW, ticket_pb2.TICKET_STATE_IN_PROGRESS)
# What was decided in one go is one step.
_TOGETHER = timedelta(seconds=90)
_NOTED = timedelta(minutes=1)


def journey(
    entries: Entries, ticket: ticket_pb2.Ticket, reader: Reader, *, paused: bool = False
) -> list[dict[str, Any]]:
    """The steps of macro `journey`, newest first.

    entries: oldest first, as the service lists them. paused: whether the clock stands now.
    """
    told = [entry for entry in entries if entry.kind not in _ELSEWHERE]
    groups = _grouped(told)
    steps = []
    for index, group in enumerate(groups):
        following = groups[index + 1] if index + 1 < len(groups) else None
        steps.append(_step(group, following, ticket, reader))
    if ticket.state == ticket_shown.NEW and not ticket.team:
        steps.append({"state": "now", "title": str(gettext("The service desk reads it"))})
    elif ticket.state == ticket_shown.RESOLVED:
        own = ticket_shown.is_own(ticket, reader)
        turn = gettext("Your turn: does it work?") if own else gettext("The requester looks whether it works")
        present = {"state": "now", "title": str(turn)}
        if ticket.HasField("auto_close_time"):
            closes = reader.near(instant(ticket.auto_close_time))
            present["detail"] = str(gettext("Closes by itself %(time)s", time=closes))
        steps.append(present)
    elif ticket.state == ticket_shown.IN_PROGRESS and steps and told[-1].kind not in _TAKES_UP:
        works = gettext("%(name)s works on it", name=ticket_shown.hands(ticket, reader))
        steps.append({"state": "now", "title": str(works)})
    elif steps and ticket.state in ticket_shown.OPEN:
        _mark_present(steps[-1], told[-1], ticket, reader, paused=paused)
    for step in steps:
        step["title"] = reader.spaced(step["title"])
    return steps[::-1]


def conversation(entries: Entries, ticket: ticket_pb2.Ticket, reader: Reader) -> list[dict[str, Any]]:
    """The messages of macro `talk`, oldest first: comments, questions and answers, without a question still open."""
    about = {
        "RequesterAsked": gettext("asked"),
        "QuestionAnswered": gettext("answered"),
        "CommentAdded": "",
    }
    asked = [entry.id for entry in entries if entry.kind == "RequesterAsked"]
    open_question = asked[-1] if asked and ticket.state == ticket_shown.AWAITING else None
    return [
        {
            "name": reader.called(entry.actor),
            "tint": "experience" if entry.actor == reader.sub else "ok",
            "about": str(about[entry.kind]),
            "time": reader.near(instant(entry.time)),
            "text": entry.text,
            "internal": entry.visibility == ticket_pb2.VISIBILITY_INTERNAL,
        }
        for entry in entries
        if entry.kind in about and entry.text and entry.id != open_question
    ]


def hands(entries: Entries, now: datetime) -> tuple[timedelta, timedelta]:
    """Wall time in our hands and wall time waiting for the requester or somebody else, until it was solved or now."""
    ours, waiting = timedelta(), timedelta()
    known = [entry for entry in entries if entry.state]
    for index, entry in enumerate(known):
        until = instant(known[index + 1].time) if index + 1 < len(known) else now
        length = max(until - instant(entry.time), timedelta())
        if entry.state in _OURS:
            ours += length
        elif entry.state in _WAITS:
            waiting += length
    return ours, waiting


def hands_words(entries: Entries, reader: Reader) -> str:
    """`53 min in our hands, 2 h 25 waiting`."""
    ours, waiting = hands(entries, reader.now)
    if waiting < _NOTED:
        return str(gettext("%(ours)s in our hands", ours=reader.length(ours)))
    return str(
        gettext("%(ours)s in our hands, %(waiting)s waiting", ours=reader.length(ours), waiting=reader.length(waiting))
    )


def _grouped(entries: Entries) -> list[list[Entry]]:
    """Sorting and giving to a team, and taking it over and starting, are one step when one follows at once."""
    together = {"TicketTriaged", "TicketAssigned", "TicketStarted"}
    groups: list[list[Entry]] = []
    for entry in entries:
        last = groups[-1][-1] if groups else None
        near = last is not None and instant(entry.time) - instant(last.time) <= _TOGETHER
        if last is not None and near and entry.kind in together and last.kind in together and entry.actor == last.actor:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def _step(
    group: list[Entry], following: list[Entry] | None, ticket: ticket_pb2.Ticket, reader: Reader
) -> dict[str, Any]:
    first, last = group[0], group[-1]
    start = instant(first.time)
    step: dict[str, Any] = {"state": "done", "title": _title(group, reader), "time": reader.near(start)}
    if first.kind == "TicketOpened":
        step["quote"] = {"text": first.text} if first.text else None
        return step
    if last.kind in ("RequesterAsked", "TicketHeld") and following is not None:
        until = instant(following[0].time)
        if until - start >= _NOTED:
            step["time"] = reader.stretch(start, until)
            step["detail"] = str(gettext("%(length)s waiting", length=reader.length(until - start)))
    if last.kind in ("TicketHeld", "TicketReopened", "TicketCancelled") and last.text:
        step["quote"] = {"text": last.text}
    elif last.kind == "TicketResolved":
        step["detail"] = ticket_shown.resolution_words(_code(last.detail))
        step["quote"] = {"text": last.text} if last.text else None
    elif last.kind in ("TicketStarted", "TicketAssigned") and not step.get("detail"):
        waited = start - instant(ticket.open_time)
        first_start = last.kind == "TicketStarted" and ticket.reopens == 0
        if first_start and waited >= _NOTED:
            step["detail"] = str(gettext("%(length)s after it was filed", length=reader.length(waited)))
    return step


def _title(group: list[Entry], reader: Reader) -> str:
    kinds = {entry.kind for entry in group}
    last = group[-1]
    who = reader.called(last.actor)
    yours = last.actor == reader.sub
    team = reader.called(last.team) if last.team else ""
    if last.kind == "TicketOpened":
        return str(gettext("You filed it") if yours else gettext("%(name)s filed it", name=who))
    if "TicketStarted" in kinds:
        return str(gettext("%(name)s took it", name=reader.called(last.assignee or last.actor)))
    if "TicketAssigned" in kinds:
        moved = any(entry.kind == "TicketAssigned" and entry.previous_team not in ("", last.team) for entry in group)
        if moved:
            return str(gettext("Passed on to %(team)s", team=team))
        if last.assignee:
            return str(gettext("Given to %(name)s, %(team)s", name=reader.called(last.assignee), team=team))
        return str(gettext("Given to %(team)s", team=team))
    if last.kind == "TicketTriaged":
        return str(gettext("Sorted: priority %(level)s of 4", level=last.priority))
    if last.kind == "RequesterAsked":
        return str(gettext("%(name)s asked something", name=who))
    if last.kind == "QuestionAnswered":
        return str(gettext("You answered") if yours else gettext("%(name)s answered", name=who))
    if last.kind == "TicketHeld":
        return str(gettext("Waited for %(name)s", name=reader.called(last.detail)))
    told = {
        "ImpactStartSet": gettext("%(name)s said when the impact began", name=who),
        "TicketResumed": gettext("%(name)s goes on", name=who),
        "TicketResolved": gettext("%(name)s solved it", name=who),
        "TicketClosed": _closed(last.actor, reader),
        "TicketReopened": gettext("You said it is not solved")
        if yours
        else gettext("%(name)s said it is not solved", name=who),
        "TicketCancelled": gettext("You withdrew it") if yours else gettext("%(name)s withdrew it", name=who),
    }
    return str(told.get(last.kind, gettext("%(name)s changed it", name=who)))


def _closed(actor: str, reader: Reader) -> str:
    if actor == reader.sub:
        return str(gettext("You closed it"))
    return ticket_shown.closed_words(actor, reader)


def _mark_present(
    step: dict[str, Any], entry: Entry, ticket: ticket_pb2.Ticket, reader: Reader, *, paused: bool
) -> None:
    """Turns the newest step into what is going on now."""
    since = f"{reader.near(instant(entry.time))} –"
    if ticket.state == ticket_shown.AWAITING:
        own = ticket_shown.is_own(ticket, reader)
        step["title"] = str(
            gettext("Waiting for you") if own else gettext("Waiting for %(name)s", name=reader.called(ticket.requester))
        )
        asker = reader.called(ticket.question.asker)
        about = [reader.called(ticket.team) if ticket.team else "", reader.clock(instant(ticket.question.ask_time))]
        quote = {"name": asker, "tint": "efficiency", "about": " · ".join(filter(None, about))}
        step["quote"] = {**quote, "text": ticket.question.text}
    elif ticket.state == ticket_shown.ON_HOLD:
        step["title"] = str(gettext("Waiting for %(name)s", name=reader.called(ticket.hold.unblocker)))
        step["quote"] = {"text": ticket.hold.note}
    if ticket.state in (ticket_shown.AWAITING, ticket_shown.ON_HOLD):
        step.update(state="waiting", time=since, detail="")
        if paused:
            step["chip"] = {"text": str(gettext("Clock paused")), "tone": "pause", "icon": "pause"}
        return
    step["state"] = "now"
    if ticket.state == ticket_shown.IN_PROGRESS:
        step.update(title=str(gettext("%(name)s works on it", name=ticket_shown.hands(ticket, reader))), time=since)


def _code(name: str) -> int:
    found = ticket_pb2.ResolutionCode.DESCRIPTOR.values_by_name.get(name)
    return found.number if found is not None else 0
