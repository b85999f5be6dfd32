"""What callers asked for and what they were told: an append-only journal of operations, kept outside of the system.

An operation that got no answer is unknown: it may have happened, once at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What the caller knows of an operation."""

    ASKED = "asked"
    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass
class Operation:
    """One change that somebody asked for under a request_id of its own, however often it was asked again.

    event: the short name of what a success must have told. shows: paths into that event's message and what they must
    hold, so that a success is recognised by its content. request: the exact bytes, for asking again.
    resource: what it concerns; of a creation known only from the answer. doubts: why attempts got no answer.
    """

    key: str
    service: str
    method: str
    sub: str
    event: str
    shows: Mapping[str, Any]
    request: str
    resource: str = ""
    outcome: Outcome = Outcome.ASKED
    reason: str = ""
    etag: str = ""
    doubts: list[str] = field(default_factory=list)

    @property
    def cause(self) -> str:
        """The cause under which the service keeps what this did."""
        return f"{self.sub}/{self.key}"


class Operations:
    """All operations of a run, each line written before the call that it announces and after its answer."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._all: dict[str, Operation] = {}

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def note(self, operation: Operation) -> None:
        """Keeps the operation as it stands now."""
        self._all[operation.key] = operation
        self._file.write(json.dumps(asdict(operation), ensure_ascii=False) + "\n")
        self._file.flush()

    def counted(self) -> dict[str, int]:
        """How many ended in which way, and how many were in doubt at some time."""
        counts = {outcome.value: sum(one.outcome is outcome for one in self) for outcome in Outcome}
        return counts | {"doubted": sum(bool(one.doubts) for one in self)}

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
