"""CloudEvents 1.0 over NATS, binary mode: a journal entry to a message and back, without I/O.

The protobuf full name is the subject, the ce-type and the name of the stream that holds it, all at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote, unquote

from google.protobuf.message import DecodeError, Message

from services.runtime.actor import system
from services.runtime.records import Cause

if TYPE_CHECKING:
    from services.runtime.journal import Entry

M = TypeVar("M", bound=Message)

MESSAGE_ID = "Nats-Msg-Id"
_CONTENT_TYPE = "application/protobuf"
# The CloudEvents binding for HTTP and NATS: everything printable in ASCII stays, but space, double quote and percent.
_PLAIN = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')
_NOT_PLAIN = re.compile(f"[^{re.escape(_PLAIN)}]")


class BadEnvelope(ValueError):
    """A message that is no event of this house: a header is missing or wrong, or its payload does not parse."""


class UnknownType(LookupError):
    """An event type that the listener has no handler for; newer publishers may send such."""


@dataclass(frozen=True, slots=True)
class Heard(Generic[M]):
    """One event as a listener takes it.

    sequence: the publishing resource's own count of published events, from 1.
    time: when it happened (ce-time), aware UTC. cause: what its effects are recorded under (id = ce-id).
    traceparent: W3C context of the publisher, "" when it had none.
    """

    message: M
    type: str
    resource: str
    sequence: int
    time: datetime
    cause: Cause
    traceparent: str = ""


def stream_of(event_type: str) -> str:
    """The stream, and so the service, of an event type: `throughline.tickets.v1.TicketOpened` -> `tickets`.

    Raises:
        BadEnvelope: the type is not of the form throughline.<service>.<version>.<Event>.
    """
    parts = event_type.split(".")
    if len(parts) < 4 or parts[0] != "throughline":
        raise BadEnvelope(f"event type {event_type!r} is not throughline.<service>.<version>.<Event>")
    return parts[1]


def encode(entry: Entry) -> tuple[str, bytes, dict[str, str]]:
    """A published journal entry as (subject, payload, headers); the same entry always gives the same message.

    Raises:
        BadEnvelope: the entry has no type, so there is nothing to publish.
    """
    headers = {
        MESSAGE_ID: entry.id,
        "ce-specversion": "1.0",
        "ce-id": entry.id,
        "ce-type": entry.type,
        "ce-source": f"//throughline/{stream_of(entry.type)}",
        "ce-subject": entry.resource,
        "ce-time": _text(entry.time),
        "ce-sequence": str(entry.sequence),
        "ce-actor": entry.actor,
        "ce-behalf": entry.behalf,
        "ce-recordedtime": _text(entry.recorded_at),
        "ce-datacontenttype": _CONTENT_TYPE,
        "traceparent": entry.traceparent,
    }
    return entry.type, entry.data, {key: _quoted(value) for key, value in headers.items() if value}


def decode(
    headers: Mapping[str, str] | None, payload: bytes, registry: Mapping[str, type[M]], listener: str
) -> Heard[M]:
    """The event that a message carries, for the service `listener`, which acts on behalf of the person behind it.

    Raises:
        UnknownType: the type is none of `registry` (protobuf full name -> message class).
        BadEnvelope: the message is no such event at all.
    """
    values = headers or {}

    def read(key: str) -> str:
        value = values.get(key, "")
        return unquote(value) if "%" in value else value

    def need(key: str) -> str:
        if not (value := read(key)):
            raise BadEnvelope(f"header {key} is missing")
        return value

    event_type = need("ce-type")
    if need("ce-specversion") != "1.0":
        raise BadEnvelope(f"ce-specversion {values['ce-specversion']!r} is not 1.0")
    if (message_class := registry.get(event_type)) is None:
        raise UnknownType(event_type)
    if need("ce-datacontenttype") != _CONTENT_TYPE:
        raise BadEnvelope(f"ce-datacontenttype {values['ce-datacontenttype']!r} is not {_CONTENT_TYPE}")
    try:
        sequence = int(need("ce-sequence"))
        time = datetime.fromisoformat(need("ce-time"))
    except ValueError as error:
        raise BadEnvelope(f"ce-sequence or ce-time is wrong: {error}") from error
    if time.tzinfo is None or sequence < 1:
        raise BadEnvelope("ce-time must name its zone and ce-sequence must count from 1")
    try:
        message = message_class.FromString(payload)
    except DecodeError as error:
        raise BadEnvelope(f"the payload is no {event_type}: {error}") from error
    actor = need("ce-actor")
    behalf = read("ce-behalf") if actor.startswith("system/") else actor
    time = time.astimezone(UTC)
    return Heard(
        message=message,
        type=event_type,
        resource=need("ce-subject"),
        sequence=sequence,
        time=time,
        cause=Cause(id=need("ce-id"), actor=system(listener, behalf=behalf), at=time),
        traceparent=read("traceparent"),
    )


def _quoted(value: str) -> str:
    # Nearly no value needs it, and quoting costs more than the rest of the envelope.
    return quote(value, safe=_PLAIN) if _NOT_PLAIN.search(value) else value


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
