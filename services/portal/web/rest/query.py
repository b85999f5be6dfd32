"""The parameters of an address as a request: filters flat, lists repeated or joined by commas, a period by its ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from werkzeug.datastructures import MultiDict

from services.portal.web.rest.contract import INTEGERS, TIMESTAMP, Field, assign, refuse, scalar
from services.runtime.status import Violation

INTERVAL = "throughline.type.v1.Interval"
_DATE = len("2026-10-31")


def from_query(given: MultiDict[str, str], message: Message, *, without: Sequence[str] = ()) -> None:
    """Fills `message` with an address's parameters: filters are flat, a period is `from` and `to`.

    Raises:
        Refused: INVALID_FIELDS, with every parameter at fault.
    """
    faults: list[Violation] = []
    known = {"time_zone"}
    for owner, field in parameters(message, frozenset(without)):
        if field.message_type is not None and field.message_type.full_name == INTERVAL:
            ends = _names(field)
            known.update(ends)
            _interval(given, getattr(owner, field.name), ends, faults)
        elif field.message_type is not None and field.message_type.full_name == TIMESTAMP:
            known.add(field.name)
            _instant(given.get(field.name, ""), getattr(owner, field.name), field.name, faults)
        elif field.name in given:
            known.add(field.name)
            _from_texts(given.getlist(field.name), owner, field, faults)
        else:
            known.add(field.name)
    faults += [Violation(name, "unknown", "There is no such parameter.") for name in given if name not in known]
    refuse(faults)


def parameters(message: Message, without: frozenset[str]) -> Iterator[tuple[Message, Field]]:
    """The fields that an address may give, with the message that holds them."""
    for field in message.DESCRIPTOR.fields:
        if field.name in without:
            continue
        if field.message_type is not None and field.message_type.name.endswith("Filter"):
            yield from ((getattr(message, field.name), inner) for inner in field.message_type.fields)
        else:
            yield message, field


def period_names(field: Field) -> tuple[str, str]:
    """The two parameters of an Interval field: `from` and `to` of a period, `baseline_from` and `baseline_to`."""
    return _names(field)


def _from_texts(texts: Sequence[str], owner: Message, field: Field, faults: list[Violation]) -> None:
    if field.is_repeated:
        for text in (part for one in texts for part in one.split(",") if part):
            ready = scalar(_typed(text, field), field, field.name, faults)
            if ready is not None:
                kept = getattr(owner, field.name)
                assign(partial(kept.append, ready), field.name, faults)
        return
    if len(texts) > 1:
        faults.append(Violation(field.name, "repeated", "Give it once."))
        return
    ready = scalar(_typed(texts[0], field), field, field.name, faults)
    if ready is not None:
        assign(lambda: setattr(owner, field.name, ready), field.name, faults)


def _typed(text: str, field: Field) -> object:
    """A parameter's text as JSON would have it."""
    if field.type in INTEGERS:
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdecimal() and len(digits) < 20 else text
    if field.type == FieldDescriptor.TYPE_BOOL:
        return {"true": True, "false": False}.get(text, text)
    return text


def _instant(text: str, stamp: Any, name: str, faults: list[Violation]) -> None:
    if not text:
        return
    try:
        stamp.FromJsonString(text.replace(" ", "+"))
    except ValueError:
        faults.append(Violation(name, "format", 'It is a time such as "2026-10-31T14:20:00Z".'))


def _names(field: Field) -> tuple[str, str]:
    before = "" if field.name in ("period", "window") else f"{field.name}_"
    return f"{before}from", f"{before}to"


def _interval(given: MultiDict[str, str], message: Any, names: tuple[str, str], faults: list[Violation]) -> None:
    """Both ends of a period; a day begins in `time_zone`, UTC when none is given."""
    try:
        zone = ZoneInfo(given.get("time_zone") or "UTC")
    except (KeyError, ValueError, OSError):
        if not any(one.field == "time_zone" for one in faults):
            faults.append(Violation("time_zone", "format", 'Name the zone as IANA does, such as "Asia/Shanghai".'))
        return
    for name, stamp in zip(names, (message.start_time, message.end_time), strict=True):
        text = given.get(name, "")
        if not text:
            continue
        try:
            if len(text) == _DATE:
                day = datetime.combine(date.fromisoformat(text), time(), zone)
                stamp.FromDatetime(day.astimezone(UTC))
            else:
                stamp.FromJsonString(text.replace(" ", "+"))
        except (ValueError, OverflowError):
            faults.append(Violation(name, "format", 'It is a day such as "2026-10-31" or an RFC 3339 time.'))
