"""Searching knowledge through gRPC beside MongoDB's own text search over the same words."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from pymongo import AsyncMongoClient
from throughline.knowledge.v1 import knowledge_service_pb2 as pb

from deploy.local.system import System
from services.knowledge.rules.article import Article, Edition, State, Text
from services.knowledge.store.articles import ARTICLES
from services.knowledge.store.words import words
from tests.load import places
from tests.load.rounds import ROUNDS, Rounds, paced

NUMBER = int(os.environ.get("LOAD_ARTICLES", "20000"))
QUERIES = 150
IN_FLIGHT = 2
SEARCH = "/throughline.knowledge.v1.KnowledgeService/SearchArticles"
_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_ENGLISH = """
vpn outlook printer password reset cannot connect slow laptop network drive access denied mailbox full license expired
monitor update failed wifi sap error timeout invoice approval meeting room projector badge door
"""
_CHINESE = """
无法连接 重置密码 打印机 邮箱 权限申请 网络缓慢 电脑蓝屏 软件安装 审批流程 会议室 投影仪 系统报错 账号锁定 发票 报销
入职 离职 显示器 更新失败 共享文件夹 收银机 价签 盘点机 扫码枪
"""
_WORDS = (_ENGLISH + _CHINESE).split()

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[System]:
    """The knowledge service alone, before it starts."""
    with places.bare_server(tmp_path) as spans, places.part_of_the_system(tmp_path / "s", spans_to=spans) as part:
        yield part


def _text(chance: random.Random, count: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(count))


def _articles(count: int) -> Iterator[tuple[str, Article]]:
    chance = random.Random(7)
    for number in range(count):
        at = _START + timedelta(minutes=number)
        text = Text(_text(chance, 6), _text(chance, 60), "teams/network", "", ())
        live = Edition(text, 1, at, "people/ben")
        kept = Article(
            text, "zh", State.PUBLISHED, "people/ann", "", at, at, reviewer="people/ben", live=live, live_changed_at=at
        )
        yield f"articles/KB-{number + 1:06}", kept


async def _fill(uri: str) -> None:
    """Puts the articles where the service finds them, and their words where MongoDB searches."""
    async with AsyncMongoClient[dict[str, Any]](uri) as client:
        own, theirs = client["knowledge"]["articles"], client["bare"]["articles"]
        await theirs.create_index([("text", "text")], default_language="none")
        batch: list[tuple[str, Article]] = []
        for one in _articles(NUMBER):
            batch.append(one)
            if len(batch) == 1000:
                await own.insert_many([_document(name, article) for name, article in batch], ordered=False)
                await theirs.insert_many([_segmented(name, article) for name, article in batch], ordered=False)
                batch = []


def _document(name: str, article: Article) -> dict[str, Any]:
    fields: dict[str, Any] = {"_id": name, "schema": 1, "version": 1, "sequence": 1, "head": b"", "birth": name}
    return {**fields, "birth_digest": "", "causes": [], "outbox": [], "follows": {}, "state": ARTICLES.encode(article)}


def _segmented(name: str, article: Article) -> dict[str, Any]:
    text = " ".join(words(f"{article.text.title} {article.text.body}"))
    return {"_id": name, "title": article.text.title, "text": text}


def _queries(seed: int) -> Sequence[str]:
    chance = random.Random(seed)
    return [_text(chance, 2) for _ in range(QUERIES)]


def _each(search: Callable[[str], Awaitable[Any]], queries: Sequence[str]) -> Callable[[int], Awaitable[Any]]:
    return lambda number: search(queries[number])


async def test_searching_knowledge(knowledge: System) -> None:
    """The best ten of 20,000 articles come, at the 95th percentile, in half the time of MongoDB's text search."""
    await _fill(knowledge.mongod.uri)
    places.started(knowledge, "knowledge")
    rounds = Rounds(f"search over {NUMBER:,} articles, {IN_FLIGHT} in flight, p95", "ms")
    async with (
        AsyncMongoClient[dict[str, Any]](knowledge.mongod.uri) as client,
        grpc.aio.insecure_channel(knowledge.addresses["knowledge"]) as on,
    ):
        ours: Any = on.unary_unary(
            SEARCH,
            request_serializer=pb.SearchArticlesRequest.SerializeToString,
            response_deserializer=pb.SearchArticlesResponse.FromString,
        )

        async def ask(query: str) -> Any:
            return await ours(pb.SearchArticlesRequest(query=query), metadata=proof)

        async def theirs(query: str) -> None:
            score = {"score": {"$meta": "textScore"}}
            asked = {"$text": {"$search": " ".join(words(query))}}
            found = client["bare"]["articles"].find(asked, {"title": 1, **score})
            await found.sort([("score", {"$meta": "textScore"})]).limit(10).to_list()

        proof = places.metadata(knowledge.keys, "knowledge")
        found, before = 0, -1
        async with asyncio.timeout(200):
            while found != before or found < NUMBER // 2:
                await asyncio.sleep(1)
                before, found = found, (await ask("打印机")).total
        for seed in range(ROUNDS):
            queries = _queries(seed)
            proof = places.metadata(knowledge.keys, "knowledge")
            for name, search in (("MongoDB $text", theirs), ("ours", ask)):
                pace = await paced(_each(search, queries), QUERIES, IN_FLIGHT)
                rounds.add(name, pace.percentile(0.95) * 1000)
    rounds.hold("best ten, through gRPC", "ours", "MongoDB $text", most=0.5)
    rounds.close()
