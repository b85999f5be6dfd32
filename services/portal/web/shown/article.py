"""An article as pages show it: its state, its use, its text as safe HTML, and hits with the found words marked."""

from __future__ import annotations

from typing import Any

import nh3
from flask_babel import gettext, pgettext
from markdown_it import MarkdownIt
from markupsafe import Markup, escape
from throughline.knowledge.v1 import article_pb2

from services.portal.web.shown.reader import Reader, instant, last_part

DRAFT = article_pb2.ARTICLE_STATE_DRAFT
IN_REVIEW = article_pb2.ARTICLE_STATE_IN_REVIEW
PUBLISHED = article_pb2.ARTICLE_STATE_PUBLISHED
RETIRED = article_pb2.ARTICLE_STATE_RETIRED

# Fewer answers than this say nothing about an article.
_ENOUGH_ANSWERS = 5
_DEEPEST_HEADING = 6
_TAGS = {
    *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "ul", "ol", "li", "a"),
    *("h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": True}).enable(["table", "strikethrough", "linkify"])


def number(article: article_pb2.Article) -> str:
    """`KB-000001`."""
    return last_part(article.name)


def html(body: str) -> Markup:
    """Markdown as HTML that cannot act. Headings sink by one level, for the page's own title is the first."""
    tokens = _MARKDOWN.parse(body)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + 1, _DEEPEST_HEADING)}"
    rendered = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Markup(  # noqa: S704 - cleaned by nh3
        nh3.clean(
            rendered,
            tags=_TAGS,
            attributes={"a": {"href"}, "ol": {"start"}},
            url_schemes={"https", "http", "mailto"},
            link_rel="noopener noreferrer",
        )
    )


def marked(snippet: article_pb2.Snippet) -> Markup:
    """A piece of text with its matches in <mark>; ranges that overlap or lie outside are left unmarked."""
    parts: list[Markup] = []
    at = 0
    for match in sorted(snippet.matches, key=lambda one: one.start):
        if match.start < at or match.end <= match.start or match.end > len(snippet.text):
            continue
        parts += [
            escape(snippet.text[at : match.start]),
            Markup("<mark>{}</mark>").format(snippet.text[match.start : match.end]),
        ]
        at = match.end
    return Markup("").join([*parts, escape(snippet.text[at:])])


def use_words(article: article_pb2.Article) -> str:
    """How often it was enough: `91% needed nothing more`; "" below five answers."""
    answers = article.solved + article.not_solved
    if answers < _ENOUGH_ANSWERS:
        return ""
    share = round(100 * article.solved / answers)
    return str(gettext("%(share)s%% needed nothing more, %(count)s answers", share=share, count=answers))


def state_chip(state: int) -> dict[str, str]:
    """{"text", "tone", "icon"} for macro `chip`."""
    looks: dict[int, tuple[str, str, str]] = {
        DRAFT: (pgettext("article", "Draft"), "outline", "edit"),
        IN_REVIEW: (pgettext("article", "In review"), "warn", "hourglass"),
        PUBLISHED: (pgettext("article", "Published"), "ok", "check"),
        RETIRED: (pgettext("article", "Retired"), "pause", "eye-off"),
    }
    text, tone, icon = looks.get(state, (gettext("Not known"), "", "info"))
    return {"text": str(text), "tone": tone, "icon": icon}


def tag(language: str) -> str:
    """The value of `lang` for a text of an article."""
    return "zh-CN" if language == "zh" else "en"


def line(article: article_pb2.Article) -> dict[str, Any]:
    """One line of a list: number, href, title, lang, use (how often it was enough, or its number)."""
    return {
        "number": number(article),
        "href": f"/knowledge/{number(article)}",
        "title": article.title,
        "lang": tag(article.language),
        "use": use_words(article) or number(article),
        "chip": state_chip(article.state),
    }


def about(article: article_pb2.Article, reader: Reader) -> list[tuple[str, str]]:
    """The facts of an article, as pairs for macro `facts`."""
    pairs = [(gettext("Number"), number(article)), (gettext("Written by"), reader.called(article.author))]
    if article.reviewer:
        pairs.append((gettext("Reviewed by"), reader.called(article.reviewer)))
    if article.owner_team:
        pairs.append((gettext("Kept by"), reader.called(article.owner_team)))
    if article.service:
        pairs.append((gettext("Service"), reader.called(article.service)))
    if article.HasField("publish_time"):
        published = reader.near(instant(article.publish_time))
        pairs.append(
            (gettext("Published"), gettext("%(time)s, edition %(edition)s", time=published, edition=article.edition))
        )
    if article.HasField("review_due_time"):
        pairs.append((gettext("Next check"), reader.near(instant(article.review_due_time))))
    if article.tags:
        pairs.append((gettext("Words"), ", ".join(article.tags)))
    pairs.append((gettext("Read"), gettext("%(count)s times", count=article.views)))
    used = use_words(article)
    if used:
        pairs.append((gettext("Enough"), used))
    return [(str(term), str(text)) for term, text in pairs]


def row(article: article_pb2.Article, reader: Reader) -> dict[str, Any]:
    """A line of the list of articles: as `line`, with who keeps it and when it changed."""
    kept = reader.called(article.owner_team or article.author)
    return {**line(article), "kept": kept, "updated": reader.near(instant(article.update_time))}
