"""The search index of one replica: in memory, built from the documents, followed by their time of change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
import tantivy
from pymongo import ASCENDING

from services.knowledge.rules.article import Article
from services.knowledge.store.articles import ancestors
from services.knowledge.store.words import pairs, words
from services.runtime.actor import Actor
from services.runtime.paging import PageRequest
from services.runtime.records import Record, Records

log = structlog.get_logger()

_ANALYSER = "terms"
_HEAP_BYTES = 32_000_000
_LOOK_SECONDS = 0.3
_SWEEP_SECONDS = 60.0
# Replicas' clocks may differ by this much before a change waits for the sweep.
_OVERLAP = timedelta(seconds=10)
_BATCH = 200
# A title says more than a tag, a tag more than a body; pairs of signs only catch what words missed.
_BOOSTS = (("title", 4.0), ("tags", 3.0), ("body", 1.0))
_PAIR_BOOSTS = (("title_pairs", 1.0), ("body_pairs", 0.25))
_TERMS_OF_A_QUERY = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """A found article. score: comparable within one answer."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """One stretch of hits, best first, and how many there are in all."""

    hits: Sequence[Hit]
    total: int


class Index:
    """Words to articles. MongoDB is the truth; this is a cache of it that any replica can make again."""

    def __init__(self, articles: Records[Article]) -> None:
        self._articles = articles
        builder = tantivy.SchemaBuilder()
        for name in ("title", "tags", "body", "title_pairs", "body_pairs"):
            builder.add_text_field(name, tokenizer_name=_ANALYSER, index_option="freq")
        for name in ("language", "unit", "under"):
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("name", stored=True, tokenizer_name="raw", index_option="basic")
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        analyser = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
            .filter(tantivy.Filter.remove_long(80))
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._index.register_tokenizer(_ANALYSER, analyser)
        self._analyser = analyser
        self._writer = self._index.writer(_HEAP_BYTES, 1)
        self._versions: dict[str, int] = {}
        self._seen_until: datetime | None = None

    async def build(self) -> int:
        """Reads every article once; how many are live."""
        token = ""
        while True:
            page = await self._articles.page({}, [("_id", ASCENDING)], PageRequest(_BATCH, token, "search"))
            await asyncio.to_thread(self._take, page.items)
            token = page.next_token
            if not token:
                break
        return len(self._versions)

    async def follow(self, stop: asyncio.Event) -> None:
        """Keeps up with changes until `stop`; what a clock's difference hides is found by the sweep."""
        live = await self.build()
        log.info("search index built", articles=live)
        loop = asyncio.get_running_loop()
        swept = loop.time()
        while not stop.is_set():
            if loop.time() - swept >= _SWEEP_SECONDS:
                await self.build()
                swept = loop.time()
            else:
                await self._catch_up()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stop.wait()

    async def _catch_up(self) -> None:
        since = self._seen_until - _OVERLAP if self._seen_until else None
        where = {"state.live_changed_at": {"$gte": since} if since else {"$ne": None}}
        token = ""
        while True:
            page = await self._articles.page(
                where, [("state.live_changed_at", ASCENDING), ("_id", ASCENDING)], PageRequest(_BATCH, token, "follow")
            )
            changed = [one for one in page.items if self._versions.get(one.name) != _edition(one.state)]
            if changed:
                await asyncio.to_thread(self._take, changed)
            for one in page.items:
                at = one.state.live_changed_at
                if at is not None and (self._seen_until is None or at > self._seen_until):
                    self._seen_until = at
            token = page.next_token
            if not token:
                return

    def _take(self, records: Sequence[Record[Article]]) -> None:
        changed = False
        for record in records:
            edition = _edition(record.state)
            if self._versions.get(record.name, 0) == edition:
                continue
            self._writer.delete_documents_by_term("name", record.name)
            if record.state.live is not None:
                self._writer.add_document(self._document(record))
            self._versions[record.name] = edition
            changed = True
        if changed:
            self._writer.commit()
            self._index.reload()

    def _document(self, record: Record[Article]) -> tantivy.Document:
        article = record.state
        assert article.live is not None  # noqa: S101 - the caller looked
        text = article.live.text
        document = tantivy.Document()
        document.add_text("name", record.name)
        document.add_text("language", article.language)
        document.add_text("unit", article.unit or "-")
        for above in ancestors(article.unit):
            document.add_text("under", above or "-")
        document.add_text("title", " ".join(words(text.title)))
        document.add_text("tags", " ".join(words(" ".join(text.tags))))
        document.add_text("body", " ".join(words(text.body)))
        document.add_text("title_pairs", " ".join(pairs(text.title)))
        document.add_text("body_pairs", " ".join(pairs(text.body)))
        return document

    def search(self, query: str, actor: Actor, *, language: str, limit: int, offset: int) -> Found:
        """The live articles that concern the actor and hold words of the query, best first; ties by name."""
        wanted = self._wanted(query)
        if not wanted:
            return Found((), 0)
        must = [(tantivy.Occur.Must, tantivy.Query.boolean_query(wanted))]
        if language:
            must.append((tantivy.Occur.Must, self._flat("language", language)))
        if actor.unit and not actor.is_system:
            scope = [(tantivy.Occur.Should, self._flat("under", actor.unit))]
            scope += [(tantivy.Occur.Should, self._flat("unit", unit or "-")) for unit in ancestors(actor.unit)]
            must.append((tantivy.Occur.Must, tantivy.Query.boolean_query(scope)))
        searcher = self._index.searcher()
        answer = _best(searcher, tantivy.Query.boolean_query(must), limit + offset)
        named = [(score, str(searcher.doc(address)["name"][0])) for score, address in answer.hits]
        ordered = sorted(named, key=lambda one: (-one[0], one[1]))
        hits = [Hit(name, score) for score, name in ordered[offset : offset + limit]]
        return Found(hits, int(getattr(answer, "count", 0) or 0))

    def _wanted(self, query: str) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        terms = [self._stem(word) for word in dict.fromkeys(words(query))][:_TERMS_OF_A_QUERY]
        twos = list(dict.fromkeys(pairs(query)))[:_TERMS_OF_A_QUERY]
        found = []
        for texts, boosts in ((terms, _BOOSTS), (twos, _PAIR_BOOSTS)):
            for text in texts:
                fields = [
                    tantivy.Query.boost_query(tantivy.Query.term_query(self._schema, field, text, "freq"), boost)
                    for field, boost in boosts
                ]
                found.append((tantivy.Occur.Should, tantivy.Query.disjunction_max_query(fields, 0.1)))
        return found

    def _stem(self, word: str) -> str:
        stemmed = self._analyser.analyze(word)
        return stemmed[0] if stemmed else word

    def _flat(self, field: str, text: str) -> tantivy.Query:
        return tantivy.Query.const_score_query(tantivy.Query.term_query(self._schema, field, text, "basic"), 0.0)


def _best(searcher: tantivy.Searcher, query: tantivy.Query, count: int) -> tantivy.SearchResult:
    """The best `count` hits, and all that are as good as the last of them.

    Of equals the index takes whichever its segments hold first, and merging moves them: cut among equals, one page
    would repeat what another had shown.
    """
    wanted = count + 1
    while True:
        answer = searcher.search(query, limit=wanted, count=True)
        if len(answer.hits) < wanted or answer.hits[-1][0] < answer.hits[count - 1][0]:
            return answer
        wanted *= 4


def _edition(article: Article) -> int:
    """What the index holds of an article: the live edition's number, 0 for none."""
    return article.live.number if article.live else 0
