"""Knowledge: finding and reading articles for everybody; writing, reviewing and retiring them for authors."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from throughline.knowledge.v1 import article_pb2, events_pb2, knowledge_service_pb2

from services.portal.web import i18n
from services.portal.web.backends import backends, new_request_id
from services.portal.web.names import names
from services.portal.web.own import count_own
from services.portal.web.problems import STATUS, field_errors, said, trace_id
from services.portal.web.session import signed_in, with_roles
from services.portal.web.shown import article as article_shown
from services.portal.web.shown.reader import last_part, reader
from services.runtime.refusal import Kind, Refusal

blueprint = Blueprint("articles", __name__, url_prefix="/knowledge")

WRITERS = ("knowledge_author", "agent", "lead", "problem_manager")
REVIEWERS = ("knowledge_author", "lead")
PAGE = 20
_NUMBER = re.compile(r"KB-[0-9]{6,12}")
_TICKET = re.compile(r"(?:INC|REQ)-[0-9]{6,12}")
_TABS = {
    "published": article_shown.PUBLISHED,
    "review": article_shown.IN_REVIEW,
    "drafts": article_shown.DRAFT,
    "retired": article_shown.RETIRED,
}
_USES = {
    "viewed": events_pb2.USEFULNESS_VIEWED,
    "solved": events_pb2.USEFULNESS_SOLVED,
    "not-solved": events_pb2.USEFULNESS_NOT_SOLVED,
}
_SAID: dict[str, Callable[[], str]] = {
    "submit": lambda: gettext("It is with the reviewers now."),
    "return": lambda: gettext("It is back with its author."),
    "publish": lambda: gettext("It is published."),
    "retire": lambda: gettext("It is retired; readers do not find it any more."),
}


@blueprint.before_request
def known() -> ResponseReturnValue | None:
    """Only article numbers get further; a reading that is counted after the session has ended is not."""
    number = (request.view_args or {}).get("number")
    if number is not None and not _NUMBER.fullmatch(number):
        abort(404)
    return ("", 204) if g.person is None and "HX-Request" in request.headers else None


@blueprint.get("")
@signed_in
def page() -> ResponseReturnValue:
    """What a search finds, else the articles; writers see those that are not published too."""
    query, token = request.args.get("q", "").strip()[:400], request.args.get("page", "")
    tab = request.args.get("show", "published")
    tab = tab if tab in _TABS and _is(WRITERS) else "published"
    language = request.args.get("language", "")
    language = language if language in i18n.LANGUAGES else ""
    count_own()
    hits, lines, following, total, trouble = [], [], "", 0, ""
    try:
        if query:
            found = backends().knowledge.SearchArticles(
                knowledge_service_pb2.SearchArticlesRequest(
                    query=query, language=language, page_size=PAGE, page_token=token
                )
            )
            hits = [_hit(hit) for hit in found.hits]
            following, total = found.next_page_token, found.total
        else:
            listed = backends().knowledge.ListArticles(
                knowledge_service_pb2.ListArticlesRequest(
                    states=[_TABS[tab]], language=language, page_size=PAGE, page_token=token
                )
            )
            now = reader()
            lines = [article_shown.row(article, now) for article in listed.articles]
            following = listed.next_page_token
    except Refusal as refusal:
        if refusal.kind is not Kind.UNAVAILABLE:
            raise
        trouble = said(refusal)
    same: dict[str, Any] = {
        "q": query or None,
        "show": tab if tab != "published" else None,
        "language": language or None,
    }
    html = render_template(
        "articles.html",
        query=query,
        tab=tab,
        language=language,
        hits=hits,
        lines=lines,
        total=total,
        trouble=trouble,
        trace=trace_id() if trouble else "",
        writes=_is(WRITERS),
        following=url_for(".page", **same, page=following) if following else "",
        first=url_for(".page", **same) if token else "",
    )
    return html, 503 if trouble else 200


@blueprint.get("/<number>")
@signed_in
def read(number: str) -> ResponseReturnValue:
    """One article, and under it whether it helped. `ticket`: the reader came from it."""
    return _article(number)


@blueprint.post("/<number>/use")
@signed_in
def use(number: str) -> ResponseReturnValue:
    """Counts a reading, or what came of it."""
    came = request.form.get("came", "")
    ticket = request.form.get("ticket", "")
    asked = knowledge_service_pb2.RecordUseRequest(
        name=f"articles/{number}",
        request_id=request.form.get("request_id", ""),
        usefulness=_USES.get(came, events_pb2.USEFULNESS_UNSPECIFIED),
        ticket=f"tickets/{ticket}" if _TICKET.fullmatch(ticket) else "",
    )
    backends().knowledge.RecordUse(asked)
    if came == "viewed":
        return "", 204
    return redirect(url_for(".read", number=number, came=came, ticket=ticket or None, _anchor="helped"), 303)


@blueprint.get("/new")
@with_roles(*WRITERS)
def new() -> ResponseReturnValue:
    """An empty article; a ticket that it is written from is kept with it."""
    language = i18n.language()
    return _form("", {"language": language, "ticket": request.args.get("ticket", "")}, {})


@blueprint.post("/new")
@with_roles(*WRITERS)
def create() -> ResponseReturnValue:
    """A new draft."""
    ticket = request.form.get("ticket", "").strip().upper()
    asked = knowledge_service_pb2.CreateArticleRequest(
        request_id=request.form.get("request_id", ""),
        language=request.form.get("language", ""),
        source_ticket=f"tickets/{ticket}" if ticket else "",
        **_written(),
    )
    try:
        article = backends().knowledge.CreateArticle(asked)
    except Refusal as refusal:
        return _form("", request.form, field_errors(refusal), STATUS[refusal.kind])
    return redirect(url_for(".read", number=last_part(article.name)), 303)


@blueprint.get("/<number>/edit")
@with_roles(*WRITERS)
def edit(number: str) -> ResponseReturnValue:
    """The article's words, to be changed."""
    article = _get(number)
    given = {
        "title": article.title,
        "body": article.body,
        "language": article.language,
        "owner_team": article.owner_team,
        "service": last_part(article.service),
        "tags": ", ".join(article.tags),
        "etag": article.etag,
    }
    return _form(number, given, {})


