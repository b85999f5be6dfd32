"""KnowledgeService: each method reads its request, takes one decision and replies; search asks the replica's index."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from throughline.knowledge.v1 import article_pb2, knowledge_service_pb2, knowledge_service_pb2_grpc

from services.knowledge import wire
from services.knowledge.rules import access, work
from services.knowledge.rules.article import Article
from services.knowledge.store.articles import page_of_articles
from services.knowledge.store.search import Index
from services.knowledge.store.snippets import matched, snippet
from services.runtime import paging
from services.runtime.actor import Actor
from services.runtime.door import caller
from services.runtime.numbers import Numbers
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records

_HITS, _MOST_HITS, _DEEPEST = 10, 50, 1_000


class KnowledgeRpc(knowledge_service_pb2_grpc.KnowledgeServiceServicer):
    """articles: the service's records. numbers: KB-000001 and up. index: of the live articles."""

    def __init__(self, articles: Records[Article], numbers: Numbers, index: Index) -> None:
        self.articles = articles
        self.numbers = numbers
        self.index = index

    async def CreateArticle(
        self, request: knowledge_service_pb2.CreateArticleRequest, _context: Any
    ) -> article_pb2.Article:
        call = caller()
        text = wire.text_from_request(request)
        made = partial(work.draft, text, request.language, request.source_ticket, by=call.actor, now=call.now)
        name = f"articles/{await self.numbers.next()}"
        return _shown(call.actor, await self.articles.create(name, call.cause(request), made))

    async def UpdateArticle(
        self, request: knowledge_service_pb2.UpdateArticleRequest, _context: Any
    ) -> article_pb2.Article:
        return await self._decide(request, work.edit, text=wire.text_from_request(request), now=caller().now)

    async def SubmitArticle(
        self, request: knowledge_service_pb2.SubmitArticleRequest, _context: Any
    ) -> article_pb2.Article:
        return await self._decide(request, work.submit, now=caller().now)

    async def ReturnArticle(
        self, request: knowledge_service_pb2.ReturnArticleRequest, _context: Any
    ) -> article_pb2.Article:
        return await self._decide(request, work.send_back, note=request.note, now=caller().now)

    async def PublishArticle(
        self, request: knowledge_service_pb2.PublishArticleRequest, _context: Any
    ) -> article_pb2.Article:
        return await self._decide(request, work.publish, now=caller().now)

    async def RetireArticle(
        self, request: knowledge_service_pb2.RetireArticleRequest, _context: Any
    ) -> article_pb2.Article:
        return await self._decide(request, work.retire, reason=request.reason, now=caller().now)

    async def RecordUse(self, request: knowledge_service_pb2.RecordUseRequest, _context: Any) -> article_pb2.Article:
        usefulness = wire.usefulness_from_proto(request.usefulness)
        return await self._decide(request, work.use, usefulness=usefulness, ticket=request.ticket)

    async def GetArticle(self, request: knowledge_service_pb2.GetArticleRequest, _context: Any) -> article_pb2.Article:
        actor = caller().actor
        record = await self.articles.get(request.name)
        access.require_sight(actor, record.state, request.name)
        return _shown(actor, record)

    async def ListArticles(
        self, request: knowledge_service_pb2.ListArticlesRequest, _context: Any
    ) -> knowledge_service_pb2.ListArticlesResponse:
        actor = caller().actor
        states = [wire.state_from_proto(number) for number in request.states if number]
        bind = f"{actor.unit}/{sorted(states)}/{request.language}/{request.author}"
        page = await page_of_articles(
            self.articles,
            actor,
            PageRequest(request.page_size, request.page_token, bind),
            states=states,
            language=request.language,
            author=request.author,
        )
        return knowledge_service_pb2.ListArticlesResponse(
            articles=[_shown(actor, record) for record in page.items], next_page_token=page.next_token
        )

    async def SearchArticles(
        self, request: knowledge_service_pb2.SearchArticlesRequest, _context: Any
    ) -> knowledge_service_pb2.SearchArticlesResponse:
        actor = caller().actor
        size = min(request.page_size or _HITS, _MOST_HITS)
        bind = f"{actor.unit}/{request.language}/{request.query}"
        offset = int(paging.decode(request.page_token, bind, 1)[0]) if request.page_token else 0
        found = self.index.search(request.query, actor, language=request.language, limit=size, offset=offset)
        kept = await self.articles.find([hit.name for hit in found.hits])
        hits = [
            _hit(kept[hit.name], hit.score, request.query)
            for hit in found.hits
            # Retired since the index last looked.
            if hit.name in kept and kept[hit.name].state.live is not None
        ]
        following = offset + size
        more = following < min(found.total, _DEEPEST)
        return knowledge_service_pb2.SearchArticlesResponse(
            hits=hits, total=found.total, next_page_token=paging.encode([following], bind) if more else ""
        )

    async def _decide(self, request: Any, verb: Callable[..., work.Decision], **given: Any) -> article_pb2.Article:
        call = caller()
        decide = partial(verb, **given, name=request.name, by=call.actor)
        etag = getattr(request, "etag", "")
        return _shown(call.actor, await self.articles.change(request.name, call.cause(request), decide, etag=etag))


def _shown(actor: Actor, record: Record[Article]) -> article_pb2.Article:
    live = not access.sees_drafts(actor, record.state)
    return wire.article_to_proto(record.name, record.etag, record.state, live=live)


def _hit(record: Record[Article], score: float, query: str) -> article_pb2.SearchHit:
    article = wire.article_to_proto(record.name, record.etag, record.state, live=True)
    piece = snippet(query, article.body)
    ranges = [article_pb2.Range(start=start, end=end) for start, end in piece.matches]
    return article_pb2.SearchHit(
        article=article,
        score=score,
        snippets=[article_pb2.Snippet(text=piece.text, matches=ranges)],
        matched_terms=matched(query, f"{article.title} {article.body}"),
    )
