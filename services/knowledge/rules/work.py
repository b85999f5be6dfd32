"""The verbs: draft, edit, submit, return, publish, retire, use."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.knowledge.rules import access
from services.knowledge.rules.article import (
    Article,
    ArticleDrafted,
    ArticleEdited,
    ArticleEvent,
    ArticlePublished,
    ArticleRetired,
    ArticleReturned,
    ArticleSubmitted,
    ArticleUsed,
    Edition,
    State,
    Text,
    Usefulness,
)
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

REVIEW_EVERY = timedelta(days=365)

Decision = tuple[Article, tuple[ArticleEvent, ...]]

_WAY_OUT = {
    State.DRAFT: "it is a draft: submit it for review",
    State.IN_REVIEW: "it is being reviewed: wait, or have it returned",
    State.PUBLISHED: "it is published: edit it to begin a new edition",
    State.RETIRED: "it is retired: write a new one",
}


def draft(text: Text, language: str, source_ticket: str, *, by: Actor, now: datetime) -> Decision:
    """A new article of the actor's unit.

    Raises:
        Refusal: ROLE_REQUIRED.
    """
    by.require(*access.WRITERS, to="write articles")
    article = Article(text, language, State.DRAFT, by.sub, by.unit, now, now, source_ticket=source_ticket)
    return article, (ArticleDrafted(article),)


def edit(article: Article, text: Text, *, name: str, by: Actor, now: datetime) -> Decision:
    """Other words. A published article becomes a draft of its next edition; readers keep the last one.

    Raises:
        Refusal: NOT_FOUND, NOT_YOUR_ARTICLE, ARTICLE_STATE.
    """
    access.require_sight(by, article, name)
    access.require_author(by, article, "edit this article")
    _require_state(article, "edit", State.DRAFT, State.PUBLISHED)
    if article.text == text:
        return article, ()
    after = replace(article, text=text, state=State.DRAFT, updated_at=now)
    return after, (ArticleEdited(after),)


def submit(article: Article, *, name: str, by: Actor, now: datetime) -> Decision:
    """Asks for review.

    Raises:
        Refusal: NOT_FOUND, NOT_YOUR_ARTICLE, ARTICLE_STATE, BODY_MISSING.
    """
    access.require_sight(by, article, name)
    access.require_author(by, article, "submit this article")
    _require_state(article, "submit", State.DRAFT)
    if not article.text.body.strip():
        raise Refusal.precondition("BODY_MISSING", "Write the article before it is reviewed.", "body")
    after = replace(article, state=State.IN_REVIEW, review_note="", updated_at=now)
    return after, (ArticleSubmitted(after),)


def send_back(article: Article, note: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """Back to the author, with what is missing.

    Raises:
        Refusal: NOT_FOUND, REVIEW_NEEDS_A_PERSON, ROLE_REQUIRED, OWN_ARTICLE, ARTICLE_STATE.
    """
    access.require_sight(by, article, name)
    access.require_independent_reviewer(by, article)
    _require_state(article, "return", State.IN_REVIEW)
    after = replace(article, state=State.DRAFT, reviewer=by.sub, review_note=note, updated_at=now)
    return after, (ArticleReturned(after),)


def publish(article: Article, *, name: str, by: Actor, now: datetime) -> Decision:
    """A new edition for readers, to be looked at again within a year.

    Raises:
        Refusal: as `send_back`.
    """
    access.require_sight(by, article, name)
    access.require_independent_reviewer(by, article)
    _require_state(article, "publish", State.IN_REVIEW)
    number = article.live.number + 1 if article.live else 1
    after = replace(
        article,
        state=State.PUBLISHED,
        reviewer=by.sub,
        review_note="",
        live=Edition(article.text, number, now, by.sub),
        live_changed_at=now,
        review_due_at=now + REVIEW_EVERY,
        updated_at=now,
    )
    return after, (ArticlePublished(after),)


def retire(article: Article, reason: str, *, name: str, by: Actor, now: datetime) -> Decision:
    """Readers see it no more; its history stays.

    Raises:
        Refusal: NOT_FOUND, NOT_YOUR_ARTICLE, ARTICLE_STATE.
    """
    access.require_sight(by, article, name)
    access.require_author(by, article, "retire this article")
    _require_state(article, "retire", State.DRAFT, State.IN_REVIEW, State.PUBLISHED)
    after = replace(article, state=State.RETIRED, live=None, live_changed_at=now, updated_at=now)
    return after, (ArticleRetired(after, reason),)


def use(article: Article, usefulness: Usefulness, ticket: str, *, name: str, by: Actor) -> Decision:
    """Counts a reading of the live edition, and whether it helped.

    Raises:
        Refusal: NOT_FOUND, NOT_PUBLISHED.
    """
    access.require_sight(by, article, name)
    if article.live is None:
        raise Refusal.precondition("NOT_PUBLISHED", "Only a published article is read and judged.", "name")
    after = replace(
        article,
        views=article.views + (usefulness is Usefulness.VIEWED),
        solved=article.solved + (usefulness is Usefulness.SOLVED),
        not_solved=article.not_solved + (usefulness is Usefulness.NOT_SOLVED),
    )
    return after, (ArticleUsed(after, by.sub, usefulness, ticket),)


def _require_state(article: Article, verb: str, *allowed: State) -> None:
    if article.state not in allowed:
        way_out = _WAY_OUT[article.state]
        raise Refusal.precondition("ARTICLE_STATE", f"You cannot {verb} this article now: {way_out}.", "state")
