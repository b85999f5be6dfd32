"""The agent's workspace: the queue, one ticket of it with its clock and its context, and the acts on it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext, pgettext
from throughline.portal.v1 import people_pb2
from throughline.tickets.v1 import ticket_pb2
from throughline.tickets.v1 import tickets_service_pb2 as calls

from services.portal.web import escalations, journeys, losses, queue_verbs
from services.portal.web import queue_data as data
from services.portal.web.backends import backends, new_request_id
from services.portal.web.names import names
from services.portal.web.navigation import DESK
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.profile import in_stage
from services.portal.web.session import with_roles
from services.portal.web.shown import queue as shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import work
from services.portal.web.shown.reader import Reader, instant, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("queue", __name__, url_prefix="/queue")

_NUMBER = re.compile(r"(?:INC|REQ)-[0-9]{6,12}")
# Acts that open a form in place; the others are sent by their button alone.
PANELS = ("triage", "date", "assign", "ask", "hold", "resolve", "reopen", "cancel", "link", "attach")
# Who gives a ticket away may give it to a team that was made just now.
_TEAMS_NO_OLDER = 2.0
LISTS = ("mine", "team", "unassigned", "all")


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was refused, to be shown again: its verb, what was typed, and why by field."""

    verb: str = ""
    form: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    refusal: Refusal | None = None


@blueprint.get("")
@with_roles(*DESK)
def page() -> ResponseReturnValue:
    """The queue with its first ticket beside it; on a phone the list alone."""
    told = reader()
    queue = data.queue(_which(), told, "")
    if queue.tickets:
        first: ticket_pb2.Ticket = queue.tickets[0]
        return _ticket_page(first, queue, told, Sent(), view="list")
    return render_template("queue.html", view="list", ticket=None, **_list(queue, "", told))


@blueprint.get("/<number>")
@with_roles(*DESK)
def ticket(number: str) -> ResponseReturnValue:
    """The queue with one ticket."""
    return _opened(number, Sent(verb=request.args.get("act", "")))


@blueprint.post("/<number>/<verb>")
@with_roles(*DESK)
def act(number: str, verb: str) -> ResponseReturnValue:
    """One act. A refusal is told in place with what was typed; `show` only shows the form again, nothing is sent."""
    if verb not in queue_verbs.VERBS and verb != "attach":
        abort(404)
    if request.form.get("show"):
        return _opened(number, Sent(verb, request.form.to_dict()))
    try:
        made = (
            [queue_verbs.attachment(number, request.form, request.files.get("file"))]
            if verb == "attach"
            else queue_verbs.requests(verb, number, request.form)
        )
        for method, asked in made:
            getattr(backends().tickets, method)(asked)
    except Refusal as refusal:
        if refusal.kind is Kind.UNAUTHENTICATED:
            raise
        errors = {_field(verb, path): text for path, text in field_errors(refusal).items()}
        return _opened(number, Sent(verb, request.form.to_dict(), errors, refusal)), STATUS[refusal.kind]
    tab = "timeline" if verb == "unlink" and request.form.get("tab") == "timeline" else None
    return redirect(url_for("queue.ticket", number=number, list=_which(), tab=tab), 303)


@blueprint.get("/people")
@with_roles(*DESK)
def people() -> ResponseReturnValue:
    """The choices of a team's people, for the form that assigns."""
    return render_template("queue_people.html", people=data.workers(request.args.get("team", "")), chosen="")


@blueprint.get("/find")
@with_roles(*DESK)
def find() -> ResponseReturnValue:
    """Tickets and articles by words or number, as commands of the palette."""
    words = request.args.get("q", "").strip()[:200]
    found = data.matching(words) if words else []
    commands = [
        {
            "text": one.title,
            "icon": "ticket",
            "note": ticket_shown.number(one),
            "href": f"/queue/{ticket_shown.number(one)}",
            "keys": "",
        }
        for one in found
    ]
    articles, _ = data.articles(words)
    commands += [
        {"text": one["title"], "icon": "book", "note": one["id"], "href": one["href"], "keys": ""} for one in articles
    ]
    return render_template("queue_found.html", commands=commands)


