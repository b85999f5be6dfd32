"""The whole chain with nothing but its stores: a ticket's write with its event, journal, stream, clock, fact.

Batched as ours is, without gRPC, rules, traces or identity. Prints steps a second, from the first write until the last
fact is written.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections import deque
from typing import Any

import nats
from nats.aio.msg import Msg
from nats.js.api import ConsumerConfig, StreamConfig
from pymongo import AsyncMongoClient, InsertOne, UpdateOne, WriteConcern

TICKETS_AT_ONCE = 32
WINDOW = 256
FETCH = 100
LINGER_S = 0.01
_DATA = b"x" * 600


class Chain:
    """One database, one stream, two durable consumers."""

    def __init__(self, client: AsyncMongoClient[dict[str, Any]], connection: Any, steps: int) -> None:
        self.name = f"chain_{uuid.uuid4().hex[:8]}"
        self._db = client.get_database(self.name, write_concern=WriteConcern("majority", j=True))
        self._connection = connection
        self._js = connection.jetstream()
        self._steps = steps
        self._written: deque[dict[str, Any]] = deque()
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._inbox = connection.new_inbox() + "."

    async def prepare(self) -> None:
        """The stream, its consumers and the collections."""
        await self._js.add_stream(StreamConfig(name=self.name, subjects=[f"{self.name}.>"], duplicate_window=600))
        for durable in ("clocks", "facts"):
            await self._js.add_consumer(self.name, ConsumerConfig(durable_name=durable, max_ack_pending=1024))
            await self._db.create_collection(durable)
        await self._db.journal.create_index([("resource", 1), ("version", 1)], unique=True)
        await self._connection.subscribe(self._inbox + "*", cb=self._acknowledged)

    async def run(self, tickets: int) -> float:
        """Steps a second, of `tickets` histories of equal length."""
        began = time.perf_counter()
        hearers = [asyncio.create_task(self._hear(durable)) for durable in ("clocks", "facts")]
        relay = asyncio.create_task(self._relay())
        numbers = iter(range(tickets))
        await asyncio.gather(*(self._write(numbers, self._steps // tickets) for _ in range(TICKETS_AT_ONCE)))
        await asyncio.gather(relay, *hearers)
        return self._steps / (time.perf_counter() - began)

    async def _write(self, numbers: Any, versions: int) -> None:
        for number in numbers:
            name = f"tickets/INC-{number:06}"
            for version in range(1, versions + 1):
                event = {"_id": f"{name}/{version}", "resource": name, "version": version, "data": _DATA}
                if version == 1:
                    await self._db.tickets.insert_one({"_id": name, "version": 1, "state": "NEW", "outbox": [event]})
                else:
                    change = {"$set": {"version": version, "state": "IN_PROGRESS"}, "$push": {"outbox": event}}
                    await self._db.tickets.update_one({"_id": name, "version": version - 1}, change)
                self._written.append(event)

    async def _relay(self) -> None:
        sent = 0
        while sent < self._steps:
            if len(self._written) < WINDOW:
                await asyncio.sleep(LINGER_S)
            batch = [self._written.popleft() for _ in range(min(WINDOW, len(self._written)))]
            if not batch:
                continue
            await self._db.journal.insert_many(batch, ordered=False)
            futures = [await self._publish(event) for event in batch]
            ids, names = [event["_id"] for event in batch], list({event["resource"] for event in batch})
            drop = {"$pull": {"outbox": {"_id": {"$in": ids}}}}
            await self._db.tickets.update_many({"_id": {"$in": names}}, drop)
            await asyncio.gather(*futures)
            sent += len(batch)

    async def _publish(self, event: dict[str, Any]) -> asyncio.Future[None]:
        token = uuid.uuid4().hex
        future = self._acks[token] = asyncio.get_running_loop().create_future()
        headers = {"Nats-Msg-Id": event["_id"], "ce-subject": event["resource"], "ce-sequence": str(event["version"])}
        await self._connection.publish(f"{self.name}.Changed", event["data"], self._inbox + token, headers)
        return future

    async def _acknowledged(self, msg: Msg) -> None:
        assert "seq" in json.loads(msg.data), msg.data
        self._acks.pop(msg.subject[len(self._inbox) :]).set_result(None)

    async def _hear(self, durable: str) -> None:
        pull = await self._js.pull_subscribe_bind(durable, self.name)
        heard, known = 0, set[str]()
        while heard < self._steps:
            try:
                messages = await pull.fetch(FETCH, timeout=1)
            except TimeoutError:
                continue
            last = {(msg.headers or {})["ce-subject"]: int((msg.headers or {})["ce-sequence"]) for msg in messages}
            await self._db[durable].bulk_write([self._fold(known, *one) for one in last.items()], ordered=False)
            known |= set(last)
            for msg in messages:
                await msg.ack()
            heard += len(messages)

    def _fold(self, known: set[str], resource: str, version: int) -> InsertOne[dict[str, Any]] | UpdateOne:
        if resource not in known:
            return InsertOne({"_id": resource, "version": version, "state": "running"})
        return UpdateOne({"_id": resource, "version": {"$lt": version}}, {"$set": {"version": version}})


async def main(mongo_uri: str, nats_url: str, tickets: str, steps: str) -> None:
    """Runs the chain once."""
    connection = await nats.connect(nats_url)
    async with AsyncMongoClient[dict[str, Any]](mongo_uri, maxPoolSize=64) as client:
        chain = Chain(client, connection, int(steps))
        await chain.prepare()
        sys.stdout.write(f"{await chain.run(int(tickets)):.1f}\n")
        await client.drop_database(chain.name)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
