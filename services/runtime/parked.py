"""Messages that no later event can cure: kept on stream `parked` with their reason, listed and sent again by hand.

A replay goes to the one listener that parked the message, on its private subject, under the same ce-id.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from services.runtime.binding import MESSAGE_ID
from services.runtime.bus import Bus
from services.runtime.streams import PARKED, REPLAY

_FETCH_S = 1.0
_CONNECT_S = 6.0
_TEXT_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked message. sequence: its place on stream `parked`; stream, stream_seq: where it was heard."""

    sequence: int
    listener: str
    type: str
    event_id: str
    resource: str
    stream: str
    stream_seq: int
    reason: str
    text: str
    parked_at: str
    headers: dict[str, str]
    payload: bytes


async def park(bus: Bus, listener: str, msg: Msg, reason: str, text: str) -> None:
    """Keeps the message with its original headers; returns once the stream has acknowledged it.

    Raises:
        BusAway, nats.errors.Error, TimeoutError: it may not be kept; do not end its deliveries.
    """
    headers = {key: value for key, value in (msg.headers or {}).items() if not key.lower().startswith("nats-")}
    stream, sequence = msg.metadata.stream, msg.metadata.sequence.stream
    heard_on = msg.subject.removeprefix(f"{REPLAY}.{listener}.")
    headers |= {
        MESSAGE_ID: f"{listener}/{stream}/{sequence}/{int(msg.metadata.timestamp.timestamp() * 1000)}",
        "parked-reason": reason,
        "parked-text": quote(text[:_TEXT_CHARS], safe=" /:;,.'()<>=-_"),
        "parked-stream": stream,
        "parked-stream-seq": str(sequence),
        "parked-at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    await bus.send(f"{PARKED}.{listener}.{heard_on}", msg.data, headers, PARKED)


async def parked_messages(js: JetStreamContext, listener: str = "", *, replayed: bool = False) -> list[Parked]:
    """What is parked (for one listener, or all), oldest first; those sent again already only when `replayed`."""
    subject = f"{PARKED}.{listener or '*'}.>"
    gone = set() if replayed else {headers.get("replay-of", "") async for _, headers, _, _ in _read(js, REPLAY, ">")}
    found = []
    async for sequence, headers, payload, subject_heard in _read(js, PARKED, subject):
        if str(sequence) in gone:
            continue
        _, who, event_type = subject_heard.split(".", 2)
        found.append(
            Parked(
                sequence=sequence,
                listener=who,
                type=event_type,
                event_id=unquote(headers.get("ce-id", "")),
                resource=unquote(headers.get("ce-subject", "")),
                stream=headers.get("parked-stream", ""),
                stream_seq=int(headers.get("parked-stream-seq", "0")),
                reason=headers.get("parked-reason", ""),
                text=unquote(headers.get("parked-text", "")),
                parked_at=headers.get("parked-at", ""),
                headers=headers,
                payload=payload,
            )
        )
    return found


async def replay(js: JetStreamContext, message: Parked) -> int:
    """Sends a parked message to its listener again; sending the same one twice within ten minutes is one message."""
    headers = {
        key: value
        for key, value in message.headers.items()
        if not key.lower().startswith(("nats-", "parked-", "replay-"))
    }
    headers[MESSAGE_ID] = f"{message.headers.get('ce-id', 'unnamed')}~replay/{message.sequence}"
    headers["replay-of"] = str(message.sequence)
    subject = f"{REPLAY}.{message.listener}.{message.type}"
    return (await js.publish(subject, message.payload, headers=headers, stream=REPLAY)).seq


async def _read(
    js: JetStreamContext, stream: str, subject: str
) -> AsyncIterator[tuple[int, dict[str, str], bytes, str]]:
    """All messages of the stream on the subject, as (sequence, headers, payload, subject), then ends."""
    try:
        info = await js.stream_info(stream)
    except NotFoundError:
        return
    last = info.state.last_seq if info.state.messages else 0
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, filter_subject=subject, inactive_threshold=30.0)
    config.ack_policy = None
    reader = await js.pull_subscribe(subject, stream=stream, config=config)
    try:
        at = 0
        while at < last:
            try:
                batch = await reader.fetch(256, timeout=_FETCH_S)
            except TimeoutError:
                return
            for msg in batch:
                at = msg.metadata.sequence.stream
                if at <= last:
                    yield at, dict(msg.headers or {}), msg.data, msg.subject
    finally:
        await reader.unsubscribe()


def main(arguments: Sequence[str] | None = None) -> int:
    """`list` shows what is parked and why; `replay` sends it to its listeners again, once the reason is cured."""
    parser = argparse.ArgumentParser(prog="python -m services.runtime.parked", description=main.__doc__)
    parser.add_argument("command", choices=["list", "replay"])
    parser.add_argument("--listener", default="", help="only those of this service")
    parser.add_argument("--all", action="store_true", help="list also those that were sent again already")
    chosen = parser.parse_args(arguments)
    url = os.environ.get("TL_NATS_URL", "nats://127.0.0.1:4222")
    act = _list(url, chosen.listener, chosen.all) if chosen.command == "list" else _replay(url, chosen.listener)
    try:
        print(asyncio.run(act))  # noqa: T201 - a command's answer
    except (NatsError, OSError, TimeoutError) as error:
        print(f"NATS does not answer at {url} ({error}); TL_NATS_URL names another address.", file=sys.stderr)  # noqa: T201 - a command's answer
        return 1
    return 0


async def _list(url: str, listener: str, all_: bool) -> str:
    async with await _connected(url) as client:
        found = await parked_messages(client.jetstream(), listener, replayed=all_)
    if not found:
        return "Nothing is parked."
    titles = ("no.", "listener", "event", "resource", "reason", "parked at")
    rows = [
        tuple(
            map(_one_line, (str(m.sequence), m.listener, m.type.partition(".")[2], m.resource, m.reason, m.parked_at))
        )
        for m in found
    ]
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (titles, *rows)]
    lines[1:] = [f"{line}  {_one_line(m.text)}" for line, m in zip(lines[1:], found, strict=True)]
    return "\n".join([lines[0] + "  why", *lines[1:], f"{len(found)} parked"])


def _one_line(text: str) -> str:
    """Without line breaks and terminal commands, which a poisoned message may carry."""
    return "".join(character if character.isprintable() else " " for character in text)


async def _replay(url: str, listener: str) -> str:
    async with await _connected(url) as client:
        found = await parked_messages(client.jetstream(), listener)
        for message in found:
            await replay(client.jetstream(), message)
    return f"Sent again: {len(found)}."


async def _connected(url: str) -> Client:
    async def say_nothing(_error: Exception) -> None:
        """The one sentence at the end says it."""

    async with asyncio.timeout(_CONNECT_S):
        return await nats.connect(url.split(","), max_reconnect_attempts=1, connect_timeout=2, error_cb=say_nothing)


if __name__ == "__main__":
    sys.exit(main())