def _field(verb: str, path: str) -> str:
    """The form's field for a field of the request."""
    if verb == "triage":
        return {"impact": "cell", "urgency": "cell", "service": "service", "category": "category"}.get(path, "")
    last = path.partition("[")[0]
    return {
        "link.target": "target",
        "link.relation": "relation",
        "content": "file",
        "file_name": "file",
        "impact_start_time": "began",
    }.get(last, last)


def _which() -> str:
    """The list that the reader looks at: my team's, and all for who has no team."""
    asked = request.values.get("list", "")
    if asked in LISTS:
        return asked
    return "team" if g.person.teams else "all"


def _list(queue: data.Queue, current: str, told: Reader) -> dict[str, Any]:
    """What the list column prints."""
    names().people(one.assignee for one in queue.tickets)
    titles = {
        "mine": gettext("My tickets"),
        "team": gettext("My team"),
        "unassigned": gettext("Nobody has it"),
        "all": gettext("All open"),
    }
    tabs = {
        "mine": gettext("Mine"),
        "team": pgettext("queue", "Team"),
        "unassigned": gettext("Unassigned"),
        "all": gettext("All"),
    }
    offered = [which for which in LISTS if which != "team" or g.person.teams]
    return {
        "rows": [
            shown.row(
                one,
                queue.clocks.get(one.name),
                told,
                href=url_for("queue.ticket", number=ticket_shown.number(one), list=queue.which),
                current=ticket_shown.number(one) == current,
            )
            for one in queue.tickets
        ],
        "count": f"{len(queue.tickets)}+" if queue.more else len(queue.tickets),
        "list_title": titles[queue.which],
        "lists": [
            {"text": tabs[one], "href": url_for("queue.page", list=one), "current": one == queue.which}
            for one in offered
        ],
        "which": queue.which,
        "away": queue.away,
        "more": queue.more,
        "team": told.called(g.person.teams[0]) if g.person.teams else "",
    }


def _opened(number: str, sent: Sent) -> str:
    if not _NUMBER.fullmatch(number):
        abort(404)
    told = reader()
    found: ticket_pb2.Ticket = backends().tickets.GetTicket(calls.GetTicketRequest(name=f"tickets/{number}"))
    return _ticket_page(found, data.queue(_which(), told, found.name), told, sent)


def _ticket_page(found: ticket_pb2.Ticket, queue: data.Queue, told: Reader, sent: Sent, view: str = "item") -> str:
    number = ticket_shown.number(found)
    entries, whole = data.entries(found.name)
    persons = names().people(
        [found.requester, found.opener, found.assignee, found.hold.unblocker, *(entry.actor for entry in entries)]
    )
    requester = persons.get(found.requester)
    first, beside, rest = work.offered(found, g.person)
    panel = sent.verb if sent.verb in PANELS and (sent.verb in (first, *beside, *rest) or sent.refusal) else ""
    # An answer that never came may have been carried out: the same form sent again must be the same request.
    same = sent.refusal is not None and sent.refusal.kind is Kind.UNAVAILABLE
    articles, articles_away = data.articles(found.title)
    timeline, journey = (request.args.get("tab") == tab for tab in ("timeline", "journey"))
    return render_template(
        "queue.html",
        view=view,
        ticket=found,
        number=number,
        stands=work.stands(found, told),
        state=ticket_shown.state_chip(found, told),
        clock=shown.card(found, queue.clocks.get(found.name), told),
        stories=data.stories(found, queue.clocks.get(found.name), entries, told),
        first=first,
        beside=beside,
        rest=rest,
        offers=work.offers(),
        panels=PANELS,
        panel=panel,
        panel_verb=panel,
        panel_title=work.offers()[panel]["title"] if panel else "",
        commands=_commands([*beside, *rest, first], number),
        reader_name=g.person.name,
        panel_data=_panel(panel, found, sent) if panel else {},
        sent=sent.form,
        sent_verb=sent.verb if sent.refusal else "",
        errors=sent.errors,
        request_id=sent.form.get("request_id", "") if same else new_request_id(),
        etag=sent.form.get("etag", "") if same else found.etag,
        works=bool(work.WORKERS & set(g.person.roles)),
        take_team=data.take_team(found),
        timeline=work.timeline(entries, told) if timeline else None,
        trip=journeys.shown(found.name, told) if journey else None,
        talk=[] if timeline or journey else work.talk(entries, found, requester.title if requester else "", told),
        whole=whole,
        requester=requester,
        requester_name=told.called(found.requester) if found.requester else gettext("the requester"),
        articles=articles,
        articles_away=articles_away,
        others=data.others(found, _which()),
        facts=work.facts(found, told),
        escalation=escalations.panel(found.name, told) if in_stage("escalations.page") else None,
        loss=losses.panel(found, told) if in_stage("board.page") else None,
        requester_facts=_person(requester) if requester else [],
        files=[_file(one, number, told) for one in found.attachments],
        links=work.links(found),
        **_list(queue, number, told),
    )


