"""The priority matrix as a document, and the copy that every triage asks for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from services.runtime.actor import system
from services.runtime.records import Cause, Kind, Record, Records, Stamp
from services.tickets.rules.triage import PriorityMatrix, PriorityMatrixChanged, set_up
from services.tickets.wire.events import matrix_changed_message

NAME = "priorityMatrix/default"
# How long another replica's change may go unnoticed.
REFRESH_S = 2.0


def _encode(matrix: PriorityMatrix) -> dict[str, Any]:
    cells = [[impact, urgency, priority] for (impact, urgency), priority in sorted(matrix.cells.items())]
    return {"version": matrix.version, "cells": cells}


def _decode(document: Mapping[str, Any]) -> PriorityMatrix:
    cells = {(impact, urgency): priority for impact, urgency, priority in document["cells"]}
    return PriorityMatrix(MappingProxyType(cells), document["version"])


def _message(event: PriorityMatrixChanged, stamp: Stamp) -> Message:
    return matrix_changed_message(event, stamp.name, stamp.etag)


MATRIX: Kind[PriorityMatrix] = Kind("priorityMatrix", _encode, _decode, _message)


class Matrices:
    """The matrix in force, at most two seconds old; the first who asks for it sets it up."""

    def __init__(self, records: Records[PriorityMatrix]) -> None:
        self.records = records
        self._kept: Record[PriorityMatrix] | None = None
        self._until = 0.0

    async def current(self) -> Record[PriorityMatrix]:
        """The matrix that a triage uses now."""
        if self._kept is None or time.monotonic() >= self._until:
            self.keep(await self.newest())
        assert self._kept is not None, "kept above"  # noqa: S101 - says why to the type checker
        return self._kept

    async def newest(self) -> Record[PriorityMatrix]:
        """The matrix as it is kept, past the copy."""
        found = await self.records.find([NAME])
        if NAME in found:
            return found[NAME]
        return await self.records.create(NAME, Cause(f"set-up/{NAME}", system("tickets"), self.records.now()), set_up)

    def keep(self, record: Record[PriorityMatrix]) -> None:
        """Lets triage use this one from now on."""
        self._kept, self._until = record, time.monotonic() + REFRESH_S
