"""A ticket as its requester sees it: the four answers, what is owed, the journey, the talk, and what they can do."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.knowledge.v1 import article_pb2, knowledge_service_pb2
from throughline.sla.v1 import sla_pb2, sla_service_pb2
from throughline.tickets.v1 import ticket_pb2, tickets_service_pb2

from services.portal.web.backends import backends, calm, new_request_id
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors
from services.portal.web.profile import in_stage
from services.portal.web.session import signed_in
from services.portal.web.shown import clock as clocks_shown
from services.portal.web.shown import promise as promise_shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown import why as why_shown
from services.portal.web.shown.answers import four_answers
from services.portal.web.shown.journey import conversation, hands_words, journey
from services.portal.web.shown.reader import Reader, instant, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("ticket", __name__, url_prefix="/tickets/<number>")

_NUMBER = re.compile(r"(?:INC|REQ)-[0-9]{6,12}")
_PAGE = 200
# A ticket of more steps than this is shown from its beginning on, and the page says so.
_PAGES = 10
_ARTICLES = 3
_DOWNLOAD_POLICY = "default-src 'none'; sandbox"


@dataclass(frozen=True, slots=True)
class Told:
    """All that the services say of one ticket. away: the clocks do not answer. whole: no step is missing."""

    ticket: ticket_pb2.Ticket
    clocks: sla_pb2.TicketClocks | None
    away: bool
    entries: list[tickets_service_pb2.TimelineEntry] = field(default_factory=list)
    whole: bool = True


@blueprint.before_request
def known() -> ResponseReturnValue | None:
    """Only ticket numbers get further; a page that polls after the session has ended keeps what it shows."""
    if not _NUMBER.fullmatch((request.view_args or {}).get("number", "")):
        abort(404)
    return ("", 204) if g.person is None and "HX-Request" in request.headers else None


@blueprint.get("")
@signed_in
def page(number: str) -> ResponseReturnValue:
    """The ticket, whole."""
    return _page(number)


@blueprint.get("/live")
@signed_in
def live(number: str) -> ResponseReturnValue:
    """What of the page may have changed, or 304. `page`: the ticket's etag that the page was made of."""
    told, now = _told(number), reader()
    shown = _parts(told, now)
    response = Response(render_template("ticket_live.html", polled=True, **shown))
    response.set_etag(_mark(shown))
    return response.make_conditional(request)


@blueprint.get("/files/<attachment>")
@signed_in
def download(number: str, attachment: str) -> ResponseReturnValue:
    """A file, always to be saved and never shown here: it comes from somebody else."""
    asked = tickets_service_pb2.GetAttachmentRequest(name=f"tickets/{number}", attachment_id=attachment)
    file = backends().tickets.GetAttachment(asked)
    name = file.attachment.file_name
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)
    response = Response(file.content, content_type=file.attachment.content_type or "application/octet-stream")
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = _DOWNLOAD_POLICY
    return response


@blueprint.post("/answer")
@signed_in
def answer(number: str) -> ResponseReturnValue:
    """The answer that the requester owed."""
    return _act(number, "answer", tickets_service_pb2.AnswerQuestionRequest(answer=_text("answer")))


@blueprint.post("/comment")
@signed_in
def comment(number: str) -> ResponseReturnValue:
    """A message to whoever works on it."""
    asked = tickets_service_pb2.AddCommentRequest(text=_text("text"), visibility=ticket_pb2.VISIBILITY_PUBLIC)
    return _act(number, "comment", asked)


@blueprint.post("/close")
@signed_in
def close(number: str) -> ResponseReturnValue:
    """It works."""
    return _act(number, "close", tickets_service_pb2.CloseTicketRequest())


@blueprint.post("/reopen")
@signed_in
def reopen(number: str) -> ResponseReturnValue:
    """It does not work yet."""
    return _act(number, "reopen", tickets_service_pb2.ReopenTicketRequest(reason=_text("reopen-reason")))


@blueprint.post("/withdraw")
@signed_in
def withdraw(number: str) -> ResponseReturnValue:
    """It is not needed any more."""
    return _act(number, "withdraw", tickets_service_pb2.CancelTicketRequest(reason=_text("withdraw-reason")))


