"""The streams and consumers of the house, declared in code: created or brought up to date by whoever manages them,
compared and complained about by everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import APIError, NotFoundError

PARKED = "parked"
REPLAY = "replay"
DUPLICATE_WINDOW_S = 600.0
_DAY_S = 86_400.0
_MAX_MESSAGE_BYTES = 512 * 1024
_STREAM_FIELDS = (
    "subjects", "retention", "storage", "discard", "max_age", "max_bytes", "max_msg_size", "duplicate_window",
    "deny_delete", "num_replicas",
)  # fmt: skip
_CONSUMER_FIELDS = (
    "ack_policy", "ack_wait", "max_deliver", "max_ack_pending", "filter_subject", "deliver_policy", "backoff",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Consumer:
    """One durable pull consumer: `durable` reads `subject` of `stream`."""

    stream: str
    durable: str
    subject: str


def events_of(service: str, listener: str) -> Consumer:
    """The consumer by which `listener` hears all events of `service`."""
    return Consumer(service, listener, f"throughline.{service}.>")


def replay_for(service: str, listener: str) -> Consumer:
    """The consumer by which `listener`, alone, hears the parked events of `service` that an operator sends again."""
    return Consumer(REPLAY, f"{listener}-{service}", f"{REPLAY}.{listener}.throughline.{service}.>")


def stream_config(name: str, *, replicas: int, max_bytes: int) -> StreamConfig:
    """What the stream `name` must be; max_bytes -1 is no bound.

    Limits retention with discard new: a full stream refuses and the events wait in the journal, nothing is dropped.
    """
    subjects = [f"{name}.>"] if name in (PARKED, REPLAY) else [f"throughline.{name}.>"]
    return StreamConfig(
        name=name,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_age=(90 if name in (PARKED, REPLAY) else 30) * _DAY_S,
        max_bytes=max_bytes,
        max_msg_size=_MAX_MESSAGE_BYTES,
        duplicate_window=DUPLICATE_WINDOW_S,
        deny_delete=True,
        num_replicas=replicas,
    )


def consumer_config(consumer: Consumer) -> ConsumerConfig:
    """What the consumer must be. Deliveries never end: a finite max_deliver skips a message in silence."""
    return ConsumerConfig(
        name=consumer.durable,
        durable_name=consumer.durable,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30.0,
        max_deliver=-1,
        max_ack_pending=1024,
        deliver_policy=DeliverPolicy.ALL,
        filter_subject=consumer.subject,
    )


async def declare(
    js: JetStreamContext, streams: Iterable[StreamConfig], consumers: Iterable[Consumer], *, manage: bool
) -> list[str]:
    """Makes the streams and consumers true (`manage`) or compares them; each difference left is one sentence.

    Raises:
        nats.errors.Error: the server did not answer.
    """
    differences: list[str] = []
    for stream in streams:
        differences += await _declare_stream(js, stream, manage)
    for consumer in consumers:
        differences += await _declare_consumer(js, consumer, manage)
    return differences


async def _declare_stream(js: JetStreamContext, wanted: StreamConfig, manage: bool) -> list[str]:
    what = f"stream {wanted.name}"
    try:
        found = (await js.stream_info(str(wanted.name))).config
    except NotFoundError:
        if not manage:
            return [f"{what} is missing"]
        try:
            await js.add_stream(wanted)
        except APIError as error:
            return [f"{what} cannot be created: {error.description}"]
        return []
    differences = _differences(what, wanted, found, _STREAM_FIELDS)
    if differences and manage:
        try:
            await js.update_stream(wanted)
        except APIError as error:
            return [f"{difference}; not changed: {error.description}" for difference in differences]
        return []
    return differences


async def _declare_consumer(js: JetStreamContext, consumer: Consumer, manage: bool) -> list[str]:
    what = f"consumer {consumer.durable} of stream {consumer.stream}"
    wanted = consumer_config(consumer)
    try:
        found = (await js.consumer_info(consumer.stream, consumer.durable)).config
        differences = _differences(what, wanted, found, _CONSUMER_FIELDS)
    except NotFoundError:
        differences = [f"{what} is missing"]
    if differences and manage:
        try:
            await js.add_consumer(consumer.stream, wanted)
        except APIError as error:
            return [f"{difference}; not changed: {error.description}" for difference in differences]
        return []
    return differences


def _differences(what: str, wanted: Any, found: Any, fields: Iterable[str]) -> list[str]:
    pairs = ((field, getattr(wanted, field), getattr(found, field)) for field in fields)
    return [f"{what} has {field}={theirs!r}, not {ours!r}" for field, ours, theirs in pairs if theirs != ours]
