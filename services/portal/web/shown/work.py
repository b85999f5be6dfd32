"""A ticket as who works on it sees it: where it stands, what may be done, what was said, and every entry in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask_babel import gettext, lazy_gettext
from throughline.portal.v1 import people_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.reader import Reader, instant, last_part
from services.portal.web.shown.ticket import AWAITING, CLOSED, IN_PROGRESS, NEW, ON_HOLD, RESOLVED

Entries = Sequence[tickets_service_pb2.TimelineEntry]
Entry = tickets_service_pb2.TimelineEntry

WORKERS = frozenset({"agent", "lead"})

RELATIONS: dict[int, Any] = {
    ticket_pb2.LINK_RELATION_RELATES_TO: lazy_gettext("relates to"),
    ticket_pb2.LINK_RELATION_DUPLICATES: lazy_gettext("is the same as"),
    ticket_pb2.LINK_RELATION_CAUSED_BY: lazy_gettext("is caused by"),
    ticket_pb2.LINK_RELATION_SOLVED_BY: lazy_gettext("is solved by"),
}
# By state: the act that comes next, acts beside it, and the rest.
_OFFERED: dict[int, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    NEW: ("take", ("assign", "ask"), ("triage", "date", "hold", "resolve", "link", "attach", "cancel")),
    IN_PROGRESS: ("resolve", ("assign", "ask"), ("take", "triage", "date", "hold", "link", "attach", "cancel")),
    AWAITING: ("resolve", ("assign", "resume"), ("take", "triage", "date", "link", "attach", "cancel")),
    ON_HOLD: ("resume", ("assign", "resolve"), ("take", "hold", "triage", "date", "link", "attach", "cancel")),
    RESOLVED: ("close", ("reopen",), ("date", "link", "attach")),
    CLOSED: ("", ("reopen",), ("link", "attach")),
}


def offered(ticket: ticket_pb2.Ticket, person: people_pb2.Person) -> tuple[str, list[str], list[str]]:
    """The act that comes next ("" for none), those beside it, and those in the menu; the service decides again."""
    if not WORKERS & set(person.roles):
        return "", [], []
    first, beside, rest = _OFFERED.get(ticket.state, ("", (), ("link",)))
    mine = ticket.assignee == person.name
    incident = ticket.type == ticket_pb2.TICKET_TYPE_INCIDENT
    more = [act for act in rest if not (act == "take" and mine) and (act != "date" or incident)]
    near = list(beside)
    if not ticket.priority and "triage" in more:
        more.remove("triage")
        near.insert(0, "triage")
    if ticket.state == NEW and mine:
        first = "start"
    return first, near, more


def offers() -> dict[str, dict[str, str]]:
    """The acts in words: text (of the button), title (of its form), go (the form's own button), icon, key."""
    looks: dict[str, tuple[str, str, str, str, str]] = {
        "take": (gettext("Take"), "", "", "hand", ""),
        "start": (gettext("Start"), "", "", "play", ""),
        "resume": (gettext("Resume"), "", "", "play", ""),
        "close": (gettext("Close ticket"), "", "", "check", ""),
        "triage": (gettext("Sort"), gettext("Sort the ticket"), gettext("Set the priority"), "filter", ""),
        "date": (gettext("Began earlier"), gettext("When the impact began"), gettext("Set the start"), "clock", ""),
        "assign": (gettext("Assign"), gettext("Give it to"), gettext("Assign the ticket"), "person-arrow", "A"),
        "ask": (gettext("Ask"), gettext("Ask the requester"), gettext("Send the question"), "person-question", "Q"),
        "hold": (gettext("Put on hold"), gettext("Put on hold"), gettext("Put the ticket on hold"), "pause", ""),
        "resolve": (gettext("Resolve"), gettext("Resolve"), gettext("Resolve the ticket"), "check", ""),
        "reopen": (gettext("Open again"), gettext("Open again"), gettext("Open the ticket again"), "undo", ""),
        "cancel": (gettext("Withdraw"), gettext("Withdraw"), gettext("Withdraw the ticket"), "close", ""),
        "link": (gettext("Link"), gettext("Link to something"), gettext("Add the link"), "link", ""),
        "attach": (gettext("Add a file"), gettext("Add a file"), gettext("Add the file"), "paperclip", ""),
    }
    keys = ("text", "title", "go", "icon", "key")
    return {verb: dict(zip(keys, map(str, look), strict=True)) for verb, look in looks.items()}


def stands(ticket: ticket_pb2.Ticket, reader: Reader) -> str:
    """Where it stands and who is next, in one sentence."""
    who = reader.called(ticket.answers.next_name) if ticket.answers.next_name else ""
    if ticket.state == AWAITING:
        since = reader.near(instant(ticket.question.ask_time))
        return str(
            gettext(
                "Waits for %(name)s since %(since)s: %(question)s",
                name=reader.called(ticket.requester),
                since=since,
                question=ticket.question.text,
            )
        )
    if ticket.state == ON_HOLD:
        words = {"since": reader.near(instant(ticket.hold.since_time)), "note": ticket.hold.note, "name": who}
        return str(gettext("On hold since %(since)s: %(note)s. %(name)s can unblock it.", **words))
    if ticket.state == RESOLVED:
        when = reader.near(instant(ticket.resolve_time))
        how = ticket_shown.resolution_words(ticket.resolution.code)
        return str(
            gettext("Solved %(when)s: %(how)s. Next: %(name)s says whether it works.", when=when, how=how, name=who)
        )
    if ticket.state in ticket_shown.ENDED:
        when = reader.near(instant(ticket.close_time if ticket.HasField("close_time") else ticket.update_time))
        return str(gettext("%(state)s %(when)s", state=ticket_shown.state_words(ticket.state), when=when))
    team = reader.called(ticket.team) if ticket.team else ""
    if ticket.assignee:
        return str(gettext("Next: %(name)s, %(team)s", name=who, team=team))
    return str(gettext("Next: %(name)s; nobody has it yet", name=who))


def talk(entries: Entries, ticket: ticket_pb2.Ticket, title: str, reader: Reader) -> list[dict[str, Any]]:
    """The messages of macro `talk`, oldest first, from the requester's own words on. title: the requester's."""
    words: Mapping[str, Any] = {
        "TicketOpened": f"{title} · {channel_words(ticket.channel)}".strip(" ·"),
        "CommentAdded": gettext("Public reply"),
        "RequesterAsked": gettext("asked the requester"),
        "QuestionAnswered": gettext("answered"),
        "TicketResolved": gettext("solved it"),
        "TicketReopened": gettext("says it is not solved"),
    }
    return [
        {
            "name": reader.called(entry.actor),
            "tint": "warn" if entry.actor == ticket.requester else "ok",
            "about": title
            if entry.kind == "CommentAdded" and entry.actor == ticket.requester
            else str(words[entry.kind]),
            "time": reader.near(instant(entry.time)),
            "text": entry.text,
            "internal": entry.visibility == ticket_pb2.VISIBILITY_INTERNAL,
        }
        for entry in entries
        if entry.kind in words and entry.text
    ]


def timeline(entries: Entries, reader: Reader) -> list[dict[str, Any]]:
    """Every entry as a step of macro `journey`, newest first."""
    steps = []
    for entry in reversed(entries):
        step: dict[str, Any] = {
            "state": "waiting" if entry.kind in ("TicketHeld", "RequesterAsked") else "done",
            "title": said(entry, reader),
            "time": reader.near(instant(entry.time)),
        }
        if entry.visibility == ticket_pb2.VISIBILITY_INTERNAL:
            step["chip"] = {"text": str(gettext("Internal note")), "tone": "warn", "icon": "lock"}
        if entry.text:
            step["quote"] = {"text": entry.text}
        steps.append(step)
    return steps


def said(entry: Entry, reader: Reader) -> str:
    """What happened, in words."""
    name, detail = reader.called(entry.actor), entry.detail
    if entry.kind == "TicketAssigned":
        return _assigned(entry, name, reader)
    if entry.kind == "TicketTriaged":
        words = {"name": name, "now": f"P{entry.priority}", "before": detail}
        changed = detail not in ("", words["now"])
        return str(
            gettext("%(name)s set %(now)s, it was %(before)s", **words)
            if changed
            else gettext("%(name)s set %(now)s", **words)
        )
    if entry.kind == "TicketResolved":
        code = ticket_pb2.ResolutionCode.DESCRIPTOR.values_by_name.get(detail)
        how = ticket_shown.resolution_words(code.number if code else 0)
        return str(gettext("%(name)s solved it: %(how)s", name=name, how=how))
    if entry.kind == "ImpactStartSet":
        if not detail:
            return str(gettext("%(name)s took back when the impact began", name=name))
        time = reader.near(datetime.fromisoformat(detail))
        return str(gettext("%(name)s said that the impact began %(time)s", name=name, time=time))
    told = {
        "TicketOpened": gettext("%(name)s filed it", name=name),
        "TicketStarted": gettext("%(name)s began to work on it", name=name),
        "RequesterAsked": gettext("%(name)s asked the requester", name=name),
        "QuestionAnswered": gettext("%(name)s answered: %(question)s", name=name, question=detail),
        "TicketHeld": gettext("%(name)s put it on hold; %(who)s can unblock it", name=name, who=reader.called(detail)),
        "TicketResumed": gettext("%(name)s took up the work again", name=name),
        "TicketClosed": ticket_shown.closed_words(entry.actor, reader),
        "TicketReopened": gettext("%(name)s opened it again", name=name),
        "TicketCancelled": gettext("%(name)s withdrew it", name=name),
        "CommentAdded": gettext("%(name)s wrote", name=name),
        "AttachmentAdded": gettext("%(name)s added the file %(file)s", name=name, file=detail),
        "TicketLinked": gettext("%(name)s linked it to %(target)s", name=name, target=last_part(detail)),
        "TicketUnlinked": gettext("%(name)s took away the link to %(target)s", name=name, target=last_part(detail)),
        "TicketImported": gettext("Its history was taken over"),
    }
    return str(told.get(entry.kind, gettext("%(name)s changed it", name=name)))


def _assigned(entry: Entry, name: str, reader: Reader) -> str:
    to = _hands(entry.assignee, entry.team, reader)
    before = _hands(entry.previous_assignee, entry.previous_team, reader)
    if not to:
        return str(gettext("%(name)s took it from %(before)s", name=name, before=before))
    if before and entry.previous_team != entry.team:
        return str(gettext("%(name)s handed it over to %(to)s, before: %(before)s", name=name, to=to, before=before))
    if entry.assignee == entry.actor:
        return str(gettext("%(name)s took it", name=name))
    return str(gettext("%(name)s gave it to %(to)s", name=name, to=to))


def _hands(person: str, team: str, reader: Reader) -> str:
    if person and team:
        return str(gettext("%(name)s, %(team)s", name=reader.called(person), team=reader.called(team)))
    return reader.called(person or team) if person or team else ""


def channel_words(channel: int) -> str:
    """How it came in, as our side says it."""
    if channel == ticket_pb2.CHANNEL_PORTAL:
        return str(gettext("in the portal"))
    return ticket_shown.channel_words(channel)


def links(ticket: ticket_pb2.Ticket) -> list[dict[str, Any]]:
    """The links: relation in words, id, href ("" when it has no page), and what the form that takes one away sends."""
    pages = {"tickets": "/queue", "changes": "/changes", "articles": "/knowledge", "problems": "/problems"}
    return [
        {
            "relation": str(RELATIONS.get(link.relation, gettext("relates to"))),
            "number": link.relation,
            "id": last_part(link.target),
            "target": link.target,
            "href": f"{pages[kind]}/{last_part(link.target)}"
            if (kind := link.target.partition("/")[0]) in pages
            else "",
        }
        for link in ticket.links
    ]


def facts(ticket: ticket_pb2.Ticket, reader: Reader) -> list[tuple[str, str]]:
    """What is known of the ticket, as (term, description); what is not known is left out."""
    pairs = [
        (gettext("Filed"), reader.near(instant(ticket.open_time))),
        (gettext("Impact since"), reader.near(instant(ticket.impact_start_time)) if dated(ticket) else ""),
        (gettext("By"), reader.called(ticket.opener) if ticket.opener else ""),
        (gettext("Came in"), channel_words(ticket.channel)),
        (gettext("Ordered or broken"), reader.called(ticket.item) if ticket.item else ""),
        (gettext("Site"), ticket.site),
        (gettext("Unit"), ticket.unit),
        (gettext("Number before"), ticket.external_id),
        (gettext("Hand-overs"), handovers(ticket)),
        (gettext("Opened again"), str(ticket.reopens) if ticket.reopens else ""),
    ]
    return [(str(term), str(text)) for term, text in pairs if text]


def dated(ticket: ticket_pb2.Ticket) -> bool:
    """Whether somebody has said when its impact began."""
    return ticket.HasField("impact_start_time")


def began(ticket: ticket_pb2.Ticket, reader: Reader) -> str:
    """When its impact began, as the field of a form in the reader's zone; "" when nobody has said."""
    if not dated(ticket):
        return ""
    return instant(ticket.impact_start_time).astimezone(reader.zone).replace(tzinfo=None).isoformat(timespec="minutes")


def handovers(ticket: ticket_pb2.Ticket) -> str:
    """How often it changed teams, and that it came back to one; "" when it never did."""
    if not ticket.reassignments:
        return ""
    count = str(ticket.reassignments)
    return str(gettext("%(num)s, back and forth", num=count)) if ticket.ping_pong else count