@blueprint.post("/files")
@signed_in
def attach(number: str) -> ResponseReturnValue:
    """One more file."""
    given = request.files.get("file")
    asked = tickets_service_pb2.AddAttachmentRequest(
        file_name=(given.filename or "")[:200] if given else "",
        content_type=(given.mimetype or "")[:100] if given else "",
        content=given.read() if given else b"",
        visibility=ticket_pb2.VISIBILITY_PUBLIC,
    )
    return _act(number, "file", asked)


_VERBS: Mapping[str, Callable[[], Callable[[Any], ticket_pb2.Ticket]]] = {
    "answer": lambda: backends().tickets.AnswerQuestion,
    "comment": lambda: backends().tickets.AddComment,
    "close": lambda: backends().tickets.CloseTicket,
    "reopen": lambda: backends().tickets.ReopenTicket,
    "withdraw": lambda: backends().tickets.CancelTicket,
    "file": lambda: backends().tickets.AddAttachment,
}


def _act(number: str, verb: str, asked: Any) -> ResponseReturnValue:
    """Does it and shows the ticket; a refusal shows the page again with the input kept and what was wrong."""
    asked.name = f"tickets/{number}"
    asked.request_id = request.form.get("request_id", "")
    if "etag" in asked.DESCRIPTOR.fields_by_name:
        asked.etag = request.form.get("etag", "")
    try:
        _VERBS[verb]()(asked)
    except Refusal as refusal:
        if refusal.kind in (Kind.NOT_FOUND, Kind.UNAUTHENTICATED):
            raise
        return _page(number, failed=verb, refusal=refusal)
    said = {
        "answer": gettext("Your answer is sent; the clock runs again."),
        "close": gettext("It is closed. Thank you for looking."),
        "reopen": gettext("It is open again."),
        "withdraw": gettext("It is withdrawn."),
    }
    if verb in said:
        flash(str(said[verb]), "success")
    anchor = {"comment": "talk", "file": "files"}.get(verb)
    return redirect(url_for("my_tickets.ticket.page", number=number, _anchor=anchor), 303)


def _page(number: str, failed: str = "", refusal: Refusal | None = None) -> ResponseReturnValue:
    """failed: the verb that was refused; its form keeps what was written."""
    told, now = _told(number), reader()
    count_own()
    shown = _parts(told, now)
    errors = field_errors(refusal) if refusal is not None else {}
    html = render_template(
        "ticket.html",
        polled=False,
        mark=_mark(shown),
        failed=failed,
        errors={_ids(failed, name): text for name, text in errors.items()},
        kept=request.form,
        promise=promise_shown.card(told.clocks, _policy(told.clocks), now) if told.clocks is not None else None,
        stories=why_shown.stories(told.clocks, _calendar(told.clocks), told.ticket, told.entries, now),
        messages=conversation(told.entries, told.ticket, now),
        whole=told.whole,
        lead=_lead(told.ticket, now),
        files=[(file, _size(file.size_bytes), now.near(instant(file.upload_time))) for file in told.ticket.attachments],
        articles=_articles(told.ticket),
        request_id=new_request_id,
        **shown,
    )
    return html, STATUS[refusal.kind] if refusal is not None else 200


def _ids(verb: str, name: str) -> str:
    """The id of the field that a refusal is about; its form may stand beside others with the same field."""
    form = {"reopen": "reopen-reason", "withdraw": "withdraw-reason", "file": "file", "comment": ""}
    return form.get(verb, name) if name else ""


def _parts(told: Told, now: Reader) -> dict[str, Any]:
    """What both the page and the part that polls show."""
    clock = clocks_shown.leading(told.clocks)
    paused = clock is not None and clock.state == sla_pb2.CLOCK_STATE_PAUSED
    yours = ticket_shown.is_own(told.ticket, now)
    return {
        "ticket": told.ticket,
        "number": ticket_shown.number(told.ticket),
        "status": ticket_shown.state_chip(told.ticket, now),
        "answers": four_answers(told.ticket, told.clocks, now, away=told.away),
        "steps": journey(told.entries, told.ticket, now, paused=paused),
        "aside": hands_words(told.entries, now),
        "waited": now.length(now.now - instant(told.ticket.question.ask_time)),
        "yours": yours and not told.ticket.importing,
        "asker": now.called(told.ticket.question.asker) if told.ticket.HasField("question") else "",
        "seen": request.args.get("page", told.ticket.etag),
        "spoken": request.args.get("told", told.ticket.etag),
        "state": told.ticket.state,
        "states": ticket_shown,
    }


