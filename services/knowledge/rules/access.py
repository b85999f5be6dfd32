"""Who writes, who reviews, who reads."""

from __future__ import annotations

from services.knowledge.rules.article import Article
from services.runtime.actor import Actor
from services.runtime.refusal import Refusal

AGENT, LEAD, PROBLEM_MANAGER, KNOWLEDGE_AUTHOR = "agent", "lead", "problem_manager", "knowledge_author"
WRITERS = (KNOWLEDGE_AUTHOR, AGENT, LEAD, PROBLEM_MANAGER)
REVIEWERS = (KNOWLEDGE_AUTHOR, LEAD)


def is_within(unit: str, scope: str) -> bool:
    """Whether the unit ("cn/east") equals the scope or lies below it; everything lies below ""."""
    return not scope or unit == scope or unit.startswith(f"{scope}/")


def concerns(actor: Actor, unit: str) -> bool:
    """Whether an article of this unit is meant for the actor: of a unit above, at or below theirs."""
    return actor.is_system or is_within(actor.unit, unit) or is_within(unit, actor.unit)


def sees_drafts(actor: Actor, article: Article) -> bool:
    """Whether the actor sees the text that is being written, not only the edition that is live."""
    return actor.is_system or (actor.has(*WRITERS) and concerns(actor, article.unit))


def may_see(actor: Actor, article: Article) -> bool:
    """Whether the article exists for the actor."""
    return sees_drafts(actor, article) or (article.live is not None and concerns(actor, article.unit))


def require_sight(actor: Actor, article: Article, name: str) -> None:
    """Refuses NOT_FOUND what the actor may not see."""
    if not may_see(actor, article):
        raise Refusal.not_found(name)


def require_author(actor: Actor, article: Article, to: str) -> None:
    """Refuses NOT_YOUR_ARTICLE who is neither its author nor a reviewer."""
    if actor.sub != article.author and not actor.has(*REVIEWERS):
        raise Refusal.forbidden("NOT_YOUR_ARTICLE", f"You may not {to}; its author or a reviewer may.")


def require_independent_reviewer(actor: Actor, article: Article) -> None:
    """A review is a person's, of the right role, and never of one's own text.

    Raises:
        Refusal: REVIEW_NEEDS_A_PERSON, ROLE_REQUIRED, OWN_ARTICLE.
    """
    if actor.is_system:
        raise Refusal.forbidden("REVIEW_NEEDS_A_PERSON", "Only a person reviews an article.")
    actor.require(*REVIEWERS, to="review articles")
    if actor.sub == article.author:
        raise Refusal.forbidden("OWN_ARTICLE", "Nobody reviews their own article; ask another reviewer.")
