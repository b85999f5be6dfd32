"""The first page: one question, what the reader's tickets are doing, and articles that may help at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.knowledge.v1 import article_pb2, knowledge_service_pb2
from throughline.tickets.v1 import ticket_pb2

from services.portal.web import i18n
from services.portal.web.backends import backends, calm
from services.portal.web.own import clocks_of, count_own, list_own
from services.portal.web.profile import in_stage
from services.portal.web.session import signed_in
from services.portal.web.shown import article as article_shown
from services.portal.web.shown import ticket as ticket_shown
from services.portal.web.shown.reader import Reader, reader

blueprint = Blueprint("home", __name__)

_TICKETS = 6
_OWED = 3
_ARTICLES = 6
_HITS = 3
# Fewer signs than this find everything and say nothing; one Chinese sign is a word already.
_SHORTEST = 2


@blueprint.get("/")
@signed_in
def page() -> ResponseReturnValue:
    """Each part stands for itself: one whose service is away says so, and the rest stays."""
    now = reader()
    count_own()
    own = calm(_own, None)
    clocks = clocks_of(own) if own is not None else {}
    asked = knowledge_service_pb2.ListArticlesRequest(
        states=[article_pb2.ARTICLE_STATE_PUBLISHED], language=i18n.language(), page_size=_ARTICLES
    )
    articles = calm(lambda: backends().knowledge.ListArticles(asked), None) if in_stage("articles.page") else None
    return render_template(
        "home.html",
        greeting=greeting(g.person.display_name, now),
        rows=None if own is None else [ticket_shown.row(ticket, clocks.get(ticket.name), now) for ticket in own],
        articles=None if articles is None else [article_shown.line(article) for article in articles.articles],
    )


@blueprint.get("/suggest")
@signed_in
def suggest() -> ResponseReturnValue:
    """What belongs under the question box while somebody types; nothing for next to nothing."""
    text = request.args.get("q", "").strip()[:400]
    if not text or (len(text) < _SHORTEST and text.isascii()):
        return ""
    asked = knowledge_service_pb2.SearchArticlesRequest(query=text, page_size=_HITS)
    found = calm(lambda: backends().knowledge.SearchArticles(asked), None)
    hits: list[dict[str, Any]] | None = None
    if found is not None:
        hits = [article_shown.line(hit.article) for hit in found.hits]
    return render_template("suggest.html", text=text[:200], hits=hits)


def greeting(name: str, now: Reader) -> str:
    """The greeting of the hour, in the reader's zone."""
    hour = _local(now).hour
    if 5 <= hour < 12:
        return str(gettext("Good morning, %(name)s. What do you need?", name=name))
    if 12 <= hour < 18:
        return str(gettext("Good afternoon, %(name)s. What do you need?", name=name))
    return str(gettext("Good evening, %(name)s. What do you need?", name=name))


def _local(now: Reader) -> datetime:
    return now.now.astimezone(now.zone)


def _own() -> list[ticket_pb2.Ticket]:
    """Tickets that wait for the reader's answer first, then the others that are not over, the latest step first."""
    owed = list_own((), _OWED, owed=True).tickets
    alive = list_own((*ticket_shown.OPEN, ticket_shown.RESOLVED), _TICKETS).tickets
    seen = {ticket.name for ticket in owed}
    return [*owed, *(ticket for ticket in alive if ticket.name not in seen)][:_TICKETS]
