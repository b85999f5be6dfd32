"""Articles to protobuf and back, events and search hits too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from throughline.knowledge.v1 import article_pb2, events_pb2

from services.knowledge.rules import article as told
from services.knowledge.rules.article import Article, State, Text, Usefulness
from services.runtime.records import Stamp


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp


def text_from_request(request: Any) -> Text:
    """What an author wrote in a create or update request."""
    tags = tuple(dict.fromkeys(tag.strip() for tag in request.tags if tag.strip()))
    return Text(request.title.strip(), request.body, request.owner_team, request.service, tags)


def state_from_proto(number: article_pb2.ArticleState.ValueType) -> State:
    """A state of a filter."""
    return State(article_pb2.ArticleState.Name(number).removeprefix("ARTICLE_STATE_"))


def usefulness_from_proto(number: events_pb2.Usefulness.ValueType) -> Usefulness:
    """What a reader said."""
    return Usefulness(events_pb2.Usefulness.Name(number).removeprefix("USEFULNESS_"))


def article_to_proto(name: str, etag: str, article: Article, *, live: bool = False) -> article_pb2.Article:
    """The article: its newest text, or with `live` the edition that readers see."""
    edition = article.live
    text = edition.text if live and edition else article.text
    state = State.PUBLISHED if live and edition else article.state
    return article_pb2.Article(
        name=name,
        etag=etag,
        state=article_pb2.ArticleState.Value(f"ARTICLE_STATE_{state}"),
        title=text.title,
        body=text.body,
        language=article.language,
        author=article.author,
        reviewer=edition.reviewer if live and edition else article.reviewer,
        owner_team=text.owner_team,
        service=text.service,
        tags=text.tags,
        source_ticket=article.source_ticket,
        create_time=_stamp(article.created_at),
        update_time=_stamp(edition.published_at if live and edition else article.updated_at),
        publish_time=_stamp(edition.published_at if edition else None),
        review_due_time=_stamp(article.review_due_at),
        edition=edition.number if edition else 0,
        views=article.views,
        solved=article.solved,
        not_solved=article.not_solved,
        unit=article.unit,
        review_note="" if live else article.review_note,
    )


_MORE: Mapping[type[told.ArticleEvent], Callable[[Any], dict[str, Any]]] = {
    told.ArticleUsed: lambda event: {
        "reader": event.reader,
        "usefulness": events_pb2.Usefulness.Value(f"USEFULNESS_{event.usefulness}"),
        "ticket": event.ticket,
    },
}


def event_to_proto(event: told.ArticleEvent, stamp: Stamp) -> Message:
    """The event's message: its name is the event's own, and it holds the whole article."""
    more = _MORE.get(type(event), lambda _event: {})(event)
    made: Message = getattr(events_pb2, type(event).__name__)(
        article=article_to_proto(stamp.name, stamp.etag, event.article), **more
    )
    return made
