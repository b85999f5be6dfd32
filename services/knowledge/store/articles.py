"""The article as a document, and the lists of articles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.knowledge import wire
from services.knowledge.rules.access import WRITERS
from services.knowledge.rules.article import Article, Edition, State, Text
from services.runtime.actor import Actor
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Kind, Record, Records

_PLAIN = (
    "language",
    "state",
    "author",
    "unit",
    "created_at",
    "updated_at",
    "source_ticket",
    "reviewer",
    "review_note",
    "live_changed_at",
    "review_due_at",
    "views",
    "solved",
    "not_solved",
)


def _encode_text(text: Text) -> dict[str, Any]:
    return {
        "title": text.title,
        "body": text.body,
        "owner_team": text.owner_team,
        "service": text.service,
        "tags": list(text.tags),
    }


def _decode_text(kept: Mapping[str, Any]) -> Text:
    return Text(**{**kept, "tags": tuple(kept["tags"])})


def _encode(article: Article) -> dict[str, Any]:
    live = article.live
    return {
        **{name: getattr(article, name) for name in _PLAIN},
        "text": _encode_text(article.text),
        "live": {
            "text": _encode_text(live.text),
            "number": live.number,
            "published_at": live.published_at,
            "reviewer": live.reviewer,
        }
        if live
        else None,
    }


def _decode(kept: Mapping[str, Any]) -> Article:
    live = kept["live"]
    plain = {name: kept[name] for name in _PLAIN}
    edition = Edition(**{**live, "text": _decode_text(live["text"])}) if live else None
    return Article(**{**plain, "state": State(kept["state"]), "text": _decode_text(kept["text"]), "live": edition})


ARTICLES: Kind[Article] = Kind(
    collection="articles",
    encode=_encode,
    decode=_decode,
    message=wire.event_to_proto,
    indexes=(
        IndexModel([("state.updated_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.state", ASCENDING), ("state.updated_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.author", ASCENDING), ("state.updated_at", DESCENDING), ("_id", DESCENDING)]),
        IndexModel([("state.live_changed_at", ASCENDING)]),
    ),
)


def ancestors(unit: str) -> list[str]:
    """The unit and everything above it: "cn/east" -> "", "cn", "cn/east"."""
    parts = unit.split("/") if unit else []
    return ["", *("/".join(parts[: end + 1]) for end in range(len(parts)))]


async def page_of_articles(
    articles: Records[Article],
    actor: Actor,
    page: PageRequest,
    *,
    states: Sequence[State],
    language: str,
    author: str,
) -> Page[Record[Article]]:
    """Articles that concern the actor, newest first; who writes none sees live ones alone."""
    where: dict[str, Any] = {}
    if actor.unit:
        # A range instead of a pattern: "cn/east/" up to, but without, "cn/east0".
        below = {"$gte": f"{actor.unit}/", "$lt": f"{actor.unit}0"}
        where["$or"] = [{"state.unit": {"$in": ancestors(actor.unit)}}, {"state.unit": below}]
    if not actor.has(*WRITERS) and not actor.is_system:
        where["state.live"] = {"$ne": None}
    elif states:
        where["state.state"] = {"$in": list(states)}
    if language:
        where["state.language"] = language
    if author:
        where["state.author"] = author
    return await articles.page(where, [("state.updated_at", DESCENDING), ("_id", DESCENDING)], page)
