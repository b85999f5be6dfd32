"""An article: the text that is being written, the edition that readers see, and what its use showed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """Where the text is; moved by verbs alone."""

    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    PUBLISHED = "PUBLISHED"
    RETIRED = "RETIRED"


class Usefulness(StrEnum):
    """What came of a reading."""

    VIEWED = "VIEWED"
    SOLVED = "SOLVED"
    NOT_SOLVED = "NOT_SOLVED"


@dataclass(frozen=True, slots=True)
class Text:
    """What an author writes. body: Markdown without HTML. service: "services/<id>" or ""."""

    title: str
    body: str
    owner_team: str = ""
    service: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """A published text. number: from 1. published_at: aware UTC."""

    text: Text
    number: int
    published_at: datetime
    reviewer: str


@dataclass(frozen=True, slots=True)
class Article:
    """text: the newest words; live: what readers see, None before the first publication and after retirement.

    language: "zh" or "en". live_changed_at: when `live` last changed, so that search can follow. Instants aware UTC.
    """

    text: Text
    language: str
    state: State
    author: str
    unit: str
    created_at: datetime
    updated_at: datetime
    source_ticket: str = ""
    reviewer: str = ""
    review_note: str = ""
    live: Edition | None = None
    live_changed_at: datetime | None = None
    review_due_at: datetime | None = None
    views: int = 0
    solved: int = 0
    not_solved: int = 0


@dataclass(frozen=True, slots=True)
class ArticleEvent:
    """Every event holds the whole article after the change."""

    article: Article


class ArticleDrafted(ArticleEvent):
    """Somebody began one."""


class ArticleEdited(ArticleEvent):
    """Its text changed; readers see the last edition until the next is published."""


class ArticleSubmitted(ArticleEvent):
    """It waits for review."""


class ArticleReturned(ArticleEvent):
    """A reviewer sent it back."""


class ArticlePublished(ArticleEvent):
    """Readers see a new edition."""


@dataclass(frozen=True, slots=True)
class ArticleRetired(ArticleEvent):
    """Readers see it no more."""

    reason: str


@dataclass(frozen=True, slots=True)
class ArticleUsed(ArticleEvent):
    """Somebody read it. ticket: the one it was read for, or ""."""

    reader: str
    usefulness: Usefulness
    ticket: str