@blueprint.post("/<number>/edit")
@with_roles(*WRITERS)
def save(number: str) -> ResponseReturnValue:
    """Other words; of a published article they are the draft of its next edition."""
    asked = knowledge_service_pb2.UpdateArticleRequest(
        name=f"articles/{number}",
        request_id=request.form.get("request_id", ""),
        etag=request.form.get("etag", ""),
        **_written(),
    )
    try:
        backends().knowledge.UpdateArticle(asked)
    except Refusal as refusal:
        given = dict(request.form)
        if refusal.kind is Kind.CONFLICT:
            # What was written stands beside the newer etag: sending it once more means it.
            given["etag"] = _get(number).etag
        return _form(number, given, field_errors(refusal), STATUS[refusal.kind])
    return redirect(url_for(".read", number=number), 303)


@blueprint.post("/<number>/<any(submit,return,publish,retire):verb>")
@with_roles(*WRITERS)
def act(number: str, verb: str) -> ResponseReturnValue:
    """Submit, return, publish or retire."""
    name, request_id, etag = f"articles/{number}", request.form.get("request_id", ""), request.form.get("etag", "")
    same: dict[str, Any] = {"name": name, "request_id": request_id, "etag": etag}
    knowledge = backends().knowledge
    try:
        if verb == "submit":
            knowledge.SubmitArticle(knowledge_service_pb2.SubmitArticleRequest(**same))
        elif verb == "return":
            note = request.form.get("note", "").strip()
            knowledge.ReturnArticle(knowledge_service_pb2.ReturnArticleRequest(**same, note=note))
        elif verb == "publish":
            knowledge.PublishArticle(knowledge_service_pb2.PublishArticleRequest(**same))
        else:
            reason = request.form.get("reason", "").strip()
            knowledge.RetireArticle(knowledge_service_pb2.RetireArticleRequest(**same, reason=reason))
    except Refusal as refusal:
        if refusal.kind is Kind.NOT_FOUND:
            raise
        return _article(number, refusal)
    flash(str(_SAID[verb]()), "success")
    return redirect(url_for(".read", number=number), 303)


def _article(number: str, refusal: Refusal | None = None) -> ResponseReturnValue:
    article, now = _get(number), reader()
    names().people([article.author, article.reviewer])
    count_own()
    ticket = request.args.get("ticket", "")
    own = article.author == now.sub
    html = render_template(
        "article.html",
        article=article,
        number=number,
        body=article_shown.html(article.body),
        lang=article_shown.tag(article.language),
        chip=article_shown.state_chip(article.state),
        about=article_shown.about(article, now),
        states=article_shown,
        came=request.args.get("came", ""),
        ticket=ticket if _TICKET.fullmatch(ticket) else "",
        may_edit=_is(WRITERS) and (own or _is(REVIEWERS)),
        may_review=_is(REVIEWERS) and not own,
        errors=_on_page(refusal),
        kept=request.form,
        request_id=new_request_id,
    )
    return html, STATUS[refusal.kind] if refusal is not None else 200


def _on_page(refusal: Refusal | None) -> dict[str, str]:
    """What was wrong by field; what is about no field of the article's page stands for itself."""
    if refusal is None:
        return {}
    return {name if name in ("note", "reason") else "": text for name, text in field_errors(refusal).items()}


def _form(number: str, given: Any, errors: dict[str, str], status: int = 200) -> ResponseReturnValue:
    teams = [(name, names().told(name)) for name, team in names().teams().items() if not team.retired]
    count_own()
    html = render_template(
        "article_form.html", number=number, given=given, errors=errors, teams=sorted(teams), request_id=new_request_id()
    )
    return html, status


def _written() -> dict[str, Any]:
    """The words of the form."""
    service = request.form.get("service", "").strip()
    tags = re.split(r"[,，、\n]", request.form.get("tags", ""))
    return {
        "title": request.form.get("title", "").strip(),
        "body": request.form.get("body", "").replace("\r\n", "\n"),
        "owner_team": request.form.get("owner_team", ""),
        "service": f"services/{service}" if service and "/" not in service else service,
        "tags": list(dict.fromkeys(tag.strip() for tag in tags if tag.strip())),
    }


def _hit(hit: article_pb2.SearchHit) -> dict[str, Any]:
    return {**article_shown.line(hit.article), "snippets": [article_shown.marked(piece) for piece in hit.snippets]}


def _get(number: str) -> article_pb2.Article:
    article: article_pb2.Article = backends().knowledge.GetArticle(
        knowledge_service_pb2.GetArticleRequest(name=f"articles/{number}")
    )
    return article


def _is(roles: tuple[str, ...]) -> bool:
    return not set(roles).isdisjoint(g.person.roles)
