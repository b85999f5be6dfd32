"""The portal's own service in this process, on real stores, called through gRPC and its door."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from throughline.portal.v1 import people_service_pb2, people_service_pb2_grpc

from services.portal.main import compose
from services.runtime.actor import Actor
from services.runtime.client import acting, channel, refusal_of
from services.runtime.identity import Keys, make
from services.runtime.run import Runtime
from services.runtime.settings import Settings

ADMIN = Actor("people/admin", frozenset({"administrator"}))
ANN = Actor("people/ann", frozenset({"requester"}))

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def ask(mongo_uri: str, nats_url: str, database: str, tmp_path: Path) -> AsyncIterator[Ask]:
    """ask(actor or None, method, **fields): one call as a person, or as the portal itself; raises the Refusal."""
    make(tmp_path, ["portal"])
    settings = Settings.load(
        "portal",
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
    async with Runtime("portal", settings) as run:
        compose(run)
        await run.start()
        assert await run.ready(30), "the service did not become ready"
        async with channel(f"127.0.0.1:{run.port}", "portal", keys) as open_channel:
            stub = people_service_pb2_grpc.PeopleServiceStub(open_channel)

            async def call(actor: Actor | None, method: str, **fields: Any) -> Any:
                request = getattr(people_service_pb2, f"{method}Request")(**fields)
                if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
                    request.request_id = str(uuid.uuid4())
                with acting(keys.sign_person(actor) if actor else ""):
                    try:
                        return await getattr(stub, method)(request)
                    except grpc.aio.AioRpcError as error:
                        raise refusal_of(error) from error

            yield call