def _mark(shown: Mapping[str, Any]) -> str:
    """Changes when something that is read changes; the length of time in our hands, which always does, is left out."""
    parts = (shown["ticket"].etag, shown["answers"], shown["steps"], shown["seen"], shown["spoken"])
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _told(number: str) -> Told:
    name = f"tickets/{number}"
    ticket = backends().tickets.GetTicket(tickets_service_pb2.GetTicketRequest(name=name))
    clocks, away = None, False
    try:
        if in_stage("policies.page"):
            found = backends().sla.GetTicketClocks(sla_service_pb2.GetTicketClocksRequest(ticket=name))
            # A ticket that matches no policy is known there too, without clocks.
            clocks = found if found.clocks else None
    except Refusal as refusal:
        away = refusal.kind is not Kind.NOT_FOUND
    entries: list[tickets_service_pb2.TimelineEntry] = []
    token = ""
    for _ in range(_PAGES):
        asked = tickets_service_pb2.ListTimelineEntriesRequest(name=name, page_size=_PAGE, page_token=token)
        timeline = backends().tickets.ListTimelineEntries(asked)
        entries += timeline.entries
        token = timeline.next_page_token
        if not token:
            break
    people = [ticket.requester, ticket.assignee, ticket.question.asker, *(entry.actor for entry in entries)]
    names().people(people)
    return Told(ticket, clocks, away, entries, not token)


def _calendar(clocks: sla_pb2.TicketClocks | None) -> sla_pb2.Calendar | None:
    """The very version of the calendar that the clocks run by; None without one, or when nobody can be asked."""
    if clocks is None or not clocks.calendar:
        return None
    asked = sla_service_pb2.GetCalendarRequest(name=clocks.calendar, version=clocks.calendar_version)
    return calm(lambda: backends().sla.GetCalendar(asked), None)


def _policy(clocks: sla_pb2.TicketClocks | None) -> sla_pb2.Policy | None:
    if clocks is None or not clocks.policy:
        return None
    asked = sla_service_pb2.GetPolicyRequest(name=clocks.policy)
    return calm(lambda: backends().sla.GetPolicy(asked), None)


def _articles(ticket: ticket_pb2.Ticket) -> list[article_pb2.Article]:
    """What may help meanwhile: articles that were linked or used, else what a search for the title finds."""
    if not in_stage("articles.page"):
        return []
    linked = [link.target for link in ticket.links if link.target.startswith("articles/")]
    linked += [name for name in ticket.resolution.articles if name not in linked]
    if not linked and ticket.state in ticket_shown.OPEN:
        search = knowledge_service_pb2.SearchArticlesRequest(query=ticket.title[:400], page_size=_ARTICLES)
        found = calm(lambda: backends().knowledge.SearchArticles(search), None)
        return [hit.article for hit in found.hits] if found is not None else []
    asked = [knowledge_service_pb2.GetArticleRequest(name=name) for name in linked[:_ARTICLES]]
    got = [calm(lambda one=one: backends().knowledge.GetArticle(one), None) for one in asked]  # type: ignore[misc]  # a default in a lambda
    return [article for article in got if article is not None]


def _lead(ticket: ticket_pb2.Ticket, now: Reader) -> str:
    """Who filed it, when and how."""
    who = now.called(ticket.opener or ticket.requester)
    filed = gettext("Filed by %(name)s, %(time)s", name=who, time=now.near(instant(ticket.open_time)))
    words = [
        ticket_shown.channel_words(ticket.channel),
        ticket_shown.type_words(ticket.type),
        now.called(ticket.service),
    ]
    return now.spaced(" · ".join([str(filed), *filter(None, words)]))


def _size(count: int) -> str:
    """`812 B`, `14 KB`, `4.8 MB`."""
    if count < 1000:
        return f"{count} B"
    return f"{round(count / 1000)} KB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _text(name: str) -> str:
    """What somebody wrote; browsers send line ends as CR LF."""
    return request.form.get(name, "").replace("\r\n", "\n")
