"""Messages as JSON and back: the field names of the contract, enums by their short names, times as RFC 3339.

64-bit counts are numbers. What a body or an address may hold is exactly what the message has; the rest is refused.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.runtime.refusal import Refusal
from services.runtime.status import Refused, Violation

TIMESTAMP = timestamp_pb2.Timestamp.DESCRIPTOR.full_name
DURATION = duration_pb2.Duration.DESCRIPTOR.full_name
INTEGERS = frozenset(
    {
        *(FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32),
        *(FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64),
    }
)
# A field of a message; the two implementations of descriptors share no type.
Field = Any
NUMBERS = frozenset({FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT})


def short(enum: Any, number: int) -> str:
    """The name of a value without the enum's prefix: TICKET_STATE_NEW is NEW; an unknown number is itself."""
    value = enum.values_by_number.get(number)
    return value.name.removeprefix(prefix(enum)) if value is not None else str(number)


def prefix(enum: Any) -> str:
    """What all values of an enum begin with: its name in capitals."""
    first: str = enum.values_by_number[0].name
    return first.removesuffix("UNSPECIFIED")


def is_map(field: Field) -> bool:
    """Whether the field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def to_json(message: Message) -> dict[str, Any]:
    """The message as data; every field without presence is there, an unset message field is not."""
    found: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if is_map(field):
            found[field.name] = dict(value)
        elif field.is_repeated:
            found[field.name] = [_plain(field, one) for one in value]
        elif field.message_type is None or message.HasField(field.name):
            found[field.name] = _plain(field, value)
    return found


def from_json(data: object, message: Message, *, without: Sequence[str] = ()) -> None:
    """Fills `message` with a body. without: fields of the top that the address or a header gives.

    Raises:
        Refused: INVALID_FIELDS, with every field at fault.
    """
    faults: list[Violation] = []
    _fill(data, message, "", faults, frozenset(without))
    refuse(faults)


def refuse(faults: Sequence[Violation]) -> None:
    """Refuses when there are faults."""
    if faults:
        told = "; ".join(f"{one.field}: {one.description}" for one in faults[:5])
        raise Refused(Refusal.invalid(faults[0].field, "INVALID_FIELDS", told), faults)


def _plain(field: Field, value: Any) -> Any:
    if field.enum_type is not None:
        return short(field.enum_type, value)
    if field.message_type is not None:
        if field.message_type.full_name in (TIMESTAMP, DURATION):
            return value.ToJsonString()
        return to_json(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.type in NUMBERS and not math.isfinite(value):
        return None
    return value


def _fill(data: object, message: Message, at: str, faults: list[Violation], without: frozenset[str]) -> None:
    if not isinstance(data, Mapping):
        faults.append(Violation(at or "body", "type.object", "It is an object."))
        return
    known = {field.name: field for field in message.DESCRIPTOR.fields if field.name not in without}
    for name, value in data.items():
        where = f"{at}.{name}" if at else str(name)
        field = known.get(name)
        if field is None:
            faults.append(Violation(_printable(where), "unknown", "There is no such field."))
        elif field.is_repeated:
            _fill_many(value, message, field, where, faults)
        else:
            _set(value, message, field, where, faults)


def _fill_many(value: object, message: Message, field: Field, where: str, faults: list[Violation]) -> None:
    kept = getattr(message, field.name)
    if is_map(field):
        if not isinstance(value, Mapping) or not all(isinstance(one, str) for one in value.values()):
            faults.append(Violation(where, "type.object", "It is an object of texts."))
            return
        assign(lambda: kept.update(value), where, faults)
        return
    if not isinstance(value, list):
        faults.append(Violation(where, "type.array", "It is a list."))
        return
    for place, one in enumerate(value):
        spot = f"{where}[{place}]"
        if field.message_type is not None:
            _fill(one, kept.add(), spot, faults, frozenset())
        else:
            ready = scalar(one, field, spot, faults)
            if ready is not None:
                assign(partial(kept.append, ready), spot, faults)


def _set(value: object, message: Message, field: Field, where: str, faults: list[Violation]) -> None:
    kind = field.message_type
    if kind is None:
        ready = scalar(value, field, where, faults)
        if ready is not None:
            assign(lambda: setattr(message, field.name, ready), where, faults)
        return
    inner = getattr(message, field.name)
    if kind.full_name in (TIMESTAMP, DURATION):
        if not isinstance(value, str):
            faults.append(Violation(where, "type.string", _TEXTS[kind.full_name]))
            return
        try:
            inner.FromJsonString(value)
        except ValueError:
            faults.append(Violation(where, "format", _TEXTS[kind.full_name]))
        return
    inner.SetInParent()
    _fill(value, inner, where, faults, frozenset())


_TEXTS = {
    TIMESTAMP: 'It is a time such as "2026-10-31T14:20:00Z".',
    DURATION: 'It is a length of time in seconds such as "5400s".',
}


def scalar(value: object, field: Field, where: str, faults: list[Violation]) -> Any:
    """The value as the field takes it; None, and a fault, when it is of another type."""
    ready = _enumerated(value, field) if field.enum_type is not None else _matching(value, field)
    if ready is None:
        faults.append(Violation(where, "type", f"It is {_type_words(field)}."))
    return ready


def assign(change: Callable[[], object], where: str, faults: list[Violation]) -> None:
    """A number may be too large for its field, and a text may hold what is no character."""
    try:
        change()
    except (ValueError, UnicodeError):
        faults.append(Violation(where, "range", "The field cannot hold this."))


def _enumerated(value: object, field: Field) -> int | None:
    found = field.enum_type.values_by_name.get(prefix(field.enum_type) + value) if isinstance(value, str) else None
    return found.number if found is not None else None


def _matching(value: object, field: Field) -> Any:
    kind = field.type
    if kind in INTEGERS and isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool):
        return value if kind == FieldDescriptor.TYPE_BOOL else None
    if isinstance(value, int):
        return value if kind in INTEGERS or kind in NUMBERS else None
    if isinstance(value, float):
        return value if kind in NUMBERS else None
    if not isinstance(value, str):
        return None
    if kind == FieldDescriptor.TYPE_BYTES:
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return None
    return value if kind == FieldDescriptor.TYPE_STRING else None


def _type_words(field: Field) -> str:
    if field.enum_type is not None:
        names = (one.name.removeprefix(prefix(field.enum_type)) for one in field.enum_type.values[1:])
        return f"one of {', '.join(names)}"
    if field.type in INTEGERS:
        return "a whole number"
    if field.type in NUMBERS:
        return "a number"
    return {FieldDescriptor.TYPE_BOOL: "true or false", FieldDescriptor.TYPE_BYTES: "base64"}.get(field.type, "a text")


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()[:100]
