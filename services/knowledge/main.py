"""Puts the knowledge service together and runs it."""

from __future__ import annotations

import asyncio

from throughline.knowledge.v1 import knowledge_service_pb2_grpc

from services.knowledge import rpc
from services.knowledge.store.articles import ARTICLES
from services.knowledge.store.search import Index
from services.runtime.numbers import Numbers
from services.runtime.run import Runtime
from services.runtime.settings import Settings


def compose(run: Runtime) -> None:
    """Declares what the service keeps and answers."""
    articles = run.records(ARTICLES)
    index = Index(articles)
    servicer = rpc.KnowledgeRpc(articles, Numbers(run.db, "KB"), index)
    run.serve(knowledge_service_pb2_grpc.add_KnowledgeServiceServicer_to_server, servicer)
    run.background("search", index.follow)


async def main() -> None:
    """Runs until SIGTERM."""
    async with Runtime("knowledge", Settings.load("knowledge")) as run:
        compose(run)
        await run.until_stopped()


if __name__ == "__main__":
    asyncio.run(main())
