"""The knowledge service through gRPC on real stores: review, reading, and search in two languages."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from throughline.knowledge.v1 import article_pb2, events_pb2, knowledge_service_pb2, knowledge_service_pb2_grpc

from services.knowledge.main import compose
from services.runtime.actor import Actor
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys, make
from services.runtime.refusal import Refusal
from services.runtime.run import Runtime
from services.runtime.settings import Settings

ANN = Actor("people/ann", frozenset({"agent"}), unit="cn/east")
LEE = Actor("people/lee", frozenset({"knowledge_author"}), unit="cn/east")
SU = Actor("people/su", frozenset({"requester"}), unit="cn/east")
FAR = Actor("people/far", frozenset({"requester"}), unit="cn/west")

ARTICLES = (
    ("zh", "在家连不上 VPN：三步", "检查网络，重启 VPN 客户端，再用域账号登录。"),
    ("zh", "收银台扫码反复超时", "回退驱动到 4.1，清空会话缓存。"),
    ("zh", "堡垒机会话过期怎么办", "重新登录堡垒机，旧会话会在十分钟后释放。"),
    ("en", "Printer prints half a receipt", "Roll the driver back to 4.1 and restart the spooler."),
    ("en", "Reset your password in five minutes", "Open the portal, choose reset, follow the mail."),
)

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def ask(mongo_uri: str, nats_url: str, database: str, tmp_path: Path) -> AsyncIterator[Ask]:
    """ask(actor, method, **fields): one call; raises the Refusal."""
    make(tmp_path, ["knowledge", "portal"])
    settings = Settings.load(
        "knowledge",
        mongo_uri=mongo_uri,
        nats_url=nats_url,
        database=database,
        keys_dir=tmp_path,
        listen="127.0.0.1:0",
        bus_manage=True,
        stop_wait_seconds=0.0,
        stop_grace_seconds=2.0,
    )
    keys = Keys(tmp_path, "portal")
    async with Runtime("knowledge", settings) as run:
        compose(run)
        await run.start()
        assert await run.ready(30), "the service did not become ready"
        async with channel(f"127.0.0.1:{run.port}", "knowledge", keys) as opened:
            stub = knowledge_service_pb2_grpc.KnowledgeServiceStub(opened)

            async def call(actor: Actor, method: str, **fields: Any) -> Any:
                request = getattr(knowledge_service_pb2, f"{method}Request")(**fields)
                if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
                    request.request_id = str(uuid.uuid4())
                with acting(keys.sign_person(actor)):
                    try:
                        return await getattr(stub, method)(request)
                    except grpc.aio.AioRpcError as error:
                        raise refusal_of(error) from error

            yield call


async def publish(ask: Ask, language: str, title: str, body: str) -> str:
    article = await ask(ANN, "CreateArticle", language=language, title=title, body=body)
    await ask(ANN, "SubmitArticle", name=article.name)
    return str((await ask(LEE, "PublishArticle", name=article.name)).name)


async def found(ask: Ask, query: str, count: int, actor: Actor = SU, **more: Any) -> list[str]:
    """The titles found; waits until the index has as many, as it follows the documents."""
    titles: list[str] = []
    for _ in range(100):
        answer = await ask(actor, "SearchArticles", query=query, **more)
        titles = [hit.article.title for hit in answer.hits]
        if len(titles) == count:
            return titles
        await asyncio.sleep(0.1)
    return titles


async def test_an_article_reaches_readers_by_review(ask: Ask) -> None:
    """A draft is nobody's but the writers'; its author cannot publish it; published, a requester reads it."""
    article = await ask(ANN, "CreateArticle", language="zh", title="VPN", body="重启")
    with pytest.raises(Refusal):
        await ask(SU, "GetArticle", name=article.name)
    await ask(ANN, "SubmitArticle", name=article.name)
    author = Actor(ANN.sub, frozenset({"knowledge_author"}), unit="cn/east")
    with pytest.raises(Refusal) as refused:
        await ask(author, "PublishArticle", name=article.name)
    assert refused.value.reason == "OWN_ARTICLE"
    await ask(LEE, "PublishArticle", name=article.name)
    read = await ask(SU, "GetArticle", name=article.name)
    assert (read.state, read.edition, read.reviewer) == (article_pb2.ARTICLE_STATE_PUBLISHED, 1, LEE.sub)


async def test_search_finds_both_languages_and_ranks_titles_first(ask: Ask) -> None:
    """Words, two-sign words inside others, traditional signs, and English endings; the best hit is the one meant."""
    for language, title, body in ARTICLES:
        await publish(ask, language, title, body)
    assert (await found(ask, "家里 vpn 连不上", 1))[0] == ARTICLES[0][1]
    assert set(await found(ask, "登录", 2)) == {ARTICLES[0][1], ARTICLES[2][1]}
    assert await found(ask, "會話過期", 2) == [ARTICLES[2][1], ARTICLES[1][1]]
    assert await found(ask, "扫码", 1) == [ARTICLES[1][1]]
    assert await found(ask, "printing receipts", 1) == [ARTICLES[3][1]]
    assert await found(ask, "4.1", 1, language="en") == [ARTICLES[3][1]]
    answer = await ask(SU, "SearchArticles", query="驱动")
    [piece] = answer.hits[0].snippets
    assert [piece.text[one.start : one.end] for one in piece.matches] == ["驱动"]


async def test_search_follows_editions_and_retirement(ask: Ask) -> None:
    """New words are found after the next publication only; a retired article is found no more."""
    name = await publish(ask, "en", "Reset a token", "Ask the desk.")
    assert await found(ask, "token", 1) == ["Reset a token"]
    await ask(ANN, "UpdateArticle", name=name, title="Reset a fob", body="Ask the desk.")
    await ask(ANN, "SubmitArticle", name=name)
    assert await found(ask, "token", 1) == ["Reset a token"]
    await ask(LEE, "PublishArticle", name=name)
    assert await found(ask, "fob", 1) == ["Reset a fob"]
    assert await found(ask, "token", 0) == []
    await ask(ANN, "RetireArticle", name=name, reason="gone")
    assert await found(ask, "fob", 0) == []


async def test_search_shows_and_counts_what_concerns_the_reader(ask: Ask) -> None:
    """Another unit's reader neither sees nor counts it; pages follow each other without gap or repeat."""
    names = [await publish(ask, "en", f"Printer {number}", "Toner.") for number in range(5)]
    assert len(await found(ask, "printer", 5)) == 5
    # The index holds them in another order than that of their names, and all are equally good.
    await ask(ANN, "UpdateArticle", name=names[0], title="Printer 5", body="Toner.")
    await ask(ANN, "SubmitArticle", name=names[0])
    await ask(LEE, "PublishArticle", name=names[0])
    assert len(await found(ask, "5 printer", 5)) == 5
    assert (await ask(FAR, "SearchArticles", query="printer")).total == 0
    seen, token = [], ""
    while True:
        page = await ask(SU, "SearchArticles", query="printer", page_size=2, page_token=token)
        seen += [hit.article.name for hit in page.hits]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == 5


async def test_a_reading_is_counted_once_a_request(ask: Ask) -> None:
    """A retried "this solved it" is one; the article tells how often it helped."""
    name = await publish(ask, "en", "Reset", "Do it.")
    once = str(uuid.uuid4())
    for _ in range(2):
        await ask(SU, "RecordUse", name=name, request_id=once, usefulness=events_pb2.USEFULNESS_SOLVED)
    assert (await ask(SU, "GetArticle", name=name)).solved == 1