def _panel(panel: str, found: ticket_pb2.Ticket, sent: Sent) -> dict[str, Any]:
    """What the form of an act needs to be filled in."""
    if panel == "triage":
        matrix = backends().tickets.GetPriorityMatrix(calls.GetPriorityMatrixRequest())
        return {"cells": {(cell.impact, cell.urgency): cell.priority for cell in matrix.cells}}
    if panel == "assign":
        team = sent.form.get("team") or found.team or data.take_team(found)
        known = names().teams(_TEAMS_NO_OLDER)
        teams = sorted((names().told(name), name) for name, one in known.items() if not one.retired)
        return {"team": team, "teams": [(name, text) for text, name in teams], "people": data.workers(team)}
    if panel == "date":
        return {"began": sent.form.get("began") if sent.verb == "date" and sent.form else work.began(found, reader())}
    if panel == "link":
        return {"relations": [(str(number), str(text)) for number, text in work.RELATIONS.items()]}
    if panel == "hold":
        reasons = [value for value in ticket_pb2.HoldReason.values() if value]
        return {"reasons": [(str(value), ticket_shown.hold_words(value)) for value in reasons]}
    if panel == "resolve":
        imported = ticket_pb2.RESOLUTION_CODE_IMPORTED
        codes = [value for value in ticket_pb2.ResolutionCode.values() if value and value != imported]
        return {"codes": [(str(value), ticket_shown.resolution_words(value)) for value in codes]}
    return {}


def _commands(verbs: list[str], number: str) -> list[dict[str, str]]:
    """The acts that have a form, for the palette."""
    offers = work.offers()
    return [
        {
            "text": offers[verb]["title"],
            "icon": offers[verb]["icon"],
            "keys": offers[verb]["key"],
            "href": url_for("queue.ticket", number=number, list=_which(), act=verb),
        }
        for verb in verbs
        if verb in PANELS
    ]


def _person(person: people_pb2.Person) -> list[tuple[str, str]]:
    """The requester, as (term, description)."""
    teams = ", ".join(names().told(team) for team in person.teams)
    pairs = [
        (gettext("Name"), person.display_name),
        (gettext("Job"), person.title),
        (gettext("VIP"), gettext("yes") if person.vip else ""),
        (gettext("Mail"), person.email),
        (gettext("Teams"), teams),
    ]
    return [(str(term), text) for term, text in pairs if text]


def _file(one: ticket_pb2.Attachment, number: str, told: Reader) -> dict[str, Any]:
    size = gettext("%(size)s kB", size=max(1, round(one.size_bytes / 1000)))
    return {
        "name": one.file_name,
        "href": f"/tickets/{number}/files/{one.id}",
        "about": f"{size} · {told.called(one.uploader)}, {told.near(instant(one.upload_time))}",
        "internal": one.visibility == ticket_pb2.VISIBILITY_INTERNAL,
    }
