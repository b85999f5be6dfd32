"""What of a log has been brought in, kept on disk line by line, so that a killed import goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tool.log import Rejection


@dataclass(frozen=True, slots=True)
class Batch:
    """One call that was answered. index: its place in the log."""

    index: int
    applied: int
    merged: int
    rejected: tuple[Rejection, ...] = ()


class Progress:
    """The answered calls of one log under one mapping."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.batches: dict[int, Batch] = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                self._recall(line)
        self._file = path.open("a", encoding="utf-8")

    def _recall(self, line: str) -> None:
        # A line that was cut by the kill is a call that is simply made again.
        try:
            kept = json.loads(line)
            rejected = tuple(Rejection(**one) for one in kept["rejected"])
            batch = Batch(kept["index"], kept["applied"], kept["merged"], rejected)
        except (ValueError, KeyError, TypeError):
            return
        self.batches[batch.index] = batch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, batch: Batch) -> None:
        """Keeps an answered call before the next one counts on it."""
        self.batches[batch.index] = batch
        self._file.write(json.dumps(asdict(batch)) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    @property
    def applied(self) -> int:
        """Rows that changed their ticket."""
        return sum(batch.applied for batch in self.batches.values())

    @property
    def merged(self) -> int:
        """Rows that said what was already so."""
        return sum(batch.merged for batch in self.batches.values())

    def rejections(self) -> Sequence[Rejection]:
        """Rows that the tickets service refused."""
        return [one for _, batch in sorted(self.batches.items()) for one in batch.rejected]
