"""Rotas as documents, and the deadline at which each is looked through for gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from services.runtime.records import Deadline, Kind, Stamp
from services.runtime.worktime import hours
from services.sla.rules.rota import Gap, HandOver, Layer, Override, Rota
from services.sla.wire import rota as wire


def _deadlines(one: Rota) -> Iterator[Deadline]:
    if one.look_at is not None:
        yield Deadline(f"look-{one.looks}", one.look_at)


def _encode(one: Rota) -> dict[str, Any]:
    return {
        "name": one.name,
        "zone": one.zone,
        "layers": [_encode_layer(layer) for layer in one.layers],
        "notice_days": one.notice_days,
        "display_names": dict(one.display_names),
        "retired": one.retired,
        "version": one.version,
        "overrides": [[to.id, to.person, to.start, to.end, to.reason, to.author] for to in one.overrides],
        "gaps": [[gap.start, gap.end] for gap in one.gaps],
        "look": one.look_at,
        "looks": one.looks,
    }


def _decode(document: Mapping[str, Any]) -> Rota:
    return Rota(
        name=document["name"],
        zone=document["zone"],
        layers=tuple(_decode_layer(one) for one in document["layers"]),
        notice_days=document["notice_days"],
        display_names=document["display_names"],
        retired=document["retired"],
        version=document["version"],
        overrides=tuple(Override(*one) for one in document["overrides"]),
        gaps=tuple(Gap(*one) for one in document["gaps"]),
        look_at=document["look"],
        looks=document["looks"],
    )


def _encode_layer(one: Layer) -> dict[str, Any]:
    return {
        "people": list(one.people),
        "hand_over": one.hand_over.value,
        "first": one.first.isoformat(),
        "time": one.time,
        "last": None if one.last is None else one.last.isoformat(),
        "hours": [[str(opening) for opening in day] for day in one.hours],
    }


def _decode_layer(document: Mapping[str, Any]) -> Layer:
    last = document["last"]
    return Layer(
        tuple(document["people"]),
        HandOver(document["hand_over"]),
        date.fromisoformat(document["first"]),
        document["time"],
        None if last is None else date.fromisoformat(last),
        tuple(hours(*day) for day in document["hours"]),
    )


def _message(event: Any, stamp: Stamp) -> Any:
    return wire.told(event, stamp.etag)


ROTAS = Kind[Rota](collection="rotas", encode=_encode, decode=_decode, message=_message, deadlines=_deadlines)
