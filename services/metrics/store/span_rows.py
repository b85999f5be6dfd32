"""Counts of spans as rows of documents: of an export, and of a part of an hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.metrics.rules.availability import Cell, Export, Lost, Sums, Way
from services.metrics.rules.span_parts import PARTS, VOLUMES, Counts, place_of, places_of

Document = dict[str, Any]

NUMBERS = (
    *(("v", "valid"), ("g", "good"), ("q", "squares"), ("n", "n"), ("b", "bad"), ("c", "called")),
    *(("k", "begun"), ("w", "begun_weight"), ("x", "begun_squares")),
)
"""The keys of a row and its sums; "l" is the latest end, "t" the slice, "s" the service, and in an export "p" the part
of the hour. What is 0 is left out.
"""


def sums_of(row: Mapping[str, Any]) -> Sums:
    """The sums that a row holds."""
    return Sums(last_ms=row["l"], **{name: row.get(key, 0) for key, name in NUMBERS})


def encoded(export: Export) -> Document:
    """An export as it is kept; "places" are the parts of hours that do not hold it yet."""
    places = places_of(export)
    document: Document = {
        "_id": export.digest,
        "at": export.received_at,
        "places": places,
        "spans": export.spans,
        "cells": [
            _row(sums, t=cell.slice, s=cell.service, p=place_of(cell.slice, cell.service))
            for cell, sums in export.cells.items()
        ],
        "ways": [{**row, "p": place_of(row["t"], row["a"])} for row in way_rows(export.ways)],
    }
    if export.lost:
        document["lost"] = [list(one) for one in export.lost]
    if export.answered:
        document["answered"] = list(export.answered)
    if export.bones:
        document["bones"] = [list(one) for one in export.bones]
    if export.hits:
        document["hits"] = [
            {"t": cell.slice, "s": cell.service, "u": [list(one) for one in hit.users.items()], "p": hit.sites}
            for cell, hit in export.hits.items()
        ]
    if export.moved:
        document["moved"] = export.moved
    if not places:
        document["done_at"] = export.received_at
    return document


def add(counts: Counts, volume: Mapping[str, Any]) -> None:
    """Counts the rows of a volume too."""
    for row in volume["cells"]:
        counts.request(Cell(row["t"], row["s"]), sums_of(row))
    for row in volume["ways"]:
        counts.way(Way(row["t"], row["a"], row["s"]), row["n"], row["l"])


def taken_in(parts: Mapping[int, Counts], export: Mapping[str, Any]) -> list[Lost]:
    """Counts the rows of an export in those parts; returns the lost calls, which count once nobody answered them."""
    for row in export["cells"]:
        if (counts := parts.get(row["p"])) is not None:
            counts.request(Cell(row["t"], row["s"]), sums_of(row))
    for row in export["ways"]:
        if (counts := parts.get(row["p"])) is not None:
            counts.way(Way(row["t"], row["a"], row["s"]), row["n"], row["l"])
    lost = (Lost(*row) for row in export.get("lost", ()))
    return [one for one in lost if place_of(one.slice, one.callee) in parts]


def cell_rows(cells: Mapping[Cell, Sums]) -> list[Document]:
    """Requests by slice and service."""
    return [_row(sums, t=cell.slice, s=cell.service) for cell, sums in sorted(cells.items(), key=lambda item: item[0])]


def sum_rows(sums: Mapping[str, Sums]) -> list[Document]:
    """Requests by service."""
    return [_row(one, s=service) for service, one in sums.items()]


def way_rows(ways: Mapping[Way, tuple[int, int]]) -> list[Document]:
    """Calls by slice and way."""
    return [
        {"t": way.slice, "a": way.caller, "s": way.callee, "n": calls, "l": last_ms}
        for way, (calls, last_ms) in sorted(ways.items())
    ]


def volumes(places: range) -> Document:
    """Where the volumes of parts lie whose numbers follow each other, by their `_id`."""
    return {"_id": {"$gte": places.start * VOLUMES, "$lt": places.stop * VOLUMES}}


def volumes_of(hours: Iterable[int], parts: Iterable[int] = ()) -> Document:
    """Where the volumes of hours lie, all of them or those of some parts; of no hour, nowhere."""
    each = sorted(set(parts))
    places = [range(hour * PARTS, (hour + 1) * PARTS) for hour in sorted(set(hours))]
    if each:
        places = [range(place, place + 1) for hour in places for place in hour if place - hour.start in each]
    return {"$or": [volumes(one) for one in places]} if places else {"_id": {"$in": []}}


def _row(sums: Sums, **place: Any) -> Document:
    numbers = {key: number for key, name in NUMBERS if (number := getattr(sums, name))}
    return {**place, **numbers, "l": sums.last_ms}
