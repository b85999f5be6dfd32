"""Batches from one durable pull consumer: asks for 100, hands over whatever has come, survives reconnections and finds
out when the consumer is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import deque

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from services.runtime.bus import Bus, BusAway
from services.runtime.streams import Consumer

BATCH = 100
_ASK_EXPIRES_S = 5.0
_LOOK_S = 1.0
_PAUSE_S = 0.5

_log = structlog.get_logger(__name__)


class Pull:
    """The messages of one consumer, for one reader."""

    def __init__(self, bus: Bus, consumer: Consumer) -> None:
        self._bus = bus
        self._consumer = consumer
        self._queue: deque[Msg] = deque()
        self._news = asyncio.Event()
        self._client: Client | None = None
        self._subscription: Subscription | None = None
        self._declaration = 0
        self._reconnects = 0
        self._inbox = ""
        self._request = 0
        self._outstanding = 0
        self._expires = 0.0
        self._pause_until = 0.0
        bus.want(consumer)

    @property
    def waiting(self) -> list[Msg]:
        """The messages that have come and are not yet handed over."""
        return list(self._queue)

    async def batch(self) -> list[Msg]:
        """Up to 100 messages in the order they came, as soon as there is one; [] after about a second without.

        NATS away is no error here: it answers [] until the connection and the consumer are back.
        """
        if not self._queue:
            try:
                await self._ask_when_due()
            except (BusAway, NatsError, OSError):
                await asyncio.sleep(_PAUSE_S)
                return []
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._news.wait()
        got = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        if got and self._outstanding <= 0:
            # Asked before the work, so that the next batch gathers while this one is written.
            with contextlib.suppress(BusAway, NatsError, OSError):
                await self._ask_when_due()
        return got

    def wake(self) -> None:
        """Ends the wait of a `batch` that goes on."""
        self._news.set()

    async def close(self) -> list[Msg]:
        """Ends the subscription (no drain: it hangs after an empty pull) and gives back what nobody has worked on."""
        if self._subscription is not None:
            with contextlib.suppress(NatsError, OSError):
                await self._subscription.unsubscribe()
        left = list(self._queue)
        self._queue.clear()
        return left

    async def _ask_when_due(self) -> None:
        now = time.monotonic()
        client = self._bus.client
        if client is not self._client:
            self._inbox = client.new_inbox() + "."
            self._subscription = await client.subscribe(self._inbox + "*", cb=self._take)
            self._client, self._outstanding = client, 0
        known = self._reconnects, self._declaration
        if known != (client.stats["reconnects"], self._bus.declarations):
            # The server forgets a request with its connection, and never answers one for a consumer that is not there.
            self._reconnects, self._declaration = client.stats["reconnects"], self._bus.declarations
            self._outstanding = 0
        if self._bus.declarations == 0 or now < self._pause_until:
            return
        if self._outstanding > 0:
            if now < self._expires:
                return
            self._gone("it does not answer")
        self._request += 1
        self._outstanding = BATCH
        self._expires = now + _ASK_EXPIRES_S + _LOOK_S
        ask = json.dumps({"batch": BATCH, "expires": int(_ASK_EXPIRES_S * 1e9)}).encode()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._consumer.stream}.{self._consumer.durable}"
        await client.publish(subject, ask, reply=f"{self._inbox}{self._request}")

    async def _take(self, msg: Msg) -> None:
        status = (msg.headers or {}).get("Status") if msg.subject.startswith(self._inbox) else None
        if status is None:
            self._queue.append(msg)
            self._outstanding -= 1
            self._news.set()
            return
        if msg.subject != f"{self._inbox}{self._request}" or status == "100":
            return
        self._outstanding = 0
        described = (msg.headers or {}).get("Description", "")
        if status == "503" or "Deleted" in described:
            self._gone(described or status)
            self._pause_until = time.monotonic() + _PAUSE_S
        elif status not in ("404", "408"):
            self._pause_until = time.monotonic() + _PAUSE_S
        self._news.set()

    def _gone(self, why: str) -> None:
        """A wiped store, or a stream that is not there yet: whoever manages it makes it again."""
        _log.warning("consumer is gone", stream=self._consumer.stream, consumer=self._consumer.durable, why=why)
        self._bus.redeclare()
